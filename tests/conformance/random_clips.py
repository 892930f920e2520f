"""Random encodes and random samplings, for Hypothesis."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.encodes import FRAGMENTS, LATE_INDEX, MPEG4, SVT_AV1, VP9, encoded, x264, x265
from tests.support.mp4_patches import ORIENTATIONS, Edit, with_display_matrix, with_edits

Options = dict[str, Any]

_TRIES = 3
_ENCODING_S = 30


@cache
def _encoding_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"))


def _end_encoding_process() -> None:
    pool = _encoding_process()
    _encoding_process.cache_clear()
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Recipe:
    """How to make a clip; its ``repr`` is all that is needed to make it again.

    Attributes:
        count: How many frames.
        gaps: Ticks between them, at 1000 ticks a second; None for 25 frames a second.
        how: For ``encoded``.
        edits: An edit list in frames; for clips with their index behind.
        orientation: A name in ``ORIENTATIONS``; the pictures are stored as they are.
    """

    count: int
    gaps: list[int] | None
    how: Options
    edits: list[Edit] = field(default_factory=list)
    orientation: str | None = None

    def make(self, path: Path) -> Path:
        """Make the clip, in a process of its own: encoders hang or crash now and then."""
        for _ in range(_TRIES):
            try:
                return _encoding_process().submit(self.make_here, path).result(_ENCODING_S)
            except (BrokenProcessPool, TimeoutError):
                _end_encoding_process()
        raise RuntimeError(f"no encoder survives {self}")

    def make_here(self, path: Path) -> Path:
        """Make the clip in this process."""
        timing: Options = {}
        if self.gaps is not None:
            pts = list(accumulate(self.gaps, initial=0))
            timing = {"pts": pts, "time_base": Fraction(1, 1000), "muxer": {"video_track_timescale": "1000"}}
        encoded(path, range(self.count), **self.how, **timing)
        if self.edits:
            with_edits(path, self.edits)
        if self.orientation:
            with_display_matrix(path, ORIENTATIONS[self.orientation].matrix)
        return path


def _sizes(even: bool, least: int = 48) -> st.SearchStrategy[tuple[int, int]]:
    side = st.integers(least // 2, 60).map(lambda half: 2 * half) if even else st.integers(least, 120)
    return st.tuples(side, side)


@st.composite
def _h264(draw: st.DrawFn) -> Options:
    keyint = draw(st.integers(1, 30))
    parameters: Options = {
        "keyint": keyint,
        "min_keyint": draw(st.integers(1, max(1, keyint // 2))),
        "scenecut": draw(st.sampled_from([0, 40])),
        "bframes": draw(st.integers(0, 7)),
        "b_adapt": draw(st.integers(0, 2)),
        "b_pyramid": draw(st.sampled_from(["none", "strict", "normal"])),
        "open_gop": draw(st.integers(0, 1)),
        "ref": draw(st.integers(1, 6)),
        "slices": draw(st.integers(1, 3)),
        "weightp": draw(st.integers(0, 2)),
    }
    mode = draw(st.sampled_from(["", "", "", "tff", "intra_refresh"]))
    if mode:
        parameters[mode] = 1
    pixel_format = draw(st.sampled_from(["yuv420p", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuvj420p"]))
    width, height = draw(_sizes(even=pixel_format != "yuv444p"))
    height -= height % 4 if mode == "tff" else 0  # fields of 4:2:0 pictures
    return {**x264(**parameters), "pixel_format": pixel_format, "size": (width, height)}


@st.composite
def _hevc(draw: st.DrawFn) -> Options:
    keyint = draw(st.integers(4, 30))
    parameters = {
        "keyint": keyint,
        "min_keyint": draw(st.integers(1, keyint // 2)),
        "scenecut": draw(st.sampled_from([0, 40])),
        "bframes": draw(st.integers(0, 6)),
        "b_adapt": draw(st.integers(0, 2)),
        "b_pyramid": draw(st.integers(0, 1)),
        "open_gop": draw(st.integers(0, 1)),
        "ref": draw(st.integers(1, 5)),
        "rc_lookahead": 20,
    }
    return {**x265(**parameters), "size": draw(_sizes(even=True, least=64))}


@st.composite
def _other(draw: st.DrawFn) -> Options:
    how = draw(st.sampled_from([SVT_AV1, VP9, MPEG4]))
    options = {**how["options"], "g": str(draw(st.integers(2, 30)))}
    if how is MPEG4:
        options["bf"] = str(draw(st.integers(0, 3)))
    return {**how, "options": options, "size": draw(_sizes(even=how is SVT_AV1))}


_CONTAINERS = [{"movflags": "faststart"}, {"movflags": "negative_cts_offsets"}, FRAGMENTS, LATE_INDEX]


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any clip that can be encoded."""
    count = draw(st.integers(8, 70))
    how = draw(st.one_of(_h264(), _h264(), _hevc(), _other()))
    gaps = draw(
        st.none() | st.lists(st.sampled_from([1, 2, 17, 33, 40, 400, 9000]), min_size=count - 1, max_size=count - 1)
    )
    orientation = draw(st.none() | st.sampled_from(sorted(ORIENTATIONS)))
    if gaps is None and draw(st.booleans()):
        return Recipe(count, None, {**how, "movflags": ""}, draw(_edits(count)), orientation)
    return Recipe(count, gaps, {**how, **draw(st.sampled_from(_CONTAINERS))}, [], orientation)


@st.composite
def _edits(draw: st.DrawFn, count: int) -> list[Edit]:
    """Parts in the order of the video, perhaps behind a gap."""
    bounds = sorted(draw(st.sets(st.integers(0, count), min_size=2, max_size=6)))
    parts = [Edit(end - first, first) for first, end in zip(bounds[::2], bounds[1::2], strict=False)]
    gap = draw(st.integers(0, 30))
    return [Edit(gap, None), *parts] if gap else parts


@st.composite
def samplings(draw: st.DrawFn) -> Options:
    """Any sampling, said as a pipeline file says it."""
    ways: list[Options] = [{}, {"frame_stride": draw(st.integers(1, 33))}, {"keyframes": True}]
    ways.append({"every_s": draw(st.sampled_from([0.001, 0.033, 0.04, 0.1, 0.25, 0.5, 1.0, 3.7]))})
    sampling = dict(draw(st.sampled_from(ways)))
    if draw(st.booleans()):
        sampling["ranges"] = draw(st.lists(_ranges(), min_size=1, max_size=3))
    if draw(st.booleans()):
        sampling["max_frames"] = draw(st.integers(1, 12))
    return sampling


@st.composite
def _ranges(draw: st.DrawFn) -> Options:
    in_frames = draw(st.booleans())
    unit = "frame" if in_frames else "s"
    start = draw(st.integers(0, 75)) if in_frames else draw(st.integers(-10, 4000)) / 1000
    length = draw(st.integers(1, 40)) if in_frames else draw(st.integers(1, 2000)) / 1000
    both = {f"start_{unit}": start, f"end_{unit}": round(start + length, 3)}
    left_out = draw(st.sampled_from(["", "start", "end"]))
    kept = {name: value for name, value in both.items() if not left_out or not name.startswith(left_out)}
    # An end at or before the beginning of the video is no range of frames.
    return both if kept.get("end_frame") == 0 else kept
