"""Uploads are probed in child processes, which may crash and hang."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from reelwork.errors import VideoUnreadable
from reelwork.video.prober import VideoProber
from reelwork.video.source import DecodeLimits
from tests.support.service import descendants
from tests.support.waiting import wait_until


@pytest.fixture
def prober() -> Iterator[VideoProber]:
    prober = VideoProber(DecodeLimits(), processes=2, timeout_s=20.0)
    prober.start()
    yield prober
    prober.stop()


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that opens and never gives a byte: whoever reads it hangs."""
    path = tmp_path / "endless.mp4"
    os.mkfifo(path)
    return path


def test_facts_of_a_video(prober: VideoProber, media_dir: Path) -> None:
    facts = prober(media_dir / "midroll-5s.mp4")
    assert (facts.codec, facts.width, facts.height, facts.expected_frames) == ("h264", 640, 360, 125)


def test_refusal_keeps_its_sentence(prober: VideoProber, tmp_path: Path) -> None:
    (tmp_path / "note.mp4").write_text("not a video")
    with pytest.raises(VideoUnreadable, match="The file is not an MP4"):
        prober(tmp_path / "note.mp4")


def test_hang_ends_in_time_and_the_next_video_is_probed(
    endless: Path, media_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prober = VideoProber(DecodeLimits(), processes=1, timeout_s=20.0)
    prober.start()
    try:
        prober(media_dir / "midroll-5s.mp4")
        with monkeypatch.context() as patch:  # a process that starts may take longer
            patch.setattr(prober._pool, "_timeout_s", 1.0)
            with pytest.raises(VideoUnreadable, match="took longer than 1 s"):
                prober(endless)
        assert prober(media_dir / "midroll-5s.mp4").width == 640
    finally:
        prober.stop()


def test_crash_is_a_refusal_and_the_next_video_is_probed(prober: VideoProber, endless: Path, media_dir: Path) -> None:
    def kill_the_reader() -> None:
        # The other end can be opened when somebody opens this one, and may not have it yet.
        with endless.open("wb"):
            [reader] = wait_until(lambda: [pid for pid in descendants(os.getpid()) if _has_open(endless, pid)])
            os.kill(reader, signal.SIGSEGV)

    killer = threading.Thread(target=kill_the_reader)
    killer.start()
    with pytest.raises(VideoUnreadable, match=r"crashes the decoder \(the process was killed by signal 11"):
        prober(endless)
    killer.join()

    assert prober(media_dir / "midroll-5s.mp4").width == 640


def test_more_videos_than_processes(prober: VideoProber, media_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        facts = list(pool.map(prober, [media_dir / "midroll-5s.mp4"] * 16))
    assert {fact.width for fact in facts} == {640}


def test_stopping_leaves_no_process(media_dir: Path) -> None:
    before = descendants(os.getpid())
    prober = VideoProber(DecodeLimits(), processes=2, timeout_s=20.0)
    prober.start()
    prober(media_dir / "midroll-5s.mp4")
    started = {child.pid for child in prober._children}
    assert started <= descendants(os.getpid()) - before

    prober.stop()

    wait_until(lambda: not started & descendants(os.getpid()))


def _has_open(path: Path, pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return any(link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir())
    return False
