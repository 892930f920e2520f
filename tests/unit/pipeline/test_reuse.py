"""Frames with the very same pixels share answers, and nobody can tell from the answers."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from threading import Event, Lock
from typing import Any

import av
import numpy as np
import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs
from reelwork.pipeline import engine
from reelwork.pipeline.executor import PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.reuse import RecentAnswers, Turn
from reelwork.video.orientation import Orientation
from reelwork.video.source import VideoFile
from tests.support.analyzers import registry
from tests.support.clips import encode_clip, plain
from tests.support.clock import Clock
from tests.support.pipelines import define

KEPT = 8


class TestRecentAnswers:
    def test_who_asks_first_works_them_out_and_others_get_them(self) -> None:
        recent = RecentAnswers[str]()
        assert recent.ask(b"one", "first") is Turn.MINE
        assert recent.ask(b"two", "other picture") is Turn.MINE
        assert recent.settle(b"one", {"a": 1}) == []
        assert recent.ask(b"one", "later") == {"a": 1}
        assert recent.ask(b"one", "later still") == {"a": 1}

    def test_who_asks_meanwhile_waits_and_is_given_back_once(self) -> None:
        recent = RecentAnswers[str]()
        recent.ask(b"one", "first")
        assert [recent.ask(b"one", name) for name in ("second", "third")] == [Turn.WAIT, Turn.WAIT]
        assert recent.settle(b"one", {"a": 1}) == ["second", "third"]
        assert recent.ask(b"one", "second") == {"a": 1}

    def test_what_must_not_be_used_again_is_forgotten(self) -> None:
        recent = RecentAnswers[str]()
        recent.ask(b"one", "first")
        recent.ask(b"one", "second")
        recent.ask(b"one", "third")
        assert recent.settle(b"one", None) == ["second", "third"]
        assert [recent.ask(b"one", name) for name in ("second", "third")] == [Turn.MINE, Turn.WAIT]
        assert recent.settle(b"one", {}) == ["third"]

    def test_no_answers_at_all_are_answers(self) -> None:
        recent = RecentAnswers[str]()
        recent.ask(b"one", "first")
        recent.settle(b"one", {})
        assert recent.ask(b"one", "second") == {}

    def test_what_was_asked_for_longest_ago_goes_first(self) -> None:
        recent = RecentAnswers[int]()
        for number in range(KEPT):
            recent.ask(bytes([number]), number)
            recent.settle(bytes([number]), {"n": number})
        assert recent.ask(bytes([0]), 0) == {"n": 0}
        recent.ask(b"another", -1)
        recent.settle(b"another", {})
        assert recent.ask(bytes([0]), 0) == {"n": 0}
        assert recent.ask(bytes([1]), 1) is Turn.MINE
        assert [recent.ask(bytes([number]), number) for number in range(2, KEPT)] == [{"n": n} for n in range(2, KEPT)]

    def test_what_is_being_worked_out_does_not_go(self) -> None:
        recent = RecentAnswers[int]()
        recent.ask(b"slow", 0)
        recent.ask(b"slow", 1)
        for number in range(3 * KEPT):
            recent.ask(bytes([number]), number)
            recent.settle(bytes([number]), {})
        assert recent.settle(b"slow", {"a": 1}) == [1]


class Counting(Analyzer):
    """Answers the brightness; remembers which frames it was asked about."""

    takes_inputs = True
    parallel = True

    def load(self) -> None:
        self.asked: list[int] = []
        self._lock = Lock()

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        with self._lock:
            self.asked += [frame.index for frame in frames]
        return [[int(frames[0].bgr()[0, 0, 0]), {name: answers[0] for name, answers in inputs.items()}]]


class ByPicture(Counting):
    by_picture = True


@pytest.fixture
def worth_reusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quick an analyzer is."""
    monkeypatch.setattr(engine, "_WORTH_REUSING_S", 0.0)


def frames_of(greys: Sequence[int]) -> list[Frame]:
    return [Frame.from_bgr(plain(grey), n, Fraction(n, 25)) for n, grey in enumerate(greys)]


