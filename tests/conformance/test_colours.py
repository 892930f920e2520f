"""Colours come out as they went in, whatever matrix and range they are coded with."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from reelwork.video.source import VideoFile

PATCH = 32
COLOURS = [
    [(255, 0, 0), (0, 255, 0), (0, 0, 255)],
    [(255, 255, 0), (0, 255, 255), (255, 0, 255)],
    [(255, 255, 255), (128, 128, 128), (0, 0, 0)],
    [(180, 60, 30), (30, 90, 160), (200, 170, 120)],
]
"""Rows of patches, red, green and blue."""

# ITU-T H.273: the number of the matrix, and the weights of red and blue in its luma.
MATRICES: Mapping[str, tuple[int, float, float]] = {
    "bt470bg": (5, 0.299, 0.114),
    "smpte170m": (6, 0.299, 0.114),
    "bt709": (1, 0.2126, 0.0722),
    "bt2020nc": (9, 0.2627, 0.0593),
}
RANGES = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}
TOLERANCE = 4  # of 255: rounding in 8 bits, twice, and the loss of the encoder


@pytest.mark.parametrize("full", RANGES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("libx264", "yuv420p10le"),
        ("libx265", "yuv420p"),
        ("libx265", "yuv420p10le"),
        ("libsvtav1", "yuv420p"),
        ("libvpx-vp9", "yuv420p"),
    ],
)
def test_patches(scratch: Path, codec: str, pixel_format: str, matrix: str, full: str) -> None:
    path = encode_patches(scratch / "patches.mp4", codec, pixel_format, matrix, full)
    with VideoFile.open(path) as video:
        frame = next(video.frames())
        assert_colours(frame.bgr())


def test_coded_as_they_are(scratch: Path) -> None:
    """Red, green and blue need no matrix."""
    path = scratch / "patches.mp4"
    picture = np.array(COLOURS, np.uint8).repeat(PATCH, axis=0).repeat(PATCH, axis=1)
    encode(path, av.VideoFrame.from_ndarray(picture, format="rgb24"), "libx264rgb", "rgb24")
    with VideoFile.open(path) as video:
        assert_colours(next(video.frames()).bgr())


def assert_colours(picture: NDArray[np.uint8]) -> None:
    """Compare the middle of each patch."""
    found = picture[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH, ::-1].astype(int)
    assert found.shape == (len(COLOURS), len(COLOURS[0]), 3)
    assert np.abs(found - np.array(COLOURS)).max() <= TOLERANCE, found.tolist()


def encode_patches(path: Path, codec: str, pixel_format: str, matrix: str, full: str) -> Path:
    """Encode the patches, converted here, with what says how."""
    wide = 2 if "10" in pixel_format else 1  # bytes of a sample
    frame = av.VideoFrame(PATCH * len(COLOURS[0]), PATCH * len(COLOURS), pixel_format)
    for plane, levels in zip(frame.planes, coded(matrix, full == "full", 10 if wide == 2 else 8), strict=True):
        # The patches are even in size, so that chroma can be thinned out by leaving samples out.
        thinned = levels[:: levels.shape[0] // plane.height, :: levels.shape[1] // plane.width]
        rows = np.zeros((plane.height, plane.line_size // wide), f"<u{wide}")
        rows[:, : plane.width] = thinned
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = MATRICES[matrix][0], RANGES[full]
    return encode(path, frame, codec, pixel_format, frame.colorspace, frame.color_range)


def coded(matrix: str, is_full: bool, bits: int) -> NDArray[np.float64]:
    """Convert the patches to luma and chroma, three planes in full size."""
    _, of_red, of_blue = MATRICES[matrix]
    red, green, blue = np.moveaxis(np.array(COLOURS, float) / 255, -1, 0)
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = [(blue - luma) / (2 * (1 - of_blue)), (red - luma) / (2 * (1 - of_red))]
    scale = 1 << (bits - 8)
    if is_full:
        top = 256 * scale - 1
        planes = [luma * top, *(part * top + 128 * scale for part in chroma)]
    else:
        planes = [(16 + 219 * luma) * scale, *((128 + 224 * part) * scale for part in chroma)]
    levels = np.clip(np.round(np.stack(planes)), 0, 256 * scale - 1)
    return levels.repeat(PATCH, axis=1).repeat(PATCH, axis=2)


def encode(
    path: Path, frame: av.VideoFrame, codec: str, pixel_format: str, matrix: int = 0, colour_range: int = 0
) -> Path:
    """Encode one frame with hardly a loss."""
    options = {
        "libx264": {"crf": "1"},
        "libx264rgb": {"crf": "1"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=error:pools=none:frame-threads=1:crf=1:bframes=0"},
        "libsvtav1": {"preset": "12", "crf": "4"},
        "libvpx-vp9": {"deadline": "good", "cpu-used": "5", "crf": "4", "b": "0"},
    }[codec]
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream(codec, rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, pixel_format
        if matrix:
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, colour_range
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path
