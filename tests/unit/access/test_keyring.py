"""Who shows a key: asked of the database once in a while, and never believed for longer than promised."""

from collections.abc import Callable

import pytest
from sqlalchemy import event

from reelwork.access.caller import QueueLimits, Scope
from reelwork.access.keyring import TRUSTED_FOR_S, Keyring
from reelwork.access.keys import KeyText, make_key
from reelwork.access.store import KeyStore
from reelwork.db.engine import Database
from reelwork.errors import KeyInvalid
from tests.support.clock import Clock


@pytest.fixture
def keys(sqlite_database: Database) -> KeyStore:
    return KeyStore(sqlite_database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(keys: KeyStore, clock: Clock) -> Keyring:
    return Keyring(keys, clock)


@pytest.fixture
def queries(sqlite_database: Database) -> Callable[[], int]:
    """How many statements the database has been sent so far."""
    sent: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *seen: sent.append(seen[2]))
    return lambda: len([statement for statement in sent if "api_key" in statement])


def test_a_caller_is_who_the_key_says(keys: KeyStore, keyring: Keyring) -> None:
    key = keys.make("mine", [Scope.READ], QueueLimits(3, None))
    caller = keyring.ask(str(key))
    assert (caller.key_id, caller.scopes, caller.limits) == (key.key_id, {Scope.READ}, QueueLimits(3, None))
    assert keyring.remembered(str(key)) == caller


def test_the_database_is_not_asked_twice(keys: KeyStore, keyring: Keyring, queries: Callable[[], int]) -> None:
    key = keys.make("mine", [Scope.READ])
    assert keyring.remembered(str(key)) is None
    keyring.ask(str(key))
    before = queries()
    for _ in range(5):
        assert keyring.remembered(str(key))
    assert queries() == before


def test_a_revoked_key_is_refused_when_the_time_is_up(keys: KeyStore, keyring: Keyring, clock: Clock) -> None:
    key = keys.make("mine", [Scope.READ])
    keyring.ask(str(key))
    keys.revoke(key.key_id)
    clock.now += TRUSTED_FOR_S
    assert keyring.remembered(str(key))
    clock.now += 0.001
    assert keyring.remembered(str(key)) is None
    with pytest.raises(KeyInvalid):
        keyring.ask(str(key))
    with pytest.raises(KeyInvalid):
        keyring.remembered(str(key))


def test_another_secret_is_refused_though_the_id_is_known(keys: KeyStore, keyring: Keyring) -> None:
    key = keys.make("mine", [Scope.READ])
    keyring.ask(str(key))
    forged = str(KeyText(key.key_id, make_key().secret))
    for show in (keyring.remembered, keyring.ask):
        with pytest.raises(KeyInvalid):
            show(forged)


def test_unknown_keys_do_not_reach_the_database_each_time(keyring: Keyring, queries: Callable[[], int]) -> None:
    unknown = str(make_key())
    with pytest.raises(KeyInvalid):
        keyring.ask(unknown)
    before = queries()
    with pytest.raises(KeyInvalid):
        keyring.remembered(unknown)
    assert queries() == before


def test_what_is_no_key_never_reaches_it(keyring: Keyring, queries: Callable[[], int]) -> None:
    for show in (keyring.remembered, keyring.ask):
        with pytest.raises(KeyInvalid):
            show("rw_' OR 1=1 --_x")
    assert queries() == 0


def test_made_up_keys_do_not_fill_the_memory(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.access.keyring._MOST_REMEMBERED", 10)
    for _ in range(50):
        with pytest.raises(KeyInvalid):
            keyring.ask(str(make_key()))
    assert len(keyring._known) == 10
