"""Clips to measure with."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

_TRAFFIC = Path(__file__).parent.parent / "media" / "car-detection.mp4"

Picture = NDArray[np.uint8]
Film = Callable[[int, int, int], Iterator[Picture]]
"""Gives so many pictures of a width and a height."""


def moving_noise(count: int, width: int, height: int) -> Iterator[Picture]:
    """Make pictures of which everything moves."""
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8) // 4 + 60
    for number in range(count):
        yield np.roll(noise, number * 4, axis=1)


def traffic(count: int, width: int, height: int) -> Iterator[Picture]:
    """Give a film of road traffic, again and again, put together like tiles: enlarged it would lack detail."""
    with av.open(str(_TRAFFIC)) as container:
        film = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    for picture in islice(cycle(film), count):
        down, across = -(-height // picture.shape[0]), -(-width // picture.shape[1])
        yield np.tile(np.asarray(picture, np.uint8), (down, across, 1))[:height, :width].copy()


def encode(clip: Path, film: Film, count: int, width: int, height: int, **options: str) -> None:
    """Write a film as H.264, 30 pictures a second.

    It is done in a process of its own: an encoder leaves the memory of its process in a state in which
    others are quicker there than they are for whoever begins with a file.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        apart.submit(_encode, clip, film, count, width, height, options).result()


def _encode(clip: Path, film: Film, count: int, width: int, height: int, options: dict[str, str]) -> None:
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in film(count, width, height):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
