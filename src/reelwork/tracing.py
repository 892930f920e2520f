"""Traces by OpenTelemetry, where it is installed and told where to send them; elsewhere nothing of it is loaded.

It is set up by its own variables, as every program that uses it: ``OTEL_EXPORTER_OTLP_ENDPOINT`` and the like.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reelwork import __version__

log = logging.getLogger(__name__)

_WHERE_TO = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_provider: Any = None


def start_tracing(part: str) -> None:
    """Send traces from now on, if that is wanted and can be; ``part`` is which kind of process this is."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(map(os.environ.get, _WHERE_TO)):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        reason = f"{error}; install reelwork[opentelemetry]"
        log.warning("tracing.not_installed", extra={"reason": reason})
        return
    trace_to(OTLPSpanExporter(), part)


def trace_to(exporter: Any, part: str) -> None:
    """Send traces to an exporter from now on."""
    global _provider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME") or f"reelwork-{part}"
    _provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    log.info("tracing.started", extra={"service": name})


def stop_tracing() -> None:
    """Send what has not been sent, and no more."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def provider() -> Any:
    """Return what makes tracers; None when nothing is traced."""
    return _provider


@contextmanager
def span(name: str, **facts: str | int | float) -> Iterator[None]:
    """Trace what is done within the block; the names of facts are given without ``reelwork.``."""
    if _provider is None:
        yield
        return
    with _provider.get_tracer("reelwork", __version__).start_as_current_span(name, attributes=_named(facts)):
        yield


def describe(**facts: str | int | float) -> None:
    """Say more of what is being traced here."""
    if _provider is not None:
        from opentelemetry import trace

        trace.get_current_span().set_attributes(_named(facts))


def _named(facts: dict[str, str | int | float]) -> dict[str, str | int | float]:
    return {f"reelwork.{name}": fact for name, fact in facts.items()}
