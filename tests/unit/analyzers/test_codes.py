"""The codes analyzer on codes drawn at known places."""

import io
import json
from typing import Any

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from numpy.typing import NDArray
from pydantic import ValidationError

from reelwork.analyzers.builtin.codes import Codes
from tests.support.pictures import decoded, frames_of, pasted, plain, textured
from tests.unit.analyzers.batches import Ready, at_once, one_by_one, together

Grey = NDArray[np.uint8]


def qr_code(content: str | bytes, scale: int = 4) -> Grey:
    """Draw a QR code with its quiet zone of four modules."""
    drawn = io.BytesIO()
    segno.make_qr(content).save(drawn, kind="png", scale=scale, border=4)
    picture = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def barcode(content: str | bytes, kind: str) -> Grey:
    """Draw any code with its quiet zone."""
    return np.array(zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.__members__[kind]).to_image(scale=3))


def corners(item: dict[str, Any], width: int, height: int) -> tuple[float, float, float, float]:
    box = item["box"]
    left, top = box["x"] * width, box["y"] * height
    return left, top, left + box["w"] * width, top + box["h"] * height


def test_a_qr_code_is_read_where_it_stands(ready: Ready) -> None:
    code = qr_code("https://example.org/?a=1", scale=4)
    frames = frames_of([pasted(textured(640, 360), code, 300, 150)])
    (answer,) = ready(Codes).analyze(frames, {})
    assert [(item["text"], item["format"]) for item in answer] == [("https://example.org/?a=1", "QRCode")]
    side = code.shape[0] - 2 * 4 * 4
    expected = (316, 166, 316 + side, 166 + side)
    assert corners(answer[0], 640, 360) == pytest.approx(expected, abs=3)
    left, top, right, bottom = expected
    points = [(x * 640, y * 360) for x, y in answer[0]["polygon"]]
    for point, corner in zip(points, [(left, top), (right, top), (right, bottom), (left, bottom)], strict=True):
        assert point == pytest.approx(corner, abs=3)


def test_a_barcode_is_read_where_it_stands(ready: Ready) -> None:
    code = barcode("5901234123457", "EAN13")
    (answer,) = ready(Codes).analyze(frames_of([pasted(plain(800, 400), code, 200, 90)]), {})
    assert [(item["text"], item["format"]) for item in answer] == [("5901234123457", "EAN13")]
    dark_rows, dark_columns = (np.flatnonzero(np.min(code, axis=axis) < 128) for axis in (1, 0))
    left, top, right, bottom = corners(answer[0], 800, 400)
    assert (left, right) == pytest.approx((200 + dark_columns[0], 200 + dark_columns[-1]), abs=4)
    assert 90 <= top < bottom <= 90 + dark_rows[-1] + 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_codes_are_read_and_tell_their_turn(ready: Ready, turns: int) -> None:
    codes = [np.rot90(qr_code("turned"), turns), np.rot90(barcode("ABC-123", "Code128"), turns)]
    frames = frames_of([pasted(plain(800, 800), np.ascontiguousarray(code), 100, 100) for code in codes])
    answers = ready(Codes).analyze(frames, {})
    assert [[item["text"] for item in answer] for answer in answers] == [["turned"], ["ABC-123"]]
    (first, second, *_) = answers[0][0]["polygon"]
    along = (round((second[0] - first[0]) * 10), round((second[1] - first[1]) * 10))
    assert along == {1: (0, -1), 2: (-1, 0), 3: (0, 1)}[turns]


def test_a_slanted_code_has_a_slanted_polygon(ready: Ready) -> None:
    upright = pasted(plain(400, 400), qr_code("slanted", scale=5), 120, 120)
    turn = cv2.getRotationMatrix2D((200, 200), 30, 1.0)
    slanted = cv2.warpAffine(upright, turn, (400, 400), borderValue=(255, 255, 255))
    (item,) = ready(Codes).analyze(frames_of([np.asarray(slanted, np.uint8)]), {})[0]
    (x0, y0), (x1, y1) = item["polygon"][:2]
    assert np.degrees(np.arctan2(y0 - y1, x1 - x0)) == pytest.approx(30, abs=2)


