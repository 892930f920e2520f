"""`GET /metrics`: numbers for Prometheus, from this process and from the database."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.responses import Response

from reelwork import __version__
from reelwork.api.access import Reader
from reelwork.errors import ConfigurationError, ServiceUnavailable
from reelwork.jobs.counters import CAUSES, OUTCOMES, RESCUES, Counted, Counts, Measured, buckets, name_of
from reelwork.jobs.statistics import JobStatistics
from reelwork.jobs.worker_table import WorkerTable

_FORMATS: dict[str, Any] = {"text/plain": {}, "application/openmetrics-text": {}}
_REQUEST_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


@dataclass(frozen=True)
class Described:
    """What the reference says of one metric."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()


JOBS = Described(
    "reelwork_jobs", "gauge", "Jobs in the job table; counted every ten seconds or less often.", ("status",)
)
NEXT_WAITED = Described(
    "reelwork_queue_oldest_seconds", "gauge", "How long the job has waited that is claimed next; 0 when none waits."
)
WORKERS = Described("reelwork_workers", "gauge", "Workers that were seen within the last 60 seconds.")
OUTCOMES_TOTAL = Described(
    "reelwork_job_outcomes_total",
    "counter",
    "How workers parted from jobs they had claimed. `lease_lost`: the job was given to somebody else or removed.",
    ("outcome",),
)
ATTEMPTS_LOST = Described(
    "reelwork_attempts_lost_total", "counter", "Attempts that came to nothing, by what ended them.", ("cause",)
)
FRAMES = Described("reelwork_frames_analysed_total", "counter", "Frames of completed jobs.")
ANALYSIS = Described("reelwork_analysis_seconds", "histogram", "How long analyses took that gave an answer.")
QUEUE_WAIT = Described(
    "reelwork_queue_wait_seconds", "histogram", "How long jobs waited for a worker, each time they waited."
)
RESCUES_TOTAL = Described(
    "reelwork_rescues_total",
    "counter",
    "What was repaired: jobs of lost workers handed back or failed, expired jobs removed, files without a job removed.",
    ("action",),
)
WEBHOOKS_DUE = Described("reelwork_webhooks_due", "gauge", "Webhooks that are still to be delivered.")
WEBHOOKS = Described(
    "reelwork_webhooks_total",
    "counter",
    "Attempts of this API process to deliver a webhook. `unwanted`: answered 410; `given_up`: the last one failed.",
    ("outcome",),
)
DATABASE_UP = Described(
    "reelwork_database_up", "gauge", "Whether the database answered; if not, all that is read from it is missing."
)
INFO = Described("reelwork_info", "gauge", "Always 1; the label says which version runs.", ("version",))
REQUESTS = Described(
    "reelwork_http_requests_total",
    "counter",
    "Requests to this API process, by the template of their route.",
    ("route", "method", "status"),
)
REQUEST_SECONDS = Described(
    "reelwork_http_request_seconds",
    "histogram",
    "How long requests took, from their head to the last byte of the answer.",
    ("route", "method"),
)
IN_PROGRESS = Described("reelwork_http_requests_in_progress", "gauge", "Requests that are being answered now.")

DESCRIBED = (
    *(JOBS, NEXT_WAITED, WORKERS, OUTCOMES_TOTAL, ATTEMPTS_LOST, FRAMES, ANALYSIS, QUEUE_WAIT, RESCUES_TOTAL),
    *(WEBHOOKS_DUE, WEBHOOKS, DATABASE_UP, INFO, REQUESTS, REQUEST_SECONDS, IN_PROGRESS),
)

_COUNTED = (
    (OUTCOMES_TOTAL, Counted.OUTCOMES, OUTCOMES),
    (ATTEMPTS_LOST, Counted.ATTEMPTS_LOST, CAUSES),
    (FRAMES, Counted.FRAMES, ("",)),
    (RESCUES_TOTAL, Counted.RESCUES, RESCUES),
)
_MEASURED = ((ANALYSIS, Measured.ANALYSIS_S), (QUEUE_WAIT, Measured.QUEUE_WAIT_S))


