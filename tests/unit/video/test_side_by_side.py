"""Groups of packets in threads of their own: the same frames, in their order, and never many of them ahead."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest

from reelwork.video.decoding import Course, DecodingUnsure
from reelwork.video.frame import Frame, Moment
from reelwork.video.packets import Sample, Step
from reelwork.video.side_by_side import grouped
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import boxes, encode_clip, numbered, with_rotation

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

GOP = 12
GROUPS = 20
STRIDE = 5


class EveryNth:
    """Wants each nth frame, and counts what it is asked."""

    takes_all = False
    over = False

    def __init__(self, stride: int) -> None:
        self._stride = stride
        self.asked = 0

    def wants(self, moment: Moment, is_key: bool) -> bool:
        self.asked += 1
        return moment.index % self._stride == 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Groups of one length."""
    path = tmp_path_factory.mktemp("groups") / "even.mp4"
    return encode_clip(path, numbered(GOP) * GROUPS, options={"g": str(GOP), "sc_threshold": "0"})


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which decoders were opened beside the first."""
    threads: list[str] = []
    another = VideoFile._another_decoder

    def noted(video: VideoFile) -> "VideoCodecContext":
        threads.append(threading.current_thread().name)
        return another(video)

    monkeypatch.setattr(VideoFile, "_another_decoder", noted)
    return threads


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode-group")]


def shown(frames: list[Frame]) -> list[tuple[int, Fraction, bytes]]:
    return [(frame.index, frame.time, frame.bgr().tobytes()) for frame in frames]


def picked(path: Path, stride: int = STRIDE, threads: int = 2) -> list[tuple[int, Fraction, bytes]]:
    with VideoFile.open(path, DecodeLimits(threads=threads)) as video:
        return shown(list(video.frames(EveryNth(stride))))


def of_all(path: Path, stride: int = STRIDE) -> list[tuple[int, Fraction, bytes]]:
    with VideoFile.open(path, DecodeLimits(threads=1)) as video:
        return shown(list(video.frames())[::stride])


def plainly_decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_frames_are_those_of_a_decode_of_everything(clip: Path, opened: list[str], threads: int) -> None:
    assert picked(clip, threads=threads) == of_all(clip)
    assert 1 <= len(opened) <= min(threads, 4)
    assert all(name.startswith("decode-group") for name in opened)


def test_one_thread_decodes_one_group_after_the_other(clip: Path, opened: list[str]) -> None:
    assert picked(clip, threads=1) == of_all(clip)
    assert not opened


def test_a_lonely_group_is_decoded_by_all_threads(tmp_path: Path, opened: list[str]) -> None:
    path = encode_clip(tmp_path / "one.mp4", numbered(60), options={"g": "1000"})
    assert picked(path) == of_all(path)
    assert not opened


def test_groups_of_any_length(tmp_path: Path) -> None:
    lengths = (30, 2, 1, 1, 40, 3, 25, 24, 1, 9)
    keys = [sum(lengths[:number]) for number in range(len(lengths))]
    options = {"g": "1000", "forced-idr": "1"}
    path = encode_clip(tmp_path / "uneven.mp4", numbered(sum(lengths)), keys=keys, options=options)
    with av.open(str(path)) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) == len(lengths)
    for stride in (1, 3, 7):
        assert picked(path, stride) == of_all(path, stride)


def test_one_who_looks_at_the_first_frame_has_few_decoded_ahead(clip: Path) -> None:
    chooser = EveryNth(STRIDE)
    with VideoFile.open(clip, DecodeLimits(threads=2)) as video:
        frames = video.frames(chooser)
        next(frames)
        del frames  # which ends what was begun
    assert chooser.asked <= 9 * GOP < GROUPS * GOP / 2


def test_damage_in_a_later_group_is_told_after_the_frames_before(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    content = bytearray(clip.read_bytes())
    start, end = next((start, end) for kind, start, end in boxes(content) if kind == b"mdat")
    middle = (start + end) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    found: list[int] = []
    with VideoFile.open(path, DecodeLimits(threads=2)) as video:
        frames = video.frames(EveryNth(STRIDE))
        with pytest.raises(DecodingUnsure):
            found.extend(frame.index for frame in frames)
    assert found == list(range(0, STRIDE * len(found), STRIDE))
    assert len(found) < GOP * GROUPS / STRIDE


def test_a_part_that_goes_back_in_time_is_not_believed(clip: Path) -> None:
    early, late = Course(), Course()
    for number, decoded in enumerate(plainly_decoded(clip)):
        (early if number < GOP else late).take(decoded)
    whole = Course()
    whole.follow(early)
    whole.follow(Course())
    whole.follow(late)
    with pytest.raises(DecodingUnsure, match="another order"):
        whole.follow(early)


def test_a_part_that_does_not_say_any_more_how_it_is_turned_is_not_believed(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    path.write_bytes(clip.read_bytes())
    turned, straight = Course(), Course()
    for course, source, first in ((turned, with_rotation(path, 90), 0), (straight, clip, GOP)):
        for decoded in plainly_decoded(source)[first : first + GOP]:
            course.take(decoded)
    whole = Course()
    whole.follow(turned)
    with pytest.raises(DecodingUnsure, match="turned"):
        whole.follow(straight)


@dataclass
class Coded:
    size: int = 100
    pts: int = 0
    dts: int = 0
    is_keyframe: bool = False
    is_discard: bool = False


def steps(*lengths: int, wanted: int = 1) -> list[Step]:
    """Make groups of so many packets; the first ones of each are wanted."""
    return [
        Step(Sample(Coded(), 0, wanted=number < wanted), afresh=number == 0, in_full=False)
        for length in lengths
        for number in range(length)
    ]


def test_groups_are_put_together_unless_they_are_too_much() -> None:
    def lengths(given: list[Step], most_wanted: int = 2, most_bytes: int = 1000) -> list[tuple[int, bool]]:
        return [(len(group.steps), group.is_whole) for group in grouped(given, most_wanted, most_bytes)]

    assert lengths([]) == []
    assert lengths(steps(3, 1, 10)) == [(3, True), (1, True), (10, True)]
    assert lengths(steps(2, 12, 2)) == [(2, True), (11, False), (1, False), (2, True)]
    assert lengths(steps(5, 2, wanted=3)) == [(3, False), (1, False), (1, False), (2, True)]
