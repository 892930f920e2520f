"""What workers count."""

import pytest

from reelwork.jobs.counters import BOUNDS_S, Counted, Counters, Measured, buckets, summed
from tests.support.concurrency import in_threads


def test_counts_by_kind() -> None:
    counters = Counters()
    counters.add(Counted.OUTCOMES, "failed")
    counters.add(Counted.OUTCOMES, "failed")
    counters.add(Counted.FRAMES, by=30)
    assert counters.counts() == {"outcomes/failed": 2, "frames": 30}


def test_takes_back_what_another_has() -> None:
    counters = Counters()
    counters.add(Counted.FRAMES, by=30)
    before = counters.counts()
    counters.add(Counted.FRAMES, by=5)
    counters.take_back(before)
    assert counters.counts() == {"frames": 5}


def test_counts_from_many_threads() -> None:
    counters = Counters()
    in_threads(8, lambda _: [counters.add(Counted.FRAMES) for _ in range(500)])
    assert counters.counts() == {"frames": 4000}


@pytest.mark.parametrize("measured", Measured)
def test_durations_are_as_prometheus_wants_them(measured: Measured) -> None:
    counters = Counters()
    bounds = BOUNDS_S[measured]
    durations = [bounds[0], bounds[0] / 2, bounds[1], bounds[-1] + 1]
    for seconds in durations:
        counters.observe(measured, seconds)
    found, total = buckets(counters.counts(), measured)
    assert [float(bound) for bound, _ in found] == [*bounds, float("inf")]
    counts = [count for _, count in found]
    assert counts[:2] == [2, 3]
    assert counts[-2:] == [3, 4]
    assert total == pytest.approx(sum(durations))


def test_nothing_measured() -> None:
    found, total = buckets({}, Measured.ANALYSIS_S)
    assert {count for _, count in found} == {0}
    assert total == 0


def test_sums() -> None:
    assert summed([{"a": 1, "b": 2}, {}, {"a": 0.5}]) == {"a": 1.5, "b": 2}
