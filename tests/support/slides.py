"""Generated slides whose text is known, videos of them, and how far what was read is from it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.support.pictures import Picture, plain

WIDTH, HEIGHT = 1280, 720
RATE = 30

_WORDS = """
account action answer archive balance battery border bridge budget cabinet camera capital carbon channel chapter
circle climate column compass contract copper corner council country current customer danger decade delivery design
detail district doctor document double edition editor effect engine evening example factor family figure forest
fortune freedom future garden general glacier gravity harbour history horizon hospital industry interest journey
justice kitchen labour language leader lecture letter library machine magnet manager margin market measure memory
message method mineral minute mountain nation network notice number object office opinion orange pattern people
period picture planet pocket policy portrait problem product project quality quarter question railway reason record
region report result river rocket sample school season second service signal silver society source station storage
strategy student summer supply surface system teacher theory ticket traffic valley vehicle version village volume
water weather window winter yellow
""".split()  # noqa: SIM905 - a list literal would take a hundred lines
_INKS = (((250, 250, 250), (30, 30, 30)), ((60, 40, 25), (235, 235, 235)), ((225, 240, 245), (90, 40, 20)))


@dataclass(frozen=True)
class WrittenLine:
    """One line of text: where its top left stands, in pixels, and its size in pixels."""

    text: str
    left: int
    top: int
    size: int


@dataclass(frozen=True)
class Slide:
    """Lines from top to bottom, on a paper of one BGR colour in an ink of another."""

    lines: tuple[WrittenLine, ...]
    paper: tuple[int, int, int]
    ink: tuple[int, int, int]

    def shown(self, lines: int) -> "Slide":
        """Return the slide with its first lines only."""
        return Slide(self.lines[:lines], self.paper, self.ink)

    def text(self) -> str:
        """Return what a reader should read."""
        return " ".join(line.text for line in self.lines)

    def drawn(self, width: int = WIDTH, height: int = HEIGHT) -> Picture:
        """Return the picture of the slide."""
        page = Image.fromarray(plain(width, height, self.paper))
        pen = ImageDraw.Draw(page)
        for line in self.lines:
            pen.text((line.left, line.top), line.text, fill=self.ink, font=ImageFont.load_default(line.size))
        return np.asarray(page)


def slides(count: int, seed: int = 1, lines: int = 7, size: int = 30) -> list[Slide]:
    """Return slides with a title, lines of words, figures and signs, and a footer; the same for the same seed."""
    chance = random.Random(seed)
    return [_slide(chance, number + 1, lines, size) for number in range(count)]


def _slide(chance: random.Random, number: int, lines: int, size: int) -> Slide:
    paper, ink = _INKS[number % len(_INKS)]
    title = WrittenLine(_phrase(chance, 3).title(), 80, 50, int(size * 1.6))
    pitch = (HEIGHT - 230) // lines
    body = [WrittenLine(_sentence(chance), 110, 150 + row * pitch, size) for row in range(lines)]
    footer = WrittenLine(f"{_phrase(chance, 2).title()}, page {number}", 80, 670, max(14, int(size * 0.6)))
    return Slide((title, *body, footer), paper, ink)


def _sentence(chance: random.Random) -> str:
    figure = chance.choice(("{}%", "({})", "{}.50", "No. {}", "{} km", "20{}")).format(chance.randint(10, 99))
    return f"{_phrase(chance, chance.randint(2, 4)).capitalize()}, {figure} {_phrase(chance, 2)}"


def _phrase(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))


def turned(picture: Picture, degrees: float) -> Picture:
    """Return the picture turned about its middle, counter-clockwise, its edges continued."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@dataclass(frozen=True)
class Show:
    """How slides become a video.

    Attributes:
        slide_frames: For how many frames each slide is shown.
        build_frames: How many frames pass before the next line of a slide appears; 0 shows all at once.
        moving: Whether something moves all the time: a bar at the bottom grows with every frame.
    """

    slide_frames: int = 150
    build_frames: int = 0
    moving: bool = False

    def frames(self, deck: Sequence[Slide]) -> Iterator[tuple[Slide, Picture]]:
        """Return what is shown and how it looks, for each frame."""
        before, picture = None, plain(WIDTH, HEIGHT)
        for number in range(len(deck) * self.slide_frames):
            slide, age = deck[number // self.slide_frames], number % self.slide_frames
            visible = slide.shown(2 + age // self.build_frames) if self.build_frames else slide
            if visible != before:
                before, picture = visible, visible.drawn()
            yield visible, _with_bar(picture, number) if self.moving else picture


def _with_bar(picture: Picture, number: int) -> Picture:
    picture = picture.copy()
    picture[HEIGHT - 8 :, : (number * 3) % WIDTH + 1] = (40, 160, 40)
    return picture


def encode(path: Path, deck: Sequence[Slide], show: Show) -> list[str]:
    """Write an H.264 video of the slides; return the text of every frame."""
    texts = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for slide, picture in show.frames(deck):
            texts.append(slide.text())
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return texts


def edits(truth: str, read: str) -> int:
    """Return how many characters must be put in, taken out or replaced to make one text the other (Levenshtein)."""
    row = np.arange(len(read) + 1)
    letters = np.frombuffer(read.encode("utf-32-le"), np.uint32)
    for number, letter in enumerate(truth):
        best = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        best = np.concatenate(([number + 1], best)) - np.arange(len(row))
        row = np.minimum.accumulate(best) + np.arange(len(row))
    return int(row[-1])


def character_error_rate(truths: Sequence[str], readings: Sequence[str]) -> float:
    """Return the edits over the characters of the truth, all frames together; white space counts as one blank."""
    pairs = [(" ".join(truth.split()), " ".join(read.split())) for truth, read in zip(truths, readings, strict=True)]
    return sum(edits(*pair) for pair in pairs) / sum(len(truth) for truth, _ in pairs)
