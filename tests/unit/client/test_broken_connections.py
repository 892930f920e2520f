"""Uploads and results over connections that break, and through the death of the service."""

import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from reelwork.client import AsyncClient, Client, ConnectionLost, RequestRefused
from reelwork.client.submitting import APPEND_BYTES, RESUMABLE_FROM_BYTES
from tests.support.service import Command, Service
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery
from tests.unit.client.conftest import Connect
from tests.unit.client.cutting import Cut, cutting

Padded = Callable[[int], Path]

LARGE = RESUMABLE_FROM_BYTES + 2**22
MEBIBYTE = 2**20


def job_count(service: Service) -> int:
    return asked(service, "SELECT count(*) FROM job")


def asked(service: Service, question: str) -> int:
    """What the database answers to a question for a number."""
    with closing(sqlite3.connect(service.data_dir / "reelwork.db")) as database:
        return int(database.execute(question).fetchone()[0])


def test_a_lost_answer_makes_no_second_job(connect: Connect, running: Service, service_url: str, clip: Path) -> None:
    before = job_count(running)
    with cutting(service_url, Cut(back=1)) as way:
        job = connect(way.url).submit(clip, pipeline="frames")
        assert way.connections >= 2
    assert job_count(running) == before + 1
    assert connect(service_url).job(job.job_id).wait().status == "completed"


def test_the_same_key_is_the_same_job(connect: Connect, service_url: str, clip: Path, media_dir: Path) -> None:
    client, key = connect(service_url), str(uuid4())
    first = client.submit(clip, pipeline="frames", idempotency_key=key)
    assert client.submit(clip, pipeline="frames", idempotency_key=key).job_id == first.job_id
    with pytest.raises(RequestRefused) as caught:
        client.submit(media_dir / "fragmented.mp4", pipeline="frames", idempotency_key=key)
    assert caught.value.type == "urn:reelwork:problem:idempotency-key-reused"


def test_a_large_file_goes_on_where_it_broke_off(connect: Connect, service_url: str, padded: Padded) -> None:
    heard: list[int] = []
    # The first request begins the upload, each of the next two gets a part of the way.
    cuts = (Cut(), Cut(there=5 * MEBIBYTE), Cut(there=7 * MEBIBYTE))
    with cutting(service_url, *cuts) as way:
        job = connect(way.url).submit(padded(LARGE), pipeline="frames", on_progress=lambda sent, _: heard.append(sent))
    assert heard[-1] == LARGE
    again = [after for before, after in pairwise(heard) if after < before]
    assert len(again) >= 1
    assert all(offset > 0 for offset in again)  # never from the beginning
    assert connect(service_url).job(job.job_id).wait().status == "completed"


def test_the_answer_to_the_last_request_of_an_upload_is_lost(
    connect: Connect, running: Service, service_url: str, padded: Padded
) -> None:
    before = job_count(running)
    with cutting(service_url, Cut(), Cut(back=1)) as way:
        job = connect(way.url).submit(padded(LARGE), pipeline="frames")
    assert job_count(running) == before + 1
    assert connect(service_url).job(job.job_id).wait().status == "completed"


def test_an_upload_that_is_interrupted_is_deleted(running: Service, service_url: str, padded: Padded) -> None:
    def interrupt(sent: int, total: int) -> None:
        if sent > 4 * MEBIBYTE:
            assert partial_uploads(running) == 1
            raise KeyboardInterrupt

    with Client(service_url) as client, pytest.raises(KeyboardInterrupt):
        client.submit(padded(LARGE), pipeline="frames", on_progress=interrupt)
    wait_until(lambda: partial_uploads(running) == 0)  # the client does not wait for long


def test_an_upload_that_is_cancelled_is_deleted(running: Service, service_url: str, padded: Padded) -> None:
    async def submit() -> None:
        with anyio.CancelScope() as scope:
            async with AsyncClient(service_url) as client:
                await client.submit(
                    padded(LARGE),
                    pipeline="frames",
                    on_progress=lambda sent, _: scope.cancel() if sent > 4 * MEBIBYTE else None,
                )
        assert scope.cancelled_caught

    anyio.run(submit)
    wait_until(lambda: partial_uploads(running) == 0)


