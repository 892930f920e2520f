"""Picked frames are those of decoding everything and picking then, bit by bit, however few are decoded."""

import pytest

from reelwork.pipeline.sampling import Sampling
from tests.conformance.library import MADE, REAL, Library
from tests.conformance.presented import presented
from tests.conformance.samplings import SAMPLINGS, picked
from tests.conformance.tables import assert_same
from tests.conformance.wrong import FRAMES, SAMPLED, as_known

THREADS = (1, 2, 4)

CASES = [
    as_known(name, sampling, because=FRAMES.get(name) or SAMPLED.get((name, sampling)))
    for name in MADE
    for sampling in SAMPLINGS
]


@pytest.mark.parametrize(("name", "sampling"), CASES)
def test_picks_what_a_plain_decode_holds(library: Library, name: str, sampling: str) -> None:
    # Each clip meets each number of threads, and each sampling too.
    threads = THREADS[(MADE.index(name) + list(SAMPLINGS).index(sampling)) % len(THREADS)]
    found = presented(library[name].path, Sampling.model_validate(SAMPLINGS[sampling]), threads).rows
    assert_same(found, picked(library[name].reference, SAMPLINGS[sampling]))


@pytest.mark.parametrize("sampling", ["stride 7", "key frames", "every 0.7 s", "stride 5 within parts"])
@pytest.mark.parametrize("name", REAL)
def test_picks_from_real_clips(library: Library, name: str, sampling: str) -> None:
    found = presented(library[name].path, Sampling.model_validate(SAMPLINGS[sampling]), threads=2).rows
    assert_same(found, picked(library[name].reference, SAMPLINGS[sampling]))
