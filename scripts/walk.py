"""How one MP4 goes through the service: its fault points, in order, each with what has just been done.

`tests/faults/test_walk.py` sends one through the real processes and compares what they pass with what stands here.
"""

from typing import NamedTuple


class Step(NamedTuple):
    """One thing that happens on the way."""

    process: str
    point: str
    """The fault point, or what the client asks and is told."""
    said: str
    after: str | None = None
    """What another process does that brings it about. Two processes have no other order between them."""


CLIENT, API, SUPERVISOR = "client", "API process", "worker's supervisor"

WALK = (
    Step(CLIENT, "POST /video/submit", "The client begins to send its MP4."),
    Step(API, "submit.begun", "The caller may submit, and the job has an id.", after="POST /video/submit"),
    Step(API, "storage.writing", "A piece of the body is in a temporary file; this is repeated for each piece."),
    Step(API, "storage.written", "All of it is written and fsynced."),
    Step(API, "storage.renamed", "The file has its name; the fsync of its directory follows."),
    Step(API, "submit.saved", "The video is stored for good."),
    Step(API, "submit.probed", "A probe process has opened it; the options are checked, the pipeline is frozen."),
    Step(API, "submit.inserted", "Job row and hint are in the transaction, which commits next."),
    Step(API, "submit.committed", "The job is durable. Whatever dies from here on, it is run."),
    Step(CLIENT, "202 job_id", "The client is told, only now.", after="submit.committed"),
    Step(SUPERVISOR, "hint.taken", "A slot of a worker has woken up and taken the hint.", after="submit.inserted"),
    Step(SUPERVISOR, "job.claimed", "The row is running, with attempt + 1 and a fresh lease token."),
    Step(SUPERVISOR, "job.sent", "The analysis process has the job: it decodes, analyses and writes the results."),
    Step(SUPERVISOR, "job.answered", "It is done. Meanwhile the supervisor renewed the lease and minded the limits."),
    Step(SUPERVISOR, "storage.writing", "A piece of the results is in a temporary file."),
    Step(SUPERVISOR, "storage.written", "All of them are written and fsynced."),
    Step(SUPERVISOR, "storage.renamed", "The file has its name, that of this attempt."),
    Step(SUPERVISOR, "results.saved", "The results are stored, and nobody can see them yet."),
    Step(SUPERVISOR, "job.completed", "One fenced UPDATE has made them visible and the job completed."),
    Step(CLIENT, "GET /video/results/{job_id}", "The client fetches them, whole.", after="job.completed"),
)
