"""The command that runs a pipeline without the service, run as a script and as a person would."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from reelwork.bootstrap.pipelines import make_pipeline_service
from reelwork.cli.local_run import expected_picks
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Range, Sampling
from reelwork.settings import Settings
from reelwork.video.source import VideoFacts
from tests.support.clips import encode_clip, numbered, truncated
from tests.support.service import PLUGIN_DIR, descendants, is_alive, is_reading_a_video
from tests.support.warm_start import Nursery

PIPELINE = "name: {name}\n{more}nodes:\n  answer: {{analyzer: {analyzer}, with: {settings}}}\noutputs: [answer]\n"
JOB = UUID("3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88")


class Place:
    """Directories of the test's own, and the command in them."""

    def __init__(self, root: Path, nursery: Nursery) -> None:
        self._nursery = nursery
        self.data, self.temporary, self.work = root / "data", root / "temporary", root / "work"
        for directory in (self.data / "pipelines", self.temporary, self.work):
            directory.mkdir(parents=True)

    def start(self, *arguments: str | Path, **options: Any) -> "subprocess.Popen[str]":
        """Start `reelwork analyze`."""
        variables = self._variables(options.pop("environment", {}))
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        command = [sys.executable, "-m", "reelwork", "analyze", *map(str, arguments)]
        return subprocess.Popen(command, env=variables, cwd=self.work, process_group=0, **given)

    def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """Run it, forked from a process that has loaded everything; return the exit code and what it printed."""
        command = ["analyze", *map(str, arguments)]
        done = self._nursery.run(command, self._variables(environment or {}), directory=self.work)
        return done.returncode, done.stdout, done.stderr

    def _variables(self, more: Mapping[str, str]) -> dict[str, str]:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        variables |= {"REELWORK_DATA_DIR": str(self.data), "TMPDIR": str(self.temporary), "PYTHONPATH": str(PLUGIN_DIR)}
        return variables | {"COLUMNS": "100", "TERM": "xterm-256color", **more}

    def refusal(self, *arguments: str | Path, **options: Any) -> str:
        """Run it, expect it to fail with a sentence and to leave nothing, and return the sentence."""
        before = self.files()
        code, printed, told = self.run(*arguments, **options)
        assert (code, printed) == (1, "")
        assert "Traceback" not in told
        assert self.files() == before
        return told

    def write_pipeline(self, name: str, analyzer: str, settings: str = "{}", more: str = "") -> Path:
        """Add a pipeline of one node to the catalog."""
        path = self.data / "pipelines" / f"{name}.yaml"
        path.write_text(PIPELINE.format(name=name, analyzer=analyzer, settings=settings, more=more))
        return path

    def files(self) -> set[Path]:
        """What there is, hidden files too."""
        return {path for folder in (self.temporary, self.work) for path in folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path, nursery: Nursery) -> Place:
    return Place(tmp_path, nursery)


@pytest.fixture
def clip(media_dir: Path) -> Path:
    return media_dir / "burned-in-time-15fps.mp4"


def frames(printed: str) -> list[int]:
    return [entry["frame_index"] for entry in msgspec.json.decode(printed)["results"]]


def test_the_results_are_those_of_a_job_without_its_id(place: Place, media_dir: Path, tmp_path: Path) -> None:
    clip = media_dir / "midroll-5s.mp4"
    service = make_pipeline_service(Settings(data_dir=place.data))
    definition = service._catalog.get("scenes").definition

    with (tmp_path / "job.json").open("wb") as stream:
        service.analyse(clip, definition, Sampling(), lambda results: write_results(stream, JOB, results))
    as_a_job = (tmp_path / "job.json").read_text()

    code, printed, told = place.run(clip, "--pipeline", "scenes")
    assert (code, told) == (0, "")
    assert printed == as_a_job.replace(f'"job_id":"{JOB}",', "")
    assert len(frames(printed)) == 125
    assert place.run(clip, "--pipeline", "scenes", "--threads", "1")[1] == printed
    assert place.files() == set()


@pytest.mark.parametrize(
    ("options", "picked"),
    [
        (["--frame-stride", "40"], [0, 40, 80, 120]),
        (["--every-s", "1.5"], [0, 38, 75, 113]),
        (["--keyframes", "--max-frames", "1"], [0]),
        (["--range", "1:1.1", "--range", "120f:"], [25, 26, 27, 120, 121, 122, 123, 124]),
        (["--range", ":0.08", "--range", "4f:6f"], [0, 1, 4, 5]),
    ],
)
def test_sampling(place: Place, media_dir: Path, options: list[str], picked: list[int]) -> None:
    code, printed, told = place.run(media_dir / "midroll-5s.mp4", "-p", "frames", *options)
    assert (code, told) == (0, "")
    assert frames(printed) == picked


