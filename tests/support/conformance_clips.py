"""One clip for each way in which frames, times and indices of an MP4 go wrong elsewhere.

Every frame shows its number (``tests.support.barcoded_frames``), so what a decoder presents can be read back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.barcoded_frames import barcoded
from tests.support.clips import encode_audio, encode_clip, encode_growing_clip
from tests.support.encodes import (
    BEHIND,
    ENCODES,
    ENCODES_WITHOUT_EDIT_LIST,
    FRAGMENTS,
    FRAMES,
    GOP,
    HEVC_OPEN_GOP,
    LATE_INDEX,
    MPEG4,
    OPEN_GOP,
    PYRAMID,
    RATE,
    SVT_AV1,
    VP9,
    encoded,
    x264,
    x265,
)
from tests.support.mp4_patches import (
    ORIENTATIONS,
    Edit,
    with_disabled_first_track,
    with_display_matrix,
    with_edits,
    with_frame_durations,
    with_key_frames,
    with_later_fragments,
    without_edits,
)
from tests.support.remuxing import Source, cover, remuxed


@dataclass(frozen=True)
class Truth:
    """What a clip presents, known from the way it was made.

    Attributes:
        numbers: The numbers its frames show, in presentation order; None where that is up to the decoder.
        times: Their times, counted from ``start``; None where that is up to the decoder.
        start: The time of the first; None where the muxer rounds it.
        matrix: a, b, c, d of the display matrix, where it is not the track or the movie that has it.
    """

    numbers: Sequence[int] | None = range(FRAMES)
    times: Sequence[Fraction] | None = tuple(Fraction(n, RATE) for n in range(FRAMES))
    start: Fraction | None = Fraction(0)
    matrix: tuple[int, int, int, int] | None = None


Maker = Callable[[Path], Truth]

CLIPS: dict[str, Maker] = {}


def _clip(name: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        CLIPS[name] = maker
        return maker

    return register


# Without an edit list the first frame is shown when it can be: after as many frames as are reordered.
REORDERED = Fraction(2, RATE)


def _of_encode(how: Mapping[str, Any], start: Fraction = Fraction(0)) -> Maker:
    def make(path: Path) -> Truth:
        encoded(path, **how)
        return Truth(start=start)

    return make


CLIPS.update({name: _of_encode(how) for name, how in ENCODES.items()})
CLIPS.update({name: _of_encode(how, REORDERED) for name, how in ENCODES_WITHOUT_EDIT_LIST.items()})


def _of_count(count: int, how: Mapping[str, Any]) -> Maker:
    def make(path: Path) -> Truth:
        encoded(path, range(count), **how)
        return Truth(range(count), Truth().times[:count])  # type: ignore[index]

    return make


for _codec, _how in {"H.264": x264(bframes=3), "HEVC": x265(bframes=0), "AV1": SVT_AV1, "VP9": VP9}.items():
    CLIPS[f"one frame, {_codec}"] = _of_count(1, _how)
    CLIPS[f"two frames, {_codec}"] = _of_count(2, _how)


def _of_variable_rate(how: Mapping[str, Any], first: int = 0, *, exactly: bool = True) -> Maker:
    """Gaps of 1 to 9000 ticks, one of more than a minute, many of one tick."""
    base = Fraction(1, 90000)

    def make(path: Path) -> Truth:
        gaps = np.random.default_rng(3).choice([1, 2, 1500, 3003, 3600, 9000], FRAMES - 1).tolist()
        gaps[40] = 6_000_000
        pts = list(accumulate(gaps, initial=first))
        encoded(path, pts=pts, time_base=base, muxer={"video_track_timescale": str(base.denominator)}, **how)
        return Truth(times=[(tick - first) * base for tick in pts], start=first * base if exactly else None)

    return make


CLIPS["variable rate"] = _of_variable_rate(x264(**GOP, bframes=0))
CLIPS["variable rate, B-frames"] = _of_variable_rate(x264(**PYRAMID))
CLIPS["variable rate, open GOP"] = _of_variable_rate(x264(**OPEN_GOP))
CLIPS["variable rate, HEVC"] = _of_variable_rate(x265(**HEVC_OPEN_GOP))
CLIPS["variable rate, AV1"] = _of_variable_rate(SVT_AV1)
CLIPS["variable rate, VP9"] = _of_variable_rate(VP9)
CLIPS["variable rate, fragments"] = _of_variable_rate({**x264(**PYRAMID), **FRAGMENTS}, exactly=False)
CLIPS["first frame later"] = _of_variable_rate(x264(**PYRAMID), 123_457, exactly=False)


def _of_late_fragments(ticks: int) -> Maker:
    def make(path: Path) -> Truth:
        how = {**x264(**GOP, bframes=0), **FRAGMENTS}
        with_later_fragments(encoded(path, **how, muxer={"video_track_timescale": "90000"}), ticks)
        return Truth(start=Fraction(ticks, 90000))

    return make


CLIPS["first frame later, fragments"] = _of_late_fragments(123_457)
CLIPS["times beyond 32 bits"] = _of_late_fragments(1 << 35)


def _of_ntsc(path: Path) -> Truth:
    encoded(path, rate=Fraction(30000, 1001), **x264(**PYRAMID))
    return Truth(times=[Fraction(1001 * number, 30000) for number in range(FRAMES)])


CLIPS["30000/1001 frames a second"] = _of_ntsc


def _of_edits(edits: Sequence[Edit], how: Mapping[str, Any] | None = None) -> Maker:
    """Frames from which the edits show some, each for its time."""

    def make(path: Path) -> Truth:
        with_edits(encoded(path, **{**(how or x264(**PYRAMID)), **BEHIND}), edits)
        numbers: list[int] = []
        times: list[Fraction] = []
        begin = Fraction(0)
        for edit in edits:
            if edit.first is not None:
                shown = range(int(edit.first), int(edit.first + edit.frames))
                numbers += shown
                times += [begin + Fraction(number - edit.first) / RATE for number in shown]
            begin += Fraction(edit.frames) / RATE
        return Truth(numbers, [time - times[0] for time in times], times[0])

    return make


CLIPS["edit list: shown later"] = _of_edits([Edit(10, None), Edit(FRAMES, 0)])
CLIPS["edit list: begins at a key frame"] = _of_edits([Edit(28, 32)])
CLIPS["edit list: begins between key frames"] = _of_edits([Edit(35, 25)])
CLIPS["edit list: begins between key frames, open GOP"] = _of_edits([Edit(40, 20)], x264(**OPEN_GOP))
CLIPS["edit list: begins between key frames, HEVC"] = _of_edits([Edit(40, 20)], x265(**HEVC_OPEN_GOP))
CLIPS["edit list: begins between key frames, AV1"] = _of_edits([Edit(40, 20)], SVT_AV1)
CLIPS["edit list: begins between key frames, VP9"] = _of_edits([Edit(40, 20)], VP9)
CLIPS["edit list: begins between key frames, MPEG-4"] = _of_edits([Edit(40, 20)], MPEG4)
CLIPS["edit list: ends early"] = _of_edits([Edit(33, 0)])
CLIPS["edit list: a part left out"] = _of_edits([Edit(21, 0), Edit(20, 37)])
CLIPS["edit list: a part left out, open GOP"] = _of_edits([Edit(21, 0), Edit(20, 37)], x264(**OPEN_GOP))
CLIPS["edit list: a part twice"] = _of_edits([Edit(22, 10), Edit(22, 10)])


@_clip("no edit list")
def _no_edit_list(path: Path) -> Truth:
    without_edits(encoded(path, **{**x264(**PYRAMID), **BEHIND}))
    return Truth(start=REORDERED)


@_clip("edit list: the end first")
def _end_first(path: Path) -> Truth:
    """FFmpeg has the second part begin one frame early, at the time of the last frame of the first part."""
    truth = _of_edits([Edit(5, None), Edit(12, 40), Edit(30, 3)])(path)
    return replace(truth, times=None)


@_clip("edit list: a frame left out, open GOP")
def _frame_left_out(path: Path) -> Truth:
    """FFmpeg goes back to the key frame before, and its decoder loses the first frame behind the cut."""
    coded = x264(keyint=11, min_keyint=1, scenecut=0, bframes=6, b_adapt=0, b_pyramid="strict", open_gop=1, ref=1)
    _of_edits([Edit(13, 0), Edit(20, 14)], coded)(path)
    return Truth(numbers=None, times=None)


@_clip("edit list: a gap between parts")
def _gap_between_parts(path: Path) -> Truth:
    """FFmpeg shows frames in the gap, at times before those of frames that it showed earlier."""
    _of_edits([Edit(12, 40), Edit(7, None), Edit(30, 3)])(path)
    return Truth(numbers=None, times=None)


CLIPS["edit list: begins behind the only key frame"] = _of_edits(
    [Edit(20, 30)], x264(keyint=1000, scenecut=0, bframes=2)
)


def _of_orientation(name: str, how: Mapping[str, Any], header: bytes = b"tkhd") -> Maker:
    def make(path: Path) -> Truth:
        orientation = ORIENTATIONS[name]
        pictures = (orientation.stored(barcoded(number, 98, 62)) for number in range(FRAMES))
        encode_clip(path, map(np.ascontiguousarray, pictures), **how)
        with_display_matrix(path, orientation.matrix, header)
        return Truth()

    return make


for _name in ORIENTATIONS:
    CLIPS[_name] = _of_orientation(_name, x264(**PYRAMID))
CLIPS["turned by 90, 10-bit"] = _of_orientation("turned by 90", {**x264(**PYRAMID), "pixel_format": "yuv420p10le"})
CLIPS["turned by 90, fragments"] = _of_orientation("turned by 90", {**x264(**GOP, bframes=0), **FRAGMENTS})
CLIPS["turned by 270, by the movie header"] = _of_orientation("turned by 270", x264(**PYRAMID), b"mvhd")
CLIPS["mirrored, HEVC"] = _of_orientation("mirrored", x265(**HEVC_OPEN_GOP))


@_clip("turned by the video itself")
def _turned_by_sei(path: Path) -> Truth:
    stored = (np.ascontiguousarray(np.rot90(barcoded(number, 98, 62), -1)) for number in range(FRAMES))
    whole = encode_clip(path.with_suffix(".whole.mp4"), stored, **x264(**PYRAMID))
    remuxed(path, [Source(whole, filters="h264_metadata=display_orientation=insert:rotate=90")])
    return Truth(matrix=ORIENTATIONS["turned by 270"].matrix)  # it counts counter-clockwise


def _of_cut(how: Mapping[str, Any], numbers: Sequence[int] | None) -> Maker:
    """Everything from the second key frame on; pictures shown before it may refer to what is gone."""

    def make(path: Path) -> Truth:
        remuxed(path, [Source(encoded(path.with_suffix(".whole.mp4"), **how), skip_key_frames=1)])
        return Truth(numbers, times=None)

    return make


CLIPS["cut at a key frame"] = _of_cut(x264(**PYRAMID), range(16, FRAMES))
CLIPS["cut at an open GOP"] = _of_cut(x264(**OPEN_GOP), range(16, FRAMES))
CLIPS["cut at an open GOP, HEVC"] = _of_cut(x265(**HEVC_OPEN_GOP), range(16, FRAMES))
CLIPS["cut within an intra refresh"] = _of_cut(x264(keyint=16, intra_refresh=1, bframes=0, scenecut=0), None)


def _of_tracks(
    make_sources: Callable[[Path], Sequence[Source]], start: Fraction | None = Fraction(0), **muxer: str
) -> Maker:
    def make(path: Path) -> Truth:
        remuxed(path, make_sources(path), **muxer)
        return Truth(start=start)

    return make


def _pictures(path: Path) -> Source:
    return Source(encoded(path.with_suffix(".pictures.mp4"), **x264(**PYRAMID)))


def _sound(path: Path) -> Source:
    return Source(encode_audio(path.with_suffix(".sound.mp4"), FRAMES / RATE))


def _other_pictures(path: Path) -> Source:
    return Source(encoded(path.with_suffix(".other.mp4"), range(100, 130), (64, 48), **x264(**GOP)))


def _cover(path: Path) -> Source:
    return Source(cover(path.with_suffix(".cover.mp4")), is_cover=True)


CLIPS["sound before pictures"] = _of_tracks(lambda path: [_sound(path), _pictures(path)])
CLIPS["sound and pictures, fragments"] = _of_tracks(lambda path: [_pictures(path), _sound(path)], **LATE_INDEX)
CLIPS["two tracks of pictures"] = _of_tracks(lambda path: [_pictures(path), _sound(path), _other_pictures(path)])


@_clip("disabled track of pictures first")
def _disabled_track_first(path: Path) -> Truth:
    with_disabled_first_track(remuxed(path, [_other_pictures(path), _pictures(path)]))
    return Truth()


CLIPS["cover picture first"] = _of_tracks(lambda path: [_cover(path), _pictures(path)])


@_clip("key frames not listed")
def _key_frames_not_listed(path: Path) -> Truth:
    with_key_frames(encoded(path, **x264(**PYRAMID), **BEHIND), None)
    return Truth()


@_clip("key frames listed wrongly")
def _key_frames_listed_wrongly(path: Path) -> Truth:
    with_key_frames(encoded(path, **x264(**PYRAMID), **BEHIND), [1, 5, 22, 41])
    return Truth()


@_clip("no key frame listed")
def _no_key_frame_listed(path: Path) -> Truth:
    with_key_frames(encoded(path, **x264(**PYRAMID), **BEHIND), [])
    return Truth()


@_clip("frames of no duration")
def _frames_of_no_duration(path: Path) -> Truth:
    durations = [512 * (number % 3 > 0) for number in range(FRAMES)]
    with_frame_durations(encoded(path, **x264(**GOP, bframes=0), **BEHIND), durations)
    times = accumulate(durations[:-1], initial=0)
    return Truth(times=[Fraction(tick, 512 * RATE) for tick in times])


@_clip("times in another order than pictures")
def _times_in_disorder(path: Path) -> Truth:
    """Offsets that were made for frames of one duration, with frames of others."""
    durations = np.random.default_rng(4).choice([1, 100, 512, 3000], FRAMES).tolist()
    with_frame_durations(without_edits(encoded(path, **x264(**PYRAMID), **BEHIND)), durations)
    return Truth(times=None)


@_clip("pictures that become larger")
def _growing(path: Path) -> Truth:
    small, large = (
        [barcoded(number, *size) for number in numbers]
        for numbers, size in ((range(30), (96, 64)), (range(30, FRAMES), (160, 96)))
    )
    encode_growing_clip(path, small, large)
    return Truth()
