"""What is known to come out wrong, and why; a test that is listed here and passes is a failure."""

from collections.abc import Iterable, Mapping

import pytest

FRAMES: Mapping[str, str] = {
    "turned by the video itself": "an orientation that the video carries is applied to the frames that repeat it alone"
}
"""By the name of the clip, where nothing comes out right."""

_NOT_SOUND = "decoding begins afresh at a picture that is not intra-coded, if that picture itself is not wanted"
_NOT_IN_ORDER = "frames that the decoder gives in another order than that of their times are numbered by their times"
_SAME_TIME = "of frames of the same time, the wrong one is taken for the key frame"

_SAMPLINGS: Mapping[str, tuple[str, Iterable[str]]] = {
    "intra refresh": (_NOT_SOUND, ["stride 30", "one frame", "two parts, the later first"]),
    "cut within an intra refresh": (_NOT_SOUND, ["one frame", "two parts, the later first", "parts that overlap"]),
    "edit list: a gap between parts": (_SAME_TIME, ["key frames", "key frames behind the first second"]),
    "times in another order than pictures": (
        _NOT_IN_ORDER,
        [
            "stride 7",
            "stride 30",
            "every 0.7 s",
            "one frame",
            "two parts, the later first",
            "the first five, stride 3",
            "stride 5 within parts",
        ],
    ),
}

SAMPLED: Mapping[tuple[str, str], str] = {
    (clip, sampling): reason for clip, (reason, samplings) in _SAMPLINGS.items() for sampling in samplings
}
"""By the names of the clip and of the sampling."""


def as_known(name: str, *rest: object, because: str | None) -> object:
    """Return a parameter set of a test that is expected to fail if there is a reason."""
    return pytest.param(name, *rest, marks=[pytest.mark.xfail(reason=because, strict=True)] if because else [])
