"""From a service that answers while its client waits: the programs of the page do what it says of them."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.shell import Shell, blocks_run_by, free_port, has_written
from tests.support.versions import install_this_version
from tests.support.waiting import wait_until
from tools.tree import ROOT

PAGE = "docs/how-to/migrate.md"
PROGRAMS = {
    re.findall(r"# (\w+\.py)", block.text)[0]: re.sub(r"^   ", "", block.text, flags=re.MULTILINE)
    if block.text.startswith("   ")
    else block.text
    for block in blocks_run_by(__file__, PAGE, "python")
}
START_OLD, START_REELWORK, NEW_CLIENT, BE_TOLD, START_FACADE, COMPARE, GO_BACK = blocks_run_by(__file__, PAGE, "sh")
CLIP = ROOT / "media" / "parcels.mp4"
PATIENCE_S = 120
FIRST_SEEN = {
    "https://reelwork.example/4711": 0.0,
    "4006381333931": 0.0,
    "https://reelwork.example/0815": 1.0,
    "5901234123457": 1.0,
    "https://reelwork.example/2046": 2.0,
    "9780201379624": 2.0,
}


@dataclass(frozen=True)
class Site:
    """A shell in a directory with the programs of the page; every port of the page is a free one here."""

    shell: Shell
    directory: Path
    ports: dict[str, int]

    def run(self, commands: str) -> str:
        for shown, port in self.ports.items():
            commands = commands.replace(shown, str(port))
        return self.shell.run(commands.replace("/srv/reelwork", str(self.directory / "data")))

    def url(self, shown: str) -> str:
        return f"http://127.0.0.1:{self.ports[shown]}"

    def listens(self, log: str) -> None:
        wait_until(lambda: has_written(self.directory / log, "Uvicorn running"))

    def start_facade(self, wait_s: float) -> None:
        """Start it, in place of one that runs."""
        self.run('if [ -n "${FACADE:-}" ]; then kill -KILL "$FACADE" || true; wait "$FACADE" || true; fi')
        (self.directory / "facade.log").unlink(missing_ok=True)
        self.run(START_FACADE.text.replace("=25", f"={wait_s}"))
        self.listens("facade.log")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The old service and Reelwork's API; no worker runs."""
    directory = tmp_path_factory.mktemp("site")
    for name, program in PROGRAMS.items():
        (directory / name).write_text(program)
    for clip in ("parcels.mp4", "midroll-5s.mp4"):
        (directory / clip).symlink_to(ROOT / "media" / clip)
    commands = install_this_version(directory / "this").parent
    python = commands / "python"
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    python.chmod(0o755)
    ports = {port: free_port() for port in ("8000", "8100", "8200", "8300")}
    environment = {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "REELWORK_PORT": str(ports["8000"]),
        "REELWORK_URL": f"http://127.0.0.1:{ports['8000']}",
        "REELWORK_PROBE_PROCESSES": "1",
        "REELWORK_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    with closing(Shell(directory, environment)) as shell:
        site = Site(shell, directory, ports)
        site.run(START_OLD.text)
        site.run(START_REELWORK.text)
        wait_until(lambda: has_written(directory / "worker.log", "worker.started"))
        site.run('kill -TERM "$WORKER"; wait "$WORKER"')
        site.listens("old.log")
        yield site


def sent(url: str, content: bytes | None = None) -> httpx.Response:
    """Send a video as the old clients do."""
    return httpx.post(f"{url}/codes", files={"file": content or CLIP.read_bytes()}, timeout=PATIENCE_S)


def jobs(site: Site) -> list[dict[str, Any]]:
    answer = httpx.get(f"{site.url('8000')}/video/jobs", timeout=PATIENCE_S)
    return answer.json()["jobs"]  # type: ignore[no-any-return]


def test_nothing_is_lost_by_the_facade(site: Site) -> None:
    """Here every line of the page happens in turn: the time limit, a killed facade, the video again, the way back."""
    old = sent(site.url("8100"))
    assert old.json() == {"first_seen": FIRST_SEEN}

    site.start_facade(wait_s=0.3)
    in_time = sent(site.url("8200"))
    assert in_time.status_code == 202
    [job] = jobs(site)
    assert in_time.json() == {"job_id": job["job_id"]}
    assert (in_time.headers["location"], in_time.headers["retry-after"]) == (f"/codes/{job['job_id']}", "5")
    assert (job["status"], job["tags"]) == ("pending", ["facade"])

    site.run("reelwork worker >>worker.log 2>&1 &")
    site.start_facade(wait_s=100)
    again = sent(site.url("8200"))
    assert (again.status_code, again.json()) == (200, old.json())
    assert again.headers["x-job-id"] == job["job_id"]
    later = httpx.get(site.url("8200") + in_time.headers["location"], timeout=PATIENCE_S)
    assert (later.status_code, later.json()) == (200, old.json())
    assert len(jobs(site)) == 1

    assert site.run(COMPARE.text) == "parcels.mp4 the same\nmidroll-5s.mp4 the same\n"

    site.run(GO_BACK.text + 'wait "$FACADE" || true; unset FACADE')
    assert sent(site.url("8100")).json() == old.json()


def test_refusals_come_through_the_facade(site: Site) -> None:
    site.start_facade(wait_s=25)
    for content, status in ((b"no video at all, only words", 415), (CLIP.read_bytes()[:9_000], 422)):
        answer = sent(site.url("8200"), content)
        assert answer.status_code == status
        assert answer.json()["detail"]
    unknown = httpx.get(f"{site.url('8200')}/codes/00000000-0000-0000-0000-000000000000", timeout=PATIENCE_S)
    assert unknown.status_code == 404


def test_the_new_clients(site: Site) -> None:
    site.run("reelwork worker >>worker.log 2>&1 &")
    accepted, first_seen = site.run(NEW_CLIENT.text).splitlines()
    assert re.fullmatch(r"accepted as [0-9a-f-]{36}", accepted)
    assert first_seen == str(FIRST_SEEN)

    job_id = site.run(BE_TOLD.text).split()[-1]
    wait_until(lambda: has_written(site.directory / "receiver.log", f"{job_id} completed\n"))
    message = {"data": {"job_id": "x", "status": "completed"}}
    unsigned = httpx.post(f"{site.url('8300')}/reelwork", json=message, timeout=PATIENCE_S)
    assert unsigned.status_code == 401


def test_when_reelwork_is_away_the_facade_says_so(site: Site) -> None:
    site.start_facade(wait_s=25)
    site.run('kill -KILL "$API"; wait "$API" || true')
    answer = sent(site.url("8200"))
    assert answer.status_code == 503
    assert "reelwork up" in answer.json()["detail"]
