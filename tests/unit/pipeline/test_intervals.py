"""Merging what frames show into intervals."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.intervals import Interval, merge, tracks


def entries(*frames: list[Any] | dict[str, str], step_s: float = 0.5, stride: int = 10) -> list[dict[str, Any]]:
    return [
        {"frame_index": place * stride, "result": {"time_s": place * step_s, "things": found}}
        for place, found in enumerate(frames)
    ]


def thing(name: str, confidence: float = 0.5) -> dict[str, Any]:
    return {"text": name, "confidence": confidence}


def by_text(item: Any) -> Any:
    return item["text"]


A, B = thing("a"), thing("b")


def spans(found: Iterator[Interval]) -> list[tuple[Any, ...]]:
    return [(one.key, one.start_s, one.end_s, one.gone_s) for one in found]


def test_what_consecutive_frames_show_is_one_interval() -> None:
    (one,) = merge(entries([], [thing("a", 0.6)], [thing("a", 0.9)], [thing("a", 0.7)], []), "things", by_text)
    assert one == Interval("a", 10, 30, 0.5, 1.5, gone_s=2.0, frames=3, max_confidence=0.9)


def test_without_a_gap_a_thing_is_over_once_a_frame_does_not_show_it() -> None:
    assert spans(merge(entries([A], [], [A]), "things", by_text)) == [("a", 0.0, 0.0, 0.5), ("a", 1.0, 1.0, None)]


def test_a_gap_is_bridged() -> None:
    frames = entries([A], [], [A], [], [], [A])
    assert spans(merge(frames, "things", by_text, 1.0)) == [("a", 0.0, 1.0, 1.5), ("a", 2.5, 2.5, None)]
    assert spans(merge(frames, "things", by_text, 1.5)) == [("a", 0.0, 2.5, None)]
    (one,) = merge(frames, "things", by_text, 1.5)
    assert one.frames == 3


def test_frames_further_apart_than_the_gap_are_no_gap() -> None:
    assert spans(merge(entries([A], [A], [A], step_s=60), "things", by_text, 1.0)) == [("a", 0.0, 120.0, None)]


def test_a_gap_is_not_longer_for_being_rounded() -> None:
    assert 0.9 - 0.6 > 0.3
    frames = [
        {"frame_index": place, "result": {"time_s": time_s, "things": found}}
        for place, (time_s, found) in enumerate([(0.6, [A]), (0.75, []), (0.9, [A])])
    ]
    assert spans(merge(frames, "things", by_text, 0.3)) == [("a", 0.6, 0.9, None)]


def test_what_is_over_comes_at_once_and_the_first_begun_first() -> None:
    given_out: list[int] = []

    def frames() -> Iterator[dict[str, Any]]:
        for entry in entries([B], [B, A], [B], [], [A]):
            given_out.append(entry["frame_index"])
            yield entry

    found = merge(frames(), "things", by_text)
    assert next(found).key == "a"
    assert given_out == [0, 10, 20]
    assert [one.key for one in found] == ["b", "a"]


def test_a_thing_shown_twice_in_a_frame_is_one() -> None:
    (one,) = merge(entries([thing("a", 0.4), thing("a", 0.8), thing("a", 0.1)]), "things", by_text)
    assert (one.frames, one.max_confidence) == (1, 0.8)


def test_things_without_confidence_have_none() -> None:
    (one,) = merge(entries([{"text": "a"}], [{"text": "a"}]), "things", by_text)
    assert one.max_confidence is None


def test_a_frame_on_which_the_node_failed_tells_nothing() -> None:
    frames = entries([A], {"error": "ValueError: too dark"}, [A], [])
    assert spans(merge(frames, "things", by_text)) == [("a", 0.0, 1.0, 1.5)]


def test_tracks_tell_what_and_how_long() -> None:
    car = {"track_id": 1, "label": "car", "confidence": 0.5, "box": {}}
    bus = {"track_id": 2, "label": "bus", "confidence": 0.7, "box": {}}
    assert list(tracks(entries([car], [{**car, "confidence": 0.75}, bus], [bus], [bus]), "things", 0.5)) == [
        {
            "track_id": 1,
            "label": "car",
            "first_frame": 0,
            "last_frame": 10,
            "start_s": 0.0,
            "end_s": 0.5,
            "frames": 2,
            "max_confidence": 0.75,
        },
        {
            "track_id": 2,
            "label": "bus",
            "first_frame": 10,
            "last_frame": 30,
            "start_s": 0.5,
            "end_s": 1.5,
            "frames": 3,
            "max_confidence": 0.7,
        },
    ]


FRAMES = st.lists(
    st.tuples(st.integers(1, 20), st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 100)))), max_size=30
)


@given(frames=FRAMES, gap=st.integers(0, 40))
def test_intervals_are_exactly_what_the_frames_show(frames: list[Any], gap: int) -> None:
    time, results = 0, []
    for number, (step, shown) in enumerate(frames):
        time += step
        found = [thing(name, confidence / 100) for name, confidence in shown]
        results.append({"frame_index": number * 3, "result": {"time_s": time / 10, "things": found}})
    merged = list(merge(results, "things", by_text, gap / 10))
    for name in "abcd":
        mine = [one for one in merged if one.key == name]
        assert mine == _expected(results, name, gap)


def _expected(results: list[Any], name: str, gap: int) -> list[Interval]:
    """Cut the frames that show a thing wherever frames in between do not, for longer than the gap."""
    tenths = [round(entry["result"]["time_s"] * 10) for entry in results]
    showing = [place for place, entry in enumerate(results) if _confidences(entry, name)]
    runs: list[list[int]] = []
    for place in showing:
        last = runs[-1][-1] if runs else None
        if last is None or (place - last > 1 and tenths[place] - tenths[last] > gap):
            runs.append([])
        runs[-1].append(place)
    return [_interval(results, name, run) for run in runs]


def _interval(results: list[Any], name: str, run: list[int]) -> Interval:
    first, last = results[run[0]], results[run[-1]]
    behind = results[run[-1] + 1]["result"]["time_s"] if run[-1] + 1 < len(results) else None
    return Interval(
        name,
        first["frame_index"],
        last["frame_index"],
        first["result"]["time_s"],
        last["result"]["time_s"],
        gone_s=behind,
        frames=len(run),
        max_confidence=max(max(_confidences(results[place], name)) for place in run),
    )


def _confidences(entry: Any, name: str) -> list[float]:
    return [item["confidence"] for item in entry["result"]["things"] if item["text"] == name]


def test_memory_does_not_grow_with_the_video() -> None:
    def long_video(frames: int) -> Iterator[dict[str, Any]]:
        for number in range(frames):
            yield {"frame_index": number, "result": {"time_s": number / 10, "things": [thing(str(number // 5))]}}

    def peak(frames: int) -> int:
        tracemalloc.start()
        assert sum(one.frames for one in merge(long_video(frames), "things", by_text, 1.0)) == frames
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    peak(100)
    assert peak(20_000) < peak(1_000) + 20_000
