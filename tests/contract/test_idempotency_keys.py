"""The table of idempotency keys: one request has a key at a time, and its answer is kept."""

from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.errors import IdempotencyKeyInUse
from reelwork.uploads.keys import Answer, Holder, IdempotencyKeys, KeyName
from tests.support.concurrency import in_threads
from tests.support.uploads import let_key_run_out, upload_tables

NAME = KeyName(None, "a-key")
ANSWER = Answer("f" * 64, uuid4())


@pytest.fixture
def keys(database: Database) -> IdempotencyKeys:
    return upload_tables(database)[0]


def complete(database: Database, keys: IdempotencyKeys, token: UUID, answer: Answer = ANSWER) -> None:
    with database.writing() as transaction:
        keys.complete_within(transaction, NAME, token, answer)


def test_of_many_who_claim_it_at_once_one_gets_it(keys: IdempotencyKeys) -> None:
    tokens = [uuid4() for _ in range(8)]
    claimed = in_threads(8, lambda number: keys.claim(NAME, tokens[number], 30))
    assert claimed.count(None) == 1
    winner = tokens[claimed.index(None)]
    assert all(other in (None, Holder(winner)) for other in claimed)


def test_the_answer_is_given_to_whoever_comes_later(database: Database, keys: IdempotencyKeys) -> None:
    token = uuid4()
    assert keys.claim(NAME, token, 30) is None
    complete(database, keys, token)
    assert keys.claim(NAME, uuid4(), 30) == ANSWER


def test_keys_belong_to_their_owner(keys: IdempotencyKeys) -> None:
    assert keys.claim(NAME, uuid4(), 30) is None
    assert keys.claim(KeyName("somebody", NAME.key), uuid4(), 30) is None


def test_a_key_whose_holder_died_is_taken_over(database: Database, keys: IdempotencyKeys) -> None:
    dead, next_one = uuid4(), uuid4()
    assert keys.claim(NAME, dead, 30) is None
    let_key_run_out(database, NAME.key)
    assert keys.claim(NAME, next_one, 30) is None
    assert not keys.renew(NAME, dead, 30)
    keys.free(NAME, dead)
    with pytest.raises(IdempotencyKeyInUse):
        complete(database, keys, dead)
    assert keys.claim(NAME, uuid4(), 30) == Holder(next_one)


def test_a_holder_that_renews_keeps_it(database: Database, keys: IdempotencyKeys) -> None:
    token = uuid4()
    assert keys.claim(NAME, token, 30) is None
    let_key_run_out(database, NAME.key)
    assert keys.renew(NAME, token, 30)
    assert keys.claim(NAME, uuid4(), 30) == Holder(token)


@pytest.mark.parametrize("completed", [False, True])
def test_a_key_that_is_freed_is_like_new(database: Database, keys: IdempotencyKeys, completed: bool) -> None:
    token = uuid4()
    assert keys.claim(NAME, token, 30) is None
    if completed:
        complete(database, keys, token)
    keys.free(NAME, uuid4(), uuid4())
    assert keys.claim(NAME, uuid4(), 30) is not None
    keys.free(NAME, token, ANSWER.job_id)
    assert keys.claim(NAME, uuid4(), 30) is None


def test_answers_are_forgotten_when_their_time_is_over(database: Database, keys: IdempotencyKeys) -> None:
    token = uuid4()
    assert keys.claim(NAME, token, 30) is None
    complete(database, keys, token)
    assert keys.delete_expired() == 0
    let_key_run_out(database, NAME.key)
    assert keys.delete_expired() == 1
    assert keys.claim(NAME, uuid4(), 30) is None
