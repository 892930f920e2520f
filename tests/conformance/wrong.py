"""What is known to come out wrong, and why; a test that is listed here and passes is a failure."""

from collections.abc import Iterable, Mapping

import pytest

FRAMES: Mapping[str, str] = {
    "turned by the video itself": "an orientation that the video carries is applied to the frames that repeat it alone"
}
"""By the name of the clip, where hardly a frame comes out right."""

_AT_MOST_THE_FIRST = {"the first", "beyond the end"}

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


def sampled_wrongly(clip: str, sampling: str) -> str | None:
    """Return why the clip comes out wrong at this sampling."""
    if clip in FRAMES and sampling not in _AT_MOST_THE_FIRST:
        return FRAMES[clip]
    reason, samplings = _SAMPLINGS.get(clip, (None, []))
    return reason if sampling in samplings else None


def as_known(name: str, *rest: object, because: str | None) -> object:
    """Return a parameter set of a test that is expected to fail if there is a reason."""
    return pytest.param(name, *rest, marks=[pytest.mark.xfail(reason=because, strict=True)] if because else [])
