"""A service at a fixed address, with a shell for the commands of a page, and what is in it."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.databases import opened, rows, sqlite_url
from tests.support.service import Caller, Service
from tests.support.shell import Shell, free_port
from tools.tree import ROOT

CLIP = ROOT / "media" / "fragmented.mp4"


class Installation:
    """A data directory and a shell; nothing runs yet. The pipeline `slow` takes a second for a frame."""

    def __init__(self, directory: Path, environment: Mapping[str, str], database_url: str | None = None) -> None:
        """Make it.

        Args:
            directory: Where the shell is; holds `clip.mp4`, and `data`, the data directory.
            environment: Settings for every command of the shell.
            database_url: A migrated database; None for the embedded one.
        """
        self.data_dir = directory / "data"
        Service(self.data_dir).write_pipeline("slow", "pause", seconds=1)
        (directory / "clip.mp4").symlink_to(CLIP)
        port = free_port()
        self._address = f"http://127.0.0.1:{port}"
        self.database_url = database_url or sqlite_url(self.data_dir / "reelwork.db")
        places = {"REELWORK_PORT": str(port), "REELWORK_URL": self._address}
        places |= {"REELWORK_DATABASE_URL": database_url} if database_url else {}
        self._shell = Shell(directory, {**places, **environment})
        self.calls = Caller(self._address)

    def run(self, commands: str, *, fails: bool = False) -> str:
        """Run commands of a page, which find the service at its usual address, and return what they print."""
        return self._shell.run(commands.replace("http://127.0.0.1:8000", self._address), fails=fails)

    def close(self) -> None:
        """Kill whatever runs."""
        self._shell.close()
        self.calls.http.close()

    def jobs(self) -> list[dict[str, Any]]:
        """Return every row of the job table."""
        with opened(self.database_url) as database:
            return rows(database, "SELECT * FROM job ORDER BY job_id")

    def files(self) -> dict[str, str]:
        """Return the digest of every stored file."""
        return digests(self.data_dir / "files")

    def completed(self) -> UUID:
        """Submit a job and wait until it is completed."""
        job_id = self.calls.submit(CLIP, pipeline="frames")
        self.calls.results(job_id)
        return job_id

    def in_flight(self) -> set[UUID]:
        """Leave one job running and one waiting behind it."""
        running = self.calls.submit(CLIP, pipeline="slow", frame_stride=7)
        self.calls.wait_for(running, "running")
        return {running, self.calls.submit(CLIP, pipeline="frames")}

    def results(self, job_ids: set[UUID]) -> dict[UUID, bytes]:
        """Wait for jobs and return their results as they come over HTTP."""
        for job_id in job_ids:
            self.calls.results(job_id)
        return {job_id: self.calls.http.get(f"/video/results/{job_id}").content for job_id in job_ids}


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a directory; without those that somebody removes meanwhile."""
    found = {}
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with suppress(FileNotFoundError):
                found[str(path.relative_to(directory))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