def test_a_pipeline_file_is_tried_at_once(place: Place, clip: Path) -> None:
    elsewhere = place.write_pipeline("light", "quality", "{frozen_difference: 0.5}").rename(place.work / "light.yaml")
    for given in (elsewhere, "./light.yaml", "light.yaml"):
        code, printed, told = place.run(clip, "-p", given, "--max-frames", "2")
        assert (code, told) == (0, "")
        assert [entry["result"].keys() for entry in msgspec.json.decode(printed)["results"]] == [
            {"time_s", "answer"}
        ] * 2


def test_the_mistakes_of_a_pipeline_file_are_all_told(place: Place, clip: Path) -> None:
    path = place.work / "wrong.yaml"
    path.write_text(
        "name: wrong\nnodes:\n  a: {analyzer: qualify}\n  b: {analyzer: text, with: {x: 1}}\noutputs: [c]\n"
    )
    told = place.refusal(clip, "--pipeline", path)
    for mistake in ("no analyzer named 'qualify'", "nodes.b.with.x", "no node named 'c'"):
        assert mistake in told


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--pipeline", "nothing"], "There is no pipeline named 'nothing'. Known pipelines: codes,"),
        (["--pipeline", "./nothing.yaml"], "There is no pipeline file ./nothing.yaml"),
        (["--pipeline", "objects"], "Model file objects.onnx was not found"),
        (["--frame-stride", "2", "--every-s", "1"], "give one of frame_stride, every_s and keyframes"),
        (["--every-s", "-1"], "every_s: Input should be greater than 0"),
        (["--range", "20:10"], "--range 20:10: the end must be behind the start"),
        (["--range", "20"], "--range 20: give START:END in seconds"),
        (["--range", ":"], "--range :: give START:END in seconds"),
        (["--range", "1f:2"], "--range 1f:2: give START:END in seconds"),
        (["--range", "100:", "--pipeline", "frames"], "The sampling picks no frame of the video"),
        (["--output", "missing/results.json"], "Cannot write missing/results.json: No such file or directory."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(place: Place, clip: Path, options: list[str], sentence: str) -> None:
    assert sentence in place.refusal(clip, *options)


def test_what_an_analyzer_prints_is_no_result(place: Place, clip: Path) -> None:
    place.write_pipeline("prints", "print")
    code, printed, told = place.run(clip, "--pipeline", "prints", "--max-frames", "2")
    assert code == 0, told
    assert [entry["frame_index"] for entry in msgspec.json.decode(printed)["results"]] == [0, 1]
    assert "loaded the model" in told


def test_libraries_keep_no_account_of_who_uses_them(place: Place, clip: Path, tmp_path: Path) -> None:
    """And so have none to send: onnxruntime would."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    code, _, told = place.run(clip, "--pipeline", "text", "--max-frames", "1", environment=environment)
    assert code == 0, told
    assert {*home.rglob("*"), *place.files()} == set()


def test_no_video(place: Place) -> None:
    (place.work / "notes.mp4").write_text("these are notes " * 100)
    assert place.refusal("notes.mp4", "-p", "frames").startswith("The file is not an MP4.")


def test_the_video_is_not_overwritten(place: Place, clip: Path) -> None:
    (place.work / "clip.mp4").write_bytes(clip.read_bytes())
    assert "is the video itself" in place.refusal("clip.mp4", "-p", "frames", "-o", "clip.mp4")
    assert (place.work / "clip.mp4").read_bytes() == clip.read_bytes()


class TestOutput:
    def test_into_a_file(self, place: Place, clip: Path) -> None:
        output = place.work / "results.json"
        output.write_text("what was there before")
        code, printed, told = place.run(clip, "-p", "frames", "--output", "results.json")
        assert (code, printed, told) == (0, "", "")
        assert frames(output.read_text()) == list(range(15))
        assert place.files() == {output}

    def test_a_failure_leaves_the_file_alone(self, place: Place, clip: Path) -> None:
        place.write_pipeline("failing", "raise")
        output = place.work / "results.json"
        output.write_text("what was there before")
        told = place.refusal(clip, "-p", "failing", "--output", output)
        assert told == "Node 'answer' (analyzer 'raise') failed on frame 3: ValueError: the lens cap is on\n"
        assert output.read_text() == "what was there before"

    def test_into_a_pipe(self, place: Place, clip: Path) -> None:
        code, printed, _ = place.run(clip, "-p", "frames", "--output", "/dev/stdout")
        assert code == 0
        assert frames(printed) == list(range(15))


class TestDamage:
    @pytest.fixture
    def broken_off(self, tmp_path: Path) -> Path:
        whole = encode_clip(tmp_path / "whole.mp4", numbered(60), options={"bf": "0"})
        return truncated(whole, tmp_path / "broken-off.mp4", 0.7)

    def test_it_is_an_error(self, place: Place, broken_off: Path) -> None:
        told = place.refusal(broken_off, "-p", "frames")
        assert told.startswith("Decoding stopped after frame ")
        assert " of 60: " in told

    def test_it_is_a_warning_if_the_pipeline_says_so(self, place: Place, broken_off: Path) -> None:
        place.write_pipeline("light", "quality", more="on_decode_error: keep\n")
        code, printed, told = place.run(broken_off, "-p", "light")
        assert code == 0
        assert told.startswith("Warning: Decoding stopped after frame ")
        picked = frames(printed)
        assert picked == list(range(len(picked)))
        assert 0 < len(picked) < 60


def test_a_crash_is_a_sentence(place: Place, clip: Path) -> None:
    place.write_pipeline("crashing", "crash")
    told = place.refusal(clip, "-p", "crashing", "--output", "results.json")
    assert told == "The video or an analyzer crashes the analysis (the process was killed by signal 11 (SIGSEGV)).\n"


def test_memory_is_limited(place: Place, clip: Path) -> None:
    place.write_pipeline("hoarding", "hoard", "{megabytes: 600, seconds: 2}")
    told = place.refusal(clip, "-p", "hoarding", environment={"REELWORK_JOB_MEMORY_MB": "400"})
    assert told.startswith("The analysis took more than 400 MB of memory and was stopped")


class TestInterrupting:
    @pytest.fixture(params=[1, 2], ids=["whole", "in-parts"])
    def running(
        self, request: pytest.FixtureRequest, place: Place, tmp_path: Path
    ) -> Iterator["subprocess.Popen[str]"]:
        """A command in the middle of its work, in one analysis process or several."""
        clip = encode_clip(tmp_path / "long.mp4", numbered(10) * 240, options={"g": "60"})
        place.write_pipeline("slow", "pause", "{seconds: 5}")
        environment = {"REELWORK_SEGMENT_PROCESSES": str(request.param)}
        process = place.start(clip, "-p", "slow", "--output", "results.json", environment=environment)
        try:
            wait_until(lambda: sum(map(is_reading_a_video, descendants(process.pid))) == request.param)
            yield process
        finally:
            process.kill()
            process.communicate()

    @pytest.mark.parametrize(("number", "codes"), [(signal.SIGINT, {1, 130}), (signal.SIGTERM, {143})])
    def test_leaves_nothing(
        self, place: Place, running: "subprocess.Popen[str]", number: signal.Signals, codes: set[int]
    ) -> None:
        children = descendants(running.pid)
        assert children
        os.killpg(running.pid, number)
        told = running.communicate(timeout=20)[1]
        assert running.returncode in codes
        assert "Traceback" not in told
        assert place.files() == set()
        wait_until(lambda: not any(map(is_alive, children)))

    def test_a_kill_ends_the_child_too(self, running: "subprocess.Popen[str]") -> None:
        children = descendants(running.pid)
        running.kill()
        wait_until(lambda: not any(map(is_alive, children)))


def wait_until(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_on_a_terminal_a_bar_tells_how_far_it_is(place: Place, clip: Path) -> None:
    place.write_pipeline("slow", "pause", "{seconds: 0.2}")
    ours, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=read_terminal, args=(ours, shown))
    reader.start()
    process = place.start(clip, "-p", "slow", "--threads", "1", stderr=theirs)
    os.close(theirs)
    printed, _ = process.communicate(timeout=120)
    reader.join()
    os.close(ours)
    assert process.returncode == 0, shown
    assert frames(printed) == list(range(15))
    assert b"burned-in-time-15fps.mp4" in shown
    assert re.search(rb"[1-9]\d*/15", shown)
    assert b"frames/s" in shown


def read_terminal(terminal: int, shown: bytearray) -> None:
    """Read what is written to a terminal until nobody has it open any more."""
    with suppress(OSError):
        while data := os.read(terminal, 2**16):
            shown += data


@pytest.mark.parametrize(
    ("sampling", "picks"),
    [
        (Sampling(), 125),
        (Sampling(frame_stride=40), 4),
        (Sampling(every_s=1.5), 4),
        (Sampling(every_s=1.5, max_frames=3), 3),
        (Sampling(ranges=[Range(start_s=1, end_s=1.1), Range(start_frame=120)]), 8),
        (Sampling(keyframes=True), None),
        (Sampling(keyframes=True, max_frames=5), 5),
    ],
)
def test_how_many_frames_to_expect(sampling: Sampling, picks: int | None) -> None:
    assert expected_picks(VideoFacts("h264", 64, 48, 5.0, 125), sampling) == picks
    assert expected_picks(VideoFacts("h264", 64, 48, None, None), sampling) == sampling.max_frames


def test_help_has_an_example(place: Place) -> None:
    code, printed, _ = place.run("--help")
    assert code == 0
    assert "Example: reelwork analyze" in printed
