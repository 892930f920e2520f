"""`/metrics`, and that the reference describes every number there is."""

from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from reelwork.api.metrics import DESCRIBED, ServiceCollector, Sources
from reelwork.bootstrap.api import make_api
from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.counters import Counted, Counters, Measured
from reelwork.jobs.statistics import JobStatistics
from reelwork.jobs.store import JobStore
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from tests.support.asgi import Answer, ask
from tests.support.job_moves import added, claimed, completed, failed

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """The application, not started: nothing here opens a video."""
    return make_api(Settings(data_dir=tmp_path / "data"))


def samples(answer: Answer) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def collected(database: Database) -> dict[str, list[tuple[dict[str, str], float]]]:
    sources = Sources(JobStatistics(database), WorkerTable(database), lambda: {"delivered": 2})
    return {
        metric.name: [(sample.labels, sample.value) for sample in metric.samples]
        for metric in ServiceCollector(sources).collect()
    }


def test_what_is_there_is_described_and_what_is_described_is_there(app: FastAPI) -> None:
    ask(app, "GET", "/healthz")
    families = {family.name: family for family in text_string_to_metric_families(ask(app, "GET", "/metrics").text)}
    ours = {name: family for name, family in families.items() if name.startswith("reelwork_")}
    described = {each.name.removesuffix("_total"): each for each in DESCRIBED}
    assert ours.keys() == described.keys()
    for name, family in ours.items():
        assert (family.type, family.documentation) == (described[name].kind, described[name].meaning)
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= set(described[name].labels)
    assert {"process_resident_memory_bytes", "process_cpu_seconds", "python_info"} <= families.keys()


def test_the_reference_has_them_all() -> None:
    page = REFERENCE.read_text()
    for each in DESCRIBED:
        assert f"`{each.name}`" in page


def test_requests_are_counted_by_route_and_never_by_path(app: FastAPI) -> None:
    for job in range(3):
        ask(app, "GET", f"/video/status/{job:032x}")
        ask(app, "GET", f"/video/jobs/{job:032x}/tracks")
        ask(app, "GET", f"/nothing/{job}")
    ask(app, "BREW", "/healthz")
    found = samples(ask(app, "GET", "/metrics"))
    counted = {labels: value for (name, labels), value in found.items() if name == "reelwork_http_requests_total"}
    assert counted == {
        (("method", "GET"), ("route", "/video/status/{job_id}"), ("status", "404")): 3,
        (("method", "GET"), ("route", "/video/jobs/{job_id}/tracks"), ("status", "404")): 3,
        (("method", "GET"), ("route", "none"), ("status", "404")): 3,
        (("method", "other"), ("route", "/healthz"), ("status", "405")): 1,
    }
    assert found["reelwork_http_requests_in_progress", ()] == 1


def test_openmetrics_is_given_to_who_accepts_it(app: FastAPI) -> None:
    plain = ask(app, "GET", "/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    opened = ask(app, "GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


def test_jobs_are_counted_on_each_database(database: Database, store: JobStore) -> None:
    for _ in range(2):
        added(store)
    claimed(store, added(store))
    completed(store)
    failed(store)
    found = collected(database)
    assert {labels["status"]: value for labels, value in found["reelwork_jobs"]} == {
        "pending": 2,
        "running": 1,
        "completed": 1,
        "failed": 1,
    }
    [(_, waited_s)] = found["reelwork_queue_oldest_seconds"]
    assert 0 < waited_s < 60


def test_numbers_of_workers_are_those_they_wrote(database: Database) -> None:
    counters = Counters()
    counters.add(Counted.OUTCOMES, "completed")
    counters.add(Counted.ATTEMPTS_LOST, "crashed", 2)
    counters.observe(Measured.ANALYSIS_S, 0.3)
    WorkerTable(database).begin(uuid4(), "one", counters.counts())
    found = collected(database)
    assert ({"outcome": "completed"}, 1) in found["reelwork_job_outcomes"]
    assert ({"cause": "crashed"}, 2) in found["reelwork_attempts_lost"]
    assert ({"le": "0.25"}, 0) in found["reelwork_analysis_seconds"]
    assert ({"le": "0.5"}, 1) in found["reelwork_analysis_seconds"]
    assert found["reelwork_workers"] == [({}, 1)]
    assert ({"outcome": "delivered"}, 2) in found["reelwork_webhooks"]


def test_counts_are_remembered(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = JobStatistics(sqlite_database)
    first = statistics.by_status()
    monkeypatch.setattr(sqlite_database, "query", unavailable)
    assert statistics.by_status() == first


def unavailable(*_: object) -> object:
    raise ServiceUnavailable("The database does not answer.")


def test_without_the_database_the_process_still_tells_of_itself(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "query", unavailable)
    found = collected(sqlite_database)
    assert found["reelwork_database_up"] == [({}, 0)]
    assert "reelwork_jobs" not in found
    assert "reelwork_info" in found


def test_no_metric_is_asked_for_when_it_is_registered(sqlite_database: Database) -> None:
    asked: list[str] = []

    def outcomes() -> dict[str, int]:
        asked.append("outcomes")
        return {}

    sources = Sources(JobStatistics(sqlite_database), WorkerTable(sqlite_database), outcomes)
    CollectorRegistry().register(ServiceCollector(sources))
    assert asked == []
