"""Run one claimed job in the child process, from the outside: lease, limits, results, outcome."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reelwork import faults
from reelwork.child_process import ChildDied, ChildProcess, with_care_after_a_crash
from reelwork.errors import FileMissing, ServiceUnavailable, StorageFull
from reelwork.jobs.counters import Counted, Counters, Measured
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import Claim, JobStore, Lease
from reelwork.logs import about
from reelwork.storage.service import StorageService, results_key
from reelwork.tracing import describe, span
from reelwork.worker.analysis import Analysed, AnalysisAnswer, AnalysisError, AnalysisRequest
from reelwork.worker.lease import LeaseKeeper, LeaseLost
from reelwork.worker.scratch import ScratchDirectory
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_COPY_BYTES = 2**20
_MEBIBYTE = 2**20
_MEMORY_CHECK_S = 0.2
_STOPPING_SLICE_S = 0.1
_JOBS_PER_CHILD = 200
_FILE_MISSING = "Its MP4 is not in this worker's storage: the API and the worker must share REELWORK_STORAGE_URL."

AnalysisProcess = ChildProcess[AnalysisRequest, AnalysisAnswer]


@dataclass(frozen=True)
class JobLimits:
    """What one attempt at a job may take."""

    timeout_s: float
    memory_mb: int


class StopNow(Exception):
    """The worker must end and its grace is over."""


class AttemptLost(Exception):
    """The attempt came to nothing through no decision of the pipeline; ``str(error)`` is the cause.

    ``kind`` is one of ``CAUSES``, to be counted by.
    """

    def __init__(self, cause: str, kind: str) -> None:
        self.kind = kind
        super().__init__(cause)


class JobRunner:
    """Runs claimed jobs, one at a time, in a child process that stays warm between them."""

    def __init__(
        self,
        store: JobStore,
        storage: StorageService,
        child: AnalysisProcess,
        stop: StopRequest,
        limits: JobLimits,
        lease_s: float,
        counters: Counters | None = None,
    ) -> None:
        self._store = store
        self._storage = storage
        self._child = child
        self._stop = stop
        self._limits = limits
        self._lease_s = lease_s
        self._counters = counters or Counters()
        self._jobs_of_child = 0

    def warm_up(self) -> None:
        """Start the child process, so that the next job does not wait for it."""
        self._child.start()

    def close(self) -> None:
        """End the child process."""
        self._child.kill()

    def run(self, claim: Claim) -> None:
        """Take the job to its next state; whatever happens, it is not left running by this worker.

        Raises:
            ServiceUnavailable: The storage does not answer, and the job was handed back; or the database
                does not, and the lease will run out. Either way, the next job would fare no better now.
        """
        facts: dict[str, str | int] = {"job_id": str(claim.lease.job_id), "attempt": claim.lease.attempt}
        with about(**facts), span("job attempt", **facts, waited_s=claim.waited_s):
            self._counters.observe(Measured.QUEUE_WAIT_S, claim.waited_s)
            self._run(claim)

    def _run(self, claim: Claim) -> None:
        lease = claim.lease
        keeper = LeaseKeeper(self._store, claim, self._lease_s)
        try:
            with _scratch_directory() as scratch:
                results_path = scratch / "results.json"
                answer = self._analyse(claim, results_path, keeper)
                if isinstance(answer, AnalysisError):
                    self._give_up(claim, answer)
                else:
                    self._complete(lease, results_path, keeper, answer)
        except FileMissing:
            self._fail(lease, _FILE_MISSING)
        except ChildDied as error:
            self._lose_attempt(lease, f"The analysis process {error}", "crashed")
        except AttemptLost as error:
            self._lose_attempt(lease, str(error), error.kind)
        except StorageFull as error:  # what fills the storage may be the job's own results
            self._lose_attempt(lease, str(error), "storage_full")
        except ServiceUnavailable as error:
            self._hand_back(lease, str(error))
            raise
        except LeaseLost as error:
            self._counters.add(Counted.OUTCOMES, "lease_lost")
            log.warning("job.lease_lost", extra={"reason": str(error)})
        except StopNow:
            self._hand_back(lease, "the worker was asked to stop")
        self._renew_child()

    def _analyse(self, claim: Claim, results_path: Path, keeper: LeaseKeeper) -> AnalysisAnswer:
        with self._storage.local_path(claim.input_path) as video_path:
            request = AnalysisRequest(
                claim.lease.job_id, video_path, claim.pipeline_definition, claim.options, results_path
            )
            began_at = time.monotonic()
            deadline = began_at + self._limits.timeout_s
            answer = with_care_after_a_crash(partial(self._answer, keeper, deadline), request)
            self._counters.observe(Measured.ANALYSIS_S, time.monotonic() - began_at)
            return answer

    def _answer(self, keeper: LeaseKeeper, deadline: float, request: AnalysisRequest) -> AnalysisAnswer:
        self._child.send(request)
        try:
            faults.point("job.sent")
            self._watch(keeper, deadline)
        except BaseException:
            self._child.kill()
            raise
        return self._child.answer()

    def _watch(self, keeper: LeaseKeeper, deadline: float) -> None:
        """Return when the child has answered or died; raise when it must not go on."""
        while True:
            remaining_s = min(keeper.due_in_s, deadline - time.monotonic(), _MEMORY_CHECK_S)
            if self._stop.asked:
                # In slices: a second request must not wait for the end of the grace.
                ready = self._child.wait_for_answer(min(remaining_s, _STOPPING_SLICE_S))
            else:
                ready = self._child.wait_for_answer(remaining_s, self._stop)
            if ready:
                return
            keeper.renew_if_due()
            if self._stop.grace_left_s == 0:
                raise StopNow
            if time.monotonic() >= deadline:
                raise AttemptLost(
                    f"The analysis took longer than {self._limits.timeout_s:g} s and was stopped", "timeout"
                )
            if self._child.memory_bytes > self._limits.memory_mb * _MEBIBYTE:
                raise AttemptLost(
                    f"The analysis took more than {self._limits.memory_mb} MB of memory and was stopped", "memory"
                )

    def _complete(self, lease: Lease, results_path: Path, keeper: LeaseKeeper, answer: Analysed) -> None:
        faults.point("job.answered")
        key = results_key(lease.job_id, lease.token)
        self._storage.save_file(key, _chunks(results_path, keeper))
        faults.point("results.saved")
        won = self._store.complete(lease, key, answer.report)
        faults.point("job.completed")
        if won:
            self._counters.add(Counted.FRAMES, by=answer.frames)
        else:
            self._storage.delete_file(key)
        self._end("completed", won, frames=answer.frames, warnings=answer.report.get("warnings"))

    def _give_up(self, claim: Claim, error: AnalysisError) -> None:
        with self._storage.local_path(claim.input_path):
            pass  # it is still there: from inside the analysis, a storage that goes away looks like any other mishap
        if not error.final:
            raise AttemptLost(error.message, "disk")
        self._fail(claim.lease, error.message)

    def _hand_back(self, lease: Lease, reason: str) -> None:
        self._end("handed_back", self._store.release(lease), reason=reason)

    def _fail(self, lease: Lease, message: str) -> None:
        self._end("failed", self._store.fail(lease, message), error=message)

    def _lose_attempt(self, lease: Lease, cause: str, kind: str) -> None:
        status = self._store.lose_attempt(lease, cause)
        if status is not None:
            self._counters.add(Counted.ATTEMPTS_LOST, kind)
            describe(lost_by=kind)
        if status == JobStatus.PENDING:
            log.info("job.attempt_lost", extra={"error": cause})
        else:
            self._end("failed", status is not None, error=cause)

    def _renew_child(self) -> None:
        """Replace a child that has grown or has done many jobs: libraries leak."""
        self._jobs_of_child += 1
        grown = self._child.memory_bytes > self._limits.memory_mb * _MEBIBYTE // 2
        if grown or self._jobs_of_child >= _JOBS_PER_CHILD:
            self._child.kill()
            self._jobs_of_child = 0
        if not self._stop.asked:
            self._child.start()

    def _end(self, outcome: str, won: bool, **facts: Any) -> None:
        """Count and log how this worker parted from the job."""
        parted = outcome if won else "lease_lost"
        self._counters.add(Counted.OUTCOMES, parted)
        describe(outcome=parted)
        if won:
            log.info(f"job.{outcome}", extra=facts)
        else:
            log.warning("job.lease_lost", extra={**facts, "reason": f"too late to record job.{outcome}"})


@contextmanager
def _scratch_directory() -> Iterator[Path]:
    try:
        directory = ScratchDirectory()
    except OSError as error:
        cause = "The worker has no directory for temporary files that it can write to (TMPDIR)"
        raise AttemptLost(cause, "disk") from error
    with directory as path:
        yield path


def _chunks(path: Path, keeper: LeaseKeeper) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_COPY_BYTES):
                keeper.renew_if_due()
                yield chunk
    except OSError as error:
        raise AttemptLost(f"The worker could not read the results from its disk ({error.strerror})", "disk") from error
