"""The results of a pipeline are those of the reference, byte by byte, however many threads and workers there are."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from tests.conformance.analyzers import PIPELINE, REGISTRY, expected_results
from tests.conformance.library import LONG, Library
from tests.conformance.samplings import SAMPLINGS, picked

JOB = UUID(int=1)
CLIPS = [
    "B-frames, pyramid",
    "HEVC, open GOP",
    "AV1",
    "variable rate, VP9",
    "MPEG-4, B-frames",
    "edit list: begins between key frames, open GOP",
    "edit list: a part twice",
    "fragments, HEVC",
    "frames of no duration",
    "pictures that become larger",
    "turned by 90, 10-bit",
    "midroll-5s.mp4",
]


@pytest.mark.parametrize("sampling", SAMPLINGS if LONG else ["stride 1", "stride 7", "stride 5 within parts"])
@pytest.mark.parametrize("name", CLIPS)
def test_results_are_those_of_the_reference(library: Library, name: str, sampling: str, tmp_path: Path) -> None:
    clip = library[name]
    expected = expected_results(picked(clip.reference, SAMPLINGS[sampling]), clip.reference.numbers)
    documents = {
        results(clip.path, sampling, tmp_path, workers, threads)
        for workers, threads in ((1, 1), (2, 2), (3, 1), (3, 4), (2, 2))
    }
    assert len(documents) == 1
    assert json.loads(documents.pop())["results"] == expected


def results(path: Path, sampling: str, directory: Path, workers: int, threads: int) -> bytes:
    """Return the results document of a file."""
    context = AnalyzerContext(models_dir=directory, cores=workers)
    catalog = PipelineCatalog.load(directory, REGISTRY, context)
    service = VideoFilePipelineService(catalog, REGISTRY, context, DecodeLimits(threads=threads))
    document = io.BytesIO()

    def write(answers: Iterator[FrameResult]) -> None:
        document.seek(0)
        document.truncate()
        write_results(document, JOB, answers)

    service.analyse(path, PIPELINE, Sampling.model_validate(SAMPLINGS[sampling]), write)
    return document.getvalue()
