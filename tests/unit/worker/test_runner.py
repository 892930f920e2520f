"""Jobs run in a child process that is replaced now and then; a file storage that is away costs no attempt."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import Claim, JobStore
from reelwork.storage.local import LocalStorage
from reelwork.worker.analysis import Analysed, AnalysisAnswer, AnalysisError, AnalysisRequest
from reelwork.worker.runner import AnalysisProcess, JobLimits, JobRunner
from reelwork.worker.stop import StopRequest
from tests.support.log_lines import lines_of
from tests.unit.worker.conftest import Jobs

LEASE_S = 60.0
Analyse = Callable[[AnalysisRequest], AnalysisAnswer]


DAMAGED = AnalysisError("The file is damaged.")
BROKEN_OFF = AnalysisError("It could not be read.", final=False)


def answering(without_storage: Path | None, error: AnalysisError | None) -> Analyse:
    """Set up a child that analyses nothing, and may take the storage away meanwhile."""

    def answer(request: AnalysisRequest) -> AnalysisAnswer:
        request.results_path.write_text("{}")
        if without_storage is not None:
            without_storage.rename(without_storage.with_name("away"))
        return error or Analysed(frames=1)

    return answer


def dying(by: signal.Signals, *, also_when_careful: bool) -> Analyse:
    """Set up a child that dies, mostly for want of care."""

    def answer(request: AnalysisRequest) -> AnalysisAnswer:
        request.results_path.write_text("{}")
        if also_when_careful or not request.careful:
            os.kill(os.getpid(), by)
        return Analysed(frames=1)

    return answer


@pytest.fixture
def make_runner(store: JobStore, storage: LocalStorage) -> Iterator[Callable[..., JobRunner]]:
    runners: list[JobRunner] = []

    def make(
        without_storage: Path | None = None, error: AnalysisError | None = None, child: AnalysisProcess | None = None
    ) -> JobRunner:
        child = child or AnalysisProcess("analysis", answering, without_storage, error)
        limits = JobLimits(timeout_s=60, memory_mb=4096)
        runners.append(JobRunner(store, storage, child, StopRequest(0), limits, LEASE_S))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture
def claim(jobs: Jobs) -> Claim:
    jobs.pending()
    claim = jobs.store.claim_next("worker", LEASE_S)
    assert claim is not None
    return claim


def status_of(store: JobStore, claim: Claim) -> tuple[JobStatus, int, str | None]:
    """Status, attempts spent and the causes of those lost."""
    job = store.get(claim.lease.job_id)
    assert job is not None
    return job.status, job.attempt, job.lost_attempts


def test_with_its_storage_a_job_completes_or_fails(
    make_runner: Callable[..., JobRunner], store: JobStore, jobs: Jobs, claim: Claim
) -> None:
    make_runner().run(claim)
    assert status_of(store, claim) == (JobStatus.COMPLETED, 1, None)
    jobs.pending()
    other = store.claim_next("worker", LEASE_S)
    assert other is not None
    make_runner(error=DAMAGED).run(other)
    assert status_of(store, other) == (JobStatus.FAILED, 1, None)


def test_the_analysis_process_is_replaced_after_some_jobs(
    make_runner: Callable[..., JobRunner], store: JobStore, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.worker.runner._JOBS_PER_CHILD", 2)
    runner = make_runner()
    runner.warm_up()
    process_ids = []
    for _ in range(4):
        process_ids.append(runner._child.pid)
        jobs.pending()
        claim = store.claim_next("worker", LEASE_S)
        assert claim is not None
        runner.run(claim)
    assert process_ids[0] == process_ids[1] != process_ids[2] == process_ids[3]


@pytest.mark.parametrize(
    ("by", "also_when_careful", "becomes"),
    [
        (signal.SIGSEGV, False, (JobStatus.COMPLETED, 1, None)),
        (signal.SIGABRT, False, (JobStatus.COMPLETED, 1, None)),
        (signal.SIGSEGV, True, (JobStatus.PENDING, 1, "The analysis process was killed by signal 11 (SIGSEGV)")),
        (signal.SIGKILL, False, (JobStatus.PENDING, 1, "The analysis process was killed by signal 9 (SIGKILL)")),
    ],
)
def test_an_analysis_that_crashes_is_done_again_with_care(
    make_runner: Callable[..., JobRunner],
    store: JobStore,
    claim: Claim,
    by: signal.Signals,
    also_when_careful: bool,
    becomes: tuple[JobStatus, int, str | None],
) -> None:
    make_runner(child=AnalysisProcess("analysis", dying, by, also_when_careful=also_when_careful)).run(claim)
    assert status_of(store, claim) == becomes


def test_a_mishap_with_the_storage_there_costs_an_attempt(
    make_runner: Callable[..., JobRunner], store: JobStore, claim: Claim
) -> None:
    make_runner(error=BROKEN_OFF).run(claim)
    assert status_of(store, claim) == (JobStatus.PENDING, 1, BROKEN_OFF.message)


def test_storage_away_before_the_analysis(
    make_runner: Callable[..., JobRunner], store: JobStore, claim: Claim, gone_storage: Callable[[], None]
) -> None:
    gone_storage()
    with pytest.raises(ServiceUnavailable, match="is its disk mounted"):
        make_runner().run(claim)
    assert status_of(store, claim) == (JobStatus.PENDING, 0, None)


@pytest.mark.parametrize("error", [DAMAGED, BROKEN_OFF, None], ids=["damaged", "broken off", "analysed"])
def test_storage_that_goes_away_meanwhile(
    make_runner: Callable[..., JobRunner], store: JobStore, claim: Claim, tmp_path: Path, error: AnalysisError | None
) -> None:
    with pytest.raises(ServiceUnavailable, match="is its disk mounted"):
        make_runner(tmp_path / "storage", error).run(claim)
    assert status_of(store, claim) == (JobStatus.PENDING, 0, None)


def test_says_why_it_hands_back(
    make_runner: Callable[..., JobRunner],
    claim: Claim,
    gone_storage: Callable[[], None],
) -> None:
    gone_storage()
    with pytest.raises(ServiceUnavailable), lines_of("reelwork.worker.runner") as lines:
        make_runner().run(claim)
    [told] = [line for line in lines if line["event"] == "job.handed_back"]
    assert told["reason"] == "The file storage is empty or not there: is its disk mounted?"
    assert told["job_id"] == str(claim.lease.job_id)


def test_job_taken_away_meanwhile_is_not_handed_back(
    make_runner: Callable[..., JobRunner],
    store: JobStore,
    claim: Claim,
    gone_storage: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert store.release(claim.lease)
    other = store.claim_next("another", LEASE_S)
    gone_storage()
    with pytest.raises(ServiceUnavailable):
        make_runner().run(claim)
    assert other is not None
    assert status_of(store, other) == (JobStatus.RUNNING, 1, None)
    assert "job.lease_lost" in caplog.messages
