"""The history of the tables, replayed up and down on SQLite and PostgreSQL."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import reelwork.access.model
import reelwork.db.migrate as migrate_module
import reelwork.jobs.workers
import reelwork.uploads.model  # noqa: F401 - all tables, to be compared with what the migrations make
from reelwork.db.engine import Base, Database
from reelwork.db.migrate import current_revision, head_revision, migrate, require_head
from reelwork.errors import ConfigurationError
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.concurrency import in_processes
from tests.support.databases import opened, rows
from tests.support.job_rows import consistent_row, insert_row, row_of
from tests.support.jobs import make_job
from tests.support.migration_processes import migrate_and_look

ALL_REVISIONS = [script.revision for script in migrate_module._scripts().walk_revisions()][::-1]
TABLES = {"job", "job_tag", "queue_entry", "api_key", "partial_upload", "upload_part", "idempotency_key", "worker"}


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    """A database without any table, on each dialect."""
    with opened(empty_database_url) as database:
        yield database


def tables(database: Database) -> set[str]:
    with database.reading() as transaction:
        return set(sa.inspect(transaction.connection).get_table_names())


def schema(database: Database) -> dict[str, object]:
    """Describe every table as the database itself does."""
    with database.reading() as transaction:
        inspector = sa.inspect(transaction.connection)
        return {
            name: {
                "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)),
                "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
                "indexes": sorted((i["name"] or "", i["column_names"]) for i in inspector.get_indexes(name)),
                "unique": sorted(u["column_names"] for u in inspector.get_unique_constraints(name)),
                "checks": sorted(str(c["name"]) for c in inspector.get_check_constraints(name)),
            }
            for name in inspector.get_table_names()
        }


class TestUpAndDown:
    def test_from_nothing_to_head(self, empty: Database) -> None:
        assert current_revision(empty) is None
        migrate(empty)
        assert current_revision(empty) == head_revision() == ALL_REVISIONS[-1]
        assert tables(empty) == TABLES | {"alembic_version"}

    def test_doing_it_again_changes_nothing(self, database: Database) -> None:
        job_ids = [insert_row(database, consistent_row(status)) for status in JobStatus]
        before = [row_of(database, job_id) for job_id in job_ids]
        migrate(database)
        migrate(database, head_revision())
        assert [row_of(database, job_id) for job_id in job_ids] == before

    def test_down_and_up_again_with_rows_inside(self, database: Database) -> None:
        before = schema(database)
        queue = DatabaseQueue(database)
        JobStore(database, queue).add(make_job())
        for status in JobStatus:
            insert_row(database, consistent_row(status))
        migrate(database, "base", lose_data=True)
        assert current_revision(database) is None
        assert tables(database) == {"alembic_version"}
        migrate(database)
        require_head(database)
        assert schema(database) == before
        assert queue.size() == 0
        assert rows(database, "SELECT * FROM job") == []

    def test_step_by_step(self, empty: Database) -> None:
        """What a step down leaves is what the step up began with."""
        schemas = [schema(empty)]
        for revision in ALL_REVISIONS:
            migrate(empty, revision)
            assert current_revision(empty) == revision
            schemas.append(schema(empty))
        for revision, expected in zip([*ALL_REVISIONS[-2::-1], "base"], schemas[-2::-1], strict=True):
            migrate(empty, revision, lose_data=True)
            left = schema(empty)
            left.pop("alembic_version")
            expected.pop("alembic_version", None)
            assert left == expected

    def test_an_empty_database_is_at_its_base(self, empty: Database) -> None:
        migrate(empty, "base")
        assert current_revision(empty) is None
        assert tables(empty) <= {"alembic_version"}

    def test_the_service_works_on_what_the_migrations_made(self, empty: Database) -> None:
        migrate(empty)
        queue = DatabaseQueue(empty)
        store = JobStore(empty, queue)
        job = make_job()
        store.add(job)
        assert queue.dequeue() == job.job_id
        claim = store.claim(job.job_id, "one", 60)
        assert claim
        assert store.complete(claim.lease, "x")

    def test_there_is_one_line_of_history(self) -> None:
        assert migrate_module._scripts().get_heads() == [head_revision()]
        assert migrate_module._scripts().get_bases() == [ALL_REVISIONS[0]]


class TestModelAndMigrationsAgree:
    def test_in_tables_columns_types_and_indexes(self, database: Database) -> None:
        with database.reading() as transaction:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(transaction.connection, opts=options)
            assert compare_metadata(context, Base.metadata) == []

    def test_the_comparison_would_notice(self, database: Database) -> None:
        other = sa.MetaData()
        for table in Base.metadata.tables.values():
            table.to_metadata(other)
        other.tables["job"].append_column(sa.Column("extra", sa.Integer()))
        other.tables["job"].c.error_message.nullable = False
        with database.reading() as transaction:
            differences = compare_metadata(MigrationContext.configure(transaction.connection), other)
        assert len(differences) == 2

    def test_in_everything_the_database_says_of_itself(self, database: Database) -> None:
        """Names and conditions of constraints and of partial indexes, too."""
        by_migrations = schema(database) | {"conditions": conditions(database)}
        migrate(database, "base", lose_data=True)
        with database.writing() as transaction:
            Base.metadata.create_all(transaction.connection)
        assert schema(database) | {"conditions": conditions(database)} == by_migrations
        assert {name for name, _ in conditions(database)} >= {
            "ck_job_status",
            "ix_job_pending",
            "ix_job_running",
            "ix_job_finished",
        }


def conditions(database: Database) -> list[tuple[str, str]]:
    """Return the text of every CHECK and of every index, as the database keeps it."""
    with database.reading() as transaction:
        inspector = sa.inspect(transaction.connection)
        checks = [
            (str(check["name"]), str(check["sqltext"]))
            for table in sorted(TABLES)
            for check in inspector.get_check_constraints(table)
        ]
    source = "sqlite_master" if database.is_sqlite else "pg_indexes WHERE tablename IN ('job', 'queue_entry')"
    columns = "name, sql" if database.is_sqlite else "indexname AS name, indexdef AS sql"
    condition = " WHERE type = 'index' AND sql IS NOT NULL" if database.is_sqlite else ""
    indexes = rows(database, f"SELECT {columns} FROM {source}{condition}")
    return sorted([*checks, *((str(index["name"]), str(index["sql"])) for index in indexes)])


class TestAtOnce:
    def test_processes_that_start_together_all_succeed(self, empty_database_url: str, empty: Database) -> None:
        assert in_processes(3, migrate_and_look, empty_database_url) == [head_revision()] * 3
        assert tables(empty) == TABLES | {"alembic_version"}

    def test_a_second_one_waits_for_the_first(self, empty: Database, empty_database_url: str) -> None:
        with opened(empty_database_url) as other:
            second = threading.Thread(target=migrate, args=(other,))
            with empty.migrating() as connection:
                second.start()
                second.join(0.2)
                assert second.is_alive()
                assert sa.inspect(connection).get_table_names() == []
            second.join(30)
        require_head(empty)


NEXT_REVISION = '''
"""Add a table, as a later version would."""

from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("later", sa.Column("number", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO later (number) VALUES (1)")
    {then}


def downgrade() -> None:
    op.drop_table("later")
    {back}
'''


class LaterVersion:
    """A version of Reelwork with one more migration."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory / "migrations"
        self._monkeypatch = monkeypatch
        self._ours = migrate_module._DIRECTORY
        shutil.copytree(self._ours, self._directory)

    def is_installed(self, then: str = "", back: str = "") -> None:
        revision = NEXT_REVISION.format(head=head_revision(), then=then, back=back)
        (self._directory / "versions" / "9999_later.py").write_text(revision)
        self._monkeypatch.setattr(migrate_module, "_DIRECTORY", self._directory)

    def is_replaced_by_ours(self) -> None:
        self._monkeypatch.setattr(migrate_module, "_DIRECTORY", self._ours)


