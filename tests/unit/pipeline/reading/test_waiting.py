"""Cues wait for their turn, in memory or on disk."""

from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.reading.waiting import Cue, Turn, WaitingCues
from tests.support.answers import examples, texts
from tests.support.memory import peak_growth_bytes


@examples
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), texts), max_size=60),
    st.lists(st.integers(0, 10), max_size=5),
    st.integers(1, 7),
)
def test_they_come_in_order_whatever_the_memory(
    given_cues: list[tuple[int, int, str]], looks: list[int], most: int
) -> None:
    turns: list[tuple[Turn, Cue]] = [
        ((start / 4, node, number), Cue(start / 4, 9.0, f"n{node}", text))
        for number, (start, node, text) in enumerate(given_cues)
    ]
    with WaitingCues(most) as waiting:
        for turn, cue in turns:
            waiting.add(turn, cue)
        left = sorted(turns, key=lambda pair: pair[0])
        for look in sorted(looks):
            before = (look / 4, 0, 0)
            assert list(waiting.before(before)) == [cue for turn, cue in left if turn < before]
            left = [(turn, cue) for turn, cue in left if not turn < before]
        assert list(waiting.before(None)) == [cue for _, cue in left]


def test_what_comes_later_may_go_first() -> None:
    with WaitingCues(2) as waiting:
        for number in (5, 4, 3, 2, 1):
            waiting.add((number, 0, number), Cue(number, 9.0, "a", str(number)))
        assert [cue.text for cue in waiting.before((3, 0, 0))] == ["1", "2"]
        waiting.add((0.0, 0, 9), Cue(0.0, 9.0, "a", "0"))
        assert [cue.text for cue in waiting.before(None)] == ["0", "3", "4", "5"]


def test_any_number_of_them_takes_the_same_memory() -> None:
    def wait(count: int) -> None:
        with WaitingCues(100) as waiting:
            for number in range(count):
                waiting.add((number, 0, number), Cue(number, number + 1, "text", f"the caption of number {number}"))
            assert sum(1 for _ in waiting.before(None)) == count

    wait(200)
    assert peak_growth_bytes(lambda: wait(5_000)) < 600_000
