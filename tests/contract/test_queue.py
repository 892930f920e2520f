"""What every queue promises (`queues/service.py`), checked on each of them."""

import threading
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from reelwork.queues.service import QueueService
from reelwork.queues.transactional import TransactionalQueue
from tests.support.concurrency import in_processes, in_threads
from tests.support.databases import opened
from tests.support.queue_processes import put_numbered, take_everything, take_when_woken
from tests.support.waiting import wait_until


def some_ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


def fill(queue: QueueService, job_ids: Sequence[UUID]) -> None:
    for job_id in job_ids:
        queue.enqueue(job_id)


def drain(queue: QueueService) -> list[UUID]:
    taken = []
    while (job_id := queue.dequeue()) is not None:
        taken.append(job_id)
    return taken


class TestOrder:
    def test_first_in_first_out(self, queue: QueueService) -> None:
        job_ids = some_ids(20)
        fill(queue, job_ids)
        assert drain(queue) == job_ids

    def test_what_comes_later_goes_behind_what_waits(self, queue: QueueService) -> None:
        first, second, third, fourth = some_ids(4)
        fill(queue, [first, second])
        assert queue.dequeue() == first
        queue.enqueue(third)
        assert queue.dequeue() == second
        queue.enqueue(fourth)
        assert drain(queue) == [third, fourth]

    def test_a_queue_that_was_emptied_keeps_the_order(self, queue: QueueService) -> None:
        for _ in range(3):
            job_ids = some_ids(3)
            fill(queue, job_ids)
            assert drain(queue) == job_ids

    def test_taking_the_newest_does_not_let_the_next_one_overtake(self, queue: QueueService) -> None:
        only, older, newer = some_ids(3)
        queue.enqueue(only)
        assert queue.dequeue() == only
        queue.enqueue(older)
        queue.enqueue(newer)
        assert drain(queue) == [older, newer]


class TestDelivery:
    def test_each_hint_comes_out_once(self, queue: QueueService) -> None:
        (job_id,) = some_ids(1)
        queue.enqueue(job_id)
        assert queue.dequeue() == job_id
        assert queue.dequeue() is None

    def test_a_job_can_come_back_after_it_was_taken(self, queue: QueueService) -> None:
        (job_id,) = some_ids(1)
        for _ in range(3):
            queue.enqueue(job_id)
            assert queue.dequeue() == job_id
        assert queue.dequeue() is None

    def test_a_job_hinted_at_twice_comes_out_at_least_once(self, queue: QueueService) -> None:
        twice, once = some_ids(2)
        fill(queue, [twice, once, twice])
        taken = drain(queue)
        assert taken[0] == twice
        assert set(taken) == {twice, once}
        assert len(taken) in (2, 3)

    def test_a_job_that_comes_back_goes_to_the_end(self, queue: QueueService) -> None:
        first, second = some_ids(2)
        fill(queue, [first, second])
        assert queue.dequeue() == first
        queue.enqueue(first)
        assert drain(queue) == [second, first]

    def test_an_id_comes_out_as_it_went_in(self, queue: QueueService) -> None:
        extremes = [UUID(int=0), UUID(int=2**128 - 1), UUID("00000000-0000-4000-8000-00000000000a")]
        fill(queue, extremes)
        taken = drain(queue)
        assert taken == extremes
        assert all(type(job_id) is UUID for job_id in taken)


class TestSize:
    def test_counts_what_waits(self, queue: QueueService) -> None:
        assert queue.size() == 0
        fill(queue, some_ids(3))
        assert queue.size() == 3
        queue.dequeue()
        assert queue.size() == 2
        drain(queue)
        assert queue.size() == 0

    def test_looking_takes_nothing(self, queue: QueueService) -> None:
        (job_id,) = some_ids(1)
        queue.enqueue(job_id)
        assert [queue.size() for _ in range(3)] == [1, 1, 1]
        assert queue.dequeue() == job_id


