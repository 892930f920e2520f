"""The commands that talk to a service, run as a script and as a person would."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.support.service import Service

Reelwork = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `reelwork up`, with a pipeline that fails."""
    service = Service(tmp_path_factory.mktemp("jobs") / "data")
    service.write_pipeline("failing", "raise")
    command = service.start("up", "--port", "0")
    yield command.url()
    assert command.stop() == 0
    service.close()


@pytest.fixture
def reelwork(service_url: str) -> Reelwork:
    """Run a command that finds its service by the environment."""

    def run(*arguments: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "REELWORK_URL": service_url, "COLUMNS": "80", "TERM": "xterm-256color"}
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        command = [sys.executable, "-m", "reelwork", *map(str, arguments)]
        return subprocess.run(command, env=environment, text=True, timeout=120, **given)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def clip(media_dir: Path) -> Path:
    return media_dir / "burned-in-time-15fps.mp4"


def test_a_script_gets_the_ids_alone(reelwork: Reelwork, clip: Path, media_dir: Path) -> None:
    answer = reelwork("submit", clip, media_dir / "person-small.mp4", "--pipeline", "frames")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len({UUID(line) for line in answer.stdout.splitlines()}) == 2


def test_waiting_tells_what_was_found(reelwork: Reelwork, media_dir: Path) -> None:
    answer = reelwork("submit", "--wait", media_dir / "midroll-5s.mp4", "--frame-stride", "50", "--max-frames", "2")
    assert answer.returncode == 0, answer.stderr
    UUID(answer.stdout.strip())
    assert "midroll-5s.mp4  2 frames analysed" in answer.stderr
    row = next(line for line in answer.stderr.splitlines() if "Midroll" in line)
    assert "0:00.000" in row
    assert "0:02.000" in row
    assert row.endswith("%")


def test_a_failed_job_is_an_error(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", "--wait", "-p", "failing", clip)
    assert answer.returncode == 1
    assert clip.name in answer.stderr
    assert "the lens cap is on" in answer.stderr
    job_id = answer.stdout.strip()
    status = reelwork("status", job_id)
    assert (status.returncode, status.stdout) == (0, "failed\n")
    assert "the lens cap is on" in status.stderr
    results = reelwork("results", job_id)
    assert (results.returncode, results.stdout) == (1, "")
    assert "the lens cap is on" in results.stderr


def test_a_refused_file_does_not_keep_back_the_others(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("these are notes " * 100)
    answer = reelwork("submit", "-p", "frames", notes, clip)
    assert answer.returncode == 1
    assert answer.stderr.startswith("notes.mp4: The file is not an MP4.")
    UUID(answer.stdout.strip())


def test_on_a_terminal_only_the_account_remains(reelwork: Reelwork, clip: Path) -> None:
    ours, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=read_terminal, args=(ours, shown))
    reader.start()
    answer = reelwork("submit", "--wait", "-p", "frames", clip, stderr=theirs)
    os.close(theirs)
    reader.join()
    os.close(ours)
    assert answer.returncode == 0, shown
    UUID(answer.stdout.strip())
    assert b"analysing" in shown or b"waiting for a worker" in shown
    erased = b"\x1b[2K"
    last = bytes(shown).rstrip().splitlines()[-1]
    assert last.rpartition(erased)[2].startswith(b"\x1b[1mburned-in-time-15fps.mp4")
    assert b"15 frames analysed" in last


def read_terminal(terminal: int, shown: bytearray) -> None:
    """Read what is written to a terminal until nobody has it open any more."""
    with suppress(OSError):
        while data := os.read(terminal, 2**16):
            shown += data


def test_status_and_results(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    job_id = reelwork("submit", "--wait", "-p", "frames", clip).stdout.strip()
    assert reelwork("status", job_id).stdout == "completed\n"
    printed = reelwork("results", job_id)
    assert printed.returncode == 0
    document = msgspec.json.decode(printed.stdout)
    assert document["job_id"] == job_id
    assert len(document["results"]) == 15

    output = tmp_path / "results.json"
    output.write_text("what was there before")
    assert reelwork("results", job_id, "--output", output).returncode == 0
    assert output.read_text() == printed.stdout
    assert list(tmp_path.iterdir()) == [output]


def test_results_that_cannot_be_had_leave_the_file_alone(reelwork: Reelwork, tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    output.write_text("what was there before")
    answer = reelwork("results", str(uuid4()), "--output", output)
    assert answer.returncode == 1
    assert "There is no job" in answer.stderr
    assert output.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [output]


def test_results_go_into_a_pipe(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    job_id = reelwork("submit", "--wait", "-p", "frames", clip).stdout.strip()
    answer = reelwork("results", job_id, "--output", "/dev/stdout")
    assert answer.returncode == 0, answer.stderr
    assert msgspec.json.decode(answer.stdout)["job_id"] == job_id


def test_results_into_no_directory(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    job_id = reelwork("submit", "--wait", "-p", "frames", clip).stdout.strip()
    answer = reelwork("results", job_id, "--output", tmp_path / "missing" / "results.json")
    assert answer.returncode == 1
    assert "No such file or directory" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_pipelines_say_what_is_missing(reelwork: Reelwork) -> None:
    answer = reelwork("pipelines")
    assert answer.returncode == 0
    assert "Read the text in every frame" in answer.stdout
    assert "not available: Model file objects.onnx was not found" in answer.stdout


def test_nobody_answers(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", clip, "--url", "http://127.0.0.1:9")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "No Reelwork service answers at http://127.0.0.1:9. Start one with: reelwork up\n"


@pytest.mark.parametrize(
    "arguments",
    [["submit"], ["submit", "missing.mp4"], ["submit", __file__, "--frame-stride", "0"], ["status", "not-an-id"]],
)
def test_wrong_usage(reelwork: Reelwork, arguments: list[str]) -> None:
    answer = reelwork(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")


@pytest.mark.parametrize("command", ["submit", "status", "results", "pipelines"])
def test_help_has_an_example(reelwork: Reelwork, command: str) -> None:
    answer = reelwork(command, "--help")
    assert answer.returncode == 0
    assert f"Example: reelwork {command}" in answer.stdout
