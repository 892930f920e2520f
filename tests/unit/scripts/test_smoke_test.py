"""The smoke test passes with a real service, and notices whatever one answers wrongly."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelwork.access.caller import Scope
from reelwork.access.store import NO_LIMITS
from reelwork.bootstrap.access import open_keys
from reelwork.settings import Settings
from scripts.smoke_test import main
from tests.support.lesson import is_as_shown, typed
from tests.support.receivers import nobody
from tests.support.service import Service
from tests.support.shell import Shell, blocks_run_by
from tests.support.warm_start import Nursery
from tests.unit.scripts.lying_service import (
    DELETE,
    JOB,
    NO_SUCH_JOB,
    RESULTS,
    STATUS,
    SUBMIT,
    Answer,
    frames,
    lying,
    results,
    state,
)
from tools.tree import ROOT

SMOKE_TEST = ROOT / "scripts" / "smoke_test.py"
Capture = pytest.CaptureFixture[str]
OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave hardly any time between polls of a service in this process."""
    monkeypatch.setattr("scripts.smoke_test.POLL_EVERY_S", 0.01)


def smoke_test(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it as an operator would, with nothing but the standard library."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")} | environment
    command = [sys.executable, "-I", "-S", SMOKE_TEST, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=60)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Service]:
    """A whole service that asks for keys."""
    service = Service(tmp_path_factory.mktemp("smoke") / "data", {"REELWORK_REQUIRE_KEYS": "true"}, nursery=nursery)
    service.write_pipeline("failing", "raise")
    keys = open_keys(Settings.load(data_dir=service.data_dir))
    service.environment["KEY"] = str(keys.make("smoke test", [Scope.READ, Scope.SUBMIT], NO_LIMITS))
    service.environment["URL"] = service.run()
    yield service
    service.close()


def test_a_service_that_works_passes(guarded: Service) -> None:
    where = {"REELWORK_URL": guarded.environment["URL"], "REELWORK_API_KEY": guarded.environment["KEY"]}
    done = smoke_test("--pipeline", "frames", **where)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.split()[0] for line in done.stdout.splitlines()]
    assert steps == ["submitted", "completed", "answered", "deleted", "passed"]
    assert guarded.stored_files() == []


def test_the_page_shows_what_is_printed(guarded: Service) -> None:
    [session] = blocks_run_by(__file__, "docs/how-to/operate.md", "console")
    given = {"https://reelwork.example.org": guarded.environment["URL"], "rw_...": guarded.environment["KEY"]}
    with closing(Shell(ROOT, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})) as shell:
        for command, shown in typed(session.text):
            for written, meant in given.items():
                command, shown = command.replace(written, meant), shown.replace(written, meant)
            assert is_as_shown(shell.run(command), re.sub(r"in [\d.]+ s", "in ... s", shown))


