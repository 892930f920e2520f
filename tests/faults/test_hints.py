"""The queue is only a hint: emptied or doubled all the time, every job completes, once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from reelwork.db.engine import Database
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import run
from tests.support.evidence import assert_each_completed_once, results_files
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

JOBS = 8
TIMES = 10


def assert_each_ran_once(service: Service, database: Database, job_ids: list[UUID]) -> None:
    wait_until(lambda: len(service.events("job.completed")) >= len(job_ids))  # told of after the commit
    assert set(assert_each_completed_once(service, database, job_ids, frames=8).values()) == {1}
    assert len(service.events("job.running")) == len(service.events("job.completed")) == len(job_ids)
    assert len(results_files(service)) == len(job_ids)


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do something again and again in a thread."""
    enough = threading.Event()

    def repeat() -> None:
        while not enough.wait(0.002):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_queue_that_loses_everything(
    hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    calls = caller(hurt.start("serve", "--port", "0").url())
    with meanwhile(lambda: run(database, "DELETE FROM queue_entry")):
        job_ids = [calls.submit(clip, pipeline="frames") for _ in range(JOBS)]
        for _ in range(2):
            hurt.start("worker")
        for job_id in job_ids:
            calls.wait_for(job_id, "completed")

    assert_each_ran_once(hurt, database, job_ids)


def test_queue_that_delivers_everything_ten_times(
    hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    queue = DatabaseQueue(database)
    calls = caller(hurt.start("serve", "--port", "0").url())
    job_ids: list[UUID] = []

    def deliver_again() -> None:
        for job_id in job_ids:
            queue.enqueue(job_id)

    with meanwhile(deliver_again):
        for _ in range(2):
            hurt.start("worker")
        job_ids.extend(calls.submit(clip, pipeline="frames") for _ in range(JOBS))
        for job_id in job_ids:
            calls.wait_for(job_id, "completed")
        while len(hurt.events("hint.outdated")) < JOBS * TIMES:
            calls.wait_for(job_ids[0], "completed")

    assert_each_ran_once(hurt, database, job_ids)
