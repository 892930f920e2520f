"""How the database is opened, and what a transaction is."""

import fcntl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, StatementError

from reelwork.db.engine import Database
from reelwork.db.migrate import current_revision, migrate, require_head
from reelwork.db.types import UtcDateTime, database_now
from reelwork.errors import ConfigurationError, ServiceUnavailable
from tests.support.concurrency import in_processes, in_threads
from tests.support.databases import opened, rows, run, sqlite_url
from tests.support.job_rows import clock_of
from tests.support.writer_processes import count_up

INSERT_ENTRY = "INSERT INTO queue_entry (position, job_id) VALUES (:position, :job_id)"


def pragma(database: Database, name: str) -> Any:
    with database.reading() as transaction:
        return transaction.connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def insert_entry(database: Database, position: int) -> None:
    run(database, INSERT_ENTRY, position=position, job_id=f"{position:032x}")


def positions(database: Database) -> list[int]:
    return [row["position"] for row in rows(database, "SELECT position FROM queue_entry ORDER BY position")]


class TestSqlite:
    @pytest.mark.parametrize(
        ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)]
    )
    def test_pragmas_are_in_force_on_every_connection(
        self, sqlite_database: Database, name: str, value: object
    ) -> None:
        assert pragma(sqlite_database, name) == value
        assert in_threads(4, lambda _: pragma(sqlite_database, name)) == [value] * 4
        with sqlite_database.writing() as transaction:
            assert transaction.connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value

    def test_who_writes_begins_by_taking_the_write_lock(self, sqlite_database: Database) -> None:
        begun = []

        @event.listens_for(sqlite_database.engine, "before_cursor_execute")
        def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
            if statement.startswith("BEGIN"):
                begun.append(statement)

        with sqlite_database.reading() as transaction:
            transaction.scalar(sa.text("SELECT 1"))
        with sqlite_database.writing():
            pass
        with sqlite_database.migrating():
            pass
        assert begun == ["BEGIN", "BEGIN IMMEDIATE", "BEGIN IMMEDIATE"]

    def test_the_write_lock_is_a_real_one(self, sqlite_database: Database, tmp_path: Path) -> None:
        import sqlite3

        other = sqlite3.connect(tmp_path / "reelwork.db", timeout=0, isolation_level=None)
        with sqlite_database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()

    def test_a_reader_does_not_wait_for_a_writer(self, sqlite_database: Database) -> None:
        with sqlite_database.writing() as transaction:
            transaction.execute(sa.text(INSERT_ENTRY), {"position": 1, "job_id": "1" * 32})
            assert positions(sqlite_database) == []
        assert positions(sqlite_database) == [1]

    def test_a_reader_sees_one_moment(self, sqlite_database: Database) -> None:
        with sqlite_database.reading() as transaction:
            count = sa.text("SELECT count(*) FROM queue_entry")
            assert transaction.scalar(count) == 0
            insert_entry(sqlite_database, 1)
            assert transaction.scalar(count) == 0

    def test_writers_take_turns(self, sqlite_database: Database, tmp_path: Path) -> None:
        """The turn is a lock on a file, so that no writer starves."""
        insert_entry(sqlite_database, 1)
        with (tmp_path / "reelwork.db.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            writer = threading.Thread(target=insert_entry, args=(sqlite_database, 2))
            writer.start()
            writer.join(0.1)
            assert writer.is_alive()
            assert positions(sqlite_database) == [1]
            fcntl.flock(turn, fcntl.LOCK_UN)
            writer.join(20)
        assert positions(sqlite_database) == [1, 2]

    def test_a_turn_ends_when_the_transaction_fails(self, sqlite_database: Database) -> None:
        insert_entry(sqlite_database, 1)
        with pytest.raises(IntegrityError):
            insert_entry(sqlite_database, 1)
        insert_entry(sqlite_database, 2)
        assert positions(sqlite_database) == [1, 2]

    def test_the_directory_is_made(self, tmp_path: Path) -> None:
        with opened(sqlite_url(tmp_path / "not" / "there" / "x.db")) as database:
            migrate(database)
        assert (tmp_path / "not" / "there" / "x.db").is_file()


class TestTransactions:
    def test_a_block_that_ends_is_committed(self, database: Database) -> None:
        insert_entry(database, 1)
        with opened(database.engine.url.render_as_string(hide_password=False)) as other:
            assert positions(other) == [1]

    def test_a_block_that_raises_is_rolled_back(self, database: Database) -> None:
        def insert_and_break() -> None:
            with database.writing() as transaction:
                transaction.execute(sa.text(INSERT_ENTRY), {"position": 1, "job_id": "1" * 32})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            insert_and_break()
        assert positions(database) == []

    def test_a_single_statement_is_one(self, database: Database) -> None:
        insert = sa.text(f"{INSERT_ENTRY} RETURNING position")
        assert database.change(insert, {"position": 1, "job_id": "1" * 32}) == [(1,)]
        with pytest.raises(IntegrityError):
            database.change(insert, {"position": 1, "job_id": "2" * 32})
        found = sa.text("SELECT position FROM queue_entry")
        assert database.query(found) == [(1,)]
        with opened(database.engine.url.render_as_string(hide_password=False)) as other:
            assert other.query(found) == [(1,)]

    def test_what_a_reader_writes_is_not_kept(self, database: Database) -> None:
        with database.reading() as transaction:
            transaction.execute(sa.text(INSERT_ENTRY), {"position": 1, "job_id": "1" * 32})
        assert positions(database) == []

    def test_threads_write_at_once(self, database: Database) -> None:
        run(database, INSERT_ENTRY, position=0, job_id="0" * 32)
        run(database, "UPDATE queue_entry SET position = 0")

        def work(number: int) -> None:
            for _ in range(10):
                run(database, "UPDATE queue_entry SET position = position + 1")

        in_threads(8, work)
        assert positions(database) == [80]

    def test_processes_write_at_once(self, database_url: str, database: Database) -> None:
        run(database, INSERT_ENTRY, position=0, job_id="0" * 32)
        assert in_processes(4, count_up, database_url, 15) == [15] * 4
        assert positions(database) == [60]

    def test_a_writer_may_read_first_while_others_write(self, database: Database) -> None:
        """On SQLite a transaction that began as a reader could not go on to write once another had."""
        insert_entry(database, 1)

        def work(number: int) -> None:
            with database.writing() as transaction:
                highest = transaction.scalar(sa.text("SELECT max(position) FROM queue_entry"))
                transaction.execute(
                    sa.text(INSERT_ENTRY), {"position": highest * 100 + number, "job_id": f"{number:032x}"}
                )

        if database.is_sqlite:
            in_threads(4, lambda number: work(number + 2))
            assert len(positions(database)) == 5
        else:
            work(2)
            assert len(positions(database)) == 2

    def test_commits_wait_for_the_disk(self, database: Database) -> None:
        """The PostgreSQL server of the tests is set not to wait."""
        asked, waits = ("PRAGMA synchronous", "2") if database.is_sqlite else ("SHOW synchronous_commit", "on")
        for _ in range(2):
            with database.writing() as transaction:
                assert str(transaction.connection.exec_driver_sql(asked).scalar()) == waits
            assert str(database.change(sa.text(asked))[0][0]) == waits

    def test_on_sqlite_a_single_one_need_not_wait(self, sqlite_database: Database) -> None:
        asked = sa.text("PRAGMA synchronous")
        for durable, synchronous in ((False, 1), (True, 2), (False, 1)):
            assert sqlite_database.change(asked, durable=durable) == [(synchronous,)]
        with sqlite_database.writing() as transaction:
            assert transaction.scalar(asked) == 2

    @pytest.mark.parametrize("kind", ["local", "remote_apply"])
    def test_a_server_that_waits_is_left_as_it_is(self, postgresql_url: str, kind: str) -> None:
        with (
            opened(f"{postgresql_url}&options=-csynchronous_commit%3D{kind}") as database,
            database.writing() as transaction,
        ):
            assert transaction.connection.exec_driver_sql("SHOW synchronous_commit").scalar() == kind


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite:///relative.db",
            "sqlite:///./relative.db",
            "sqlite:///../up.db",
            "sqlite:///file::memory:?uri=true",
            "mysql://localhost/x",
            "postgres://localhost/x",
            "reelwork.db",
            "/var/lib/reelwork.db",
            "",
            "nonsense",
        ],
    )
    def test_one_that_would_not_do_is_refused(self, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigurationError, match=r"must be postgresql://\.\.\. or sqlite:////absolute/path\.db"):
            Database(url)
        assert list(tmp_path.iterdir()) == []

    def test_a_password_is_not_told(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Database("mysql://somebody:secret@localhost/x")
        assert "secret" not in str(caught.value)

    def test_a_directory_that_cannot_be_made_is_said_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ConfigurationError, match="directory"):
            Database(sqlite_url(tmp_path / "file" / "below" / "x.db"))

    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
    def test_the_driver_is_ours(self, scheme: str) -> None:
        with opened(f"{scheme}://localhost/x") as database:
            assert database.engine.dialect.driver == "psycopg"
            assert not database.is_sqlite


