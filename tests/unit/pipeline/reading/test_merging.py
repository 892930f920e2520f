"""What nodes show, merged into intervals and cues, against a plain model."""

from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.reading import merging
from reelwork.pipeline.reading.merging import cues, intervals
from reelwork.pipeline.reading.waiting import Cue, WaitingCues
from tests.support.answers import documents, examples
from tests.support.memory import peak_growth_bytes


def entries(*frames: Any, node: str = "text", step_s: float = 0.5) -> list[dict[str, Any]]:
    return [
        {"frame_index": place * 10, "result": {"time_s": place * step_s, node: found}}
        for place, found in enumerate(frames)
    ]


def line(text: str, confidence: float = 0.9) -> dict[str, Any]:
    return {"text": text, "confidence": confidence, "box": {}}


def spans(*frames: Any, duration_s: float | None = None) -> list[tuple[float, float, str]]:
    return [(cue.start_s, cue.end_s, cue.text) for cue in cues(entries(*frames), duration_s)]


A, B = line("a"), line("b")


class TestEnds:
    def test_with_the_next_frame_that_does_not_show_it(self) -> None:
        assert spans([], [A], [A], [B], []) == [(0.5, 1.5, "a"), (1.5, 2.0, "b")]

    def test_of_the_last_frame_by_the_usual_gap(self) -> None:
        assert spans([A], [A]) == [(0.0, 1.0, "a")]

    def test_of_the_last_frame_with_the_video_if_that_ends_before(self) -> None:
        assert spans([A], [A], duration_s=0.75) == [(0.0, 0.75, "a")]
        assert spans([A], [A], duration_s=60.0) == [(0.0, 1.0, "a")]

    def test_with_a_duration_that_cannot_be(self) -> None:
        assert spans([A], [A], duration_s=0.25) == [(0.0, 1.0, "a")]

    def test_of_a_single_frame(self) -> None:
        assert spans([A]) == [(0.0, 1.0, "a")]
        assert spans([A], duration_s=0.04) == [(0.0, 0.04, "a")]

    def test_of_no_frame(self) -> None:
        assert spans() == []

    def test_a_hole_between_ranges_is_no_usual_gap(self) -> None:
        found = entries([], [], [], [A])
        found[-1]["result"]["time_s"] = 100.0
        assert [(cue.start_s, cue.end_s) for cue in cues(found, None)] == [(100.0, 100.5)]

    def test_a_frame_on_which_the_node_failed_ends_nothing(self) -> None:
        assert spans([A], {"error": "dark"}, [A], []) == [(0.0, 1.5, "a")]


class TestReadings:
    def test_the_most_confident_stands(self) -> None:
        frames = [[line("ExoPIayer ad test", 0.7)], [line("ExoPlayer ad test", 0.9)], [line("ExoPlaver ad test", 0.8)]]
        assert spans(*frames) == [(0.0, 1.5, "ExoPlayer ad test")]

    def test_of_equally_confident_ones_the_first(self) -> None:
        assert spans([line("Hello, world")], [line("Hello world")]) == [(0.0, 1.0, "Hello, world")]

    def test_a_clock_is_never_merged(self) -> None:
        assert [text for _, _, text in spans(*([line(f"00:00:0{n}.000")] for n in range(4)))] == [
            "00:00:00.000", "00:00:01.000", "00:00:02.000", "00:00:03.000",
        ]  # fmt: skip

    def test_two_alike_in_one_frame_are_two(self) -> None:
        one, other = line("Hello world, all of you"), line("Hello world, all of yon")
        assert [text for _, _, text in spans([one, other], [one, other])] == [one["text"], other["text"]]

    def test_the_likest_goes_on(self) -> None:
        first, second = line("a long line of text here"), line("a wrong line of texts hare")
        assert spans([first, second], [line("a long line of texts here", 0.5)]) == [
            (0.0, 1.0, first["text"]), (0.0, 0.5, second["text"]),
        ]  # fmt: skip

    def test_codes_and_labels_are_what_they_are(self) -> None:
        codes = [{"text": f"https://reelwork.example/abc{end}", "format": "QRCode"} for end in "de"]
        labels = [{"label": f"articulated lorr{end}"} for end in "yi"]
        assert len(spans([codes[0]], [codes[1]])) == 2
        assert len(spans([labels[0]], [labels[1]])) == 2


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ([line("a")], ["a"]),
        ([line("a"), line("a")], ["a"]),
        ([{"label": "car"}, {"label": "car", "track_id": 3}], ["car", "car #3"]),
        ([{"text": "x", "format": "QRCode"}, {"text": "x", "format": "EAN13"}], ["x", "x"]),
        ({"shot": 4, "cut": True}, ["shot 4"]),
        ({"black": True, "frozen": False, "blurred": True, "brightness": 0.5}, ["black", "blurred"]),
        ({"label": "indoors", "confidence": 0.5}, ["indoors"]),
        ("a word", ["a word"]),
        (["one", "two"], ["one", "two"]),
        ([{"text": 5, "label": None}, None, 7, [1]], []),
        (None, []),
        (0.5, []),
    ],
)
def test_what_answers_show(answer: Any, shown: list[str]) -> None:
    assert [text for _, _, text in spans(answer)] == shown


