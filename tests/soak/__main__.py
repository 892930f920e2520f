"""The soak: a service whose processes are killed and stopped all the time. `make soak` runs it.

Ends with exit code 1 when a job was lost, done twice or left unfinished, when results or files are not as they
should be, or when the database is damaged. These variables set what it does:

    SOAK_SECONDS    how long to kill, on each database (300)
    SOAK_KILLS      go on until so many processes were killed, on each database, however long it takes
    SOAK_DATABASES  which databases (sqlite,postgresql)
    SOAK_WORKERS    how many workers (3)
    SOAK_SEED       what the dice begin with (a new one each time)
"""

import argparse
import os
import random
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from tests.soak.audit import CompletionLog, orphans, violations
from tests.soak.producer import Producer
from tests.soak.ruin import LEASE_S, Tally, ruins
from tests.support.clips import encode_clip, numbered
from tests.support.databases import opened, rows, sqlite_url
from tests.support.postgresql import PostgresqlServer
from tests.support.service import PYTHON_PATH, Service
from tests.support.warm_start import Nursery

FRAMES = 8
PRODUCERS = 2
MOST_WAITING = 30
LOOK_EVERY_S = 0.2
LONGEST_END_S = 300.0
EXAMPLES = 3


class Soak:
    """One soak on one database."""

    def __init__(self, directory: Path, database: Database, nursery: Nursery, *, with_fence: bool, seed: int) -> None:
        handler = "fault_points" if with_fence else "fence_removed"
        (directory / "scratch").mkdir()
        environment = {
            "REELWORK_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "REELWORK_FAULTS": f"{handler}:reached",
            "REELWORK_LEASE_S": f"{LEASE_S:g}",
            "REELWORK_MAX_ATTEMPTS": "1000",
            "REELWORK_RETRY_REST_S": "0",
            "REELWORK_PROBE_PROCESSES": "1",
            "TMPDIR": str(directory / "scratch"),
        }
        self._service = Service(directory / "data", environment, nursery)
        self._service.write_pipeline("slow", "pause", seconds=0.2)
        self._directory = directory
        self._database = database
        self._completions = CompletionLog(database)
        self._tally = Tally()
        self._port = _free_port()
        clip = encode_clip(directory / "clip.mp4", numbered(FRAMES))
        url = f"http://127.0.0.1:{self._port}"
        self._producers = [Producer(url, clip, self._has_room, seed + number) for number in range(PRODUCERS)]
        self._seed = seed

    def run(self, seconds: float, kills: int, workers: int) -> dict[str, list[str]]:
        """Hurt, let it recover, look; return what should not be."""
        began = time.monotonic()
        self._hurt(seconds, kills, workers)
        hurt_s = time.monotonic() - began
        recovered_s = self._recover(workers)
        left = orphans(self._service, self._database)
        rescue = self._service.start("rescue", "--orphan-age-s", "0")
        rescue_code = rescue.process.wait(60)
        accepted = [job_id for producer in self._producers for job_id in producer.accepted]
        found = violations(self._service, self._database, self._completions, accepted, FRAMES)
        found["rescue failed"] = [] if rescue_code == 0 else [rescue.output.decode()]
        self._print(hurt_s, recovered_s, len(accepted), left, found)
        return found

    def close(self) -> None:
        """End every process."""
        self._service.close()

    def _hurt(self, seconds: float, kills: int, workers: int) -> None:
        hurting = [*ruins(self._service, self._port, workers, self._tally, self._seed), *self._producers]
        for thread in hurting:
            thread.start()
        until = time.monotonic() + seconds
        try:
            while self._tally.kills < kills if kills else time.monotonic() < until:
                time.sleep(LOOK_EVERY_S)
        finally:
            for thread in hurting:
                thread.stop()
            for thread in hurting:
                thread.join()

    def _recover(self, workers: int) -> float:
        """Run unhurt until every job is at an end or it takes too long; return how long it took."""
        began = time.monotonic()
        commands = [self._service.start("worker") for _ in range(workers)]
        while self._waiting() and time.monotonic() < began + LONGEST_END_S:
            time.sleep(LOOK_EVERY_S)
        recovered_s = time.monotonic() - began
        for command in commands:
            command.stop()
        return recovered_s

    def _has_room(self) -> bool:
        return self._waiting() < MOST_WAITING

    def _waiting(self) -> int:
        counted = rows(self._database, "SELECT count(*) AS jobs FROM job WHERE status IN ('pending', 'running')")
        return int(counted[0]["jobs"])

    def _print(self, hurt_s: float, recovered_s: float, accepted: int, left: int, found: dict[str, list[str]]) -> None:
        [jobs] = rows(self._database, "SELECT count(*) AS jobs, sum(attempt) AS attempts FROM job")
        lines: list[tuple[str, object]] = [
            (f"database {self._database.engine.dialect.name}, seed {self._seed}", ""),
            *sorted(self._tally.counts.items()),
            ("kills in all", self._tally.kills),
            ("kills a minute", round(self._tally.kills / hurt_s * 60)),
            ("pauses in all", self._tally.pauses),
            ("submits answered 202", accepted),
            ("submits without an answer", sum(producer.unanswered for producer in self._producers)),
            ("submits refused", sum(len(producer.refused) for producer in self._producers)),
            ("jobs in the table", jobs["jobs"]),
            ("attempts at them", jobs["attempts"]),
            ("attempts taken from lost workers", len(self._service.events("job.rescued"))),
            ("late writes refused by the fence", len(self._service.events("job.lease_lost"))),
            ("seconds until all were at an end", round(recovered_s, 1)),
            ("files without a row before the rescue pass", left),
            ("scratch directories left behind", len(list((self._directory / "scratch").iterdir()))),
            *((f"VIOLATION {what}" if items else what, len(items)) for what, items in found.items()),
        ]
        for name, value in lines:
            print(f"{name:<48}{value:>10}")
        for refusal in sorted({refusal for producer in self._producers for refusal in producer.refused}):
            print(f"  refused: {refusal}")
        for what, items in found.items():
            for item in items[:EXAMPLES]:
                print(f"  {what}: {item}")
        print(flush=True)


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


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def main() -> int:
    """Run a soak on each database; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--without-fence", action="store_true", help="take the lease token's guard out: must go red")
    with_fence = not parser.parse_args().without_fence
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 10**6)
    seconds, kills = float(os.environ.get("SOAK_SECONDS", "300")), int(os.environ.get("SOAK_KILLS", "0"))
    nursery = Nursery(PYTHON_PATH)
    violated = False
    for kind in os.environ.get("SOAK_DATABASES", "sqlite,postgresql").split(","):
        directory = Path(tempfile.mkdtemp(prefix="reelwork-soak-"))
        with _database(kind, directory) as database:
            soak = Soak(directory, database, nursery, with_fence=with_fence, seed=seed)
            try:
                found = soak.run(seconds, kills, int(os.environ.get("SOAK_WORKERS", "3")))
            finally:
                soak.close()
        if any(found.values()):
            violated = True
            print(f"what it left is in {directory}\n")
        else:
            shutil.rmtree(directory)
    nursery.close()
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
