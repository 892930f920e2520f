"""Picked frames are those of decoding everything and picking then, bit by bit, however few are decoded."""

import pytest

from reelwork.pipeline.sampling import Sampling
from tests.conformance.library import HARD, LONG, MADE, REAL, Library
from tests.conformance.presented import presented
from tests.conformance.samplings import SAMPLINGS, picked
from tests.conformance.tables import assert_same

THREADS = (1, 2, 4)


def _turn(name: str, sampling: str) -> int:
    return MADE.index(name) + list(SAMPLINGS).index(sampling)


CASES = [
    (name, sampling)
    for name in MADE
    for sampling in SAMPLINGS
    if LONG or name in HARD or _turn(name, sampling) % 4 == 0
]


@pytest.mark.parametrize(("name", "sampling"), CASES)
def test_picks_what_a_plain_decode_holds(library: Library, name: str, sampling: str) -> None:
    expected = picked(library[name].reference, SAMPLINGS[sampling])
    for threads in THREADS if LONG else [THREADS[_turn(name, sampling) // 4 % len(THREADS)]]:
        found = presented(library[name].path, Sampling.model_validate(SAMPLINGS[sampling]), threads).rows
        assert_same(found, expected)


@pytest.mark.parametrize("sampling", ["stride 7", "key frames", "every 0.7 s", "stride 5 within parts"])
@pytest.mark.parametrize("name", REAL)
def test_picks_from_real_clips(library: Library, name: str, sampling: str) -> None:
    found = presented(library[name].path, Sampling.model_validate(SAMPLINGS[sampling]), threads=2).rows
    assert_same(found, picked(library[name].reference, SAMPLINGS[sampling]))


# The times of their packets do not tell the order of their frames, decoding cannot begin at their key frames,
# or a frame that may be left out says how others are turned.
DOUBTFUL = {
    "MPEG-4, interlaced",
    "intra refresh",
    "cut within an intra refresh",
    "edit list: begins between key frames, AV1",
    "edit list: the end first",
    "edit list: a frame left out, open GOP",
    "edit list: a gap between parts",
    "edit list: a part left out",
    "edit list: a part left out, open GOP",
    "edit list: a part twice",
    "frames of no duration",
    "times in another order than pictures",
    "turned by the video itself",
}


@pytest.mark.parametrize("sampling", ["stride 7", "one frame"])
def test_gives_up_the_quick_way_only_where_it_must(library: Library, sampling: str) -> None:
    asked = Sampling.model_validate(SAMPLINGS[sampling])
    assert {name for name in [*MADE, *REAL] if presented(library[name].path, asked, 2).was_careful} <= DOUBTFUL


@pytest.mark.parametrize(
    "name", ["MPEG-4, B-frames", "Motion JPEG", "frames of no duration", "edit list: a part twice"]
)
def test_picks_the_same_key_frames_every_time(library: Library, name: str) -> None:
    """PyAV keeps one ``opaque`` per object, and forgets it with the first packet that goes: each needs its own."""
    clip = library[name]
    for _ in range(20):
        found = [row.index for row in presented(clip.path, Sampling(keyframes=True)).rows]
        assert found == sorted(clip.reference.key_frames)
