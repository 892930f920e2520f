"""Look over everything when it is quiet again, and say what should not be."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from reelwork.db.engine import Database
from tests.support.databases import rows, run
from tests.support.evidence import job_rows
from tests.support.service import Service

_SQLITE_TRIGGER = """
CREATE TRIGGER soak_completed AFTER UPDATE OF status ON job WHEN new.status = 'completed'
BEGIN INSERT INTO soak_completion VALUES (new.job_id, old.lease_token, new.output_path); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION soak_completed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO soak_completion VALUES (new.job_id, old.lease_token, new.output_path); RETURN new; END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER soak_completed AFTER UPDATE OF status ON job FOR EACH ROW WHEN (new.status = 'completed')
EXECUTE FUNCTION soak_completed()
"""


class CompletionLog:
    """Every completion, noted by the database itself: of which job, under whose lease, with whose results."""

    def __init__(self, database: Database) -> None:
        self._database = database
        run(database, "CREATE TABLE soak_completion (job_id TEXT, lease_token TEXT, output_path TEXT)")
        statements = [_SQLITE_TRIGGER] if database.is_sqlite else [_POSTGRESQL_FUNCTION, _POSTGRESQL_TRIGGER]
        with database.writing() as session:
            for statement in statements:
                session.execute(text(statement))

    def read(self) -> list[dict[str, Any]]:
        """All of them."""
        return rows(self._database, "SELECT job_id, lease_token, output_path FROM soak_completion")


def violations(
    service: Service, database: Database, completions: CompletionLog, accepted: list[UUID], frames: int
) -> dict[str, list[str]]:
    """What should not be, with whom it happened to; every list is empty when all is well."""
    jobs = job_rows(database)
    noted = completions.read()
    times_noted = Counter(UUID(row["job_id"]) for row in noted)
    times_told = Counter(UUID(event["job_id"]) for event in service.events("job.completed"))
    found: dict[str, Iterable[object]] = {
        "accepted and lost": set(accepted) - set(jobs),
        "not at an end": [job_id for job_id, row in jobs.items() if row["status"] in ("pending", "running")],
        "failed": [job_id for job_id, row in jobs.items() if row["status"] == "failed"],
        "completed not exactly once": [job_id for job_id in jobs if times_noted[job_id] != 1],
        "told as completed twice": [job_id for job_id, count in times_told.items() if count > 1],
        "completed under another's lease": [row["job_id"] for row in noted if not _under_own_lease(row)],
        "results missing or not whole": [
            job_id for job_id, row in jobs.items() if not _is_whole(service, row["output_path"], frames)
        ],
        "files without a row": set(service.stored_files()) - _paths(jobs),
        "rows without a file": _paths(jobs) - set(service.stored_files()),
        "database damaged": _damage(database),
    }
    return {what: [str(item) for item in items] for what, items in found.items()}


def orphans(service: Service, database: Database) -> int:
    """How many files belong to no row."""
    return len(set(service.stored_files()) - _paths(job_rows(database)))


def _paths(jobs: dict[UUID, dict[str, Any]]) -> set[str]:
    return {row[path] for row in jobs.values() for path in ("input_path", "output_path") if row[path]}


def _under_own_lease(row: dict[str, Any]) -> bool:
    """Results lie under the token of the attempt that made them; the lease must have been that attempt's."""
    return row["lease_token"] is not None and UUID(Path(row["output_path"]).stem) == UUID(row["lease_token"])


def _is_whole(service: Service, output_path: str | None, frames: int) -> bool:
    try:
        document = json.loads((service.data_dir / "files" / (output_path or "none")).read_bytes())
    except (OSError, ValueError):
        return False
    return [entry["frame_index"] for entry in document["results"]] == list(range(frames))


def _damage(database: Database) -> list[str]:
    if database.is_sqlite:
        found = rows(database, "PRAGMA integrity_check")
        return [str(row) for row in found if row != {"integrity_check": "ok"}]
    run(database, "REINDEX TABLE job")  # which reads every row, and finds two of one key
    return []