@pytest.fixture
def later_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LaterVersion:
    return LaterVersion(tmp_path, monkeypatch)


class TestADatabaseOfAnotherVersion:
    def test_an_empty_one_is_not_worked_with(self, empty: Database) -> None:
        with pytest.raises(ConfigurationError) as caught:
            require_head(empty)
        assert str(caught.value) == (
            f"The database is at revision base (empty), and this version of Reelwork needs {head_revision()}. "
            "Run `reelwork migrate` with the same REELWORK_DATABASE_URL."
        )
        assert tables(empty) == set()

    def test_an_older_one_is_told_what_to_run(self, database: Database, later_version: LaterVersion) -> None:
        ours = head_revision()
        later_version.is_installed()
        with pytest.raises(ConfigurationError, match=f"at revision {ours}, .* needs 9999.*`reelwork migrate`"):
            require_head(database)
        migrate(database)
        require_head(database)
        assert "later" in tables(database)

    @pytest.mark.parametrize("target", ["head", "base", ALL_REVISIONS[0]])
    def test_a_newer_one_is_left_alone(self, database: Database, later_version: LaterVersion, target: str) -> None:
        later_version.is_installed()
        migrate(database)
        before = schema(database)
        later_version.is_replaced_by_ours()
        with pytest.raises(ConfigurationError, match=r"at revision 9999,.*newer version of Reelwork\. Use that"):
            migrate(database, target)
        assert schema(database) == before
        assert current_revision(database) == "9999"

    def test_a_newer_one_is_not_worked_with(self, database: Database, later_version: LaterVersion) -> None:
        later_version.is_installed()
        migrate(database)
        later_version.is_replaced_by_ours()
        with pytest.raises(ConfigurationError, match="newer version of Reelwork") as caught:
            require_head(database)
        assert str(caught.value).endswith(f"go back, with that version's `reelwork migrate {head_revision()}`.")

    def test_a_newer_one_can_be_brought_back_by_its_version(
        self, database: Database, later_version: LaterVersion
    ) -> None:
        before, ours = schema(database), head_revision()
        later_version.is_installed()
        migrate(database)
        migrate(database, ours, lose_data=True)
        later_version.is_replaced_by_ours()
        require_head(database)
        assert schema(database) == before

    @pytest.mark.parametrize("target", ["0000", "nonsense"])
    def test_a_revision_there_is_not_is_refused(self, database: Database, target: str) -> None:
        before = schema(database)
        with pytest.raises(ConfigurationError, match="cannot be moved to"):
            migrate(database, target)
        assert schema(database) == before
        require_head(database)


