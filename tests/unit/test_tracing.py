"""Traces, into the memory of the test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reelwork import tracing
from reelwork.bootstrap.api import make_api
from reelwork.settings import Settings
from tests.support.asgi import ask


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Where spans go."""
    exporter = InMemorySpanExporter()
    tracing.trace_to(exporter, "api")
    yield exporter
    tracing.stop_tracing()


def finished(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    tracing.provider().force_flush()
    return list(exporter.get_finished_spans())


def test_span_says_what_it_is_about(exporter: InMemorySpanExporter) -> None:
    with tracing.span("job attempt", job_id="j", attempt=1):
        tracing.describe(outcome="completed")
    [span] = finished(exporter)
    assert span.name == "job attempt"
    assert span.attributes == {"reelwork.job_id": "j", "reelwork.attempt": 1, "reelwork.outcome": "completed"}
    assert span.resource.attributes["service.name"] == "reelwork-api"


def test_span_of_what_raised_says_so(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="x"), tracing.span("job attempt"):
        raise ValueError("x")
    [span] = finished(exporter)
    assert not span.status.is_ok


def test_requests_are_traced_by_their_route(exporter: InMemorySpanExporter, tmp_path: Path) -> None:
    app = make_api(Settings(data_dir=tmp_path / "data"))
    job = "0123456789abcdef0123456789abcdef"
    ask(app, "GET", "/healthz")
    ask(app, "GET", f"/video/status/{job}")
    [span] = finished(exporter)
    assert span.name == "GET /video/status/{job_id}"
    assert (span.attributes or {})["http.status_code"] == 404


def test_without_a_place_to_send_them_to_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    tracing.start_tracing("api")
    assert tracing.provider() is None
    with tracing.span("job attempt", job_id="j"):
        tracing.describe(outcome="completed")


@pytest.mark.parametrize("module", ["reelwork.bootstrap.api", "reelwork.bootstrap.worker"])
def test_nothing_is_loaded_then(module: str) -> None:
    command = [sys.executable, "-c", f"import {module}, sys; print(*sys.modules)"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    # FastAPI loads the names; what does the work is in the SDK.
    assert not [name for name in loaded if name.startswith(("opentelemetry.sdk", "opentelemetry.instrumentation"))]


def test_service_starts_without_the_package_that_sends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    tracing.start_tracing("api")
    assert tracing.provider() is None
    [record] = [record for record in caplog.records if record.getMessage() == "tracing.not_installed"]
    assert "reelwork[opentelemetry]" in vars(record)["reason"]
