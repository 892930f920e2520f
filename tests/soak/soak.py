"""One soak on one database: hurt, let it recover, look."""

import socket
import time
from pathlib import Path
from uuid import UUID

from reelwork.db.engine import Database
from tests.soak import report
from tests.soak.audit import orphans, violations
from tests.soak.leases import Leases
from tests.soak.moves import MoveLog
from tests.soak.producer import Producer
from tests.soak.ruin import LEASE_S, ApiRuin, Ruin, WorkerRuin
from tests.soak.tally import Tally, Targets
from tests.support.clips import encode_clip, numbered
from tests.support.databases import rows
from tests.support.service import Command, Service
from tests.support.warm_start import Nursery

FRAMES = 6
FRAME_S = 0.2
PRODUCERS_PER_API = 2
MOST_WAITING = 30
LOOK_EVERY_S = 0.2
PROGRESS_EVERY_S = 60.0
LONGEST_END_S = 300.0


class Soak:
    """A service whose processes are killed and stopped all the time."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        nursery: Nursery,
        *,
        apis: int,
        workers: int,
        with_fence: bool,
        seed: int,
    ) -> None:
        (directory / "scratch").mkdir()
        self._service = Service(directory / "data", _environment(directory, database, with_fence), nursery)
        self._service.write_pipeline("slow", "pause", seconds=FRAME_S)
        self._directory = directory
        self._database = database
        self._moves = MoveLog(database)
        self._tally = Tally()
        self._waiting = 0
        self._seed = seed
        self._workers = workers
        clip = encode_clip(directory / "clip.mp4", numbered(FRAMES))
        self._ruins: list[Ruin] = []
        self._producers: list[Producer] = []
        for number in range(apis):
            self._add_api(_free_port(), clip, seed + 100 * number)
        leases = Leases(database)
        for number in range(workers):
            self._ruins.append(WorkerRuin(self._start_worker, self._tally, leases, seed + 100 * number + 50))

    def run(self, targets: Targets) -> dict[str, list[str]]:
        """Hurt, let it recover, look; return what should not be."""
        hurt_s = self._hurt(targets)
        completed = self._moves.completions()
        recovered_s = self._recover()
        left = orphans(self._service, self._database)
        rescue = self._service.start("rescue", "--orphan-age-s", "0", "--remove-foreign")
        rescue_code = rescue.process.wait(60)
        found = violations(self._service, self._database, self._moves.read(), self._accepted, FRAMES)
        found["processes that ended by themselves"] = self._tally.ended_by_themselves
        found["good videos refused"] = [told for producer in self._producers for told in producer.refused]
        found["rescue failed"] = [] if rescue_code == 0 else [rescue.output.decode()]
        self._print(hurt_s, completed, recovered_s, left, found)
        return found

    def close(self) -> None:
        """End every process."""
        self._service.close()

    def _add_api(self, port: int, clip: Path, seed: int) -> None:
        def start(**environment: str) -> Command:
            return self._service.start("serve", "--port", str(port), **environment)

        api = ApiRuin(start, self._tally, self._has_room, seed)

        self._ruins.append(api)
        url = f"http://127.0.0.1:{port}"
        self._producers += [
            Producer(url, clip, api.wants_submits, seed + number) for number in range(PRODUCERS_PER_API)
        ]

    def _start_worker(self, **environment: str) -> Command:
        return self._service.start("worker", **environment)

    def _has_room(self) -> bool:
        return self._waiting < MOST_WAITING

    @property
    def _accepted(self) -> list[UUID]:
        return [job_id for producer in self._producers for job_id in producer.accepted]

    def _hurt(self, targets: Targets) -> float:
        """Return how long it took until it was enough."""
        hurting = [*self._ruins, *self._producers]
        began = time.monotonic()
        for thread in hurting:
            thread.start()
        try:
            self._watch(targets, began)
        finally:
            for thread in hurting:
                thread.stop()
            for thread in hurting:
                thread.join()
        return time.monotonic() - began

    def _watch(self, targets: Targets, began: float) -> None:
        told_at = began
        while not targets.are_met(self._tally, time.monotonic() - began):
            if not all(thread.is_alive() for thread in (*self._ruins, *self._producers)):
                raise RuntimeError("a part of the soak itself has broken; what broke it stands above")
            self._waiting = self._count_waiting()
            if time.monotonic() >= told_at + PROGRESS_EVERY_S:
                told_at += PROGRESS_EVERY_S
                self._tell(told_at - began)
            time.sleep(LOOK_EVERY_S)

    def _tell(self, seconds: float) -> None:
        completed = self._moves.completions()
        report.progress(self._name, seconds, self._tally, len(self._accepted), completed, self._waiting)

    def _recover(self) -> float:
        """Run unhurt until every job is at an end or it takes too long; return how long it took."""
        began = time.monotonic()
        commands = [self._start_worker() for _ in range(self._workers)]
        while self._count_waiting() and time.monotonic() < began + LONGEST_END_S:
            time.sleep(LOOK_EVERY_S)
        recovered_s = time.monotonic() - began
        for command in commands:
            command.stop()
        return recovered_s

    def _count_waiting(self) -> int:
        counted = rows(self._database, "SELECT count(*) AS jobs FROM job WHERE status IN ('pending', 'running')")
        return int(counted[0]["jobs"])

    @property
    def _name(self) -> str:
        return self._database.engine.dialect.name

    def _print(self, hurt_s: float, completed: int, recovered_s: float, left: int, found: dict[str, list[str]]) -> None:
        [jobs] = rows(self._database, "SELECT count(*) AS jobs, coalesce(sum(attempt), 0) AS attempts FROM job")
        put_off = [f"put off: {told}" for producer in self._producers for told in producer.put_off]
        lines: list[tuple[str, object]] = [
            *report.hurts(self._tally, hurt_s / 60),
            ("completed jobs a minute meanwhile", round(completed / hurt_s * 60)),
            ("submits answered 202", len(self._accepted)),
            ("submits without an answer", sum(producer.unanswered for producer in self._producers)),
            ("submits put off", len(put_off)),
            ("jobs in the table", jobs["jobs"]),
            ("attempts at them", jobs["attempts"]),
            ("attempts taken from lost workers", len(self._service.events("job.rescued"))),
            ("late writes refused by the fence", len(self._service.events("job.lease_lost"))),
            ("seconds of hurting", round(hurt_s)),
            ("seconds until all were at an end", round(recovered_s, 1)),
            ("files without a row before the rescue pass", left),
            ("scratch directories left behind", len(list((self._directory / "scratch").iterdir()))),
        ]
        report.table(
            f"database {self._name}, seed {self._seed}", lines, found, (f"put off: {told}" for told in put_off)
        )


def _environment(directory: Path, database: Database, with_fence: bool) -> dict[str, str]:
    handler = "fault_points" if with_fence else "fence_removed"
    return {
        "REELWORK_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "REELWORK_FAULTS": f"{handler}:reached",
        "REELWORK_LEASE_S": f"{LEASE_S:g}",
        "REELWORK_MAX_ATTEMPTS": "1000",
        "REELWORK_RETRY_REST_S": "0",
        "REELWORK_PROBE_PROCESSES": "1",
        "TMPDIR": str(directory / "scratch"),
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