class TestWaiting:
    def test_an_empty_queue_answers_at_once(self, queue: QueueService) -> None:
        queue.size()  # the first use opens the database
        took_s = []
        for _ in range(3):
            begun = time.monotonic()
            assert queue.dequeue() is None
            took_s.append(time.monotonic() - begun)
        assert min(took_s) < 1  # the machine may be busy once

    @pytest.mark.parametrize("timeout_s", [0.15, 0.3])
    def test_an_empty_queue_answers_when_the_time_is_over(self, queue: QueueService, timeout_s: float) -> None:
        waited_s = []
        for _ in range(3):
            begun = time.monotonic()
            assert queue.dequeue(timeout_s) is None
            waited_s.append(time.monotonic() - begun)
        assert timeout_s <= min(waited_s) < timeout_s + 1

    def test_what_is_there_is_not_waited_for(self, queue: QueueService) -> None:
        took_s = []
        for job_id in some_ids(3):
            queue.enqueue(job_id)
            begun = time.monotonic()
            assert queue.dequeue(30) == job_id
            took_s.append(time.monotonic() - begun)
        assert min(took_s) < 5

    def test_an_enqueue_wakes_a_waiting_dequeue(self, queue: QueueService) -> None:
        (job_id,) = some_ids(1)
        taken: list[UUID | None] = []
        waiting = threading.Thread(target=lambda: taken.append(queue.dequeue(30)))
        begun = time.monotonic()
        waiting.start()
        assert queue.dequeue(0.05) is None  # the other one has begun to wait meanwhile
        assert waiting.is_alive()
        queue.enqueue(job_id)
        waiting.join(30)
        assert taken == [job_id]
        assert time.monotonic() - begun < 10

    def test_every_waiting_dequeue_gets_one(self, queue: QueueService) -> None:
        job_ids = some_ids(4)

        def work(number: int) -> UUID | None:
            if number == 0:
                fill(queue, job_ids)
                return None
            return queue.dequeue(30)

        taken = in_threads(5, work)
        assert sorted(taken[1:], key=str) == sorted(job_ids, key=str)


