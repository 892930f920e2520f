"""How long jobs rest, and what is said when no attempt is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.jobs.attempts import WORKER_LOST, AttemptPolicy, told


class TestRests:
    def test_as_they_are_by_default(self) -> None:
        assert AttemptPolicy() == AttemptPolicy(most=3, rest_s=2.0)
        assert [AttemptPolicy().rest_after(attempt) for attempt in (1, 2, 3)] == [2, 4, 8]

    def test_they_double_up_to_five_minutes(self) -> None:
        rests = [AttemptPolicy(rest_s=40).rest_after(attempt) for attempt in range(1, 7)]
        assert rests == [40, 80, 160, 300, 300, 300]

    def test_one_that_begins_long_is_cut_short(self) -> None:
        assert AttemptPolicy(rest_s=3600).rest_after(1) == 300

    def test_without_rest_there_is_none_later_either(self) -> None:
        assert {AttemptPolicy(rest_s=0).rest_after(attempt) for attempt in (1, 2, 50, 10**6)} == {0}

    @given(st.integers(1, 10**9), st.floats(0, 10**6))
    def test_they_never_shrink_and_never_exceed_five_minutes(self, attempt: int, rest_s: float) -> None:
        policy = AttemptPolicy(rest_s=rest_s)
        assert 0 <= policy.rest_after(attempt) <= policy.rest_after(attempt + 1) <= 300


class TestWhatIsTold:
    @pytest.mark.parametrize(
        ("causes", "message"),
        [
            (["It crashed"], "It crashed."),
            (["It crashed."], "It crashed."),
            (["It crashed"] * 2, "It crashed twice."),
            (["It crashed"] * 3, "It crashed three times."),
            (["It crashed", "It crashed."], "It crashed twice."),
            (["It crashed"] * 4, "It crashed four times."),
            (["It crashed"] * 5, "It crashed five times."),
            (["It crashed"] * 6, "It crashed 6 times."),
            (["It crashed", "It hung"], "It crashed once; It hung once."),
            (["It hung", "It crashed", "It hung"], "It hung twice; It crashed once."),
            ([WORKER_LOST] * 3, "The worker was lost (it was killed, or its machine stopped) three times."),
        ],
    )
    def test_the_causes_and_how_often(self, causes: list[str], message: str) -> None:
        assert told(causes) == message

    def test_any_iterable_will_do(self) -> None:
        assert told(iter(["It crashed"])) == "It crashed."

    @given(st.lists(st.sampled_from("abc"), min_size=1))
    def test_every_cause_is_named_once_and_the_end_is_a_full_stop(self, causes: list[str]) -> None:
        message = told(causes)
        assert message.endswith(".")
        assert not message.endswith("..")
        parts = message[:-1].split("; ")
        assert [part[0] for part in parts] == list(dict.fromkeys(causes))
