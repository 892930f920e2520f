"""Fixtures shared by every suite: real databases, queues and storages, each test with its own."""

import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reelwork.db.engine import Database
from reelwork.jobs.model import Job
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from reelwork.queues.service import QueueService
from reelwork.storage.local import LocalStorage
from tests.support.databases import PostgresqlDatabases, SqliteFiles, opened, sqlite_url
from tests.support.jobs import make_job as _make_job
from tests.support.postgresql import PostgresqlServer
from tests.support.service import PYTHON_PATH
from tests.support.warm_start import Nursery

DIALECTS = ("sqlite", "postgresql")

# On a busy machine anything may take long once.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Let commands be interrupted also where the tests run in the background: a shell has those ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()


def pytest_collection_finish() -> None:
    """Spare every search for garbage what stays to the end: thousands of collected tests."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def media_dir() -> Path:
    """The clips that come with the source."""
    return Path(__file__).parent.parent / "media"


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Starts `reelwork` commands in a fraction of a second."""
    nursery = Nursery(PYTHON_PATH)
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of our own, started when the first test asks for it."""
    server = PostgresqlServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: PostgresqlServer) -> PostgresqlDatabases:
    """Fresh databases on that server."""
    return PostgresqlDatabases(postgresql_server)


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    """Fresh SQLite files."""
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def postgresql_url(postgresql_databases: PostgresqlDatabases) -> Iterator[str]:
    """URL of a migrated PostgreSQL database."""
    with postgresql_databases.migrated() as url:
        yield url


@pytest.fixture
def sqlite_database_url(sqlite_files: SqliteFiles, tmp_path: Path) -> str:
    """URL of a migrated SQLite database."""
    return sqlite_files.migrated(tmp_path / "reelwork.db")


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database, on each dialect."""
    fixture = {"sqlite": "sqlite_database_url", "postgresql": "postgresql_url"}[request.param]
    return request.getfixturevalue(fixture)  # type: ignore[no-any-return]


@pytest.fixture(params=DIALECTS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any table, on each dialect."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "empty.db")
        return
    databases: PostgresqlDatabases = request.getfixturevalue("postgresql_databases")
    with databases.empty() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, on each dialect."""
    with opened(database_url) as database:
        yield database


@pytest.fixture
def sqlite_database(sqlite_database_url: str) -> Iterator[Database]:
    """A migrated SQLite database."""
    with opened(sqlite_database_url) as database:
        yield database


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    with opened(postgresql_url) as database:
        yield database


@pytest.fixture(params=["memory", *(f"database-{dialect}" for dialect in DIALECTS)])
def queue(request: pytest.FixtureRequest) -> QueueService:
    """Every queue there is."""
    if request.param == "memory":
        return MemoryQueue()
    return DatabaseQueue(request.getfixturevalue(f"{request.param.removeprefix('database-')}_database"))


@pytest.fixture
def database_queue(database: Database) -> DatabaseQueue:
    """The queue in the database, on each dialect."""
    return DatabaseQueue(database)


@pytest.fixture
def store(database: Database, database_queue: DatabaseQueue) -> JobStore:
    """A job store with its queue in the same database, on each dialect."""
    return JobStore(database, database_queue)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    """File storage in a directory of the test's own."""
    return LocalStorage(tmp_path / "storage")


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A factory of pending jobs; give the columns that matter."""
    return _make_job