class TestClosing:
    @pytest.mark.timeout(30)  # it would wait for a minute
    def test_those_who_wait_return(self, queue: QueueService) -> None:
        queue.dequeue(0.01)  # everything is connected
        waiting = [threading.Thread(target=queue.dequeue, args=(60,)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        queue.close()
        for thread in waiting:
            thread.join(60)

    @pytest.mark.timeout(30)
    def test_nobody_waits_any_more(self, queue: QueueService) -> None:
        queue.close()
        assert queue.dequeue(60) is None

    def test_hints_are_still_there(self, queue: QueueService) -> None:
        job_ids = some_ids(2)
        fill(queue, job_ids)
        queue.close()
        assert queue.size() == 2
        assert drain(queue) == job_ids


class TestConcurrency:
    def test_threads_share_the_hints_without_losing_or_doubling_one(self, queue: QueueService) -> None:
        job_ids = some_ids(60)
        fill(queue, job_ids)
        taken = in_threads(6, lambda _: drain(queue))
        assert sorted((job_id for each in taken for job_id in each), key=str) == sorted(job_ids, key=str)

    def test_each_thread_sees_them_in_order(self, queue: QueueService) -> None:
        job_ids = [UUID(int=number) for number in range(60)]
        fill(queue, job_ids)
        for taken in in_threads(4, lambda _: drain(queue)):
            assert taken == sorted(taken)

    def test_threads_put_in_and_take_out_at_once(self, queue: QueueService) -> None:
        putting, each = 3, 15

        job_ids = some_ids(putting * each)

        def work(number: int) -> list[UUID | None]:
            if number < putting:
                fill(queue, job_ids[number::putting])
                return []
            return [queue.dequeue(30) for _ in range(each)]

        taken = [job_id for ids in in_threads(2 * putting, work) for job_id in ids]
        assert sorted(taken, key=str) == sorted(job_ids, key=str)
        assert queue.size() == 0


class TestAcrossProcesses:
    def test_each_hint_is_taken_by_one_process(self, database_url: str, database_queue: DatabaseQueue) -> None:
        job_ids = some_ids(40)
        fill(database_queue, job_ids)
        taken = in_processes(3, take_everything, database_url)
        assert sorted((job_id for each in taken for job_id in each), key=str) == sorted(job_ids, key=str)
        assert database_queue.size() == 0

    def test_what_other_processes_put_in_is_all_there(self, database_url: str, database_queue: DatabaseQueue) -> None:
        put = in_processes(3, put_numbered, database_url, 15)
        taken = drain(database_queue)
        for job_ids in put:
            assert [job_id for job_id in taken if job_id in job_ids] == job_ids
        assert len(taken) == 45

    def test_an_enqueue_wakes_those_who_wait_in_other_processes(
        self, database_url: str, database_queue: DatabaseQueue
    ) -> None:
        job_ids = some_ids(9)

        def put_one_by_one(number: int) -> list[list[UUID | None]]:
            if number == 0:
                return in_processes(3, take_when_woken, database_url, 3)
            for job_id in job_ids:
                database_queue.enqueue(job_id)
                wait_until(lambda: database_queue.size() == 0)
            return []

        taken, _ = in_threads(2, put_one_by_one)
        assert sorted((job_id for each in taken for job_id in each), key=str) == sorted(job_ids, key=str)

    def test_hints_outlive_the_process(self, database_url: str) -> None:
        job_ids = some_ids(2)
        with opened(database_url) as database:
            fill(DatabaseQueue(database), job_ids)
        with opened(database_url) as database:
            assert drain(DatabaseQueue(database)) == job_ids


class TestWithinATransaction:
    def test_the_commit_wakes_who_waits(self, database_url: str, database: Database) -> None:
        taken: list[UUID | None] = []
        waiting = threading.Thread(target=lambda: taken.extend(take_when_woken(0, database_url, 1)))
        waiting.start()
        (job_id,) = some_ids(1)
        with database.writing() as transaction:
            DatabaseQueue(database).enqueue_within(transaction, job_id)
        waiting.join(30)
        assert taken == [job_id]

    def test_which_queues_can(self, database_queue: DatabaseQueue) -> None:
        assert isinstance(database_queue, TransactionalQueue)
        assert not isinstance(MemoryQueue(), TransactionalQueue)

    def test_a_hint_is_not_seen_before_the_commit(self, database: Database, database_queue: DatabaseQueue) -> None:
        (job_id,) = some_ids(1)
        with database.writing() as transaction:
            database_queue.enqueue_within(transaction, job_id)
            assert database_queue.size() == 0
        assert drain(database_queue) == [job_id]

    def test_a_hint_goes_back_with_its_transaction(self, database: Database, database_queue: DatabaseQueue) -> None:
        def enqueue_and_break() -> None:
            with database.writing() as transaction:
                database_queue.enqueue_within(transaction, uuid4())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            enqueue_and_break()
        assert database_queue.size() == 0

    def test_a_hint_that_waits_already_does_no_harm(self, database: Database, database_queue: DatabaseQueue) -> None:
        waiting, new = some_ids(2)
        database_queue.enqueue(waiting)
        with database.writing() as transaction:
            database_queue.enqueue_within(transaction, waiting)
            database_queue.enqueue_within(transaction, new)
        assert drain(database_queue) == [waiting, new]


def test_a_database_that_is_gone_is_said_so() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2"
    with opened(nowhere) as database:
        queue = DatabaseQueue(database)
        for call in (lambda: queue.enqueue(uuid4()), queue.dequeue, queue.size):
            with pytest.raises(ServiceUnavailable):
                call()
