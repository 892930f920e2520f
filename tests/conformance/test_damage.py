"""A damaged file is answered like any other: with results that hold, or with how far it got; always the same.

At length: `python -m tests.soak.fuzz`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.damage import KINDS
from tests.conformance.fuzzing import SOURCES, Fuzzer
from tests.conformance.library import Library

ROUNDS = 1


@pytest.fixture(scope="module")
def fuzzer(scratch: Path) -> Iterator[Fuzzer]:
    fuzzer = Fuzzer(scratch)
    yield fuzzer
    fuzzer.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_holds(library: Library, fuzzer: Fuzzer, kind: str) -> None:
    verdicts = [
        fuzzer.judge(library[name].path, kind, f"round {number}") for number in range(ROUNDS) for name in SOURCES
    ]
    assert [verdict.complaint for verdict in verdicts if verdict.complaint] == []
    # The dice have thrown something of each kind, or the test shows little.
    assert len({verdict.outcome for verdict in verdicts}) >= 2