class Pipeline:
    """An executor, and which frames its nodes were asked about."""

    def __init__(self, nodes: dict[str, Any], workers: int = 1, reuse: bool = True, **more: type[Analyzer]) -> None:
        known = registry(counting=Counting, by_picture=ByPicture, **more)
        context = AnalyzerContext(Path("models"), cores=workers)
        graph = build_graph(define(nodes, max_failed_share=1.0), known)
        self.executor = PipelineExecutor(graph, context, workers, reuse=reuse)

    def run(self, frames: Iterable[Frame]) -> list[Any]:
        return [(each.frame_index, dict(each.outputs)) for each in self.executor.run(frames)]

    def asked(self, name: str) -> list[int]:
        (analyzer,) = [analyzer for node, analyzer in self.executor.nodes if node.name == name]
        return sorted(analyzer.asked)  # type: ignore[attr-defined]


BY_PICTURE = {"analyzer": "by_picture"}


@pytest.mark.usefixtures("worth_reusing")
class TestIdenticalFrames:
    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_are_analysed_once_by_who_looks_at_pictures_alone(self, workers: int) -> None:
        pipeline = Pipeline({"a": BY_PICTURE, "b": {"analyzer": "counting"}}, workers)
        results = pipeline.run(frames_of([10, 20, 10, 10, 20, 30, 10]))
        assert len(pipeline.asked("a")) == 3
        assert pipeline.asked("b") == list(range(7))
        assert [outputs["a"][0] for _, outputs in results] == [10, 20, 10, 10, 20, 30, 10]

    def test_are_analysed_again_if_an_input_looks_at_more(self) -> None:
        nodes = {
            "picture": BY_PICTURE,
            "shared": {**BY_PICTURE, "inputs": ["picture"]},
            "index": {"analyzer": "index"},
            "apart": {**BY_PICTURE, "inputs": ["picture", "index"]},
            "far_apart": {**BY_PICTURE, "inputs": ["apart"]},
        }
        pipeline = Pipeline(nodes)
        results = pipeline.run(frames_of([10, 10, 10]))
        assert {name: len(pipeline.asked(name)) for name in ("picture", "shared", "apart", "far_apart")} == {
            "picture": 1,
            "shared": 1,
            "apart": 3,
            "far_apart": 3,
        }
        assert [outputs["apart"][1]["index"] for _, outputs in results] == [0, 1, 2]

    def test_are_analysed_again_if_reuse_is_off(self) -> None:
        pipeline = Pipeline({"a": BY_PICTURE}, reuse=False)
        pipeline.run(frames_of([10, 10, 10]))
        assert pipeline.asked("a") == [0, 1, 2]

    def test_are_analysed_again_in_another_video(self) -> None:
        pipeline = Pipeline({"a": BY_PICTURE})
        pipeline.run(frames_of([10, 10]))
        pipeline.run(frames_of([10, 10]))
        assert pipeline.asked("a") == [0, 0]

    @pytest.mark.parametrize(("different", "calls"), [(KEPT, KEPT), (KEPT + 1, 4 * (KEPT + 1))])
    def test_only_so_many_pictures_are_remembered(
        self, different: int, calls: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # One thread analyses them all: beside another, a picture may come again while it is still worked on.
        monkeypatch.setattr(engine, "_WORTH_HANDING_OVER_S", 0.0)
        pipeline = Pipeline({"a": BY_PICTURE})
        greys = [20 * number for number in range(different)] * 4
        results = pipeline.run(frames_of(greys))
        assert len(pipeline.asked("a")) == calls
        assert [outputs["a"][0] for _, outputs in results] == greys

    def test_answers_are_the_same_with_and_without(self) -> None:
        dice = Random(3)
        greys = [dice.choice([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]) for _ in range(80)]
        nodes = {
            "a": BY_PICTURE,
            "b": {**BY_PICTURE, "inputs": ["a"]},
            "c": {"analyzer": "collect", "inputs": ["a", "b", "i"]},
            "i": {"analyzer": "index"},
        }
        answers = [
            Pipeline(nodes, workers, reuse).run(frames_of(greys)) for reuse in (True, False) for workers in (1, 2, 4)
        ]
        assert all(each == answers[0] for each in answers)


class Gate(ByPicture):
    """Holds frame 0 until a frame of another grey is analysed."""

    reached: Event
    opened: Event

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        (answer,) = super().analyze(frames, inputs)
        if frames[0].index == 0:
            self.reached.set()
            assert self.opened.wait(20)
            self.after_waiting()
        elif answer[0] != 10:
            self.opened.set()
        return [answer]

    def after_waiting(self) -> None:
        pass


@pytest.mark.usefixtures("worth_reusing")
class TestWaiting:
    """Two workers: one is held at frame 0, the other sets frames 1 and 2 aside and goes on with frame 3."""

    GREYS = (10, 10, 10, 20, 10)

    def run(self, kind: type[Gate]) -> tuple[Pipeline, list[Any]]:
        reached = Event()

        def frames() -> Iterator[Frame]:
            first, *others = frames_of(self.GREYS)
            yield first
            assert reached.wait(20)  # or the other worker might be quicker with frame 1
            yield from others

        gate = type("Gated", (kind,), {"reached": reached, "opened": Event()})
        pipeline = Pipeline({"a": {"analyzer": "gate"}}, workers=2, gate=gate)
        return pipeline, [outputs["a"] for _, outputs in pipeline.run(frames())]

    def test_who_waits_keeps_nobody_busy_and_gets_the_answer(self) -> None:
        pipeline, answers = self.run(Gate)
        assert pipeline.asked("a") == [0, 3]
        assert answers == [[grey, {}] for grey in self.GREYS]

    def test_who_waits_for_one_that_fails_is_analysed(self) -> None:
        class Failing(Gate):
            def after_waiting(self) -> None:
                raise ValueError("blinded")

        pipeline, answers = self.run(Failing)
        assert answers == [{"error": "ValueError: blinded"}, *([grey, {}] for grey in self.GREYS[1:])]
        assert len(pipeline.asked("a")) == 3  # the first, one of those that waited, and the other picture

    def test_every_frame_fails_for_itself(self) -> None:
        class Broken(ByPicture):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
                super().analyze(frames, inputs)
                raise ValueError(f"no {frames[0].index}")

        pipeline = Pipeline({"a": {"analyzer": "broken_one"}}, workers=2, broken_one=Broken)
        answers = [outputs["a"] for _, outputs in pipeline.run(frames_of([10] * 6))]
        assert answers == [{"error": f"ValueError: no {n}"} for n in range(6)]


class Hashed(Frame):
    """Counts how often its picture is looked at for comparison."""

    count = 0

    def digest(self) -> bytes:
        type(self).count += 1
        return super().digest()


class TestWhatIsWorthComparing:
    FRAMES = 10

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        clock = Clock()
        monkeypatch.setattr(engine, "perf_counter", clock)
        return clock

    def taking(self, clock: Clock, takes_s: float) -> type[Analyzer]:
        class Timed(ByPicture):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
                clock.now += takes_s
                return super().analyze(frames, inputs)

        return Timed

    def hashed(self, kind: type[Analyzer], reuse: bool = True) -> int:
        Hashed.count = 0
        frames = [Hashed.from_bgr(plain(n), n) for n in range(self.FRAMES)]
        Pipeline({"a": {"analyzer": "kind"}}, reuse=reuse, kind=kind).run(frames)
        return Hashed.count

    def test_quick_answers_are_not(self, clock: Clock) -> None:
        assert self.hashed(self.taking(clock, 0.0019)) == 1  # nothing is known yet

    def test_slow_answers_are(self, clock: Clock) -> None:
        slow = self.taking(clock, 0.0021)
        assert self.hashed(slow) == self.FRAMES
        assert self.hashed(slow, reuse=False) == 0

    @pytest.mark.usefixtures("worth_reusing")
    def test_pictures_nobody_answers_by_are_not(self) -> None:
        assert self.hashed(Counting) == 0


FORMATS = {
    "planar": ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp", "yuva420p"],
    "two planes": ["nv12", "p010le"],
    "packed": ["bgr24", "bgra", "bgr0", "rgb48le", "rgb565le", "yuyv422", "y210le"],
    "one component": ["gray", "gray10le"],
}
ALL_FORMATS = [name for names in FORMATS.values() for name in names]


def filled(pixel_format: str, padding: int, size: tuple[int, int] = (68, 34)) -> av.VideoFrame:
    """Make a picture of ones; what is not to be seen is filled with ``padding``."""
    picture = av.VideoFrame(*size, pixel_format)
    for plane, width in zip(picture.planes, row_bytes(picture), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        rows[:] = padding
        rows[: plane.height, :width] = 1
    return picture


def row_bytes(picture: av.VideoFrame) -> list[int]:
    """How many bytes a row of each plane has, from the pictures that PyAV packs."""
    packed = picture.width * picture.format.padded_bits_per_pixel // 8
    depth = 2 if picture.format.components[0].bits > 8 else 1
    if len(picture.planes) == 1:
        return [packed]
    interleaved = 2 if picture.format.name in ("nv12", "p010le") else 1
    return [depth * plane.width * (interleaved if n else 1) for n, plane in enumerate(picture.planes)]


def digest(picture: av.VideoFrame, orientation: Orientation | None = None) -> bytes:
    return Frame(0, Fraction(0), picture, orientation or Orientation()).digest()


class TestDigest:
    @pytest.mark.parametrize("pixel_format", ALL_FORMATS)
    def test_what_pads_the_rows_does_not_matter(self, pixel_format: str) -> None:
        assert digest(filled(pixel_format, 0)) == digest(filled(pixel_format, 255))

    @pytest.mark.parametrize("pixel_format", ALL_FORMATS)
    def test_every_byte_that_can_be_seen_matters(self, pixel_format: str) -> None:
        unchanged = digest(filled(pixel_format, 0))
        for number, (row, column) in self.corners(filled(pixel_format, 0)):
            picture = filled(pixel_format, 0)
            plane = picture.planes[number]
            np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[row, column] = 2  # type: ignore[call-overload]
            assert digest(picture) != unchanged, (number, row, column)

    def corners(self, picture: av.VideoFrame) -> Iterator[tuple[int, tuple[int, int]]]:
        for number, (plane, width) in enumerate(zip(picture.planes, row_bytes(picture), strict=True)):
            rows, columns = (0, plane.height // 2, plane.height - 1), (0, width // 2, width - 1)
            yield from ((number, (row, column)) for row in rows for column in columns)

    @pytest.mark.parametrize("pixel_format", ["yuyv422", "yuv420p", "nv12", "bgr24", "y210le"])
    def test_the_last_pixel_of_an_odd_row_matters(self, pixel_format: str) -> None:
        picture = filled(pixel_format, 0, (65, 33))
        unchanged = digest(picture)
        for plane in picture.planes:
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
            last = int(np.flatnonzero(self.colours_at(picture, plane))[-1])
            rows[plane.height - 1, last] ^= 0xF0
            assert digest(picture) != unchanged
            rows[plane.height - 1, last] ^= 0xF0

    def colours_at(self, picture: av.VideoFrame, plane: Any) -> list[bool]:
        """Which bytes of the last row change how the picture looks."""
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        shown = picture.to_ndarray(format="bgr24").copy()
        seen = []
        for column in range(plane.line_size):
            rows[plane.height - 1, column] ^= 0xF0
            seen.append(bool((picture.to_ndarray(format="bgr24") != shown).any()))
            rows[plane.height - 1, column] ^= 0xF0
        return seen

    def test_the_size_matters(self) -> None:
        sizes = [(68, 34), (34, 68), (136, 17)]
        assert len({digest(filled("gray", 0, size)) for size in sizes}) == len(sizes)

    def test_what_the_bytes_mean_matters(self) -> None:
        plain_one, full, other = filled("yuv420p", 0), filled("yuv420p", 0), filled("yuv420p", 0)
        full.color_range = 2
        other.colorspace = 1
        formats = [filled(name, 0) for name in ("yuvj420p", "bgr24", "rgb24")]
        assert len({digest(picture) for picture in (plain_one, full, other, *formats)}) == 6

    def test_how_it_is_turned_matters(self) -> None:
        turns = [Orientation(a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)]
        assert len({digest(filled("gray", 0), turn) for turn in turns}) == 8

    def test_the_palette_matters(self) -> None:
        digests = []
        for grey in (0, 1):
            picture = av.VideoFrame(64, 48, "pal8")
            for plane in picture.planes:
                np.frombuffer(plane, np.uint8)[:] = 0  # type: ignore[call-overload]
            np.frombuffer(picture.planes[1], np.uint8)[0] = grey  # type: ignore[call-overload]
            digests.append(digest(picture))
        assert digests[0] != digests[1]

    def test_neither_the_place_of_the_frame_nor_its_memory_does(self) -> None:
        one, other = (Frame.from_bgr(plain(7), index, Fraction(index)) for index in (3, 4))
        assert one.digest() == other.digest()

    def test_pixels_with_a_byte_to_spare(self, tmp_path: Path) -> None:
        """FFV1 gives four bytes for three colours; the last columns count like the others."""
        pictures = [plain(0) for _ in range(3)]
        for number, picture in enumerate(pictures):
            picture[:, -2:] = 50 * number
        path = encode_clip(tmp_path / "ffv1.mp4", pictures, codec="ffv1", pixel_format="bgr0")
        with VideoFile.open(path) as video:
            assert len({frame.digest() for frame in video.frames()}) == 3
