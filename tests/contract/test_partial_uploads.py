"""The table of uploads in several requests: one writer at a time, and only what it stored counts."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.jobs.model import Job
from reelwork.jobs.store import JobStore
from reelwork.storage.service import part_key
from reelwork.uploads.keys import Answer, Holder, IdempotencyKeys, KeyName
from reelwork.uploads.partials import PartialUploads, UploadLease
from tests.support.concurrency import in_threads
from tests.support.uploads import begun, let_upload_expire, let_upload_lease_run_out, upload_tables


@pytest.fixture
def keys(database: Database) -> IdempotencyKeys:
    return upload_tables(database)[0]


@pytest.fixture
def partials(database: Database) -> PartialUploads:
    return upload_tables(database)[1]


def test_what_is_known_of_a_new_one(partials: PartialUploads) -> None:
    lease = partials.add("somebody", [("pipeline", "frames"), ("tags", "a")], 100, None)
    assert isinstance(lease, UploadLease)
    upload = partials.get(lease.upload_id)
    assert upload is not None
    assert (upload.owner, upload.options) == ("somebody", [("pipeline", "frames"), ("tags", "a")])
    assert (upload.received_bytes, upload.total_bytes, upload.job_id) == (0, 100, None)
    assert upload.is_held
    assert partials.get(uuid4()) is None


def test_parts_count_in_the_order_in_which_they_advanced(partials: PartialUploads) -> None:
    first = begun(partials)
    assert partials.advance(first, 10)
    partials.release(first)
    second = partials.take(first.upload_id, 10, None)
    assert second is not None
    assert partials.advance(second, 5)
    assert partials.parts(first.upload_id) == [
        part_key(first.upload_id, 0, first.token),
        part_key(first.upload_id, 10, second.token),
    ]
    upload = partials.get(first.upload_id)
    assert upload is not None
    assert upload.received_bytes == second.offset == 15


def test_it_is_taken_where_it_has_arrived_and_when_nobody_has_it(database: Database, partials: PartialUploads) -> None:
    lease = begun(partials)
    assert partials.advance(lease, 10)
    assert partials.take(lease.upload_id, 10, None) is None
    let_upload_lease_run_out(database, lease.upload_id)
    assert partials.take(lease.upload_id, 9, None) is None
    assert partials.take(uuid4(), 0, None) is None
    assert partials.take(lease.upload_id, 10, None) is not None


def test_of_many_who_take_it_at_once_one_gets_it(partials: PartialUploads) -> None:
    lease = begun(partials)
    partials.release(lease)
    taken = in_threads(8, lambda _: partials.take(lease.upload_id, 0, None))
    assert sum(one is not None for one in taken) == 1


@pytest.mark.parametrize("loss", ["ran out and was taken", "interrupted", "deleted"])
def test_who_lost_the_lease_changes_nothing(
    database: Database, partials: PartialUploads, loss: str, store: JobStore, make_job: Callable[..., Job]
) -> None:
    lost = begun(partials)
    assert partials.advance(lost, 10)
    if loss == "ran out and was taken":
        let_upload_lease_run_out(database, lost.upload_id)
        assert partials.take(lost.upload_id, 10, None)
    elif loss == "interrupted":
        partials.interrupt(lost.upload_id)
    else:
        partials.delete(lost.upload_id)
    before = partials.get(lost.upload_id)

    assert not partials.advance(lost, 10)
    assert not partials.renew(lost)
    assert not partials.end(lost)
    assert not partials.delete_held(lost)
    partials.release(lost)
    store.add(make_job(), within=lambda transaction: [partials.complete_within(transaction, lost, uuid4())].clear())

    assert partials.get(lost.upload_id) == before
    assert partials.parts(lost.upload_id) == ([] if loss == "deleted" else [part_key(lost.upload_id, 0, lost.token)])


def test_one_that_has_everything_is_not_interrupted(partials: PartialUploads) -> None:
    lease = begun(partials)
    assert partials.advance(lease, 10)
    assert partials.end(lease)
    partials.interrupt(lease.upload_id)
    upload = partials.get(lease.upload_id)
    assert upload is not None
    assert upload.is_held
    assert upload.total_bytes == 10
    assert partials.renew(lease)


def test_its_job_is_there_if_and_only_if_it_is_complete(
    partials: PartialUploads, store: JobStore, make_job: Callable[..., Job]
) -> None:
    lease, job = begun(partials), make_job()

    def breaks(transaction: object) -> None:
        assert partials.complete_within(transaction, lease, job.job_id)  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add(job, within=breaks)
    upload = partials.get(lease.upload_id)
    assert upload is not None
    assert upload.job_id is None
    assert store.get(job.job_id) is None

    store.add(job, within=lambda transaction: [partials.complete_within(transaction, lease, job.job_id)].clear())
    assert partials.of_job(job.job_id) == partials.get(lease.upload_id)
    assert partials.take(lease.upload_id, 0, None) is None
    partials.reopen(lease.upload_id, job.job_id)
    assert partials.of_job(job.job_id) is not None
    store.delete(job.job_id)
    partials.reopen(lease.upload_id, job.job_id)
    assert partials.of_job(job.job_id) is None


def test_those_that_waited_too_long_expire_with_their_parts(database: Database, partials: PartialUploads) -> None:
    old, new = begun(partials), begun(partials)
    assert partials.advance(old, 10)
    let_upload_expire(database, old.upload_id)
    assert partials.unfinished([old.upload_id, new.upload_id, uuid4()]) == {old.upload_id, new.upload_id}
    assert partials.delete_expired(10) == [old.upload_id]
    assert partials.delete_expired(10) == []
    assert partials.parts(old.upload_id) == []
    assert partials.get(new.upload_id) is not None


def test_a_key_is_held_by_the_upload_it_began(partials: PartialUploads, keys: IdempotencyKeys) -> None:
    lease = begun(partials, key="abc")
    assert partials.add(None, [], None, "abc") == Holder(lease.upload_id)
    keys.free(KeyName(None, "abc"), lease.upload_id)
    again = begun(partials, key="abc")
    answer = Answer("f" * 64, uuid4())
    keys_completed(partials, keys, again, answer)
    assert partials.add(None, [], None, "abc") == answer


def keys_completed(partials: PartialUploads, keys: IdempotencyKeys, lease: UploadLease, answer: Answer) -> None:
    with partials._database.writing() as transaction:
        keys.complete_within(transaction, KeyName(None, "abc"), lease.upload_id, answer)
