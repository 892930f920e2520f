"""Start `reelwork` commands in milliseconds, for tests that start hundreds.

A nursery process imports Reelwork once, opens nothing, and forks for each command. What the command then
does, spawning its own children included, is what it does when a user starts it.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent.parent


class Nursery:
    """The process that forks."""

    def __init__(self, python_path: str) -> None:
        self._asking = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_start"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": python_path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        atexit.register(self.close)

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log_path: Path,
        *,
        error_path: Path | None = None,
        directory: Path | None = None,
    ) -> "WarmProcess":
        """Fork a command; what it prints goes to ``log_path``, what it tells on standard error to ``error_path``."""
        printed = [str(log_path), str(error_path or log_path)]
        question = {"environment": dict(environment), "printed": printed, "directory": str(directory or ROOT)}
        return WarmProcess(self, self._ask(start=list(arguments), **question)["pid"])

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: Path | None = None,
        timeout_s: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Fork a command, wait for its end, and return what it printed."""
        with TemporaryDirectory() as place:
            printed, told = Path(place, "stdout"), Path(place, "stderr")
            process = self.start(arguments, environment, printed, error_path=told, directory=directory)
            code = process.wait(timeout_s)
            return subprocess.CompletedProcess([*arguments], code, printed.read_text(), told.read_text())

    def exit_code(self, pid: int) -> int | None:
        """Return how a command ended, once it did."""
        code: int | None = self._ask(ended=pid)["code"]
        return code

    def close(self) -> None:
        """End the nursery; commands that still run go on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()

    def _ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


class WarmProcess:
    """A command that the nursery forked, to be used like a ``subprocess.Popen``."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        if self.returncode is None:
            self.returncode = self._nursery.exit_code(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.002)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; one that has ended is left alone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _answer_questions() -> None:
    gc.disable()
    import reelwork.bootstrap.worker  # everything, so that it is there when a command is forked
    import reelwork.cli.server
    import reelwork.cli.submission
    import reelwork.cli.tables  # noqa: F401

    gc.freeze()  # to look at it again would copy it
    gc.enable()
    for line in sys.stdin.buffer:
        question = json.loads(line)
        answer: dict[str, int | None]
        if "start" in question:
            answer = {
                "pid": _fork(question["start"], question["environment"], question["printed"], question["directory"])
            }
        else:
            answer = {"code": _exit_code(question["ended"])}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _fork(arguments: list[str], environment: dict[str, str], printed: list[str], directory: str) -> int:
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(directory)
        nothing = os.open(os.devnull, os.O_RDONLY)
        told = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in printed]
        for target, source in enumerate((nothing, *told)):
            os.dup2(source, target)
        os.closerange(3, 64)
        os.environ.clear()
        os.environ.update(environment)
        code = _run(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _run(arguments: list[str]) -> int:
    import importlib

    import reelwork.cli
    import reelwork.faults

    importlib.reload(reelwork.faults)  # it reads the environment once
    sys.argv = ["reelwork", *arguments]
    try:
        reelwork.cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    _answer_questions()
