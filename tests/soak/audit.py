"""Look over everything when it is quiet again, and say what should not be."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from reelwork.db.engine import Database
from reelwork.jobs.attempts import WORKER_LOST
from reelwork.jobs.lifecycle import TRANSITIONS
from tests.soak.moves import Move
from tests.support.databases import rows, run
from tests.support.evidence import job_rows
from tests.support.service import Service


def violations(
    service: Service, database: Database, moves: list[Move], accepted: list[UUID], frames: int
) -> dict[str, list[str]]:
    """What should not be, with whom it happened to; every list is empty when all is well."""
    jobs = job_rows(database)
    found = {
        "accepted and lost": set(accepted) - set(jobs),
        "accepted twice": _repeated(accepted),
        "not at an end": [job_id for job_id, row in jobs.items() if row["status"] in ("pending", "running")],
        "failed": [job_id for job_id, row in jobs.items() if row["status"] == "failed"],
        "told as completed twice": _repeated(UUID(event["job_id"]) for event in service.events("job.completed")),
        "results missing or not whole": [
            job_id for job_id, row in jobs.items() if not _is_whole(service, row["output_path"], frames)
        ],
        "files without a row": set(service.stored_files()) - _paths(jobs),
        "rows without a file": _paths(jobs) - set(service.stored_files()),
        "database damaged": _damage(database),
        **_wrong_moves(moves, jobs),
    }
    return {what: [str(item) for item in items] for what, items in found.items()}


def orphans(service: Service, database: Database) -> int:
    """How many files belong to no row."""
    return len(set(service.stored_files()) - _paths(job_rows(database)))


def _wrong_moves(moves: list[Move], jobs: Iterable[UUID]) -> dict[str, Iterable[object]]:
    completed = [move for move in moves if move.target == "completed"]
    times = Counter(move.job_id for move in completed)
    return {
        "completed not exactly once": [job_id for job_id in jobs if times[job_id] != 1],
        "completed under another's lease": [move.job_id for move in completed if not _under_own_lease(move)],
        "taken before its lease ran out": [move.job_id for move in moves if _is_taken_early(move)],
        "moved as no job may": [move for move in moves if (move.source, move.target) not in TRANSITIONS],
    }


def _under_own_lease(move: Move) -> bool:
    """Results lie under the token of the attempt that made them; the lease must have been that attempt's."""
    return move.output_path is not None and Path(move.output_path).stem == str(move.lease_token)


def _is_taken_early(move: Move) -> bool:
    """Only who holds the lease may end it before its time, and that one names another cause."""
    return move.last_cause == WORKER_LOST and move.target != "completed" and (move.lease_left_s or 0.0) > 0


def _repeated(job_ids: Iterable[UUID]) -> list[UUID]:
    return [job_id for job_id, count in Counter(job_ids).items() if count > 1]


def _paths(jobs: dict[UUID, dict[str, Any]]) -> set[str]:
    return {row[path] for row in jobs.values() for path in ("input_path", "output_path") if row[path]}


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
