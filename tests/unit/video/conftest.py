"""Clips that several tests of this directory look at."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.clips import Picture, encode_clip


@pytest.fixture(scope="session")
def noisy_pictures() -> list[Picture]:
    """Pictures that hardly compress, so that every frame has its share of the file."""
    random = np.random.default_rng(7)
    return [random.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(40)]


@pytest.fixture(scope="session")
def noisy_clip(noisy_pictures: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames with B-frames, the index in front."""
    return encode_clip(tmp_path_factory.mktemp("clips") / "noisy.mp4", noisy_pictures)


@pytest.fixture(scope="session")
def fragmented_clip(noisy_pictures: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames in fragments of 10."""
    path = tmp_path_factory.mktemp("clips") / "fragmented.mp4"
    return encode_clip(path, noisy_pictures, movflags="frag_keyframe+empty_moov", options={"g": "10"})
