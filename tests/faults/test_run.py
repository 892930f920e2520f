"""Workers and their analysis processes, killed at every step of a job: it completes once, in the attempts it took."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.db.engine import Database
from tests.support import steps
from tests.support.databases import run
from tests.support.evidence import (
    assert_each_completed_once,
    assert_rescue_leaves_no_orphan,
    job_rows,
    results_files,
)
from tests.support.service import Caller, Command, Service, analysis_processes
from tests.support.waiting import wait_until

# The hint comes last: what is not claimed yet, the next worker takes.
STEPS = (*(step for step in steps.RUN[1:] if step not in ("storage.writing", "storage.renamed")), "hint.taken")
PAUSES = ("job.sent", "job.answered", "storage.written", "results.saved")
FRAMES = 8
ENDS = ("job.claimed", "results.saved")
LONG = {"REELWORK_LEASE_S": "600"}
MakeCaller = Callable[[str], Caller]


@pytest.fixture
def calls(hurt: Service, caller: MakeCaller) -> Caller:
    hurt.write_pipeline("slow", "pause", seconds=0.1)
    hurt.write_pipeline("slower", "pause", seconds=0.3)
    return caller(hurt.start("serve", "--port", "0").url())


def submit_until(worker: Command, calls: Caller, clip: Path, happened: Callable[[], bool]) -> list[UUID]:
    """Give a worker one job after the other until something has happened to it; return the jobs."""
    worker.wait_for_output(b'"event": "worker.started"')
    job_ids = []
    while not happened():
        job_ids.append(calls.submit(clip, pipeline="frames"))
        wait_until(lambda: happened() or calls.status(job_ids[-1])["status"] == "completed")
    return job_ids


def let_leases_run_out(database: Database) -> None:
    run(database, "UPDATE job SET lease_expires_at = :past WHERE status = 'running'", past="2000-01-01 00:00:00.000000")


# Once it has answered, the analysis process is idle, and whether it is killed too makes no difference.
@pytest.mark.parametrize(("action", "at"), [("kill", STEPS), ("kill-all", steps.BEFORE_THE_ANSWER)])
def test_worker_killed_at_each_step(
    action: str, at: tuple[str, ...], hurt: Service, calls: Caller, database: Database, clip: Path
) -> None:
    victims: dict[str, UUID] = {}
    job_ids = []
    for step in at:
        worker = hurt.start("worker", **LONG, FAULT_PLAN=f"{step}={action}")
        job_ids += submit_until(worker, calls, clip, lambda worker=worker: worker.process.poll() is not None)
        assert worker.process.wait() == -signal.SIGKILL
        victims[step] = job_ids[-1]
    let_leases_run_out(database)

    hurt.start("worker", **LONG)
    for job_id in job_ids:
        calls.wait_for(job_id, "completed")

    attempts = assert_each_completed_once(hurt, database, job_ids, FRAMES)
    expected = dict.fromkeys(STEPS, 2) | {"hint.taken": 1, "job.completed": 1}
    assert {step: attempts[job_id] for step, job_id in victims.items()} == {step: expected[step] for step in at}
    assert_rescue_leaves_no_orphan(hurt, database)


def test_analysis_process_killed_at_each_step(hurt: Service, calls: Caller, database: Database, clip: Path) -> None:
    plan = ",".join(f"{step}=kill-children" for step in STEPS if step != "hint.taken")
    hurt.start("worker", FAULT_PLAN=plan)

    first = calls.submit(clip, pipeline="frames")
    calls.wait_for(first, "completed")

    # Only one of the kills came while it was at work; the others found it idle, and it was started again.
    assert assert_each_completed_once(hurt, database, [first], FRAMES) == {first: 2}
    assert job_rows(database)[first]["lost_attempts"] == "The analysis process was killed by signal 9 (SIGKILL)"
    assert len(results_files(hurt)) == 1


def test_paused_worker_completes_nothing_while_another_one_is_at_work(
    hurt: Service, calls: Caller, database: Database, clip: Path
) -> None:
    paused = [hurt.start("worker", **LONG, FAULT_PLAN=f"{step}=stop") for step in PAUSES]
    job_ids = [calls.submit(clip, pipeline="slower") for _ in PAUSES]
    wait_until(lambda: all(worker.is_stopped for worker in paused), timeout_s=60)
    let_leases_run_out(database)
    # It takes all of them at once and keeps them: those that wake up find none that they could rightly claim anew.
    healthy = hurt.start("worker", "--concurrency", str(len(job_ids)), **LONG)
    wait_until(lambda: len(healthy.events("job.running")) == len(job_ids))

    for worker in paused:
        worker.signal(signal.SIGCONT)
    for worker in paused:
        worker.wait_for_output(b'"event": "job.lease_lost"')
    for job_id in job_ids:
        calls.wait_for(job_id, "completed")

    assert assert_each_completed_once(hurt, database, job_ids, FRAMES) == dict.fromkeys(job_ids, 2)
    wait_until(lambda: len(healthy.events("job.completed")) >= len(job_ids))  # told of after the commit
    assert {event["job_id"] for event in healthy.events("job.completed")} == set(map(str, job_ids))
    wait_until(lambda: len(results_files(hurt)) == len(job_ids))


def test_paused_worker_changes_nothing_that_another_one_completed(
    hurt: Service, calls: Caller, database: Database, clip: Path
) -> None:
    paused: dict[UUID, Command] = {}
    for step in ENDS:
        worker = hurt.start("worker", **LONG, FAULT_PLAN=f"{step}=stop")
        job_id = calls.submit(clip, pipeline="frames")
        wait_until(lambda worker=worker: worker.is_stopped)
        paused[job_id] = worker
    let_leases_run_out(database)
    hurt.start("worker", **LONG)
    for job_id in paused:
        calls.wait_for(job_id, "completed")
    before = job_rows(database)

    for worker in paused.values():
        worker.signal(signal.SIGCONT)
        worker.wait_for_output(b'"event": "job.lease_lost"')

    assert job_rows(database) == before
    assert assert_each_completed_once(hurt, database, list(paused), FRAMES) == dict.fromkeys(paused, 2)
    assert len(results_files(hurt)) == len(paused)


def test_without_the_fence_a_paused_worker_would_complete_it(
    hurt: Service, calls: Caller, database: Database, clip: Path
) -> None:
    unfenced = hurt.start("worker", **LONG, REELWORK_FAULTS="fence_removed:reached", FAULT_PLAN="results.saved=stop")
    job_id = calls.submit(clip, pipeline="slow")
    wait_until(lambda: unfenced.is_stopped)
    let_leases_run_out(database)
    healthy = hurt.start("worker", **LONG)
    healthy.wait_for_output(b'"event": "job.running"')
    [child] = analysis_processes(healthy.process.pid)
    os.kill(child, signal.SIGSTOP)  # it must not be done first

    unfenced.signal(signal.SIGCONT)

    unfenced.wait_for_output(b'"event": "job.completed"')
    assert calls.status(job_id)["status"] == "completed"
    os.kill(child, signal.SIGCONT)
    healthy.wait_for_output(b'"event": "job.lease_lost"')
