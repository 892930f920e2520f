"""`reelwork submit`."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.client.submitting import RESUMABLE_FROM_BYTES
from tests.support.waiting import wait_until
from tests.unit.cli.bottleneck import Bottleneck
from tests.unit.cli.conftest import Reelwork, environment, objects, terminal


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
    assert reelwork("status", job_id, "--watch").returncode == 1
    results = reelwork("results", job_id)
    assert (results.returncode, results.stdout) == (1, "")
    assert "the lens cap is on" in results.stderr


def test_a_refused_file_does_not_keep_back_the_others(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("these are notes " * 100)
    answer = reelwork("submit", "-p", "frames", notes, clip)
    assert answer.returncode == 3
    assert f"{notes}: The file is not an MP4." in answer.stderr
    UUID(answer.stdout.strip())
    alone = reelwork("submit", "-p", "frames", "--json", notes)
    assert alone.returncode == 1
    [told] = objects(alone.stdout)
    assert told["file"] == str(notes)
    assert told["error"]["type"] == "urn:reelwork:problem:unsupported-media"


def test_patterns_and_directories_stand_for_videos(reelwork: Reelwork, clip: Path, tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MP4", "deeper/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(clip)
    (tmp_path / "notes.txt").touch()
    answer = reelwork("submit", "-p", "frames", "--json", ".", "**/c.mp4", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    told = objects(answer.stdout)
    assert [entry["file"] for entry in told] == ["a.MP4", "b.mp4", "deeper/c.mp4"]
    assert len({UUID(entry["job_id"]) for entry in told}) == 3


def test_every_option_arrives(reelwork: Reelwork, clip: Path) -> None:
    sampling = ["--every-s", "0.2", "--range", "0:0.5", "--range", "0.7:", "--max-frames", "3"]
    names = ["--tag", "night", "--tag", "shift", "--external-id", "reel 7", "--retention-s", "3600"]
    answer = reelwork("submit", "-p", "text", "--param", "text.min_confidence=0.25", *sampling, *names, clip)
    assert answer.returncode == 0, answer.stderr
    [shown] = objects(reelwork("show", answer.stdout.strip(), "--json").stdout)
    ranges = [{"start_s": 0.0, "end_s": 0.5}, {"start_s": 0.7}]
    assert shown["options"] == {"every_s": 0.2, "ranges": ranges, "max_frames": 3}
    assert shown["pipeline"]["nodes"]["text"]["with"]["min_confidence"] == 0.25
    assert (shown["tags"], shown["external_id"], shown["retention_s"]) == (["night", "shift"], "reel 7", 3600.0)


def test_mistakes_are_told_all_at_once(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", "--every-s", "-1", "--retention-s", "0", clip)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "every_s" in answer.stderr
    assert "retention_s" in answer.stderr


def test_a_dry_run_keeps_nothing(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", "--dry-run", "--json", "-p", "frames", "--frame-stride", "5", "--tag", "dry", clip)
    assert answer.returncode == 0, answer.stderr
    [told] = objects(answer.stdout)
    assert told["frames_to_analyse"] == 3
    assert reelwork("jobs", "--tag", "dry", "--json").stdout == ""
    shown = reelwork("submit", "--dry-run", "-p", "frames", clip)
    assert "frames_to_analyse" in shown.stdout


def test_the_same_key_is_the_same_job(reelwork: Reelwork, clip: Path) -> None:
    first, second = (reelwork("submit", "-p", "frames", "--idempotency-key", "once", clip) for _ in range(2))
    assert first.stdout == second.stdout
    UUID(first.stdout.strip())


def test_waiting_has_an_end(reelwork: Reelwork, clip: Path) -> None:
    answer = reelwork("submit", "--wait", "--timeout", "0.1", "--json", "-p", "held", clip)
    assert answer.returncode == 5
    assert "It goes on" in answer.stderr
    [told] = objects(answer.stdout)
    assert "It goes on" in told["error"]["detail"]
    assert reelwork("status", "--watch", "--timeout", "0", told["job_id"]).returncode == 5
    assert reelwork("delete", "--yes", told["job_id"]).returncode == 0


def test_on_a_terminal_only_the_account_remains(reelwork: Reelwork, clip: Path, go_on: Path) -> None:
    def watch() -> None:
        wait_until(lambda: b"analysing" in shown)
        go_on.touch()

    with terminal() as (screen, shown):
        watching = threading.Thread(target=watch)
        watching.start()
        answer = reelwork("submit", "--wait", "-p", "held", clip, stderr=screen)
        watching.join()
    assert answer.returncode == 0, shown
    UUID(answer.stdout.strip())
    erased = b"\x1b[2K"
    account = bytes(shown).rpartition(erased)[2]
    assert account.startswith(b"\x1b[1mburned-in-time-15fps.mp4")
    assert b"15 frames analysed" in account


@pytest.mark.parametrize("kept", [False, True])
def test_an_interrupted_upload(service_url: str, reelwork: Reelwork, clip: Path, tmp_path: Path, kept: bool) -> None:
    path = tmp_path / "large.mp4"
    padding = 2 * RESUMABLE_FROM_BYTES
    path.write_bytes(clip.read_bytes() + padding.to_bytes(4, "big") + b"free")
    os.truncate(path, clip.stat().st_size + padding)
    with Bottleneck(service_url, RESUMABLE_FROM_BYTES) as way:
        options = ["-p", "frames", "--max-frames", "2", *(["--keep-upload"] if kept else [])]
        command = [sys.executable, "-m", "reelwork", "submit", *options, str(path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment(way.url), text=True, process_group=0, **pipes)
        wait_until(lambda: way.is_full)
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=30)
    assert (process.returncode, printed) == (130, "")
    assert "Traceback" not in told
    if kept:
        resumed = reelwork("submit", "--wait", "--resume", told.split()[-1], path)
        assert resumed.returncode == 0, resumed.stderr
        assert "2 frames analysed" in resumed.stderr
    else:
        assert told == ""
        assert way.deletes == 1
