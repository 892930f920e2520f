"""The processes behind `reelwork up`: one API and some workers, started, watched and stopped together."""

import logging
import os
import signal
import subprocess
import sys
import time

import typer

from reelwork.settings import Settings
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_RESTART_AFTER_S = 1.0
_BEYOND_GRACE_S = 10.0


class ServiceProcesses:
    """Runs `reelwork serve` and `reelwork worker` as a user would by hand.

    Each has a process group of its own, so that a Ctrl-C reaches this process alone, and a pipe from it
    as standard input, so that it ends when this process is killed.
    """

    def __init__(self, settings: Settings, workers: int, stop: StopRequest) -> None:
        self._settings = settings
        self._stop = stop
        anyone = ["--allow-anyone"] if settings.allow_anyone else []
        self._api = self._start("serve", "--host", settings.host, "--port", str(settings.port), *anyone)
        self._workers = [self._start("worker") for _ in range(workers)]

    def run(self) -> int:
        """Watch until asked to stop or until the API ends; return the exit code."""
        while not self._stop.asked and self._api.poll() is None:
            self._stop.wait(_LOOK_EVERY_S)
            if not self._stop.asked:
                self._replace_dead_workers()
        failed = not self._stop.asked
        if failed:
            log.error("api.ended", extra={"exit_code": self._api.returncode})
        self._stop_all()
        return 1 if failed else 0

    def _start(self, command: str, *options: str) -> subprocess.Popen[bytes]:
        arguments = [command, *options, "--data-dir", str(self._settings.data_dir), "--stop-with-stdin"]
        return subprocess.Popen([sys.executable, "-m", "reelwork", *arguments], stdin=subprocess.PIPE, process_group=0)

    def _replace_dead_workers(self) -> None:
        for position, process in enumerate(self._workers):
            if process.poll() is not None:
                log.error("worker.ended", extra={"worker_pid": process.pid, "exit_code": process.returncode})
                self._stop.wait(_RESTART_AFTER_S)
                self._workers[position] = self._start("worker")

    def _stop_all(self) -> None:
        """Pass the wish on, a second one too, and end what does not follow it."""
        typer.echo("Reelwork is stopping; a job in hand may finish. Ask again (Ctrl-C) to stop at once.")
        processes = [*self._workers, self._api]
        self._signal(processes)
        impatient = False
        until = time.monotonic() + self._settings.shutdown_grace_s + _BEYOND_GRACE_S
        while any(process.poll() is None for process in processes) and time.monotonic() < until:
            time.sleep(0.05)
            if self._stop.grace_left_s == 0 and not impatient:
                impatient = True
                self._signal(processes)
        for process in processes:
            process.kill()
            process.wait()

    def _signal(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
