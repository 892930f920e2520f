"""Copy every job and API key of the embedded database into the PostgreSQL database of ``REELWORK_DATABASE_URL``.

    REELWORK_DATABASE_URL=postgresql://... python scripts/copy_to_postgresql.py --data-dir /srv/reelwork

The service must be stopped, and the new database migrated and without a job. Files stay where they are: rows name them
by keys that do not depend on the database. It is done in one transaction: if anything goes wrong, nothing was copied,
and the embedded database is as it was.

Left behind are hints, for workers look into the job table themselves, and what workers have counted. The exit code is
0 when all was copied, and 1 when nothing was (standard error says why).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import func, insert, select

from reelwork.access.model import ApiKey
from reelwork.bootstrap.foundation import open_migrated
from reelwork.db.engine import Base, Database
from reelwork.errors import ConfigurationError, ReelworkError
from reelwork.jobs.model import Job, JobTag
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from reelwork.uploads.model import IdempotencyKey, PartialUpload, UploadPart

# Those that others refer to first.
TABLES: Sequence[type[Base]] = (ApiKey, Job, JobTag, PartialUpload, UploadPart, IdempotencyKey)
_AT_ONCE = 500


def copy(old: Database, new: Database) -> Mapping[str, int]:
    """Copy all rows; return how many of each table.

    Raises:
        ConfigurationError: The new one is not PostgreSQL or has jobs, or a worker uses the old one.
    """
    _require_copyable(old, new)
    with old.reading() as source, new.writing() as target:
        copied = {}
        for model in TABLES:
            name = model.__tablename__
            table = Base.metadata.tables[name]
            rows = source.execute(select(table).execution_options(yield_per=_AT_ONCE)).mappings()
            copied[name] = 0
            for some in rows.partitions():
                target.execute(insert(table), [dict(row) for row in some])
                copied[name] += len(some)
        return copied


def _require_copyable(old: Database, new: Database) -> None:
    if new.is_sqlite:
        raise ConfigurationError("REELWORK_DATABASE_URL does not name a PostgreSQL database.")
    if any(new.query(select(func.count()).select_from(model))[0][0] for model in (Job, ApiKey)):
        raise ConfigurationError("There are jobs or API keys in the new database already: nothing was copied.")
    if WorkerTable(old).seen_lately():
        raise ConfigurationError(
            "A worker used the embedded database within the last minute, and did not stop in an orderly way. "
            "Stop the service; if it was killed, wait a minute."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy, and say how much."""
    parser = argparse.ArgumentParser(description="Copy the embedded database into that of REELWORK_DATABASE_URL.")
    parser.add_argument("--data-dir", type=Path, help="where the embedded database is")
    try:
        settings = Settings.load(data_dir=parser.parse_args(arguments).data_dir)
        if not (settings.data_dir / "reelwork.db").exists():
            raise ConfigurationError(f"There is no embedded database in {settings.data_dir}.")
        old = open_migrated(settings.model_copy(update={"database_url": ""}))
        copied = copy(old, open_migrated(settings))
    except ReelworkError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{copied['job']} jobs and {copied['api_key']} API keys copied.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