class TestADatabaseThatDoesNotAnswer:
    @pytest.fixture(params=["nobody listens", "no such database", "no such directory"])
    def url(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        if request.param == "nobody listens":
            return "postgresql://postgres@127.0.0.1:1/x?connect_timeout=2"
        if request.param == "no such directory":
            return f"postgresql://postgres@/x?host={tmp_path}"
        server = request.getfixturevalue("postgresql_server")
        return server.url("there_is_none_of_this_name")  # type: ignore[no-any-return]

    def test_is_said_so(self, url: str) -> None:
        def use(begin: Callable[[], Any]) -> None:
            with begin() as transaction:
                transaction.scalar(sa.text("SELECT 1"))

        with opened(url) as database:
            for begin in (database.reading, database.writing):
                with pytest.raises(ServiceUnavailable, match=r"^The database does not answer\.$"):
                    use(begin)
            with pytest.raises(ServiceUnavailable), database.migrating():
                pass

    def test_a_session_that_is_ended_part_of_the_way_through(self, postgresql_database: Database) -> None:
        def lose_the_connection() -> None:
            with postgresql_database.writing() as transaction:
                pid = transaction.scalar(sa.text("SELECT pg_backend_pid()"))
                run(postgresql_database, "SELECT pg_terminate_backend(:pid, 30000)", pid=pid)
                transaction.execute(sa.text("SELECT 1"))

        with pytest.raises(ServiceUnavailable):
            lose_the_connection()
        assert positions(postgresql_database) == []

    def test_a_connection_that_died_in_the_pool_is_replaced(self, postgresql_database: Database) -> None:
        assert positions(postgresql_database) == []
        with opened(postgresql_database.engine.url.render_as_string(hide_password=False)) as other:
            run(
                other,
                "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()",
            )
        insert_entry(postgresql_database, 1)
        assert positions(postgresql_database) == [1]

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_bytes(b"this is not SQLite" * 100)
        with opened(sqlite_url(tmp_path / "x.db")) as database, pytest.raises(Exception, match="not a database"):
            current_revision(database)

    def test_a_mistake_in_a_statement_is_no_outage(self, database: Database) -> None:
        insert_entry(database, 1)
        with pytest.raises(IntegrityError):
            insert_entry(database, 1)


class TestTimes:
    def test_the_clock_is_in_utc_and_right(self, database: Database) -> None:
        before = datetime.now(UTC)
        now = clock_of(database)
        assert now.tzinfo is UTC
        assert before - timedelta(seconds=1) <= now <= datetime.now(UTC) + timedelta(seconds=1)

    @pytest.mark.parametrize("plus_s", [-3600.5, -1, -0.001, 0, 0.001, 0.25, 59.999, 86_400, 10_000_000])
    def test_the_clock_can_be_asked_for_later_and_earlier(self, database: Database, plus_s: float) -> None:
        with database.reading() as transaction:
            before, moment, after = transaction.execute(
                sa.select(database_now().label("a"), database_now(plus_s).label("b"), database_now().label("c"))
            ).one()
        off = timedelta(seconds=plus_s)
        assert before + off - timedelta(milliseconds=2) <= moment <= after + off + timedelta(milliseconds=2)

    @pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])
    @pytest.mark.parametrize("microsecond", [0, 1, 999_999])
    def test_a_time_comes_back_as_the_same_moment_in_utc(
        self, database: Database, zone: timezone, microsecond: int
    ) -> None:
        moment = datetime(2024, 2, 29, 23, 59, 59, microsecond, zone)
        column: sa.ColumnElement[datetime] = sa.bindparam("moment", moment, UtcDateTime())
        with database.writing() as transaction:
            transaction.execute(sa.text("CREATE TABLE moments (moment TIMESTAMP WITH TIME ZONE)"))
            moments = sa.table("moments", sa.column("moment", UtcDateTime()))
            transaction.execute(sa.insert(moments).values(moment=column))
            found = transaction.scalar(sa.select(moments.c.moment))
        assert found == moment
        assert found is not None
        assert found.tzinfo is UTC

    def test_times_of_the_database_and_of_python_sort_together(self, database: Database) -> None:
        moments = sa.table("moments", sa.column("number", sa.Integer()), sa.column("moment", UtcDateTime()))
        now = clock_of(database)
        with database.writing() as transaction:
            transaction.execute(sa.text("CREATE TABLE moments (number INTEGER, moment TIMESTAMP WITH TIME ZONE)"))
            for number, moment in enumerate(
                [now - timedelta(seconds=1), database_now(), now + timedelta(seconds=50), database_now(100)]
            ):
                transaction.execute(sa.insert(moments).values(number=number, moment=moment))
            in_order = transaction.scalars(sa.select(moments.c.number).order_by(moments.c.moment)).all()
        assert in_order == [0, 1, 2, 3]

    def test_times_have_one_width_in_sqlite(self, sqlite_database: Database) -> None:
        """They are compared as text there."""
        given = sa.bindparam("moment", datetime(2024, 1, 1, tzinfo=UTC), UtcDateTime())
        with sqlite_database.reading() as transaction:
            widths = transaction.execute(sa.select(sa.func.length(database_now()), sa.func.length(given))).one()
        assert tuple(widths) == (26, 26)

    def test_a_time_without_a_zone_is_refused(self, database: Database) -> None:
        naive = sa.bindparam("moment", datetime(2024, 1, 1), UtcDateTime())  # noqa: DTZ001
        with pytest.raises(StatementError, match="without a time zone"), database.reading() as transaction:
            transaction.scalar(sa.select(naive))

    def test_nothing_stays_nothing(self, database: Database) -> None:
        with database.reading() as transaction:
            assert transaction.scalar(sa.select(sa.cast(sa.null(), UtcDateTime()))) is None


def test_statements_do_not_tell_their_values(database: Database) -> None:
    insert_entry(database, 1)
    with pytest.raises(IntegrityError) as caught:
        run(database, INSERT_ENTRY, position=1, job_id="5ec2e7" + "0" * 26)
    assert "[SQL parameters hidden" in str(caught.value)


def test_a_database_can_be_closed_and_used_again(database: Database) -> None:
    database.close()
    require_head(database)
    begun = time.monotonic()
    database.close()
    assert time.monotonic() - begun < 5