def test_several_codes_come_from_top_to_bottom(ready: Ready) -> None:
    picture = pasted(plain(900, 700), qr_code("below"), 500, 400)
    picture = pasted(picture, barcode("above", "DataMatrix"), 600, 40)
    picture = pasted(picture, barcode("between", "Code128"), 60, 200)
    (answer,) = ready(Codes).analyze(frames_of([picture]), {})
    assert [item["text"] for item in answer] == ["above", "between", "below"]


def test_no_code_is_an_empty_list(ready: Ready) -> None:
    frames = [*frames_of([plain(640, 360), textured(640, 360), plain(1, 1)]), *decoded("midroll-5s.mp4", stride=100)]
    assert ready(Codes).analyze(frames, {}) == [[]] * len(frames)


def test_a_damaged_barcode_is_not_answered(ready: Ready) -> None:
    code = barcode("5901234123457", "EAN13")
    dark = np.flatnonzero((code < 128).any(axis=0))
    code[:, dark[len(dark) // 3] : dark[len(dark) // 3] + 12] = 255
    assert ready(Codes, formats=["EAN13"]).analyze(frames_of([pasted(plain(800, 400), code, 100, 50)]), {}) == [[]]


@pytest.mark.parametrize("content", [bytes(range(256)), b"\xff\xfe\x00\xd8", b"\xed\xa0\x80", "Grüße, 日本".encode()])
def test_any_contents_become_text_that_json_can_carry(ready: Ready, content: bytes) -> None:
    (answer,) = ready(Codes).analyze(frames_of([pasted(plain(640, 480), qr_code(content), 20, 20)]), {})
    assert len(answer) == 1
    written = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert json.loads(written) == answer
    assert "\0" not in answer[0]["text"]


def test_text_of_any_language_is_kept(ready: Ready) -> None:
    (answer,) = ready(Codes).analyze(frames_of([pasted(plain(640, 480), qr_code("Grüße, 日本"), 20, 20)]), {})
    assert answer[0]["text"] == "Grüße, 日本"


def test_only_the_chosen_formats_are_read(ready: Ready) -> None:
    picture = pasted(plain(900, 400), qr_code("square"), 20, 20)
    frames = frames_of([pasted(picture, barcode("5901234123457", "EAN13"), 300, 40)])
    for formats, expected in (
        (["QRCode"], {"square"}),
        (["EAN13"], {"5901234123457"}),
        (["EAN13", "QRCode"], {"square", "5901234123457"}),
        (["Aztec"], set()),
    ):
        (answer,) = ready(Codes, formats=formats).analyze(frames, {})
        assert {item["text"] for item in answer} == expected


def test_unknown_formats_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"unknown: QR, EAN-13; the formats are .*EAN13.*QRCode"):
        Codes.Settings(formats=["QR", "QRCode", "EAN-13"])
    with pytest.raises(ValidationError):
        Codes.Settings(formats=[])


def test_light_on_dark_needs_the_effort(ready: Ready) -> None:
    frames = frames_of([255 - pasted(plain(300, 300), qr_code("inverted"), 20, 20)])
    assert [item["text"] for item in ready(Codes).analyze(frames, {})[0]] == ["inverted"]
    assert ready(Codes, try_harder=False).analyze(frames, {}) == [[]]


def test_the_answer_does_not_depend_on_batches(ready: Ready) -> None:
    pictures = [pasted(plain(300, 300), qr_code(text), 20, 20) for text in ("one", "two")]
    frames = frames_of([*pictures, plain(300, 300)])
    analyzer = ready(Codes)
    assert one_by_one(analyzer, frames) == together(analyzer, frames) == at_once(analyzer, frames)


def test_reads_a_frame_whose_luma_rows_are_padded(ready: Ready) -> None:
    import av

    picture = pasted(plain(302, 300), qr_code("padded"), 30, 30)
    frame = frames_of([picture])[0]
    planar = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    padded = type(frame)(0, frame.time, planar)
    assert not padded.luma().flags.c_contiguous
    assert [item["text"] for item in ready(Codes).analyze([padded], {})[0]] == ["padded"]