def test_a_video_of_ones_own(guarded: Service, media_dir: Path) -> None:
    where = ["--url", guarded.environment["URL"], "--api-key", guarded.environment["KEY"]]
    done = smoke_test(*where, "--pipeline", "frames", media_dir / "fragmented.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert "30 frames" in done.stdout


def test_a_job_that_fails_is_told_and_deleted(guarded: Service) -> None:
    where = ["--url", guarded.environment["URL"], "--api-key", guarded.environment["KEY"]]
    done = smoke_test(*where, "--pipeline", "failing")
    assert done.returncode == 1
    assert "the job failed: " in done.stderr
    assert guarded.stored_files() == []


def test_a_wrong_key_is_told(guarded: Service) -> None:
    done = smoke_test("--url", guarded.environment["URL"], REELWORK_API_KEY="rw_wrong")
    assert done.returncode == 1
    assert "answered 401 instead of 202: " in done.stderr


def test_an_unreachable_service_is_told() -> None:
    with nobody() as url:
        done = smoke_test("--url", url)
    assert done.returncode == 1
    assert "refused" in done.stderr


def test_a_service_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = smoke_test("--url", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.3")
    assert done.returncode == 1
    assert "the time given with --timeout is over" in done.stderr


@pytest.mark.parametrize("arguments", [["--url", "ftp://example.org"], ["missing.mp4"], ["--api-key", "käse"]])
def test_a_wrong_command_line_is_told(arguments: list[str]) -> None:
    assert smoke_test(*arguments).returncode == 2


def _without(index: int) -> list[dict[str, Any]]:
    return [entry for entry in frames() if entry["frame_index"] != index]


def _with(index: int, entry: Any) -> list[Any]:
    return [*frames()[:index], entry, *frames()[index + 1 :]]


LIES: list[tuple[str, list[Answer], str]] = [
    (STATUS, [state("queued", 0)], "no status 'queued'"),
    (STATUS, [state("pending", 0.5)], "the progress of a pending job is 0.5, not 0"),
    (STATUS, [state("running", 0.7)], "the progress of a running job is 0.7, not 0.5"),
    (STATUS, [(200, {"job_id": JOB, "status": "running"})], "'progress' is missing"),
    (STATUS, [(200, {"job_id": OTHER, "status": "pending", "progress": 0})], f"it answered about '{OTHER}'"),
    (STATUS, [(500, b"<html>")], "answered 500 instead of 200"),
    (STATUS, [(200, b"<html>")], "answered no JSON"),
    (RESULTS, [(404, {"detail": "It is not completed."})], "answered 404 instead of 200: It is not completed."),
    (RESULTS, [(200, {"job_id": JOB})], "'results' is missing"),
    (RESULTS, [(200, {"job_id": OTHER, "results": frames()})], f"it answered about '{OTHER}'"),
    (RESULTS, [results([])], "the results are empty"),
    (RESULTS, [results(frames()[::-1])], "not numbered 0, 1, 2, ..."),
    (RESULTS, [results(_without(7))], "not numbered 0, 1, 2, ..."),
    (RESULTS, [results(frames(124))], "the times of the frames are wrong"),
    (RESULTS, [results(_with(7, {"frame_index": 7, "result": {"text": []}}))], "'time_s' is missing"),
    (RESULTS, [results(_with(7, {"frame_index": 7, "result": {"time_s": 0.24, "text": []}}))], "do not grow"),
    (RESULTS, [results(_with(7, {"frame_index": 7, "result": {"time_s": 0.29, "text": []}}))], "are wrong"),
    (RESULTS, [results(_with(7, {"frame_index": 7, "result": {"time_s": 0.28}}))], "lack the answer of a node"),
    (RESULTS, [results(_with(7, None))], "'frame_index' is missing"),
    (RESULTS, [results(frames())], f"GET /video/results/{JOB} answered 200 instead of 404"),
    (DELETE, [(503, {"detail": "Later."}), (204, b"")], "answered 503 instead of 204: Later."),
]


@pytest.mark.parametrize(("call", "answers", "told"), LIES)
def test_what_is_answered_wrongly_is_told_and_the_job_deleted(
    call: str, answers: list[Answer], told: str, capsys: Capture
) -> None:
    with lying({call: answers}) as service:
        assert main(["--url", service.url]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("FAILED: ")
    assert told in complaint
    assert service.deleted


def test_a_job_that_does_not_end_is_told_and_deleted(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    slept_s: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(slept_s), sleep=slept_s.append)
    monkeypatch.setattr("scripts.smoke_test.time", clock)
    monkeypatch.setattr("scripts.smoke_test.POLL_EVERY_S", 1000)
    with lying({STATUS: [state("running", 0.5)]}) as service:
        assert main(["--url", service.url, "--timeout", "3500"]) == 1
    assert service.asked.count(STATUS) == 4
    assert "the time given with --timeout is over" in capsys.readouterr().err
    assert service.deleted


def test_a_service_that_keeps_its_promises_passes() -> None:
    with lying({}) as service:
        assert main(["--url", service.url]) == 0
    assert service.deleted


def test_a_job_that_is_still_there_after_its_deletion_is_told_and_deleted_again(capsys: Capture) -> None:
    with lying({STATUS: [state("completed", 1.0)]}) as service:
        assert main(["--url", service.url]) == 1
    assert f"GET /video/status/{JOB} answered 200 instead of 404" in capsys.readouterr().err
    assert service.asked.count(DELETE) == 2


def test_a_job_that_nobody_begins_is_told_so(capsys: Capture) -> None:
    with lying({STATUS: [state("pending", 0)]}) as service:
        assert main(["--url", service.url, "--timeout", "0.5"]) == 1
    assert "the job is still pending: does a worker run?" in capsys.readouterr().err


def test_a_job_that_cannot_be_deleted_is_named(capsys: Capture) -> None:
    with lying({DELETE: [(500, {"detail": "No."})]}) as service:
        assert main(["--url", service.url]) == 1
    assert f"The job {JOB} could not be deleted: " in capsys.readouterr().err


def test_a_job_that_is_not_deleted_in_time_is_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.smoke_test.CLEAN_UP_S", 0)
    with lying({RESULTS: [results([])]}) as service:
        assert main(["--url", service.url]) == 1
    assert f"The job {JOB} could not be deleted: it was not done within 0 s" in capsys.readouterr().err


def test_a_job_that_is_gone_already_needs_no_cleaning_up(capsys: Capture) -> None:
    with lying({DELETE: [NO_SUCH_JOB]}) as service:
        assert main(["--url", service.url]) == 1
    complaint = capsys.readouterr().err
    assert f"DELETE /video/jobs/{JOB} answered 404 instead of 204" in complaint
    assert "could not be deleted" not in complaint


@pytest.mark.parametrize("document", [{}, [], {"job_id": "../1"}, {"job_id": 7}])
def test_a_submit_without_a_good_id_is_told(document: Any, capsys: Capture) -> None:
    with lying({SUBMIT: [(202, document)]}) as service:
        assert main(["--url", service.url]) == 1
    assert re.search("'job_id' is missing|no UUID", capsys.readouterr().err)
    assert service.asked == [SUBMIT]
