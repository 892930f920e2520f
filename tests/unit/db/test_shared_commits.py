"""Writes of several threads in one transaction: each all or nothing, and durable when its thread goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from reelwork.db.engine import Database
from reelwork.db.shared_commits import SharedCommits
from reelwork.db.transaction import Transaction
from reelwork.errors import ServiceUnavailable
from tests.support.concurrency import in_threads
from tests.support.databases import rows, run
from tests.support.waiting import wait_until

COUNT = 12


class Counted:
    """The transactions of a database, counted; the first is under way until all other writes wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.begun = 0
        self.commits = SharedCommits(self.writing)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        self.begun += 1
        if self.begun == 1:
            wait_until(lambda: len(self.commits._waiting) == COUNT - 1)
        with self._database.writing() as transaction:
            yield transaction


@pytest.fixture
def table(sqlite_database: Database) -> Database:
    run(sqlite_database, "CREATE TABLE written (number INTEGER PRIMARY KEY)")
    return sqlite_database


def written(database: Database) -> set[int]:
    return {row["number"] for row in rows(database, "SELECT number FROM written")}


def test_writes_that_come_during_a_commit_share_the_next(table: Database) -> None:
    counted = Counted(table)
    told: list[int] = []

    def write(number: int) -> bool:
        def insert(transaction: Transaction) -> None:
            transaction.execute(text("INSERT INTO written VALUES (:number)"), {"number": number})
            transaction.after_commit(lambda: told.append(number))
            if number % 3 == 0:
                raise LookupError(number)

        if number:
            wait_until(lambda: counted.begun)
        try:
            counted.commits.run(insert)
        except LookupError:
            return False
        return number in written(table)

    answers = in_threads(COUNT, write)
    assert answers == [number % 3 != 0 for number in range(COUNT)]
    assert written(table) == {number for number in range(COUNT) if number % 3}
    assert sorted(told) == sorted(written(table))
    assert counted.begun == 3, "one write, all others, and these once more without those that raise"


def test_a_commit_that_fails_fails_them_all_and_the_next_goes_on(table: Database) -> None:
    failing = True

    @contextmanager
    def writing() -> Iterator[Transaction]:
        with table.writing() as transaction:
            yield transaction
            if failing:
                raise ServiceUnavailable("The database does not answer.")

    commits = SharedCommits(writing)

    def write(number: int) -> str:
        try:
            commits.run(
                lambda transaction: [transaction.execute(text(f"INSERT INTO written VALUES ({number})"))].clear()
            )
        except ServiceUnavailable:
            return "failed"
        return "written"

    assert in_threads(4, write) == ["failed"] * 4
    assert written(table) == set()
    failing = False
    assert in_threads(4, write) == ["written"] * 4
    assert written(table) == {0, 1, 2, 3}
