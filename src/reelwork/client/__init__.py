"""The Python client of a Reelwork service.

    from reelwork.client import Client

    with Client() as client:
        job_id = client.submit("clip.mp4", pipeline="text")
        if client.wait(job_id).status == "completed":
            for frame in client.results(job_id).results:
                print(frame.frame_index, frame.time_s, frame.result["text"])

Whatever goes wrong is a ``ReelworkError`` whose message can be shown.
"""

from reelwork.client.answers import FrameResult, JobState, Pipeline, Results
from reelwork.client.client import Client
from reelwork.client.errors import ConnectionLost, ServiceProblem, ServiceUnreachable, UnexpectedAnswer, WaitTimedOut

__all__ = [
    "Client",
    "ConnectionLost",
    "FrameResult",
    "JobState",
    "Pipeline",
    "Results",
    "ServiceProblem",
    "ServiceUnreachable",
    "UnexpectedAnswer",
    "WaitTimedOut",
]
