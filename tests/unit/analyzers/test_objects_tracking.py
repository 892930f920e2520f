"""The objects analyzer with tracking, from an MP4 with moving lights to numbered objects."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame
from reelwork.analyzers.builtin.objects import Objects
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.sampling import Sampling
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import encode_clip
from tests.support.onnx_models import ColourModel
from tests.support.pictures import Picture, frames_of, plain
from tests.unit.analyzers.batches import Ready, apart, one_by_one, together

RATE = 20
SECONDS = 3
SIDE = 320
CELL = SIDE // 8
NAMES = {"names": "{0: 'red', 1: 'green', 2: 'blue'}"}


def picture(second: float) -> Picture:
    """Two reds pass each other far apart, one of them faint for a while; a green one comes late and goes early."""
    shown = plain(SIDE, SIDE, (0, 0, 0))
    light = 60 if 0.9 <= second < 1.4 else 255
    _paint(shown, (0, 0, light), 20 + 80 * second, 1)
    _paint(shown, (0, 0, 255), 260 - 80 * second, 6)
    if 0.5 <= second < 2.5:
        _paint(shown, (0, 255, 0), 140, 3)
    return shown


def _paint(shown: Picture, colour: tuple[int, int, int], left: float, row: int) -> None:
    shown[row * CELL : (row + 1) * CELL, round(left) : round(left) + CELL] = colour


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [picture(number / RATE) for number in range(RATE * SECONDS)]
    return encode_clip(tmp_path_factory.mktemp("clip") / "lights.mp4", pictures, rate=RATE, options={"crf": "12"})


@pytest.fixture
def context(tmp_path: Path) -> AnalyzerContext:
    ColourModel(box_cells=5, metadata=NAMES).save(tmp_path / "objects.onnx")
    return AnalyzerContext(models_dir=tmp_path)


def analysed(
    clip: Path, context: AnalyzerContext, sampling: Sampling, workers: int = 2, reuse: bool = True, **settings: Any
) -> list[FrameResult]:
    definition = PipelineDefinition.model_validate(
        {"name": "lights", "nodes": {"objects": {"analyzer": "objects", "with": settings}}, "outputs": ["objects"]}
    )
    graph = build_graph(definition, AnalyzerRegistry({"objects": Objects}))
    executor = PipelineExecutor(graph, context, workers, reuse=reuse)
    with VideoFile.open(clip, DecodeLimits()) as video:
        return list(executor.run(video.frames(sampling.chooser())))


def tracks(results: list[FrameResult]) -> dict[int, list[tuple[float, str]]]:
    """Return for each track number when it was seen, and as what."""
    seen: dict[int, list[tuple[float, str]]] = {}
    for result in results:
        for item in result.outputs["objects"]:
            seen.setdefault(item["track_id"], []).append((result.time_s, item["label"]))
    return seen


@pytest.mark.parametrize("sampling", [{}, {"frame_stride": 3}, {"every_s": 0.17}], ids=str)
def test_moving_lights_are_numbered_and_followed(
    clip: Path, context: AnalyzerContext, sampling: dict[str, Any]
) -> None:
    results = analysed(clip, context, Sampling(**sampling), track=True, keep_confidence=0.05)
    seen = tracks(results)
    every = [result.time_s for result in results]
    assert seen[1] == [(time, "red") for time in every]
    assert seen[2] == [(time, "red") for time in every]
    assert seen[3] == [(time, "green") for time in every if 0.5 <= time < 2.5]
    assert len(seen) == 3


def test_without_tracking_the_faint_light_is_not_answered(clip: Path, context: AnalyzerContext) -> None:
    plain_answers = analysed(clip, context, Sampling())
    tracked = analysed(clip, context, Sampling(), track=True, keep_confidence=0.05)
    for one, other in zip(plain_answers, tracked, strict=True):
        certain = [item for item in other.outputs["objects"] if item["confidence"] >= 0.25]
        assert [{**item} for item in one.outputs["objects"]] == [_without_number(item) for item in certain]
    at_one = [len(results[RATE].outputs["objects"]) for results in (plain_answers, tracked)]
    assert at_one == [2, 3]


def test_what_may_be_kept_is_a_setting(clip: Path, context: AnalyzerContext) -> None:
    strict = tracks(analysed(clip, context, Sampling(), track=True, keep_confidence=0.3))
    assert len(strict) == 3
    assert len(strict[1]) < RATE * SECONDS
    assert len(tracks(analysed(clip, context, Sampling(), track=True, keep_confidence=0.3, max_gap_s=0.2))) == 4


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("reuse", [True, False])
def test_workers_and_reuse_change_nothing(clip: Path, context: AnalyzerContext, workers: int, reuse: bool) -> None:
    expected = analysed(clip, context, Sampling(), 2, track=True, keep_confidence=0.05)
    assert analysed(clip, context, Sampling(), workers, reuse, track=True) == expected


@pytest.fixture
def lights() -> list[Frame]:
    return frames_of([picture(number / 10) for number in range(10 * SECONDS)], rate=10)


def test_batches_threads_and_earlier_videos_change_nothing(ready: Ready, lights: list[Frame]) -> None:
    analyzer = ready(Objects, track=True, keep_confidence=0.05)
    expected = together(analyzer, lights)
    assert one_by_one(analyzer, lights) == expected
    assert apart(analyzer, lights) == expected
    assert together(analyzer, lights) == expected


def test_it_is_stateful_only_if_it_tracks(ready: Ready) -> None:
    kinds: list[Analyzer] = [ready(Objects, track=track) for track in (False, True)]
    assert [analyzer.stateful for analyzer in kinds] == [False, True]


def test_at_most_so_many_are_answered(ready: Ready, lights: list[Frame]) -> None:
    both = together(ready(Objects, track=True, max_objects=2, keep_confidence=0.05), lights)
    without = together(ready(Objects, max_objects=2), lights)
    assert max(map(len, both)) == 2
    for answer, certain in zip(both, without, strict=True):
        assert [_without_number(item) for item in answer if item["confidence"] >= 0.25] == certain


def test_answers_are_not_those_of_other_frames(ready: Ready) -> None:
    analyzer = ready(Objects, track=True, max_gap_s=0)
    frame = frames_of([picture(0)])[0]
    observed = analyzer.observe(frame, {})  # type: ignore[attr-defined]
    empty: tuple[list[Any], list[Any]] = ([], [])
    answers = [
        analyzer.conclude(Frame(number, Fraction(number), frame._decoded).moment, what)  # type: ignore[attr-defined]
        for number, what in enumerate([observed, empty, observed])
    ]
    assert [[item["track_id"] for item in answer] for answer in answers] == [[1, 2], [], [3, 4]]
    assert all("track_id" not in item for item in observed[0])


def _without_number(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "track_id"}


@pytest.mark.parametrize("wrong", [{"max_gap_s": -1}, {"max_gap_s": float("inf")}, {"keep_confidence": 2}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Objects.Settings(**wrong)


def test_the_clip_shows_what_it_should() -> None:
    assert np.flatnonzero(picture(1.0)[CELL, :, 2] == 60)[[0, -1]].tolist() == [100, 139]