@dataclass(frozen=True)
class Sources:
    """Where the numbers come from that are not of this process's requests.

    ``webhooks`` says how many attempts to deliver there were, by outcome.
    """

    jobs: JobStatistics
    workers: WorkerTable
    webhooks: Callable[[], Mapping[str, int]]


class RequestMetrics:
    """The numbers of this process's requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(REQUESTS.name, REQUESTS.meaning, REQUESTS.labels, registry=registry)
        self.seconds = Histogram(
            REQUEST_SECONDS.name,
            REQUEST_SECONDS.meaning,
            REQUEST_SECONDS.labels,
            registry=registry,
            buckets=_REQUEST_BOUNDS_S,
        )
        self.in_progress = Gauge(IN_PROGRESS.name, IN_PROGRESS.meaning, registry=registry)
        # To look one up by its labels takes longer than to count with it.
        self._counter_of = cache(lambda *labels: self.requests.labels(*labels))
        self._timer_of = cache(lambda *labels: self.seconds.labels(*labels))

    def note(self, route: str, method: str, status: int, took_s: float) -> None:
        """Note a request that is over."""
        self._counter_of(route, method, str(status)).inc()
        self._timer_of(route, method).observe(took_s)


class ServiceCollector(Collector):
    """Reads the numbers of the whole service when it is asked for them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """Say nothing: to be asked for its metrics when it is registered would ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return every metric; without the database, those that need none."""
        yield _gauge(INFO, {(__version__,): 1})
        yield _counter(WEBHOOKS, {(outcome,): count for outcome, count in self._sources.webhooks().items()})
        try:
            stored = list(self._stored())
        except (ServiceUnavailable, ConfigurationError):
            yield _gauge(DATABASE_UP, {(): 0})
            return
        yield _gauge(DATABASE_UP, {(): 1})
        yield from stored

    def _stored(self) -> Iterator[Metric]:
        jobs, workers = self._sources.jobs, self._sources.workers
        yield _gauge(JOBS, {(str(status),): count for status, count in jobs.by_status().items()})
        yield _gauge(NEXT_WAITED, {(): jobs.next_has_waited_s()})
        yield _gauge(WEBHOOKS_DUE, {(): jobs.webhooks_due()})
        yield _gauge(WORKERS, {(): workers.seen_lately()})
        yield from _of_workers(workers.counts())


def metrics_routes(registry: CollectorRegistry, sources: Sources) -> APIRouter:
    """Return the route; the process's own numbers and those of ``sources`` are added to the registry."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(ServiceCollector(sources))
    router = APIRouter(tags=["operations"])
    one_at_a_time = threading.Lock()

    @router.get("/metrics", response_class=Response, responses={200: {"content": _FORMATS}})
    def metrics(request: Request, caller: Reader) -> Response:
        """Return numbers about the service as Prometheus reads them (OpenMetrics if that is accepted)."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        with one_at_a_time:
            return Response(encode(registry), media_type=None, headers={"Content-Type": media_type})

    return router


def _of_workers(counts: Counts) -> Iterator[Metric]:
    for described, counted, kinds in _COUNTED:
        labelled: dict[tuple[str, ...], float] = {
            (kind,) if kind else (): counts.get(name_of(counted, kind), 0) for kind in kinds
        }
        yield _counter(described, labelled)
    for described, measured in _MEASURED:
        found, total_s = buckets(counts, measured)
        yield HistogramMetricFamily(described.name, described.meaning, buckets=found, sum_value=total_s)


def _gauge(described: Described, values: Mapping[tuple[str, ...], float]) -> Metric:
    return _filled(GaugeMetricFamily(described.name, described.meaning, labels=described.labels), values)


def _counter(described: Described, values: Mapping[tuple[str, ...], float]) -> Metric:
    return _filled(CounterMetricFamily(described.name, described.meaning, labels=described.labels), values)


def _filled(family: Any, values: Mapping[tuple[str, ...], float]) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family  # type: ignore[no-any-return]
