"""Make media/parcels.mp4: three parcel labels on a belt, each with text, a QR code and an EAN-13 barcode."""

from pathlib import Path

import av
import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
RATE = 10
FRAMES_PER_PARCEL = 10
PARCELS = [
    ("PARCEL 4711", "Rotterdam NL", "https://reelwork.example/4711", "4006381333931"),
    ("PARCEL 0815", "Trondheim NO", "https://reelwork.example/0815", "5901234123457"),
    ("PARCEL 2046", "Valparaiso CL", "https://reelwork.example/2046", "9780201379624"),
]

Image = NDArray[np.uint8]


def label(title: str, place: str, address: str, number: str) -> Image:
    """Draw one label: 480 x 900, BGR."""
    picture = np.full((480, 900, 3), 245, np.uint8)
    cv2.rectangle(picture, (6, 6), (893, 473), (40, 40, 40), 4)
    cv2.putText(picture, title, (40, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.0, (20, 20, 20), 4, cv2.LINE_AA)
    cv2.putText(picture, place, (40, 160), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (60, 60, 60), 3, cv2.LINE_AA)
    _paste(picture, _code(number, "EAN13", 4), (40, 230))
    _paste(picture, _code(address, "QRCode", 8), (580, 130))
    return picture


def _code(text: str, code_format: str, scale: int) -> Image:
    barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, code_format))
    return np.array(barcode.to_image(scale=scale, add_quiet_zones=True), np.uint8)


def _paste(picture: Image, code: Image, corner: tuple[int, int]) -> None:
    x, y = corner
    height, width = code.shape[:2]
    picture[y : y + height, x : x + width] = code[:, :, None]


def main() -> None:
    """Encode the clip."""
    target = Path(__file__).parent.parent / "media" / "parcels.mp4"
    with av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "26", "preset": "veryslow"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for parcel in PARCELS:
            drawn = label(*parcel)
            for step in range(FRAMES_PER_PARCEL):
                picture = np.full((HEIGHT, WIDTH, 3), (70, 80, 90), np.uint8)
                x = 40 + step * 30
                picture[120:600, x : x + 900] = drawn
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
