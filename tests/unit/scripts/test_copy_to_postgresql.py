"""Every row that clients know of moves from SQLite to PostgreSQL, or none does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from reelwork.access.caller import Scope
from reelwork.access.store import KeyStore
from reelwork.db.engine import Base, Database
from reelwork.errors import ConfigurationError
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import JobTag
from reelwork.jobs.worker_table import WorkerTable
from reelwork.uploads.model import IdempotencyKey, PartialUpload, UploadPart
from scripts.copy_to_postgresql import TABLES, copy, main
from tests.support.job_rows import consistent_row, insert_row

MOMENT = datetime(2026, 1, 14, 7, 8, 9, 123000, UTC)


@pytest.fixture
def full(sqlite_database: Database) -> Database:
    """A database with something in every table that is copied."""
    job_ids = [insert_row(sqlite_database, consistent_row(status)) for status in JobStatus]
    texts = {"external_id": "Größe 🎬", "source": {"width": 640}, "retention_s": 90.5, "expires_at": MOMENT}
    job_ids.append(insert_row(sqlite_database, consistent_row(JobStatus.COMPLETED, **texts)))
    KeyStore(sqlite_database).make("laboratory", [Scope.READ, Scope.SUBMIT])
    upload = {"upload_id": uuid4(), "options": [["pipeline", "text"]], "received_bytes": 2**33, "expires_at": MOMENT}
    part = {"upload_id": upload["upload_id"], "begins_at": 0, "written_by": uuid4()}
    key = {"owner": "", "key": "k", "fingerprint": "f" * 64, "job_id": job_ids[0], "expires_at": MOMENT}
    with sqlite_database.writing() as transaction:
        transaction.execute(sa.insert(JobTag), [{"job_id": job_ids[0], "tag": tag} for tag in "ab"])
        for model, row in ((PartialUpload, upload), (UploadPart, part), (IdempotencyKey, key)):
            transaction.execute(sa.insert(model), [row])
    return sqlite_database


def rows_of(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as transaction:
        found = [dict(row) for row in transaction.execute(sa.select(table)).mappings()]
    return sorted(found, key=str)


def test_every_row_is_the_same(full: Database, postgresql_database: Database) -> None:
    counts = copy(full, postgresql_database)

    for model in TABLES:
        table = Base.metadata.tables[model.__tablename__]
        expected = rows_of(full, table)
        assert expected
        assert rows_of(postgresql_database, table) == expected
        assert counts[table.name] == len(expected)


def test_no_table_is_forgotten() -> None:
    copied = {model.__tablename__ for model in TABLES}
    assert set(Base.metadata.tables) - copied == {"queue_entry", "worker"}


def test_nothing_is_mixed(full: Database, postgresql_database: Database) -> None:
    insert_row(postgresql_database, consistent_row(JobStatus.PENDING))
    with pytest.raises(ConfigurationError, match="already: nothing was copied"):
        copy(full, postgresql_database)


def test_half_a_copy_is_none(full: Database, postgresql_database: Database) -> None:
    with postgresql_database.writing() as transaction:  # the copy of the last table meets this row
        key = {"owner": "", "key": "k", "fingerprint": "f" * 64, "job_id": uuid4(), "expires_at": MOMENT}
        transaction.execute(sa.insert(IdempotencyKey), [key])
    with pytest.raises(sa.exc.IntegrityError):
        copy(full, postgresql_database)
    assert not rows_of(postgresql_database, Base.metadata.tables["job"])


def test_not_while_a_worker_works(full: Database, postgresql_database: Database) -> None:
    worker_id = uuid4()
    WorkerTable(full).begin(worker_id, "host:1", {})
    with pytest.raises(ConfigurationError, match="Stop the service"):
        copy(full, postgresql_database)
    WorkerTable(full).show_life(worker_id, {}, stopped=True)
    assert copy(full, postgresql_database)["job"] == 5


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("REELWORK_DATA_DIR", str(tmp_path))
    return monkeypatch


def test_without_a_database_to_copy(
    settings: pytest.MonkeyPatch, postgresql_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings.setenv("REELWORK_DATABASE_URL", postgresql_url)
    assert main([]) == 1
    assert f"no embedded database in {tmp_path}" in capsys.readouterr().err


def test_without_a_database_to_copy_to(
    settings: pytest.MonkeyPatch, sqlite_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.delenv("REELWORK_DATABASE_URL", raising=False)
    assert main([]) == 1
    assert "does not name a PostgreSQL database" in capsys.readouterr().err
