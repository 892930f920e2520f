"""A damaged video ends in a failure that says how far it got or, if the pipeline says so, in what there is of it."""

import io
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reelwork.analyzers import AnalyzerContext
from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.segments import SegmentExecutor, SegmentFailed, SegmentRequest
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from tests.support.analyzers import DIGESTING, registry
from tests.support.clips import Picture, boxes, encode_clip, truncated, with_damage
from tests.support.encodes import FRAGMENTS, encoded, x264
from tests.support.mp4_patches import box
from tests.support.pipelines import define

FRAMES = 40
NODES = {"look": {"analyzer": "look"}, "past": {"analyzer": "past", "inputs": ["look"]}}
SAMPLINGS = {"every frame": {}, "stride 3": {"frame_stride": 3}, "key frames": {"keyframes": True}}


class Writer:
    """Writes the results document anew whenever it is asked to; counts how often it was, and to which frame it got."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.document = b""

    def __call__(self, results: Iterator[FrameResult]) -> None:
        self.begun.append([])
        stream = io.BytesIO()
        write_results(stream, UUID(int=1), self._noted(results))
        self.document = stream.getvalue()

    def _noted(self, results: Iterator[FrameResult]) -> Iterator[FrameResult]:
        for result in results:
            self.begun[-1].append(result.frame_index)
            yield result


class Answer:
    """What became of a video."""

    def __init__(
        self,
        path: Path,
        on_decode_error: str = "keep",
        sampling: Any = None,
        nodes: Any = None,
        segments: SegmentExecutor | None = None,
        threads: int = 2,
    ) -> None:
        known = registry(**DIGESTING)
        context = AnalyzerContext(path.parent, cores=2)
        catalog = PipelineCatalog.load(path.parent / "none", known, context)
        service = VideoFilePipelineService(catalog, known, context, DecodeLimits(threads=threads), segments)
        self.writer = Writer()
        definition = define(nodes or NODES, on_decode_error=on_decode_error)
        self.error, self.warnings = "", ()
        try:
            analysis = service.analyse(path, definition, Sampling.model_validate(sampling or {}), self.writer)
            self.warnings = analysis.warnings
        except DecodingStopped as error:
            self.error = str(error)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return json.loads(self.writer.document)["results"]  # type: ignore[no-any-return]

    @property
    def frames(self) -> list[int]:
        return [entry["frame_index"] for entry in self.entries]

    @property
    def everything(self) -> tuple[bytes, tuple[str, ...], str]:
        return self.writer.document, self.warnings, self.error


def wiped(path: Path, number: int, keep: float = 0.0) -> Path:
    """Overwrite a frame with zeros, behind a share of it and what says that it is one; B-frames move numbers."""
    content = bytearray(path.read_bytes())
    media = next(start for kind, start, _ in boxes(content) if kind == b"mdat")
    table, end = next((start, end) for kind, start, end in boxes(content) if kind == b"stsz")
    sizes = [int.from_bytes(content[place : place + 4], "big") for place in range(table + 12, end, 4)]
    first, behind = media + sum(sizes[:number]), media + sum(sizes[: number + 1])
    first += max(5, round(sizes[number] * keep))
    content[first:behind] = bytes(behind - first)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def clip(noisy_pictures: Sequence[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames, a key frame at every tenth, no B-frames, the index in front."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return encode_clip(path, noisy_pictures, options={"g": "10", "bf": "0", "x264-params": "scenecut=0"})


@pytest.fixture
def half(clip: Path, tmp_path: Path) -> Path:
    return truncated(clip, tmp_path / "half.mp4", 0.5)


@pytest.fixture
def copy(clip: Path, tmp_path: Path) -> Path:
    return truncated(clip, tmp_path / "copy.mp4", 1.0)


class TestTruncated:
    def test_it_fails_and_says_how_far_it_got(self, half: Path) -> None:
        answer = Answer(half, "fail")
        last = answer.writer.begun[-1][-1]
        assert 10 <= last < 30
        assert answer.error.startswith(
            f"Decoding stopped after frame {last} of {FRAMES}: the video is damaged or truncated ("
        )

    def test_or_what_there_is_of_it_is_kept_and_told(self, half: Path, clip: Path) -> None:
        answer, failed = Answer(half), Answer(half, "fail")
        assert answer.warnings == (failed.error,)
        assert answer.error == ""
        assert answer.entries == Answer(clip).entries[: len(answer.frames)]
        assert answer.frames == failed.writer.begun[-1]

    @pytest.mark.parametrize("sampling", SAMPLINGS)
    def test_at_every_sampling(self, half: Path, clip: Path, sampling: str) -> None:
        last = Answer(half).frames[-1]
        answer = Answer(half, sampling=SAMPLINGS[sampling])
        whole = [number for number in Answer(clip, sampling=SAMPLINGS[sampling]).frames if number <= last]
        assert answer.frames == whole
        assert f"after frame {last} of" in answer.warnings[0]

    def test_nothing_of_it_cannot_be_kept(self, clip: Path, tmp_path: Path) -> None:
        content = clip.read_bytes()
        start = next(start for kind, start, _ in boxes(content) if kind == b"mdat")
        path = truncated(clip, tmp_path / "nothing.mp4", start + 10)
        for way in ("fail", "keep"):
            answer = Answer(path, way)
            assert answer.error.startswith("Decoding stopped before the first frame:")
            assert answer.warnings == ()

    def test_what_is_wanted_may_lie_before(self, half: Path) -> None:
        answer = Answer(half, "fail", {"max_frames": 3})
        assert (answer.frames, answer.warnings, answer.error) == ([0, 1, 2], (), "")

    def test_without_its_index_it_cannot_be_opened(self, clip: Path, tmp_path: Path) -> None:
        for way in ("fail", "keep"):
            with pytest.raises(VideoUnreadable, match="truncated"):
                Answer(truncated(clip, tmp_path / "short.mp4", 100), way)


class TestOverwritten:
    """A frame of which the decoder can make nothing."""

    STOPPED = "Decoding stopped after frame 13 of 40: the video is damaged or truncated "

    def test_it_fails_and_says_how_far_it_got(self, copy: Path) -> None:
        answer = Answer(wiped(copy, 14), "fail")
        assert answer.error.startswith(self.STOPPED)
        assert answer.writer.begun[-1] == list(range(14))

    def test_or_what_comes_before_is_kept_and_told(self, copy: Path, clip: Path) -> None:
        answer = Answer(wiped(copy, 14))
        assert answer.entries == Answer(clip).entries[:14]
        (warning,) = answer.warnings
        assert warning.startswith(self.STOPPED)


class TestGuessed:
    """A frame of which the decoder can make a part; it guesses the rest, and the next key frame mends it."""

    LOOK = NODES["look"]

    def test_it_fails_and_names_the_frame(self, copy: Path) -> None:
        answer = Answer(wiped(copy, 14, 0.5), "fail")
        assert answer.error == (
            "Decoding stopped after frame 13 of 40: the video is damaged or truncated (frame 14 is damaged)."
        )
        assert answer.writer.begun[-1] == list(range(14))

    def test_or_is_kept_and_told(self, copy: Path, clip: Path) -> None:
        answer, intact = (Answer(path, nodes={"look": self.LOOK}) for path in (wiped(copy, 14, 0.5), clip))
        assert answer.warnings == ("The video is damaged: the decoder had to guess parts of frame 14.",)
        assert answer.frames == list(range(FRAMES))
        differing = [n for n in range(FRAMES) if answer.entries[n] != intact.entries[n]]
        assert 14 in differing
        assert set(differing) <= set(range(14, 20))

    def test_several_are_told_in_one_sentence(self, copy: Path) -> None:
        answer = Answer(wiped(wiped(copy, 14, 0.5), 25, 0.5))
        assert answer.warnings == ("The video is damaged: the decoder had to guess parts of 2 frames from 14 to 25.",)

    def test_frames_that_were_guessed_and_an_end_that_is_missing(self, copy: Path) -> None:
        content = wiped(copy, 5, 0.5).read_bytes()
        copy.write_bytes(content[: len(content) // 2])
        answer = Answer(copy)
        cut, guessed = answer.warnings
        assert cut.startswith(f"Decoding stopped after frame {answer.frames[-1]} of 40")
        assert guessed == "The video is damaged: the decoder had to guess parts of frame 5."


DAMAGES: dict[str, Callable[[Path], Path]] = {
    "truncated": lambda path: truncated(path, path, 0.6),
    "overwritten": lambda path: wiped(path, 14),
    "guessed": lambda path: wiped(path, 14, 0.5),
    "much of it": lambda path: with_damage(path, 0.3, 0.7, 0x55),
}


@pytest.mark.parametrize("damage", DAMAGES)
class TestTheSameEveryTime:
    @pytest.mark.parametrize("way", ["fail", "keep"])
    @pytest.mark.parametrize("sampling", ["every frame", "stride 3"])
    def test_however_many_threads_decode(self, copy: Path, damage: str, way: str, sampling: str) -> None:
        path = DAMAGES[damage](copy)
        answers = [Answer(path, way, SAMPLINGS[sampling], threads=threads).everything for threads in (1, 2, 2, 4)]
        assert answers[1:] == answers[:1] * 3

    def test_what_was_written_before_is_written_anew_from_the_beginning(self, copy: Path, damage: str) -> None:
        answer = Answer(DAMAGES[damage](copy))
        assert len(answer.writer.begun) == 2
        first, second = answer.writer.begun
        assert answer.frames == second
        assert second[0] == 0
        assert first == second[: len(first)]

    def test_with_segments_to_be_had(self, copy: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reelwork.pipeline.service.LEAST_FRAMES", 2)
        path = DAMAGES[damage](copy)
        split = Answer(path, nodes={"look": NODES["look"]}, segments=NoSegments())
        assert split.everything == Answer(path, nodes={"look": NODES["look"]}).everything


BEHIND = {
    "a box that nobody knows": box(b"abcd", b"x" * 40),
    "a known box that nobody expects there": box(b"udta", b""),
    "padding": bytes(4096),
    "a little padding": bytes(3),
}


@pytest.fixture
def fragmented(tmp_path: Path) -> Path:
    return encoded(tmp_path / "fragmented.mp4", range(40), **x264(keyint=10), **FRAGMENTS)


@pytest.mark.parametrize("more", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("place", ["at the end", "between fragments"])
def test_what_is_not_of_the_video_is_no_damage(fragmented: Path, more: bytes, place: str) -> None:
    content = fragmented.read_bytes()
    fragments = [start - 8 for kind, start, _ in boxes(content) if kind == b"moof"]
    begin = fragments[1] if place == "between fragments" and more.strip(b"\0") else len(content)
    fragmented.write_bytes(content[:begin] + more + content[begin:])
    answer = Answer(fragmented, "fail")
    assert (answer.error, answer.frames) == ("", list(range(40)))


@pytest.mark.parametrize("label", [b"abcd", b"mo?f"])
def test_fragment_whose_head_is_mislabelled_is_missed(fragmented: Path, label: bytes) -> None:
    content = bytearray(fragmented.read_bytes())
    head = [start for kind, start, _ in boxes(content) if kind == b"moof"][-1]
    content[head - 4 : head] = label
    fragmented.write_bytes(content)
    assert "fragments break off" in Answer(fragmented, "fail").error


@pytest.mark.parametrize("high", [2**31 - 1, 2**31])
def test_an_index_that_breaks_off_is_told_with_segments_to_be_had_too(
    media_dir: Path, tmp_path: Path, high: int
) -> None:
    """The demuxer says so, before anything is decoded."""
    content = bytearray((media_dir / "fragmented.mp4").read_bytes())
    offset = [start for kind, start, _ in boxes(content) if kind == b"tfhd"][1] + 8
    content[offset : offset + 4] = high.to_bytes(4, "big")
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    alone, split = (Answer(path, nodes={"look": NODES["look"]}, segments=one) for one in (None, NoSegments()))
    # A file system in memory has no largest offset: there the file just ends, behind the last frame.
    assert alone.error or alone.warnings or alone.frames == list(range(30))
    assert split.everything == alone.everything


class NoSegments:
    """Has no process that could do one."""

    segments = 4

    def run(self, requests: Sequence[SegmentRequest]) -> Generator[SegmentRequest, None, None]:
        raise SegmentFailed("there is none")
        yield from requests


def test_an_intact_one_is_decoded_once(clip: Path) -> None:
    answer = Answer(clip)
    assert answer.writer.begun == [list(range(FRAMES))]
    assert (answer.warnings, answer.error) == ((), "")
