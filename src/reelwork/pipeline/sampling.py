"""Which frames of a video are analysed."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reelwork.video.frame import Moment
from reelwork.video.packets import Chooser

FrameStride = Annotated[int, Field(ge=1, description="Analyse every n-th frame, starting with the first.")]
MaxFrames = Annotated[int, Field(ge=1, description="Stop after this many analysed frames.")]
EverySeconds = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="Analyse the first frame at or after each multiple of this.")
]
KeyFrames = Annotated[bool, Field(description="Analyse the key frames only: those at which decoding can begin.")]
Seconds = Annotated[float, Field(allow_inf_nan=False)]
FrameNumber = Annotated[int, Field(ge=0)]


class Range(BaseModel):
    """A part of the video, in seconds or in frames; the end is not in it, and without one it is the video's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: Seconds | None = None
    end_s: Seconds | None = None
    start_frame: FrameNumber | None = None
    end_frame: FrameNumber | None = None

    @model_validator(mode="after")
    def _one_unit_in_order(self) -> Self:
        in_seconds = self.start_s is not None or self.end_s is not None
        in_frames = self.start_frame is not None or self.end_frame is not None
        if in_seconds == in_frames:
            raise ValueError("give start_s and end_s, or start_frame and end_frame")
        span = self.span()
        if span.end is not None and span.end <= span.start:
            raise ValueError("the end must be behind the start")
        return self

    def span(self) -> "Span":
        """Return its bounds as exact numbers."""
        if self.start_frame is not None or self.end_frame is not None:
            return Span(Fraction(self.start_frame or 0), _exact(self.end_frame), in_frames=True)
        start = _exact(self.start_s)
        return Span(_LONG_AGO if start is None else start, _exact(self.end_s), in_frames=False)


# Edit lists can present frames before 0.
_LONG_AGO = Fraction(-(10**12))


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to ``end``, which is not in it; in seconds or in frames."""

    start: Fraction
    end: Fraction | None
    in_frames: bool

    def holds(self, moment: Moment) -> bool:
        """Whether the frame is in it."""
        return self.start <= self._place(moment) and not self.lies_before(moment)

    def lies_before(self, moment: Moment) -> bool:
        """Whether it ends at this frame or before."""
        return self.end is not None and self.end <= self._place(moment)

    def _place(self, moment: Moment) -> Fraction | int:
        return moment.index if self.in_frames else moment.time


Ranges = Annotated[list[Range], Field(min_length=1, max_length=1000)]


class Sampling(BaseModel):
    """At most one of ``frame_stride``, ``every_s`` and ``keyframes``; without any, every frame.

    Strides and ticks count from the beginning of the video, whatever the ranges.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame_stride: FrameStride | None = None
    every_s: EverySeconds | None = None
    keyframes: KeyFrames = False
    ranges: Ranges | None = None
    max_frames: MaxFrames | None = None

    @model_validator(mode="after")
    def _one_way_to_sample(self) -> Self:
        if sum((self.frame_stride is not None, self.every_s is not None, self.keyframes)) > 1:
            raise ValueError("give one of frame_stride, every_s and keyframes")
        return self

    def with_options(self, **options: Any) -> "Sampling":
        """Return the sampling a job asked for: its options, and this one where it gave none.

        Raises:
            ValidationError: They are wrong, or contradict each other.
        """
        given = {name: value for name, value in options.items() if value is not None and value is not False}
        kept = self.model_dump(exclude_none=True)
        if given.keys() & set(WAYS):
            kept = {name: value for name, value in kept.items() if name not in WAYS}
        return Sampling.model_validate({**kept, **given})

    @property
    def takes_all(self) -> bool:
        """Whether no frame is left out, but for those behind the last."""
        return self.frame_stride in (None, 1) and self.every_s is None and not self.keyframes and self.ranges is None

    def chooser(self) -> Chooser:
        """Return what picks the frames of one video."""
        return _Choice(self)


WAYS = ("frame_stride", "every_s", "keyframes")
"""Of these, one can be had."""


class _Choice:
    """Picks the frames of one video."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._interval = _exact(sampling.every_s)
        self._next_tick = Fraction(0)
        self._spans = [one.span() for one in sampling.ranges or ()]
        self._left = sampling.max_frames
        self.takes_all = sampling.takes_all
        self.over = False

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""
        wanted = self._is_due(moment, is_key) and self._is_in_range(moment) and not self.over
        if wanted and self._left is not None:
            self._left -= 1
            self.over = self._left == 0
        return wanted

    def _is_due(self, moment: Moment, is_key: bool) -> bool:
        if self._sampling.keyframes:
            return is_key
        if self._interval is None:
            return moment.index % (self._sampling.frame_stride or 1) == 0
        if moment.time < self._next_tick:
            return False
        self._next_tick = (moment.time // self._interval + 1) * self._interval
        return True

    def _is_in_range(self, moment: Moment) -> bool:
        if self._sampling.ranges is None:
            return True
        self.over = self.over or all(span.lies_before(moment) for span in self._spans)
        return any(span.holds(moment) for span in self._spans)


class Window:
    """Of the frames that another chooser wants, those in a part of the video; the other is asked about all of them."""

    takes_all = False

    def __init__(self, chooser: Chooser, start_frame: int, end_frame: int) -> None:
        self._chooser = chooser
        self._start_frame = start_frame
        self._end_frame = end_frame
        self._is_behind = False

    @property
    def over(self) -> bool:
        """Whether no later frame can be wanted."""
        return self._is_behind or self._chooser.over

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""
        self._is_behind = moment.index + 1 >= self._end_frame
        wanted = self._chooser.wants(moment, is_key)
        return wanted and self._start_frame <= moment.index < self._end_frame


def _exact(number: float | None) -> Fraction | None:
    """Return the decimal that was written, not the double nearest to it: ticks must not drift."""
    return None if number is None else Fraction(repr(number))
