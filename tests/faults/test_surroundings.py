"""Disks that are full, gone or read-only and databases that go away: a clear answer, and nothing lost or left."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from uuid import UUID

import httpx
import pytest

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from tests.support.databases import opened
from tests.support.evidence import assert_rescue_leaves_no_orphan, job_rows
from tests.support.postgresql import PostgresqlServer
from tests.support.service import Caller, Command, Service, analysis_processes, descendants
from tests.support.size_limit import no_file_beyond
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]
BOUND_BY_PERMISSIONS = Path(__file__).parent.parent / "support" / "bound_by_permissions.py"
KIBIBYTE = 1024


@pytest.fixture
def api(service: Service) -> Command:
    service.environment = {"REELWORK_RETRY_REST_S": "0.1"}
    service.write_pipeline("slow", "pause", seconds=0.05)
    return service.start("serve", "--port", "0")


@pytest.fixture
def calls(api: Command, caller: MakeCaller) -> Caller:
    return caller(api.url())


@pytest.fixture
def database(service: Service, api: Command) -> Iterator[Database]:
    """The database of the service, once it is there."""
    api.url()
    with opened(f"sqlite:///{service.data_dir}/reelwork.db") as database:
        yield database


def send(calls: Caller, path: Path, pipeline: str = "frames") -> httpx.Response:
    headers = {"Content-Type": "video/mp4"}
    return calls.http.post("/video/submit", params={"pipeline": pipeline}, content=path.read_bytes(), headers=headers)


def assert_told_to_come_back(answer: httpx.Response, status: int, name: str) -> str:
    """Check a refusal for now; return its sentence."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["type"] == f"urn:reelwork:problem:{name}"
    return str(answer.json()["detail"])


class TestAFullDisk:
    def test_at_upload(
        self, service: Service, api: Command, calls: Caller, database: Database, media_dir: Path
    ) -> None:
        earlier = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        with no_file_beyond(api.process.pid, 400 * KIBIBYTE):
            answer = send(calls, media_dir / "burned-in-time-15fps.mp4")
            assert "no file so large" in assert_told_to_come_back(answer, 507, "storage-full")
            small = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        assert service.stored_files() == sorted(f"video_jobs/{job_id}.mp4" for job_id in (earlier, small))

        service.start("worker")

        later = calls.submit(media_dir / "burned-in-time-15fps.mp4", pipeline="frames")
        assert all(calls.results(job_id) for job_id in (earlier, small, later))
        assert_rescue_leaves_no_orphan(service, database)

    def test_in_the_database(
        self, service: Service, api: Command, calls: Caller, database: Database, media_dir: Path
    ) -> None:
        earlier = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        before = service.stored_files()
        with no_file_beyond(api.process.pid, 30 * KIBIBYTE):  # the video fits, the database does not
            answer = send(calls, media_dir / "midroll-5s.mp4")
            assert answer.status_code in (503, 507)
            kind = answer.json()["type"].rsplit(":", 1)[1]
            assert_told_to_come_back(answer, answer.status_code, kind)
            assert calls.status(earlier)["status"] == "pending"
        assert service.stored_files() == before

        service.start("worker")

        later = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        assert [len(calls.results(job_id)) for job_id in (earlier, later)] == [125, 125]
        assert_rescue_leaves_no_orphan(service, database)

    def test_at_results(self, service: Service, caller: MakeCaller, media_dir: Path, postgresql_url: str) -> None:
        """The database is elsewhere, so that the disk is the one of the results alone."""
        service.environment = {
            "REELWORK_DATABASE_URL": postgresql_url,
            "REELWORK_MAX_ATTEMPTS": "2",
            "REELWORK_RETRY_REST_S": "0",
        }
        calls = caller(service.start("serve", "--port", "0").url())
        worker = service.start("worker")
        earlier = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        assert len(calls.results(earlier)) == 125  # now the analysis process is there, which keeps its own limits
        with no_file_beyond(worker.process.pid, 4 * KIBIBYTE):
            job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
            assert calls.error(job_id) == "The file storage takes no file so large twice."
        assert len(service.stored_files()) == 3

        later = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")

        assert len(calls.results(later)) == 125
        with opened(postgresql_url) as database:
            assert_rescue_leaves_no_orphan(service, database)


