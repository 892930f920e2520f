"""Look at a set-up part by part, and say of each what is wrong and what to do."""

import ipaddress
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from reelwork.access.model import ApiKey
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.bootstrap.foundation import open_database, open_storage
from reelwork.bootstrap.health import require_storage
from reelwork.bootstrap.pipelines import decode_limits, load_catalog
from reelwork.db.engine import Database
from reelwork.db.file_systems import require_local
from reelwork.db.migrate import current_revision, head_revision
from reelwork.db.types import database_now
from reelwork.errors import ReelworkError, VideoUnreadable
from reelwork.jobs.worker_table import SEEN_LATELY_S, WorkerTable
from reelwork.pipeline.catalog import DEFAULT_PIPELINE
from reelwork.settings import Settings
from reelwork.video.prober import VideoProber
from reelwork.webhooks.signatures import read_secrets

log = logging.getLogger(__name__)

_CLIP = Path(__file__).parent / "doctor.mp4"
_LITTLE_ROOM_BYTES = 2 * 2**30
_GIBIBYTE = 2**30
_CLOCK_SKEW_S = 5.0
_WORKERS_WITHIN_S = 3600.0
_ANSWER_WITHIN_S = 3.0


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What was found of one part, and what to do about it."""

    part: str
    verdict: Verdict
    found: str
    advice: str = ""


Findings = Iterator[Finding]


@dataclass
class Patient:
    """The set-up that is looked at."""

    settings: Settings
    _opened: Database | None = None

    @cached_property
    def database(self) -> Database | None:
        """The database; None if it cannot be opened, or is not there yet and must not be made by looking."""
        if self.settings.uses_embedded_database and not (self.settings.data_dir / "reelwork.db").exists():
            return None
        with suppress(ReelworkError):
            self._opened = open_database(self.settings)
            if current_revision(self._opened) == head_revision():
                return self._opened
        return None

    def close(self) -> None:
        """Close what was opened to look at it."""
        if self._opened is not None:
            self._opened.close()


def examine(settings: Settings, *parts: str) -> Findings:
    """Look at every part, or at those that are named; the next one once the last one was told. Nothing raises."""
    with closing(Patient(settings)) as patient:
        for part, check in CHECKS.items():
            if not parts or part in parts:
                yield from _guarded(part, check, patient)


def _guarded(part: str, check: Callable[[Patient], Findings], patient: Patient) -> Findings:
    try:
        yield from check(patient)
    except ReelworkError as error:
        yield Finding(part, Verdict.FAILED, str(error))
    except Exception as error:
        log.exception("doctor.check_failed", extra={"part": part})
        yield Finding(part, Verdict.FAILED, f"It could not be looked at: {type(error).__name__}: {error}")


def _data_dir(patient: Patient) -> Findings:
    path = patient.settings.data_dir
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        advice = "Give this user the directory, or name another one with REELWORK_DATA_DIR."
        yield Finding("data directory", Verdict.FAILED, f"{existing} cannot be written to.", advice)
        return
    if patient.settings.uses_embedded_database:
        require_local(path / "reelwork.db")
    free = shutil.disk_usage(existing).free
    found = f"{path}{'' if existing == path else ' (will be made)'}, {free / _GIBIBYTE:.1f} GiB free"
    if free < max(_LITTLE_ROOM_BYTES, patient.settings.max_upload_bytes):
        advice = f"One upload may take {patient.settings.max_upload_bytes / _GIBIBYTE:.1f} GiB: make room, or lower "
        yield Finding("data directory", Verdict.WARNING, found, advice + "REELWORK_MAX_UPLOAD_BYTES.")
    else:
        yield Finding("data directory", Verdict.OK, found)


def _database(patient: Patient) -> Findings:
    settings = patient.settings
    if settings.uses_embedded_database and not (settings.data_dir / "reelwork.db").exists():
        yield Finding("database", Verdict.OK, "SQLite; it is not there yet, and made at the first start")
        return
    with closing(open_database(settings)) as database:
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        at, head = current_revision(database), head_revision()
    if at == head:
        yield Finding("database", Verdict.OK, f"{kind}, at revision {at}")
    elif settings.uses_embedded_database:
        found = f"{kind}, at revision {at}; this version needs {head}"
        yield Finding("database", Verdict.WARNING, found, "It is brought up to date when the service starts.")
    else:
        found = f"{kind}, at revision {at or 'base (empty)'}; this version needs {head}"
        yield Finding("database", Verdict.FAILED, found, "Run `reelwork migrate` with the same REELWORK_DATABASE_URL.")


def _clock(patient: Patient) -> Findings:
    if patient.database is None:
        return
    before = datetime.now(UTC)
    [(theirs,)] = patient.database.query(select(database_now()))
    skew_s = (theirs - before - (datetime.now(UTC) - before) / 2).total_seconds()
    found = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    if abs(skew_s) > _CLOCK_SKEW_S:
        advice = "Set both by NTP: signatures of webhooks carry this machine's time, jobs the database's."
        yield Finding("database clock", Verdict.WARNING, found, advice)
    else:
        yield Finding("database clock", Verdict.OK, found)


def _storage(patient: Patient) -> Findings:
    began_at = time.monotonic()
    require_storage(open_storage(patient.settings), f"health/doctor-{uuid4()}")
    took_ms = (time.monotonic() - began_at) * 1000
    yield Finding("file storage", Verdict.OK, f"a file was stored, read and removed in {took_ms:.0f} ms")


def _analyzers(patient: Patient) -> Findings:
    registry = AnalyzerRegistry.installed()
    yield Finding("analyzers", Verdict.OK, ", ".join(sorted(registry.analyzers)))
    for name, reason in registry.broken.items():
        yield Finding("analyzers", Verdict.WARNING, f"{name}: {reason}", "Mend or remove the package it comes from.")


def _pipelines(patient: Patient) -> Findings:
    entries = load_catalog(patient.settings).entries()
    yield Finding(
        "pipelines", Verdict.OK, ", ".join(entry.name for entry in entries if entry.unavailable_because is None)
    )
    for entry in entries:
        if entry.unavailable_because is not None:
            verdict = Verdict.FAILED if entry.name == DEFAULT_PIPELINE else Verdict.WARNING
            yield Finding("pipelines", verdict, f"{entry.name} cannot be used", entry.unavailable_because)


def _tesseract(patient: Patient) -> Findings:
    if find_spec("tesserocr") is None:
        yield Finding("tesseract", Verdict.OK, "not installed; pipelines of your own may want it: reelwork[tesseract]")
        return
    # Not above: it belongs to an analyzer, and most set-ups do without.
    from reelwork.analyzers.builtin.text.tesseract import tesseract_data

    try:
        [data] = tesseract_data(["en"])
        yield Finding("tesseract", Verdict.OK, f"English, {data}")
    except LookupError as error:
        yield Finding("tesseract", Verdict.WARNING, "installed without the data for English", str(error))


def _decoder(patient: Patient) -> Findings:
    prober = VideoProber(decode_limits(patient.settings), 1, patient.settings.probe_timeout_s)
    began_at = time.monotonic()
    try:
        prober(_CLIP)
    except VideoUnreadable as error:
        advice = "Uploads will be refused. Install Reelwork again, and look for a library that is missing."
        yield Finding("decoder", Verdict.FAILED, f"A small sound video: {error}", advice)
        return
    finally:
        prober.stop()
    took_s = time.monotonic() - began_at
    yield Finding("decoder", Verdict.OK, f"a small video was decoded in a process of its own ({took_s:.1f} s)")


def _workers(patient: Patient) -> Findings:
    if patient.database is None:
        return
    lives = WorkerTable(patient.database).lives(_WORKERS_WITHIN_S)
    alive = [life.name for life in lives if not life.stopped and life.seen_s_ago <= SEEN_LATELY_S]
    silent = [life.name for life in lives if not life.stopped and life.seen_s_ago > SEEN_LATELY_S]
    if alive:
        yield Finding("workers", Verdict.OK, f"{len(alive)} seen within {SEEN_LATELY_S:g} s: {', '.join(alive)}")
    else:
        advice = "Jobs wait. Start one: `reelwork worker`, or everything: `reelwork up`."
        yield Finding("workers", Verdict.WARNING, f"none seen within {SEEN_LATELY_S:g} s", advice)
    if silent:
        advice = "If they were not stopped on purpose their logs say why they ended. Their jobs are run by others."
        yield Finding("workers", Verdict.WARNING, f"silent without having stopped: {', '.join(silent)}", advice)


def _service(patient: Patient) -> Findings:
    settings = patient.settings
    if not settings.port:
        yield Finding("service", Verdict.OK, "it takes any free port, so it was not asked")
        return
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    try:
        with httpx.Client(timeout=_ANSWER_WITHIN_S, trust_env=False) as client:
            answer = client.get(f"{url}/readyz")
            said = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
    except (httpx.HTTPError, ValueError):
        yield Finding("service", Verdict.WARNING, f"nobody answers at {url}", "Start it: `reelwork up`.")
        return
    if answer.is_success and said.get("status") in ("ready", "degraded"):
        yield Finding("service", Verdict.OK, f"{url} is {said['status']}")
    else:
        detail = said.get("detail", "Something else than Reelwork may listen there.")
        yield Finding("service", Verdict.FAILED, f"{url} answers {answer.status_code}", detail)


def _webhooks(patient: Patient) -> Findings:
    try:
        count = len(read_secrets(patient.settings.webhook_secret))
    except ValueError as error:
        yield Finding("webhooks", Verdict.FAILED, f"REELWORK_WEBHOOK_SECRET: {error}")
        return
    if not count:
        yield Finding("webhooks", Verdict.OK, "none are sent: REELWORK_WEBHOOK_SECRET is not set")
    elif patient.settings.webhook_allow_private:
        advice = "Whoever may submit can have this machine call its own network; unset REELWORK_WEBHOOK_ALLOW_PRIVATE."
        yield Finding("webhooks", Verdict.WARNING, f"signed with {count} secret(s), also to private addresses", advice)
    else:
        yield Finding("webhooks", Verdict.OK, f"signed with {count} secret(s), to public addresses only")


def _keys(patient: Patient) -> Findings:
    count = 0
    if patient.database is not None:
        [(count,)] = patient.database.query(select(func.count()).where(ApiKey.revoked_at.is_(None)))
    host = patient.settings.host
    if count:
        yield Finding("API keys", Verdict.OK, f"{count} in use; the API listens on {host}")
    elif _is_loopback(host):
        yield Finding(
            "API keys", Verdict.OK, f"none, and none needed: the API listens on {host}, for this machine alone"
        )
    else:
        advice = "Make one with `reelwork keys`, or listen on 127.0.0.1."
        yield Finding("API keys", Verdict.FAILED, f"none, and the API listens on {host} for everybody", advice)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CHECKS: dict[str, Callable[[Patient], Findings]] = {
    "data directory": _data_dir,
    "database": _database,
    "database clock": _clock,
    "file storage": _storage,
    "analyzers": _analyzers,
    "pipelines": _pipelines,
    "tesseract": _tesseract,
    "decoder": _decoder,
    "workers": _workers,
    "service": _service,
    "webhooks": _webhooks,
    "API keys": _keys,
}
"""Every part there is, in the order in which one stands on another."""
