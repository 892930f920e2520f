"""Every deliberate error, and the sentence it shows."""

import inspect
from uuid import UUID

import pytest

from reelwork import errors
from reelwork.errors import (
    AnalysisFailed,
    AnalyzerFailed,
    DecodingStopped,
    FileMissing,
    InvalidKey,
    InvalidOptions,
    JobNotFailed,
    JobNotFound,
    Mistake,
    NotAcceptable,
    PipelineInvalid,
    PipelineUnavailable,
    RangeNotSatisfiable,
    ReelworkError,
    ResultsNotReady,
    ServiceUnavailable,
    StorageError,
    StorageFull,
    SubmissionRefused,
    UnknownPipeline,
    UploadTooLarge,
)

JOB_ID = UUID("0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f")
CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}


def drawn_tree() -> dict[str, str]:
    """Read the tree in the module's docstring: each class and the one above it."""
    above: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name not in CLASSES:
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        path = [*path[:depth], name]
        above[name] = path[-2] if depth else "Exception"
    return above


def test_the_tree_is_as_drawn() -> None:
    assert drawn_tree() == {name: kind.__base__.__name__ for name, kind in CLASSES.items()}


def test_all_of_them_are_ours() -> None:
    assert all(issubclass(kind, ReelworkError) for kind in CLASSES.values())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            UnknownPipeline("txt", ["objects", "text"]),
            "There is no pipeline named 'txt'. Known pipelines: objects, text.",
        ),
        (PipelineUnavailable("objects", "No model."), "Pipeline 'objects' is not available here: No model."),
        (UploadTooLarge(1000), "The file is larger than this service accepts (1000 bytes)."),
        (JobNotFound(JOB_ID), f"There is no job {JOB_ID}."),
        (
            ResultsNotReady(JOB_ID, "running", None),
            f"Job {JOB_ID} is running; its results appear when it is completed.",
        ),
        (ResultsNotReady(JOB_ID, "failed", "It broke."), f"Job {JOB_ID} failed and has no results: It broke."),
        (JobNotFailed(JOB_ID, "running"), f"Job {JOB_ID} is running; only a failed job can be retried."),
        (NotAcceptable(["text/csv", "text/vtt"]), "This comes as text/csv, text/vtt. Name one of them in Accept."),
        (RangeNotSatisfiable(9), "There are 9 bytes; the range that is asked for is none of them."),
        (InvalidKey("../x"), "'../x' is not a valid storage key."),
        (FileMissing("a/b"), "No file is stored under 'a/b'."),
        (
            InvalidOptions([Mistake("frame_stride", "must be 1 or more"), Mistake("", "too many")]),
            "frame_stride: must be 1 or more; too many",
        ),
        (
            PipelineInvalid("x.yaml", [Mistake("nodes.a", "unused"), Mistake("", "odd")]),
            "Pipeline x.yaml has 2 mistake(s):\n  - nodes.a: unused\n  - odd",
        ),
        (
            DecodingStopped(7, 40, "bad data"),
            "Decoding stopped after frame 6 of 40: the video is damaged or truncated (bad data).",
        ),
        (
            DecodingStopped(1, None, "bad data"),
            "Decoding stopped after frame 0: the video is damaged or truncated (bad data).",
        ),
        (
            DecodingStopped(0, 40, "bad data"),
            "Decoding stopped before the first frame: the video is damaged or truncated (bad data).",
        ),
        (
            AnalyzerFailed("words", "text", "frames 0 to 3", "ValueError: x"),
            "Node 'words' (analyzer 'text') failed on frames 0 to 3: ValueError: x",
        ),
    ],
)
def test_sentences(error: ReelworkError, sentence: str) -> None:
    assert str(error) == sentence


def test_what_a_program_may_ask_them() -> None:
    assert UnknownPipeline("x", ["a"]).known == ("a",)
    assert UploadTooLarge(5).limit_bytes == 5
    not_ready = ResultsNotReady(JOB_ID, "failed", "It broke.")
    assert (not_ready.status, not_ready.error_message) == ("failed", "It broke.")
    mistakes = [Mistake("a", "b")]
    assert InvalidOptions(mistakes).mistakes == PipelineInvalid("x", mistakes).mistakes == (Mistake("a", "b"),)


def test_kinds() -> None:
    assert issubclass(PipelineUnavailable, SubmissionRefused)
    assert issubclass(DecodingStopped, AnalysisFailed)
    assert issubclass(InvalidKey, StorageError)
    assert issubclass(StorageFull, ServiceUnavailable)
    assert not issubclass(JobNotFound, SubmissionRefused)