class TestTheWorkersOwnDisk:
    @pytest.fixture
    def scratch(self, service: Service, api: Command, tmp_path: Path) -> Path:
        """Where the worker keeps what is not finished."""
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        service.environment |= {"TMPDIR": str(scratch), "REELWORK_MAX_ATTEMPTS": "2"}
        return scratch

    @pytest.fixture
    def worker(self, service: Service, calls: Caller, scratch: Path, media_dir: Path) -> Command:
        """A worker that has done a job."""
        worker = service.start("worker")
        assert len(calls.results(calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames"))) == 125
        return worker

    def test_full(
        self, service: Service, worker: Command, calls: Caller, database: Database, scratch: Path, media_dir: Path
    ) -> None:
        with ExitStack() as limits:
            for pid in descendants(worker.process.pid):
                limits.enter_context(no_file_beyond(pid, KIBIBYTE))
            job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
            assert calls.error(job_id) == "The worker could not write the results to its disk (File too large) twice."
        self.assert_goes_on(service, calls, database, scratch, media_dir)

    def test_gone(
        self, service: Service, worker: Command, calls: Caller, database: Database, scratch: Path, media_dir: Path
    ) -> None:
        wait_until(lambda: not any(scratch.iterdir()))
        scratch.rmdir()
        job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        assert re.fullmatch(r"The worker has no directory for temporary files .* twice\.", calls.error(job_id))
        scratch.mkdir()
        self.assert_goes_on(service, calls, database, scratch, media_dir)

    def assert_goes_on(
        self, service: Service, calls: Caller, database: Database, scratch: Path, media_dir: Path
    ) -> None:
        later = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        assert len(calls.results(later)) == 125
        wait_until(lambda: not any(scratch.iterdir()))
        assert_rescue_leaves_no_orphan(service, database)


class TestAStorageThatGoesAndComesBack:
    @contextmanager
    def away(self, service: Service, mount_point: bool) -> Iterator[None]:
        """Take the storage away, for the time of the context, leaving its mount point or nothing."""
        files = service.data_dir / "files"
        away = files.rename(service.data_dir / "away")
        if mount_point:
            files.mkdir()
        yield
        if mount_point:
            files.rmdir()  # only if nobody wrote to it
        away.rename(files)

    @pytest.mark.parametrize("mount_point", [True, False], ids=["not mounted", "removed"])
    def test_under_jobs_and_uploads(
        self, service: Service, calls: Caller, database: Database, media_dir: Path, mount_point: bool
    ) -> None:
        service.environment["REELWORK_MAX_ATTEMPTS"] = "1"
        job_ids = [calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames") for _ in range(3)]
        with self.away(service, mount_point):
            worker = service.start("worker")
            worker.wait_for_output(b'"event": "job.handed_back"')
            assert worker.events("job.handed_back")[0]["reason"].startswith("The file storage is empty or not there")
            detail = assert_told_to_come_back(send(calls, media_dir / "midroll-5s.mp4"), 503, "service-unavailable")
            assert "is its disk mounted?" in detail
            assert {calls.status(job_id)["status"] for job_id in job_ids} <= {"pending", "running"}

        job_ids.append(calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames"))

        assert [len(calls.results(job_id)) for job_id in job_ids] == [125] * 4
        assert_rescue_leaves_no_orphan(service, database)

    def test_however_long_no_attempt_is_spent(
        self, service: Service, calls: Caller, database: Database, media_dir: Path
    ) -> None:
        service.environment["REELWORK_MAX_ATTEMPTS"] = "1"
        job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        with self.away(service, mount_point=True):
            worker = service.start("worker")
            wait_until(lambda: [event["again_in_s"] for event in worker.events("worker.waiting")] == [1, 2, 4])
            assert len(worker.events("job.handed_back")) == len(worker.events("job.running")) == 3
            assert calls.status(job_id)["status"] == "pending"

        assert len(calls.results(job_id)) == 125

        row = job_rows(database)[job_id]
        assert (row["attempt"], row["lost_attempts"]) == (1, None)
        assert_rescue_leaves_no_orphan(service, database)

    def test_many_slots_do_not_hammer_it(self, service: Service, calls: Caller, media_dir: Path) -> None:
        job_ids = [calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames") for _ in range(2)]
        slots, waits_s = 4, [1, 2, 4]
        with self.away(service, mount_point=False):
            worker = service.start("worker", "--concurrency", str(slots))
            wait_until(lambda: any(event["again_in_s"] == waits_s[-1] for event in worker.events("worker.waiting")))
            assert len(worker.events("job.running")) <= slots * len(waits_s)

        assert [len(calls.results(job_id)) for job_id in job_ids] == [125] * 2

    def test_that_goes_while_an_analysis_runs(
        self, service: Service, calls: Caller, database: Database, media_dir: Path
    ) -> None:
        service.environment["REELWORK_MAX_ATTEMPTS"] = "1"
        worker = service.start("worker")
        [child] = wait_until(lambda: analysis_processes(worker.process.pid))
        os.kill(child, signal.SIGSTOP)  # it must not be done before the storage goes
        job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
        calls.wait_for(job_id, "running")
        with self.away(service, mount_point=True):
            os.kill(child, signal.SIGCONT)
            worker.wait_for_output(b'"event": "job.handed_back"')

        assert len(calls.results(job_id)) == 30
        assert_rescue_leaves_no_orphan(service, database)

    def test_a_video_that_is_gone_for_good_fails_its_job_at_its_turn(
        self, service: Service, calls: Caller, database: Database, media_dir: Path
    ) -> None:
        lost, other = [calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames") for _ in range(2)]
        (service.data_dir / "files" / f"video_jobs/{lost}.mp4").unlink()
        service.start("worker")
        assert "is not in this worker's storage" in calls.error(lost)
        assert len(calls.results(other)) == 125


class TestADataDirectoryThatCannotBeUsed:
    COMMANDS = (["serve", "--port", "0"], ["worker"], ["up", "--port", "0"], ["migrate"], ["rescue"])

    def refusal(self, *arguments: str) -> str:
        """Run a command; return the one sentence it says."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        command = [sys.executable, str(BOUND_BY_PERMISSIONS), "-m", "reelwork", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == 1
        (sentence,) = done.stderr.splitlines()
        return sentence

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    @pytest.mark.parametrize("existing", [True, False])
    def test_read_only(self, tmp_path: Path, command: list[str], existing: bool) -> None:
        data_dir = tmp_path / "data"
        if existing:
            data_dir.mkdir(mode=0o555)
        else:
            tmp_path.chmod(0o555)
        said = self.refusal(*command, "--data-dir", str(data_dir))
        assert re.fullmatch(rf"The directory {data_dir if existing else tmp_path} cannot be written to .*\.", said)
        assert list(tmp_path.rglob("*")) == ([data_dir] if existing else [])

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    def test_where_none_can_be_made(self, command: list[str]) -> None:
        assert "/proc" in self.refusal(*command, "--data-dir", "/proc/reelwork")

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    def test_a_file(self, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "data").write_bytes(b"")
        assert "data" in self.refusal(*command, "--data-dir", str(tmp_path / "data"))


class TestPostgresqlThatGoesAndComesBack:
    CLIENTS = 4

    @pytest.fixture
    def server(self) -> Iterator[PostgresqlServer]:
        """A server of the test's own: the others go on with theirs."""
        server = PostgresqlServer.start()
        yield server
        server.stop()

    @pytest.fixture
    def url(self, server: PostgresqlServer) -> str:
        url = server.url(server.create_database())
        with opened(url) as database:
            migrate(database)
        return url

    def test_under_load(
        self, service: Service, caller: MakeCaller, server: PostgresqlServer, url: str, media_dir: Path
    ) -> None:
        service.environment = {"REELWORK_DATABASE_URL": url, "REELWORK_LEASE_S": "3"}
        address = service.start("serve", "--port", "0").url()
        for _ in range(2):
            service.start("worker").wait_for_output(b'"event": "worker.started"')
        answers: list[httpx.Response] = []
        enough = Event()

        def submit_again_and_again() -> None:
            client = Caller(address)
            with client.http:
                while not enough.is_set():
                    answers.append(send(client, media_dir / "hevc-bframes.mp4"))

        def wait_for_answers(status: int) -> None:
            seen = len(answers)
            wait_until(lambda: sum(answer.status_code == status for answer in answers[seen:]) >= self.CLIENTS, 60)

        with ThreadPoolExecutor(self.CLIENTS) as clients:
            running = [clients.submit(submit_again_and_again) for _ in range(self.CLIENTS)]
            try:
                for _ in range(3):
                    wait_for_answers(202)
                    with server.away():
                        wait_for_answers(503)
                wait_for_answers(202)
            finally:
                enough.set()
            for client in running:
                client.result()

        for answer in answers:
            if answer.status_code != 202:
                assert_told_to_come_back(answer, 503, "service-unavailable")
        calls = caller(address)
        job_ids = [UUID(answer.json()["job_id"]) for answer in answers if answer.status_code == 202]
        assert all(calls.results(job_id) for job_id in job_ids)
        with opened(url) as database:
            assert {str(job_id) for job_id in job_rows(database)} == {str(job_id) for job_id in job_ids}
            assert_rescue_leaves_no_orphan(service, database)
