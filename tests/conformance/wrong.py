"""What is known to come out wrong, and why; a test that is listed here and passes is a failure."""

from collections.abc import Iterable, Mapping

import pytest

FRAMES: Mapping[str, str] = {}
"""By the name of the clip, where hardly a frame comes out right."""

_SAME_TIME = "of two frames of one time, the one that is coded before the key frame is taken for it"

_SAMPLINGS: Mapping[str, tuple[str, Iterable[str]]] = {
    "edit list: a gap between parts": (_SAME_TIME, ["key frames"]),
}


IN_PARTS: Mapping[tuple[str, str], str] = {}
"""By the names of the clip and of the sampling, where parts do not give what the whole gives."""


def sampled_wrongly(clip: str, sampling: str) -> str | None:
    """Return why the clip comes out wrong at this sampling."""
    reason, samplings = _SAMPLINGS.get(clip, (None, []))
    return reason if sampling in samplings else FRAMES.get(clip)


def as_known(name: str, *rest: object, because: str | None) -> object:
    """Return a parameter set of a test that is expected to fail if there is a reason."""
    return pytest.param(name, *rest, marks=[pytest.mark.xfail(reason=because, strict=True)] if because else [])
