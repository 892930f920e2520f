"""Run one claimed job in the child process, from the outside: lease, deadline, results, outcome."""

import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reelwork.child_process import ChildDied, ChildProcess
from reelwork.errors import FileMissing, ServiceUnavailable
from reelwork.jobs.store import Claim, JobStore, Lease
from reelwork.storage.service import StorageService, results_key
from reelwork.worker.analysis import AnalysisAnswer, AnalysisError, AnalysisRequest
from reelwork.worker.lease import LeaseKeeper, LeaseLost
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_COPY_BYTES = 2**20
_STOPPING_SLICE_S = 0.1


class StopNow(Exception):
    """The worker must end and its grace is over."""


class JobRunner:
    """Runs claimed jobs, one at a time, in a child process that stays warm between them."""

    def __init__(
        self,
        store: JobStore,
        storage: StorageService,
        child: ChildProcess[AnalysisRequest, AnalysisAnswer],
        stop: StopRequest,
        *,
        lease_s: float,
        max_attempts: int,
        job_timeout_s: float,
    ) -> None:
        self._store = store
        self._storage = storage
        self._child = child
        self._stop = stop
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._job_timeout_s = job_timeout_s

    def warm_up(self) -> None:
        """Start the child process, so that the first job does not wait for it."""
        self._child.start()

    def close(self) -> None:
        """End the child process."""
        self._child.kill()

    def run(self, claim: Claim) -> None:
        """Take the job to its next state; whatever happens, it is not left running by this worker.

        Raises:
            ServiceUnavailable: The database is gone: the lease will run out and the job run again.
        """
        lease = claim.lease
        keeper = LeaseKeeper(self._store, lease, self._lease_s)
        try:
            with tempfile.TemporaryDirectory(prefix="reelwork-") as scratch:
                results_path = Path(scratch) / "results.json"
                answer = self._analyse(claim, results_path, keeper)
                if isinstance(answer, AnalysisError):
                    self._finish(lease, "job.failed", self._store.fail(lease, answer.message), error=answer.message)
                else:
                    self._complete(lease, results_path, keeper, answer.frames)
        except FileMissing:
            message = "Its MP4 is not in this worker's storage: the API and the worker must share REELWORK_STORAGE_URL."
            self._finish(lease, "job.failed", self._store.fail(lease, message), error=message)
        except ChildDied as error:
            self._spend_attempt(lease, f"The analysis process {error}")
        except ServiceUnavailable as error:
            self._spend_attempt(lease, str(error))
        except LeaseLost as error:
            log.warning("job.lease_lost", extra={"job_id": str(lease.job_id), "reason": str(error)})
        except StopNow:
            self._finish(lease, "job.handed_back", self._store.release(lease, spend_attempt=False))

    def _analyse(self, claim: Claim, results_path: Path, keeper: LeaseKeeper) -> AnalysisAnswer:
        with self._storage.local_path(claim.input_path) as video_path:
            self._child.send(
                AnalysisRequest(claim.lease.job_id, video_path, claim.pipeline_definition, claim.options, results_path)
            )
            try:
                self._watch(keeper)
            except BaseException:
                self._child.kill()
                raise
            return self._child.answer()

    def _watch(self, keeper: LeaseKeeper) -> None:
        """Return when the child has answered or died; raise when it must not go on."""
        deadline = time.monotonic() + self._job_timeout_s
        while True:
            remaining_s = min(keeper.due_in_s, deadline - time.monotonic())
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
                raise ChildDied(f"took longer than {self._job_timeout_s:g} s and was stopped")

    def _complete(self, lease: Lease, results_path: Path, keeper: LeaseKeeper, frames: int) -> None:
        key = results_key(lease.job_id, lease.token)
        self._storage.save_file(key, _chunks(results_path, keeper))
        won = self._store.complete(lease, key)
        if not won:
            self._storage.delete_file(key)
        self._finish(lease, "job.completed", won, frames=frames)

    def _spend_attempt(self, lease: Lease, cause: str) -> None:
        if lease.attempt < self._max_attempts:
            won = self._store.release(lease, spend_attempt=True)
            self._finish(lease, "job.attempt_lost", won, error=cause)
        else:
            message = f"{cause.rstrip('.')}. The job was tried {lease.attempt} time(s)."
            self._finish(lease, "job.failed", self._store.fail(lease, message), error=message)

    def _finish(self, lease: Lease, event: str, won: bool, **facts: Any) -> None:
        extra = {"job_id": str(lease.job_id), "attempt": lease.attempt, **facts}
        if won:
            log.info(event, extra=extra)
        else:
            log.warning("job.lease_lost", extra={**extra, "reason": f"too late to record {event}"})


def _chunks(path: Path, keeper: LeaseKeeper) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_COPY_BYTES):
            keeper.renew_if_due()
            yield chunk