def test_cues_of_several_nodes_come_in_the_order_of_their_beginnings() -> None:
    found = [
        {"frame_index": n, "result": {"time_s": float(n), "b": b, "a": a}}
        for n, (b, a) in enumerate([(["x"], []), (["x"], ["y"]), (["x"], []), ([], ["z"])])
    ]
    assert list(cues(found, None)) == [Cue(0.0, 3.0, "b", "x"), Cue(1.0, 2.0, "a", "y"), Cue(3.0, 4.0, "a", "z")]


def test_what_is_over_is_written_at_once() -> None:
    given_out = 0

    def frames() -> Any:
        nonlocal given_out
        for entry in entries([A], [B], [A], [B]):
            given_out += 1
            yield entry

    found = cues(frames(), None)
    assert next(found).text == "a"
    assert given_out == 2


def test_intervals_tell_all() -> None:
    codes = [{"text": "x", "format": "QRCode"}]
    (one,) = intervals(entries([], codes, codes, [], node="codes"))
    assert one == {
        "node": "codes", "name": "x", "format": "QRCode", "first_frame": 10, "last_frame": 20, "start_s": 0.5,
        "end_s": 1.0, "gone_s": 1.5, "frames": 2, "max_confidence": None,
    }  # fmt: skip
    car = {"label": "car", "track_id": 7, "confidence": 0.5}
    (one,) = intervals(entries([car], node="objects"))
    assert (one["name"], one["track_id"], one["gone_s"], one["max_confidence"]) == ("car", 7, None, 0.5)
    assert "format" not in one


# Items that are not alike, so that a thing is whatever has the same name.
plain = st.lists(
    st.one_of(
        st.sampled_from("abc").map(lambda text: {"label": text}),
        st.sampled_from(["1", "2"]).map(line),
        st.sampled_from("xy").map(lambda text: {"text": text, "format": "QRCode"}),
    ),
    max_size=3,
)


@examples
@given(documents(st.one_of(plain, plain, st.just({"error": "dark"})), most_frames=20), st.none() | st.integers(0, 60))
def test_cues_are_exactly_what_the_frames_show(found: list[dict[str, Any]], duration_s: int | None) -> None:
    assert list(cues(found, duration_s)) == model(found, duration_s)


def model(found: list[dict[str, Any]], duration_s: float | None) -> list[Cue]:
    """For each node and each name, cut the frames that show it wherever one in between does not."""
    times = [entry["result"]["time_s"] for entry in found]
    expected = []
    for place, node in enumerate(list(found[0]["result"])[1:] if found else []):
        sound = [n for n, entry in enumerate(found) if isinstance(entry["result"][node], list)]
        names = [[item.get("text", item.get("label")) for item in found[n]["result"][node]] for n in sound]
        for name in {name for shown in names for name in shown}:
            begin = None
            for n, shown in zip([*sound, None], [*names, []], strict=True):
                if begin is None and name in shown:
                    begin = n
                    rank = shown.index(name)
                elif begin is not None and name not in shown:
                    end_s = last_end_s(times, duration_s) if n is None else times[n]
                    expected.append(((times[begin], place, rank), Cue(times[begin], end_s, node, name)))
                    begin = None
    return [cue for _, cue in sorted(expected, key=lambda pair: pair[0])]


def last_end_s(times: list[float], duration_s: float | None) -> float:
    gaps = [behind - before for before, behind in pairwise(times)]
    end_s = times[-1] + (median(gaps) if gaps else 1.0)
    return min(end_s, duration_s) if duration_s is not None and duration_s > times[-1] else end_s


def test_memory_does_not_grow_with_the_video(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "WaitingCues", partial(WaitingCues, 100))

    def show(frames: int) -> None:
        found = (
            {"frame_index": n, "result": {"time_s": n / 25, "text": [line("always"), line(f"number {n}")]}}
            for n in range(frames)
        )
        assert sum(1 for _ in cues(found, None)) == frames + 1

    show(500)
    # Each of the files that cues wait in takes some memory, and the texts of likeness are remembered.
    assert peak_growth_bytes(lambda: show(3_000)) < 2_000_000
