"""A video that is worked on in parts has the results of the whole, byte by byte, however many parts there are."""

import io
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.child_process import ChildProcess, end_with_starting_thread
from reelwork.pipeline import service as service_module
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.segment_processes import SegmentProcesses, answering
from reelwork.pipeline.segments import SegmentExecutor, SegmentFailed, SegmentRequest
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.source import DecodeLimits
from tests.conformance.analyzers import IN_PARTS, REGISTRY, expected_results
from tests.conformance.library import HARD, LONG, MADE, REAL, Library
from tests.conformance.samplings import SAMPLINGS, picked

SPLIT = {"B-frames, pyramid", "open GOP", "interlaced", "HEVC, open GOP", "AV1", "VP9", "fragments"}
"""Those of the hard ones that must not be worked on as a whole."""


class OneAfterTheOther:
    """Runs segments in this process, and remembers which came out."""

    def __init__(self, segments: int, directory: Path) -> None:
        self.segments = segments
        self.done = 0
        self._service = service(directory, None)

    def run(self, requests: Sequence[SegmentRequest]) -> Generator[SegmentRequest, None, None]:
        for request in requests:
            try:
                self._service.run_segment(request)
            except DecodingUnsure as error:
                raise SegmentFailed(str(error)) from error
            self.done += 1
            yield request


@pytest.fixture(autouse=True)
def _short_videos_are_split_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LEAST_FRAMES", 1)


CASES = [
    (name, sampling)
    for name in (sorted(HARD) if not LONG else [*MADE, *REAL])
    for sampling in (SAMPLINGS if LONG else ["stride 1", "every 0.1 s", "stride 5 within parts"])
]


@pytest.mark.parametrize("segments", [2, 3, 4] if LONG else [4])
@pytest.mark.parametrize(("name", "sampling"), CASES)
def test_in_parts_as_in_one(library: Library, name: str, sampling: str, segments: int, tmp_path: Path) -> None:
    executor = OneAfterTheOther(segments, tmp_path)
    document = results(library[name].path, sampling, tmp_path, executor)
    assert document == results(library[name].path, sampling, tmp_path, None)
    if sampling == "stride 1":
        assert json.loads(document)["results"] == expected(library, name, sampling)
        assert executor.done == segments or name not in SPLIT


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("name", ["open GOP", "HEVC, open GOP", "cut within an intra refresh"])
def test_in_processes(library: Library, name: str, processes: int, tmp_path: Path) -> None:
    children: list[ChildProcess[SegmentRequest, str | None]] = []

    def make_child() -> ChildProcess[SegmentRequest, str | None]:
        children.append(ChildProcess("segment", set_up_segments, tmp_path))
        return children[-1]

    executor = SegmentProcesses(processes, make_child)
    try:
        document = results(library[name].path, "stride 1", tmp_path, executor)
    finally:
        for child in children:
            child.kill()
    assert json.loads(document)["results"] == expected(library, name, "stride 1")


def expected(library: Library, name: str, sampling: str) -> object:
    reference = library[name].reference
    return expected_results(picked(reference, SAMPLINGS[sampling]), reference.numbers, IN_PARTS)


def results(path: Path, sampling: str, directory: Path, segments: SegmentExecutor | None) -> bytes:
    """Return the results document of a file."""
    document = io.BytesIO()

    def write(answers: Iterator[FrameResult]) -> None:
        document.seek(0)
        document.truncate()
        write_results(document, UUID(int=1), answers)

    asked = Sampling.model_validate(SAMPLINGS[sampling])
    service(directory, segments).analyse(path, IN_PARTS, asked, write, directory)
    return document.getvalue()


def service(directory: Path, segments: SegmentExecutor | None) -> VideoFilePipelineService:
    context = AnalyzerContext(models_dir=directory, cores=2)
    catalog = PipelineCatalog.load(directory, REGISTRY, context)
    return VideoFilePipelineService(catalog, REGISTRY, context, DecodeLimits(threads=2), segments)


def set_up_segments(directory: Path) -> Callable[[SegmentRequest], str | None]:
    """Return what works on segments in a process of its own."""
    end_with_starting_thread()
    return answering(service(directory, None).run_segment)