class TestADownThatLosesData:
    def test_is_refused_with_what_would_be_lost(self, database: Database) -> None:
        for status in JobStatus:
            insert_row(database, consistent_row(status, source={"duration_s": 1.0}, external_id=None))
        before, everything = schema(database), rows(database, "SELECT * FROM job ORDER BY job_id")

        with pytest.raises(ConfigurationError) as caught:
            migrate(database, "0002")

        assert str(caught.value) == (
            "At revision 0002 there is no place for 4 values of job.source, 4 values of job.webhook_attempts, "
            "1 row of worker. Nothing was changed. "
            "Back up the database; if that may go: `reelwork migrate 0002 --lose-data`."
        )
        assert schema(database) == before
        assert rows(database, "SELECT * FROM job ORDER BY job_id") == everything
        require_head(database)

    def test_tells_of_rows_that_go_though_their_table_stays(
        self, database: Database, later_version: LaterVersion
    ) -> None:
        ours = head_revision()
        insert_row(database, consistent_row(JobStatus.PENDING))
        later_version.is_installed(back="op.execute('DELETE FROM job')")
        migrate(database)
        with pytest.raises(ConfigurationError, match=r"1 row of job, 1 row of later\. Nothing was changed"):
            migrate(database, ours)
        assert len(rows(database, "SELECT job_id FROM job")) == 1

    def test_is_nothing_to_ask_about_when_nothing_is_lost(
        self, database: Database, later_version: LaterVersion
    ) -> None:
        ours = head_revision()
        insert_row(database, consistent_row(JobStatus.RUNNING))
        later_version.is_installed(then="op.execute('DELETE FROM later')")
        migrate(database)
        migrate(database, ours)
        later_version.is_replaced_by_ours()
        require_head(database)

    @pytest.mark.parametrize("revision", ALL_REVISIONS)
    def test_keeps_every_job_and_what_makes_it_one(self, database: Database, revision: str) -> None:
        for status in JobStatus:
            insert_row(database, consistent_row(status))
        kept = (
            "SELECT job_id, status, created_at, updated_at, input_path, output_path, error_message, pipeline, "
            "pipeline_definition, options, attempt, lease_token, lease_expires_at, worker FROM job ORDER BY job_id"
        )
        before = rows(database, kept)
        migrate(database, revision, lose_data=True)
        assert rows(database, kept) == before
        migrate(database)
        assert rows(database, kept) == before


class TestAMigrationThatFails:
    def test_leaves_nothing(self, database: Database, later_version: LaterVersion) -> None:
        job_id = insert_row(database, consistent_row(JobStatus.PENDING))
        before = schema(database)
        later_version.is_installed(then="raise ZeroDivisionError")
        with pytest.raises(ZeroDivisionError):
            migrate(database)
        assert schema(database) == before
        later_version.is_replaced_by_ours()
        require_head(database)
        assert row_of(database, job_id)["status"] == JobStatus.PENDING

    def test_leaves_nothing_of_those_before_it_either(self, empty: Database, later_version: LaterVersion) -> None:
        later_version.is_installed(then="raise ZeroDivisionError")
        with pytest.raises(ZeroDivisionError):
            migrate(empty)
        assert tables(empty) == set()
        later_version.is_replaced_by_ours()
        migrate(empty)
        require_head(empty)


def test_the_scripts_are_found_wherever_the_package_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alembic reads its settings with `%` as an escape."""
    place = tmp_path / "100% here" / "db"
    shutil.copytree(Path(migrate_module.__file__).parent, place)
    monkeypatch.setattr(migrate_module, "__file__", str(place / "migrate.py"))
    assert isinstance(migrate_module._scripts(), ScriptDirectory)
    assert head_revision() == ALL_REVISIONS[-1]
