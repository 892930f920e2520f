"""The results document."""

import io
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from reelwork.errors import AnalysisFailed
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import as_entry, find_entry, write_results
from tests.support.memory import peak_growth_bytes

JOB_ID = UUID("0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f")


def written(*results: FrameResult) -> tuple[int, bytes]:
    stream = io.BytesIO()
    return write_results(stream, JOB_ID, results), stream.getvalue()


def result(index: int, **outputs: Any) -> FrameResult:
    return FrameResult(index, index / 4, outputs)


def test_the_shape_to_the_byte() -> None:
    count, document = written(result(0, text=[], codes=[{"a": 1.5}]), result(3, text=['ä\n"\\'], codes=[]))
    assert count == 2
    assert document == (
        b'{"job_id":"0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f","results":[\n'
        b'{"frame_index":0,"result":{"time_s":0.0,"text":[],"codes":[{"a":1.5}]}},\n'
        b'{"frame_index":3,"result":{"time_s":0.75,"text":["\xc3\xa4\\n\\"\\\\"],"codes":[]}}\n'
        b"]}\n"
    )


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_it_is_json_with_an_entry_for_each_frame_in_order(count: int) -> None:
    returned, document = written(*(result(n * 2, value=n) for n in range(count)))
    assert returned == count
    content = json.loads(document)
    assert list(content) == ["job_id", "results"]
    assert content["job_id"] == str(JOB_ID)
    assert content["results"] == [{"frame_index": n * 2, "result": {"time_s": n / 2, "value": n}} for n in range(count)]


def test_a_pipeline_without_nodes_gives_the_time_alone() -> None:
    assert as_entry(result(4)) == {"frame_index": 4, "result": {"time_s": 1.0}}


def test_times_are_written_exactly() -> None:
    times = [1001 / 15000, 31031 / 30000, 1 / 3, 1e-9, 123456.789012345]
    _, document = written(*(FrameResult(n, time_s, {}) for n, time_s in enumerate(times)))
    assert [entry["result"]["time_s"] for entry in json.loads(document)["results"]] == times


@pytest.mark.parametrize(
    "answer",
    [None, True, 0, -(2**70), 1.5, "", "視頻 \u2028 \U0001f3ac \x00", [], {}, {"": [{"a": [None]}]}, [[[]]]],
)
def test_what_an_analyzer_may_answer_comes_back(answer: Any) -> None:
    _, document = written(result(0, a=answer))
    assert json.loads(document)["results"][0]["result"]["a"] == answer


def circular() -> list[Any]:
    answer: list[Any] = []
    answer.append(answer)
    return answer


def deep() -> list[Any]:
    answer: list[Any] = []
    for _ in range(100_000):
        answer = [answer]
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        {"deep": [1.0, {"x": float("nan")}]},
        np.float64("nan"),
        np.float32(1),
        np.int64(1),
        np.zeros(2),
        {1, 2},
        b"bytes",
        object(),
        datetime(2024, 1, 1, tzinfo=UTC),
        "\ud800",
        {("a", "b"): 1},
        circular(),
        deep(),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_is_not_json_is_refused_and_the_frame_is_named(answer: Any) -> None:
    with pytest.raises(AnalysisFailed, match=r"^What node '[a-z]+' answered for frame 7 is not JSON: ") as caught:
        written(result(6, a=1), result(7, a=answer))
    assert caught.value.__cause__ is not None


def test_entries_are_written_as_they_come() -> None:
    stream = io.BytesIO()

    def results() -> Iterator[FrameResult]:
        yield result(0)
        assert b'"frame_index":0' in stream.getvalue()
        yield result(1)
        assert b'"frame_index":1' in stream.getvalue()

    assert write_results(stream, JOB_ID, results()) == 2


def test_memory_is_flat_in_the_number_of_entries() -> None:
    count = 40_000
    outputs = {"text": "word"}
    with tempfile.TemporaryFile() as stream:
        results = (FrameResult(n, 0.5, outputs) for n in range(count))
        grown = peak_growth_bytes(lambda: write_results(stream, JOB_ID, results))
        assert stream.tell() > 50 * count
    assert grown < 100_000


@pytest.mark.parametrize("indices", [[], [0], [7], [0, 1, 2, 3], [*range(0, 400, 7)], [3, 4, 50, 51, 399]], ids=str)
def test_the_entry_of_a_frame_is_found_by_halving(indices: list[int]) -> None:
    _, document = written(*(result(index, text="x" * (index * 37 % 90)) for index in indices))
    for index in range(-1, 401):
        found = find_entry(io.BytesIO(document), index)
        assert (found and found["frame_index"]) == (index if index in indices else None)


def test_finding_reads_little_of_it() -> None:
    class Counted(io.BytesIO):
        lines = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.lines += 1
            return super().readline(size)

    _, document = written(*(result(index) for index in range(100_000)))
    counted = Counted(document)
    assert find_entry(counted, 77_777)
    assert counted.lines < 100
