"""Which frames of a video are analysed."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reelwork.video.frame import Frame

FrameStride = Annotated[int, Field(ge=1, description="Analyse every n-th frame, starting with the first.")]
MaxFrames = Annotated[int, Field(ge=1, description="Stop after this many analysed frames.")]
EverySeconds = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="Analyse the first frame at or after each multiple of this.")
]


class Sampling(BaseModel):
    """At most one of ``frame_stride`` and ``every_s``; without either, every frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame_stride: FrameStride | None = None
    every_s: EverySeconds | None = None
    max_frames: MaxFrames | None = None

    @model_validator(mode="after")
    def _one_way_to_sample(self) -> Self:
        if self.frame_stride is not None and self.every_s is not None:
            raise ValueError("give frame_stride or every_s, not both")
        return self

    def with_options(self, frame_stride: int | None, max_frames: int | None) -> "Sampling":
        """Return the sampling a job asked for: its options, and this one where it gave none."""
        return Sampling(
            frame_stride=frame_stride if frame_stride is not None else self.frame_stride,
            every_s=self.every_s if frame_stride is None else None,
            max_frames=max_frames if max_frames is not None else self.max_frames,
        )

    def pick(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames to analyse; stops reading ``frames`` once ``max_frames`` are out."""
        for count, frame in enumerate(self._due(frames), start=1):
            yield frame
            if count == self.max_frames:
                return

    def _due(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        if self.every_s is None:
            stride = self.frame_stride or 1
            yield from (frame for frame in frames if frame.index % stride == 0)
            return
        # The decimal that was written, not the double nearest to it: ticks must not drift.
        interval = Fraction(repr(self.every_s))
        next_tick = Fraction(0)
        for frame in frames:
            if frame.time >= next_tick:
                yield frame
                next_tick = (frame.time // interval + 1) * interval
