"""Receivers that keep silent or are slow leave room for the others."""

from reelwork.webhooks.receivers import Receivers


def test_one_that_answers_may_have_any_number() -> None:
    receivers = Receivers()
    assert [receivers.begin("a") for _ in range(100)] == [None] * 100


def test_one_that_gave_no_answer_rests() -> None:
    receivers = Receivers(silent_rest_s=3600)
    receivers.begin("a")
    receivers.end("a", answered=False, took_s=15)
    assert 3540 < (receivers.begin("a") or 0) <= 3600
    assert receivers.begin("b") is None


def test_after_its_rest_it_is_tried_once() -> None:
    receivers = Receivers(silent_rest_s=0)
    for _ in range(2):
        receivers.begin("a")
    for _ in range(2):
        receivers.end("a", answered=False, took_s=15)
    assert receivers.begin("a") is None
    assert receivers.begin("a") is not None
    receivers.end("a", answered=True, took_s=0.1)
    assert [receivers.begin("a") for _ in range(10)] == [None] * 10


def test_slow_one_has_a_few_at_once() -> None:
    receivers = Receivers(slow_s=1)
    receivers.begin("a")
    receivers.end("a", answered=True, took_s=1.1)
    begun = [receivers.begin("a") for _ in range(6)]
    assert begun[:4] == [None] * 4
    assert None not in begun[4:]
    receivers.end("a", answered=True, took_s=0.1)
    assert receivers.begin("a") is None
