"""The soak: a service whose processes are killed and stopped all the time. `make soak` runs it.

Ends with exit code 1 when a job was lost, done twice or left unfinished, when results or files are not as they
should be, or when the database is damaged. These variables set what it does, on each database:

    SOAK_KILLS         go on until so many processes were killed
    SOAK_SUBMIT_KILLS  go on until so many APIs were killed at a step of a submit, and every step was hit
    SOAK_PAUSES        go on until so many workers were stopped past the lease they held, and resumed
    SOAK_SECONDS       how long to go on when none of these targets is given (300)
    SOAK_DATABASES     which databases (sqlite,postgresql)
    SOAK_APIS          how many APIs (2)
    SOAK_WORKERS       how many workers (6)
    SOAK_SEED          what the dice begin with (a new one each time)

Every target given has to be met, however long that takes.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from tests.soak.soak import Soak
from tests.soak.tally import Targets
from tests.support.databases import opened, sqlite_url
from tests.support.postgresql import PostgresqlServer
from tests.support.service import PYTHON_PATH
from tests.support.warm_start import Nursery


@contextmanager
def _database(kind: str, directory: Path) -> Iterator[Database]:
    if kind == "sqlite":
        with opened(sqlite_url(directory / "reelwork.db")) as database:
            migrate(database)
            yield database
        return
    server = PostgresqlServer.start()
    try:
        with opened(server.url(server.create_database())) as database:
            migrate(database)
            yield database
    finally:
        server.stop()


def _soaked(kind: str, nursery: Nursery, seed: int, *, with_fence: bool) -> bool:
    """Run a soak on one database; tell whether all was well."""
    directory = Path(tempfile.mkdtemp(prefix="reelwork-soak-"))
    apis, workers = int(os.environ.get("SOAK_APIS", "2")), int(os.environ.get("SOAK_WORKERS", "6"))
    with _database(kind, directory) as database:
        soak = Soak(directory, database, nursery, apis=apis, workers=workers, with_fence=with_fence, seed=seed)
        try:
            found = soak.run(Targets.from_environment(os.environ))
        finally:
            soak.close()
    if any(found.values()):
        print(f"what it left is in {directory}\n")
        return False
    shutil.rmtree(directory)
    return True


def main() -> int:
    """Run a soak on each database; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--without-fence", action="store_true", help="take the lease token's guard out: must go red")
    with_fence = not parser.parse_args().without_fence
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 10**6)
    nursery = Nursery(PYTHON_PATH)
    try:
        kinds = os.environ.get("SOAK_DATABASES", "sqlite,postgresql").split(",")
        verdicts = [_soaked(kind, nursery, seed, with_fence=with_fence) for kind in kinds]
        return 0 if all(verdicts) else 1
    finally:
        nursery.close()


if __name__ == "__main__":
    sys.exit(main())
