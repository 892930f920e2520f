"""The Python client of a Reelwork service.

    from reelwork.client import Client

    with Client() as client:
        job = client.submit("clip.mp4", pipeline="text")
        if job.wait().status == "completed":
            for frame in job.results():
                print(frame.frame_index, frame.time_s, frame.result["text"])

``AsyncClient`` is the same, to be awaited. Whatever goes wrong is a ``ReelworkError`` whose message can be shown.
"""

from reelwork.client.answers import Analyzer, FrameResult, JobDetails, JobEntry, JobState, Pipeline
from reelwork.client.async_client import AsyncClient, AsyncJob
from reelwork.client.client import Client, Job
from reelwork.client.errors import (
    AccessDenied,
    ConnectionLost,
    LimitReached,
    NoResults,
    NoSuchJob,
    RequestRefused,
    ServiceProblem,
    ServiceUnreachable,
    TryLater,
    UnexpectedAnswer,
    WaitTimedOut,
)
from reelwork.client.options import JobFilters, JobOptions, ResultFilters

__all__ = [
    "AccessDenied",
    "Analyzer",
    "AsyncClient",
    "AsyncJob",
    "Client",
    "ConnectionLost",
    "FrameResult",
    "Job",
    "JobDetails",
    "JobEntry",
    "JobFilters",
    "JobOptions",
    "JobState",
    "LimitReached",
    "NoResults",
    "NoSuchJob",
    "Pipeline",
    "RequestRefused",
    "ResultFilters",
    "ServiceProblem",
    "ServiceUnreachable",
    "TryLater",
    "UnexpectedAnswer",
    "WaitTimedOut",
]
