"""Start the real commands as a user would, speak HTTP to them, and kill them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.support.pausing import is_paused, state
from tests.support.warm_start import Nursery, WarmProcess

PLUGIN_DIR = Path(__file__).parent / "plugin"
PYTHON_PATH = os.pathsep.join([str(PLUGIN_DIR), str(Path(__file__).parent / "in_process")])
_READY = re.compile(rb"Reelwork is ready at (http://\S+)")
_START_TIMEOUT_S = 60.0


class Command:
    """One running `reelwork` command and what it printed."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path = data_dir / f"{arguments[0]}-{time.monotonic_ns()}.log"
        command = [*arguments, "--data-dir", str(data_dir)]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        variables |= {"PYTHONPATH": PYTHON_PATH, **(environment or {})}
        self.process: subprocess.Popen[bytes] | WarmProcess
        if nursery is not None:
            variables.setdefault("REELWORK_PROBE_PROCESSES", "1")
            self.log_path.touch()
            self.process = nursery.start(command, variables, self.log_path)
            return
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "reelwork", *command],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def output(self) -> bytes:
        """What it has printed so far."""
        return self.log_path.read_bytes()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log events of a name, in order."""
        quoted = f'"event": "{name}"'.encode()
        # A process that was killed may have left half a line.
        return [json.loads(line) for line in self.output.splitlines() if quoted in line and line.endswith(b"}")]

    def wait_for_output(self, pattern: bytes, timeout_s: float = _START_TIMEOUT_S) -> re.Match[bytes]:
        """Wait until the command has printed ``pattern``."""
        deadline = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.output)) is None:
            assert self.process.poll() is None, f"it ended:\n{self.output.decode()}"
            assert time.monotonic() < deadline, f"{pattern!r} did not come:\n{self.output.decode()}"
            time.sleep(0.02)
        return found

    def url(self) -> str:
        """Wait until the API listens and return its address."""
        return self.wait_for_output(_READY.pattern)[1].decode()

    @property
    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds all its threads."""
        return is_paused(self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill this process alone, as the kernel would."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 30.0) -> int:
        """Ask to stop and return the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout_s)


class Service:
    """A data directory and the commands started on it; everything is ended on exit."""

    def __init__(
        self, data_dir: Path, environment: Mapping[str, str] | None = None, nursery: Nursery | None = None
    ) -> None:
        """Take a directory.

        Args:
            data_dir: May not exist yet.
            environment: Variables for every command started from now on.
            nursery: Where commands are forked instead of started afresh, with one probe process if nobody says more.
        """
        self.data_dir = data_dir
        self.environment = dict(environment or {})
        self._nursery = nursery
        self._commands: list[Command] = []

    def start(self, *arguments: str, **environment: str) -> Command:
        """Start a command on this data directory, with more variables for it alone."""
        variables = {**self.environment, **environment}
        command = Command(self.data_dir, *arguments, environment=variables, nursery=self._nursery)
        self._commands.append(command)
        return command

    def run(self) -> str:
        """Start the API and one worker, as `reelwork up` does; return the address."""
        self.start("worker")
        return self.start("serve", "--port", "0").url()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log events of a name, of every command."""
        return [event for command in self._commands for event in command.events(name)]

    def close(self) -> None:
        """Kill whatever still runs, with all it started."""
        for command in self._commands:
            if command.process.poll() is None:
                command.kill()

    def write_pipeline(self, name: str, analyzer: str, **settings: Any) -> None:
        """Add a pipeline file of one node."""
        folder = self.data_dir / "pipelines"
        folder.mkdir(parents=True, exist_ok=True)
        with_settings = "".join(f"\n      {key}: {value}" for key, value in settings.items())
        (folder / f"{name}.yaml").write_text(
            f"name: {name}\nnodes:\n  answer:\n    analyzer: {analyzer}\n"
            + (f"    with:{with_settings}\n" if settings else "")
            + "outputs: [answer]\n"
        )

    def stored_files(self) -> list[str]:
        """Everything in the file storage, temporary files too."""
        return sorted(files_below(self.data_dir / "files"))


class Caller:
    """A plain HTTP client of the contract's three calls."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30.0)

    def submit(self, path: Path, **options: str | int) -> UUID:
        """Submit a file as a form and return the job's id."""
        with path.open("rb") as stream:
            data = {name: str(value) for name, value in options.items()}
            answer = self.http.post("/video/submit", files={"file": stream}, data=data)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["job_id"])

    def status(self, job_id: UUID) -> dict[str, Any]:
        """Return the status document."""
        answer = self.http.get(f"/video/status/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def wait_for(self, job_id: UUID, *statuses: str, timeout_s: float = 120.0) -> str:
        """Poll until the job has one of the statuses."""
        deadline = time.monotonic() + timeout_s
        while (status := self.status(job_id)["status"]) not in statuses:
            assert time.monotonic() < deadline, f"still {status} after {timeout_s} s"
            time.sleep(0.05)
        return str(status)

    def results(self, job_id: UUID) -> list[dict[str, Any]]:
        """Wait for the end of the job and return its results; a failed job fails the test with its error."""
        self.wait_for(job_id, "completed", "failed")
        answer = self.http.get(f"/video/results/{job_id}")
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["job_id"] == str(job_id)
        return document["results"]  # type: ignore[no-any-return]

    def error(self, job_id: UUID) -> str:
        """Wait for the job to fail and return its error."""
        self.wait_for(job_id, "failed")
        return str(self.http.get(f"/video/results/{job_id}").json()["error_message"])


def files_below(root: Path) -> set[str]:
    """Names of all files below a directory, which others may remove meanwhile: ``rglob`` would stumble over that."""
    return {str(Path(place, name).relative_to(root)) for place, _, names in os.walk(root) for name in names}


def descendants(pid: int) -> set[int]:
    """Process ids of the children of a process, and of theirs; any of them, and their threads, may end meanwhile."""
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in _children(thread):
                found |= {child} | descendants(child)
    return found


def _children(thread: Path) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in (thread / "children").read_text().split()]
    return []


def analysis_processes(pid: int) -> set[int]:
    """Process ids of the children in which a worker analyses."""
    return {child for child in descendants(pid) if b"spawn_main" in _command_line(child)}


def is_reading_a_video(pid: int) -> bool:
    """Tell whether a process has an MP4 open."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return any(open_file.readlink().suffix == ".mp4" for open_file in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def is_alive(pid: int) -> bool:
    """Tell whether a process still runs (a zombie does not)."""
    return state(pid) not in ("", "Z")
