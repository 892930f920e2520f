"""Every presented frame, upright, with its exact place, however many threads decode."""

from fractions import Fraction

import pytest

from reelwork.video.source import VideoFile
from tests.conformance.library import LARGE, LONG, MADE, REAL, Library
from tests.conformance.presented import presented
from tests.conformance.tables import assert_same
from tests.support.barcoded_frames import barcoded, read_number


class TestTheReference:
    """What everything else is compared with is right itself."""

    @pytest.mark.parametrize("name", MADE)
    def test_presents_what_the_clip_was_made_of(self, library: Library, name: str) -> None:
        clip = library[name]
        reference, truth = clip.reference, clip.truth
        assert reference.error is None
        assert not reference.flagged
        if truth.numbers is not None:
            assert list(reference.numbers) == list(truth.numbers)
        if truth.times is not None:
            begin = reference.rows[0].time
            assert [row.time - begin for row in reference.rows] == list(truth.times)
            assert truth.start in (None, begin)

    @pytest.mark.parametrize("name", MADE)
    def test_tells_frames_apart(self, library: Library, name: str) -> None:
        reference = library[name].reference
        shown = {number for number in reference.numbers if number is not None}
        assert len({row.luma for row in reference.rows}) >= len(shown)
        assert len({row.bgr for row in reference.rows}) >= len(shown)

    def test_reads_numbers_only_upright(self) -> None:
        for number in range(0, 4096, 37):
            luma = barcoded(number)[:, :, 1]
            turned = [luma[::-1], luma[:, ::-1], luma[::-1, ::-1], luma.T, luma.T[::-1], luma.T[:, ::-1]]
            assert read_number(luma) == number
            assert [read_number(picture) for picture in turned] == [None] * len(turned)


CLIPS = [(name, threads) for name in [*MADE, *REAL] for threads in ([2] if name in LARGE and not LONG else [1, 2, 4])]


@pytest.mark.parametrize(("name", "threads"), CLIPS)
def test_every_frame_in_its_place(library: Library, name: str, threads: int) -> None:
    rows = presented(library[name].path, threads=threads).rows
    assert_same(rows, library[name].reference.rows)


@pytest.mark.parametrize("name", MADE)
def test_upright_and_exact(library: Library, name: str) -> None:
    clip = library[name]
    with VideoFile.open(clip.path, careful=True) as video:
        for frame in video.frames():
            assert isinstance(frame.time, Fraction)
            assert frame.luma().shape == (frame.height, frame.width)
            assert frame.bgr().shape == (frame.height, frame.width, 3)
            if clip.truth.numbers is not None:
                assert read_number(frame.luma()) == clip.truth.numbers[frame.index]
