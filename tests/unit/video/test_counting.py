"""Frames are counted without decoding, to the end of the video, as decoding would count them."""

from pathlib import Path

import pytest

from reelwork.errors import VideoUnreadable
from reelwork.pipeline.sampling import Sampling
from reelwork.video.counting import FrameCount, count
from reelwork.video.prober import VideoProber
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import encode_clip, numbered, truncated

LIMITS = DecodeLimits()
SAMPLINGS = [
    {},
    {"frame_stride": 7},
    {"every_s": 0.3},
    {"keyframes": True},
    {"max_frames": 3},
    {"ranges": [{"start_s": 0.2, "end_s": 0.6}]},
    {"frame_stride": 2, "ranges": [{"end_frame": 5}], "max_frames": 2},
    {"ranges": [{"start_s": 1000}]},
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("name", ["midroll-5s.mp4", "hevc-bframes.mp4", "fragmented.mp4"])
def test_as_decoding_does(media_dir: Path, name: str, sampling: dict[str, object]) -> None:
    asked = Sampling.model_validate(sampling)
    counted = count(media_dir / name, LIMITS, asked.chooser())
    with VideoFile.open(media_dir / name, LIMITS) as video:
        frames = sum(1 for _ in video.frames())
    with VideoFile.open(media_dir / name, LIMITS) as video:
        wanted = sum(1 for _ in video.frames(asked.chooser()))
    assert counted == FrameCount(frames, wanted)


def test_only_decoding_can_tell(tmp_path: Path) -> None:
    whole = encode_clip(tmp_path / "whole.mp4", numbered(30))
    cut = truncated(whole, tmp_path / "cut.mp4", 0.8)
    old = encode_clip(tmp_path / "old.mp4", numbered(5), codec="mpeg4")
    for clip in (cut, old):
        assert count(clip, LIMITS, Sampling().chooser()) is None


def test_in_a_child_process(media_dir: Path, tmp_path: Path) -> None:
    prober = VideoProber(LIMITS, processes=1, timeout_s=20.0)
    try:
        chooser = Sampling(every_s=1.0, max_frames=4).chooser()
        assert prober.count(media_dir / "midroll-5s.mp4", chooser) == FrameCount(125, 4)
        (tmp_path / "note.mp4").write_text("not a video")
        with pytest.raises(VideoUnreadable):
            prober.count(tmp_path / "note.mp4", chooser)
    finally:
        prober.stop()
