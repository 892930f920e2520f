"""The same service on PostgreSQL: migrated by hand, then as on the embedded database."""

from collections.abc import Callable
from pathlib import Path

from tests.support.databases import PostgresqlDatabases
from tests.support.service import Caller, Service


def test_service_on_postgresql(
    service: Service,
    caller: Callable[[str], Caller],
    postgresql_databases: PostgresqlDatabases,
    media_dir: Path,
) -> None:
    with postgresql_databases.empty() as url:
        service.environment = {"REELWORK_DATABASE_URL": url}
        refused = service.start("serve", "--port", "0")
        assert refused.process.wait(30) == 1
        assert b"reelwork migrate" in refused.output

        assert service.start("migrate").process.wait(30) == 0
        calls = caller(service.start("serve", "--port", "0").url())
        workers = [service.start("worker"), service.start("worker")]
        job_ids = [calls.submit(media_dir / "fragmented.mp4", pipeline="frames") for _ in range(6)]

        assert [len(calls.results(job_id)) for job_id in job_ids] == [30] * 6
        assert sum(worker.output.count(b'"event": "job.running"') for worker in workers) == 6
        assert not (service.data_dir / "reelwork.db").exists()
        service.close()
