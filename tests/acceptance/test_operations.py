"""What operators see of the real service: health, numbers, logs, the doctor."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import PYTHON_PATH, Caller, Service
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]


def number(calls: Caller, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(calls.http.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"there is no {name} {labels}")


def readiness(calls: Caller, **parts: str) -> httpx.Response:
    """Wait until parts are said to be so: a look at one that is well may take too long on a busy disk."""

    def answer() -> httpx.Response | None:
        said = calls.http.get("/readyz")
        found = {name: said.json()["parts"][name]["status"] for name in parts}
        return said if found == parts else None

    return wait_until(answer)  # type: ignore[return-value]


def test_readiness_names_what_fails(service: Service, caller: MakeCaller) -> None:
    calls = caller(service.start("serve", "--port", "0").url())
    answer = readiness(calls, database="ok", storage="ok", worker="failed")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "No worker was seen" in answer.json()["parts"]["worker"]["reason"]
    assert calls.http.get("/readyz?worker=required").status_code == 503

    worker = service.start("worker")
    wait_until(lambda: calls.http.get("/readyz").json()["status"] == "ready", timeout_s=60)
    wait_until(lambda: calls.http.get("/readyz?worker=required").status_code == 200)
    assert worker.stop() == 0
    wait_until(lambda: calls.http.get("/readyz").json()["status"] == "degraded")

    files = service.data_dir / "files"
    files.rename(service.data_dir / "elsewhere")
    files.write_text("in the way")
    answer = readiness(calls, database="ok", storage="failed")
    assert answer.status_code == 503
    problem = answer.json()
    assert problem["type"] == "urn:reelwork:problem:not-ready"
    assert str(service.data_dir) not in json.dumps(problem)
    assert calls.http.get("/healthz").status_code == 200


def test_numbers_and_logs_of_jobs(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.environment = {"REELWORK_MAX_ATTEMPTS": "1"}
    service.write_pipeline("crashing", "crash")
    calls = caller(service.start("serve", "--port", "0").url())
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames", max_frames=7)
    calls.results(job_id)
    crashed = calls.submit(media_dir / "midroll-5s.mp4", pipeline="crashing")
    calls.wait_for(crashed, "failed")
    worker.stop()

    assert number(calls, "reelwork_job_outcomes_total", outcome="completed") == 1
    assert number(calls, "reelwork_job_outcomes_total", outcome="failed") == 1
    assert number(calls, "reelwork_attempts_lost_total", cause="crashed") == 1
    assert number(calls, "reelwork_frames_analysed_total") == 7
    assert number(calls, "reelwork_analysis_seconds_count") == 1
    assert number(calls, "reelwork_queue_wait_seconds_count") == 2
    submits = {"route": "/video/submit", "method": "POST", "status": "202"}
    assert number(calls, "reelwork_http_requests_total", **submits) == 2

    about_jobs = [*service.events("job.running"), *service.events("job.completed"), *service.events("job.failed")]
    assert [line["job_id"] for line in about_jobs] == [str(job_id), str(crashed), str(job_id), str(crashed)]
    requests = service.events("request")
    # Polls that are answered are counted alone.
    assert {line["route"] for line in requests} == {"/video/submit", "/video/results/{job_id}"}
    assert {line["job_id"] for line in requests} == {str(job_id), str(crashed)}
    [submitted] = [line for line in requests if line["route"] == "/video/submit" and line["job_id"] == str(job_id)]
    assert (submitted["method"], submitted["status"]) == ("POST", 202)
    assert submitted["ms"] > 0
    assert submitted["bytes"] > 0


def test_doctor_of_a_running_service(service: Service, caller: MakeCaller) -> None:
    calls = caller(service.run())
    readiness(calls, database="ok", storage="ok", worker="ok")
    port = calls.http.base_url.port
    command = [sys.executable, "-m", "reelwork", "doctor", "--json", "--data-dir", str(service.data_dir)]
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH, "REELWORK_PORT": str(port)}

    def found() -> dict[str, dict[str, str]]:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return {finding["part"]: finding for finding in json.loads(done.stdout)["findings"]}

    findings = found()
    assert findings["service"]["verdict"] == "ok"
    assert findings["decoder"]["verdict"] == "ok"
    assert "1 seen" in findings["workers"]["found"]
    assert findings["analyzers"]["verdict"] == "warning", "a plugin is broken"
