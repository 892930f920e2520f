"""The commands about jobs that are there, and those that say what a service can do."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.unit.cli.conftest import Reelwork, environment, objects, terminal


def test_status_and_results(reelwork: Reelwork, completed_job: str, tmp_path: Path) -> None:
    assert reelwork("status", completed_job).stdout == "completed\n"
    printed = reelwork("results", completed_job)
    assert printed.returncode == 0
    document = json.loads(printed.stdout)
    assert document["job_id"] == completed_job
    assert len(document["results"]) == 15

    output = tmp_path / "results.json"
    output.write_text("what was there before")
    assert reelwork("results", completed_job, "--output", output).returncode == 0
    assert output.read_text() == printed.stdout
    assert list(tmp_path.iterdir()) == [output]


def test_formats_and_filters(reelwork: Reelwork, completed_job: str) -> None:
    lines = objects(reelwork("results", completed_job, "-f", "ndjson", "--start-s", "0.1", "--end-s", "0.3").stdout)
    assert [line["frame_index"] for line in lines] == [2, 3, 4]
    assert reelwork("results", completed_job, "--format", "vtt").stdout.startswith("WEBVTT")
    assert reelwork("results", completed_job, "--node", "nowhere").returncode == 1
    assert reelwork("results", completed_job, "--format", "doc").returncode == 2


def test_results_that_cannot_be_had_leave_the_file_alone(reelwork: Reelwork, tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    output.write_text("what was there before")
    answer = reelwork("results", str(uuid4()), "--output", output)
    assert answer.returncode == 1
    assert "There is no job" in answer.stderr
    assert output.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [output]


def test_what_a_link_leads_to_is_written_in_place(reelwork: Reelwork, completed_job: str, tmp_path: Path) -> None:
    target, link = tmp_path / "results.json", tmp_path / "latest.json"
    target.write_text("what was there before, and longer than it will be " * 100)
    link.symlink_to(target)
    assert reelwork("results", completed_job, "--output", link).returncode == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["job_id"] == completed_job


def test_results_go_into_a_pipe(reelwork: Reelwork, completed_job: str) -> None:
    answer = reelwork("results", completed_job, "--output", "/dev/stdout", stderr=None)
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["job_id"] == completed_job


def test_results_into_no_directory(reelwork: Reelwork, completed_job: str, tmp_path: Path) -> None:
    answer = reelwork("results", completed_job, "--output", tmp_path / "missing" / "results.json")
    assert answer.returncode == 1
    assert "No such file or directory" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_frame(reelwork: Reelwork, completed_job: str, tmp_path: Path) -> None:
    output = tmp_path / "frame.jpg"
    assert reelwork("frame", completed_job, "3", "--boxes", "-o", output).returncode == 0
    assert output.read_bytes().startswith(b"\xff\xd8\xff")
    assert reelwork("frame", completed_job, "999", "-o", output).returncode == 1
    assert output.read_bytes().startswith(b"\xff\xd8\xff")


def test_jobs_are_listed(reelwork: Reelwork, completed_job: str) -> None:
    [listed] = objects(reelwork("jobs", "--tag", "done", "--json").stdout)
    assert (listed["job_id"], listed["status"], listed["tags"]) == (completed_job, "completed", ["done"])
    shown = reelwork("jobs", "--tag", "done")
    assert completed_job in shown.stdout
    assert reelwork("jobs", "--tag", "nowhere").stdout == "There is no such job.\n"
    assert reelwork("jobs", "--status", "broken").returncode == 1


def test_a_job_is_shown(reelwork: Reelwork, completed_job: str) -> None:
    shown = reelwork("show", completed_job)
    assert shown.returncode == 0
    assert completed_job in shown.stdout
    assert "sha256" in shown.stdout
    [document] = objects(reelwork("show", completed_job, "--json").stdout)
    assert document["pipeline"]["name"] == "frames"


def test_a_failed_job_runs_again(reelwork: Reelwork, clip: Path) -> None:
    job_id = reelwork("submit", "--wait", "-p", "failing", clip).stdout.strip()
    assert reelwork("retry", job_id).stdout == f"{job_id} retried\n"
    watched = reelwork("status", "--watch", "--json", job_id)
    assert watched.returncode == 1
    assert objects(watched.stdout)[-1]["job_id"] == job_id
    assert "the lens cap is on" in watched.stderr


def test_what_cannot_run_again(reelwork: Reelwork, completed_job: str) -> None:
    answer = reelwork("retry", completed_job, "--json")
    assert answer.returncode == 1
    [told] = objects(answer.stdout)
    assert told["error"]["type"] == "urn:reelwork:problem:job-not-failed"


def test_jobs_are_deleted(reelwork: Reelwork, clip: Path) -> None:
    first, second = reelwork("submit", "-p", "frames", clip, clip.with_name("person-small.mp4")).stdout.split()
    nobody = str(uuid4())
    answer = reelwork("delete", "--yes", first, nobody)
    assert (answer.returncode, answer.stdout) == (3, f"{first} deleted\n")
    assert f"{nobody}: There is no job" in answer.stderr
    assert reelwork("status", first).returncode == 1
    assert reelwork("delete", second, input="n\n", stdin=None).returncode == 1
    assert reelwork("status", second).returncode == 0
    assert reelwork("delete", second, input="y\n", stdin=None).returncode == 0


def test_pipelines_say_what_is_missing(reelwork: Reelwork) -> None:
    answer = reelwork("pipelines")
    assert answer.returncode == 0
    assert "Read the text in every frame" in answer.stdout
    assert "not available: Model file objects.onnx was not found" in answer.stdout
    [document] = objects(reelwork("pipelines", "--json").stdout)
    assert {"text", "frames"} <= {pipeline["name"] for pipeline in document["pipelines"]}


def test_limits(reelwork: Reelwork) -> None:
    [document] = objects(reelwork("limits", "--json").stdout)
    assert document["max_upload_bytes"] > 0
    assert str(document["max_upload_bytes"]) in reelwork("limits").stdout


def test_nobody_answers(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", clip, "--url", "http://127.0.0.1:9")
    assert (answer.returncode, answer.stdout) == (4, "")
    assert answer.stderr == "No Reelwork service answers at http://127.0.0.1:9. Start one with: reelwork up\n"


def test_the_api_key_is_sent_and_never_shown(reelwork: Reelwork, service_url: str) -> None:
    secret = "rw_a-secret-that-nobody-sees"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        variables = {**environment(f"http://127.0.0.1:{listening.getsockname()[1]}"), "REELWORK_API_KEY": secret}
        command = [sys.executable, "-m", "reelwork"]
        asking = subprocess.Popen([*command, "limits"], env=variables, stderr=subprocess.PIPE, text=True)
        connection, _ = listening.accept()
        with connection:
            asked = connection.recv(2**16)
            connection.sendall(
                b"HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}"
            )
            _, told = asking.communicate(timeout=30)
    assert f"Authorization: Bearer {secret}".encode() in asked
    assert asking.returncode == 1
    helped = subprocess.run([*command, "limits", "--help"], env=variables, capture_output=True, text=True, check=True)
    assert "REELWORK_API_KEY" in helped.stdout
    assert secret not in told + helped.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit"],
        ["submit", "missing.mp4"],
        ["submit", __file__, "--frame-stride", "0"],
        ["submit", __file__, "--range", "soon"],
        ["submit", __file__, "--param", "text"],
        ["submit", __file__, str(Path(__file__).parent / "conftest.py"), "--idempotency-key", "one"],
        ["status", "not-an-id"],
        ["results"],
    ],
)
def test_wrong_usage(reelwork: Reelwork, arguments: list[str]) -> None:
    answer = reelwork(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")


def test_a_table_fits_the_terminal(reelwork: Reelwork, completed_job: str) -> None:
    with terminal() as (screen, shown):
        assert reelwork("jobs", stdout=screen).returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert completed_job in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_completion(service_url: str, completed_job: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "reelwork", "--show-completion", "bash"],
        env={**environment(service_url), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete" in shown.stdout
    assert completed_job in completed(service_url, f"reelwork status {completed_job[:4]}")
    assert completed(service_url, "reelwork submit -p text_") == ["text_codes"]
    assert completed("http://127.0.0.1:9", "reelwork status ") == []


def completed(service_url: str, line: str) -> list[str]:
    """What bash would offer at the end of a line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    program = (
        "import sys; sys.argv[0] = 'reelwork'; from reelwork.cli import asking, main\n"
        "asking.COMPLETION_S = 60; main()"  # a busy machine may answer later than anybody would wait
    )
    asked = {**environment(service_url), "_REELWORK_COMPLETE": "complete_bash", **words}
    done = subprocess.run([sys.executable, "-c", program], env=asked, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()