def partial_uploads(service: Service) -> int:
    return asked(service, "SELECT count(*) FROM partial_upload WHERE job_id IS NULL")


def arrived_bytes(service: Service) -> int:
    return asked(service, "SELECT sum(received_bytes) FROM partial_upload WHERE job_id IS NULL")


def test_an_upload_that_is_kept_goes_on_in_another_client(
    connect: Connect, running: Service, service_url: str, padded: Padded
) -> None:
    uploads: list[str] = []
    offsets: list[int] = []

    def give_up(sent: int, total: int) -> None:
        if sent > 8 * MEBIBYTE:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        connect(service_url).submit(
            padded(LARGE), pipeline="frames", max_frames=2, on_progress=give_up, on_upload=uploads.append
        )
    wait_until(lambda: arrived_bytes(running) > 0)
    job = connect(service_url).submit(
        padded(LARGE), resume=uploads[0], on_progress=lambda sent, _: offsets.append(sent)
    )
    assert offsets[0] > 0
    assert job.wait().status == "completed"
    assert len(list(job.results())) == 2


def test_results_go_on_behind_the_last_frame(connect: Connect, service_url: str, media_dir: Path) -> None:
    job = connect(service_url).submit(media_dir / "car-detection.mp4", pipeline="frames")
    job.wait()
    whole = list(job.results())
    assert len(whole) > 300
    with cutting(service_url, Cut(back=900), Cut(back=1000)) as way:
        assert list(connect(way.url).job(job.job_id).results()) == whole
        assert way.connections == 3


def test_a_download_goes_on_where_it_broke_off(connect: Connect, service_url: str, media_dir: Path) -> None:
    job = connect(service_url).submit(media_dir / "car-detection.mp4", pipeline="frames")
    job.wait()
    whole, pieced = BytesIO(), BytesIO()
    job.save_results(whole)
    with cutting(service_url, Cut(back=5000), Cut(back=4000)) as way:
        assert connect(way.url).job(job.job_id).save_results(pieced) == len(whole.getvalue())
        assert way.connections == 3
    assert pieced.getvalue() == whole.getvalue()


def test_what_cannot_be_gone_on_with_is_an_error(connect: Connect, service_url: str, media_dir: Path) -> None:
    job = connect(service_url).submit(media_dir / "car-detection.mp4", pipeline="frames")
    job.wait()
    file = BytesIO()
    with cutting(service_url, Cut(back=2000)) as way, pytest.raises(ConnectionLost):
        connect(way.url).job(job.job_id).save_results(file, format="ndjson")
    assert 0 < len(file.getvalue()) < 2000


@pytest.fixture
def lasting(tmp_path: Path, nursery: Nursery) -> "Iterator[_Lasting]":
    """A service on a port of its own, which can be killed and started anew."""
    with socket.socket() as bound:
        # Not listening, it lets the service have the port, and keeps it from everybody else.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        service = Service(tmp_path / "data", nursery=nursery)
        yield _Lasting(service, str(bound.getsockname()[1]))
        service.close()


class _Lasting:
    def __init__(self, service: Service, port: str) -> None:
        self.service = service
        self._port = port
        self.command = self.start()
        self.url = self.command.url()
        self.killed = threading.Event()

    def start(self) -> Command:
        return self.service.start("serve", "--port", self._port)

    def kill_and_start(self) -> None:
        """Kill the service, as the kernel would, and start it anew."""
        self.command.signal(signal.SIGKILL)
        self.command.process.wait()
        self.killed.set()
        self.command = self.start()


def test_an_upload_outlives_the_service(connect: Connect, lasting: _Lasting, padded: Padded) -> None:
    heard: list[int] = []

    def on_progress(sent: int, total: int) -> None:
        heard.append(sent)
        if sent > APPEND_BYTES + 4 * MEBIBYTE and not lasting.killed.is_set():
            lasting.kill_and_start()

    client = connect(lasting.url)
    job = client.submit(padded(APPEND_BYTES + LARGE), pipeline="frames", on_progress=on_progress)
    assert lasting.killed.is_set()
    assert all(after >= APPEND_BYTES for before, after in pairwise(heard) if after < before)
    assert job.status().status == "pending"
    assert job_count(lasting.service) == 1
