"""The table of API keys (`access/store.py`), on SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from reelwork.access.caller import QueueLimits, Scope
from reelwork.access.keys import make_key
from reelwork.access.model import ApiKey
from reelwork.access.store import KeyStore
from reelwork.db.engine import Database
from reelwork.db.types import database_now
from tests.support.databases import rows
from tests.support.job_rows import clock_of


@pytest.fixture
def keys(database: Database) -> KeyStore:
    return KeyStore(database)


def test_what_is_made_is_found(database: Database, keys: KeyStore) -> None:
    before = clock_of(database)
    key = keys.make("laboratory", [Scope.SUBMIT, Scope.READ, Scope.READ], QueueLimits(5, 2**40))
    found = keys.find(key.key_id)
    assert found is not None
    assert (found.name, found.scopes) == ("laboratory", "read submit")
    assert (found.max_queued_jobs, found.max_queued_bytes) == (5, 2**40)
    assert before <= found.created_at <= clock_of(database)
    assert found.revoked_at is None
    assert key.is_of(found.secret_sha256)


def test_the_secret_is_nowhere(database: Database, keys: KeyStore) -> None:
    key = keys.make("laboratory", [Scope.READ])
    assert key.secret not in str(rows(database, "SELECT * FROM api_key"))


def test_there_is_no_other(keys: KeyStore) -> None:
    keys.make("laboratory", [Scope.READ])
    assert keys.find(make_key().key_id) is None


def test_the_oldest_comes_first(database: Database, keys: KeyStore) -> None:
    made = {name: keys.make(name, [Scope.READ]).key_id for name in ("b", "a", "c")}
    for age_h, name in enumerate(("c", "b", "a")):
        with database.writing() as transaction:
            created_at = database_now(-3600 * age_h)
            transaction.execute(sa.update(ApiKey).where(ApiKey.key_id == made[name]).values(created_at=created_at))
    assert [key.name for key in keys.list()] == ["a", "b", "c"]


def test_revoking(database: Database, keys: KeyStore) -> None:
    key, other = (keys.make(name, [Scope.READ]) for name in ("one", "other"))
    assert keys.revoke(key.key_id)
    revoked = keys.find(key.key_id)
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert clock_of(database) - revoked.revoked_at < timedelta(seconds=10)
    assert not keys.revoke(key.key_id)
    again = keys.find(key.key_id)
    assert again is not None
    assert again.revoked_at == revoked.revoked_at
    kept = keys.find(other.key_id)
    assert kept is not None
    assert kept.revoked_at is None
    assert not keys.revoke("nothing")


def test_whether_anybody_could_call(keys: KeyStore) -> None:
    assert not keys.any_in_force()
    key = keys.make("one", [Scope.READ])
    assert keys.any_in_force()
    keys.revoke(key.key_id)
    assert not keys.any_in_force()
