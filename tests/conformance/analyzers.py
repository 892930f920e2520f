"""Analyzers that answer what can be compared with the reference, one for each way in which the engine runs them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from reelwork.analyzers import Analyzer, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.video.frame import Moment
from tests.support.barcoded_frames import read_number
from tests.support.reference import Row, digest


class Digests(Analyzer):
    """Answers digests of the pictures; for several frames at once, in any order."""

    parallel = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [[digest(frame.luma()), digest(frame.bgr())] for frame in frames]


class Number(Analyzer):
    """Answers the number in the picture; once for frames with identical pixels."""

    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [read_number(frame.luma()) for frame in frames]


class Past(Analyzer):
    """Answers a digest of every frame so far; all of them in order, one call at a time."""

    stateful = True

    def begin(self) -> None:
        self._past = hashlib.sha256()

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        answers = []
        for frame in frames:
            self._past.update(f"{frame.index} {frame.time} {digest(frame.luma())}".encode())
            answers.append(self._past.hexdigest()[:16])
        return answers


class Chain(SequenceAnalyzer):
    """Answers a digest of what an input answered so far; looks at frames in any order, concludes in order."""

    takes_inputs = True

    def begin(self) -> None:
        self._chain = hashlib.sha256()

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return inputs["digests"][1]

    def conclude(self, moment: Moment, observation: Any) -> Json:
        self._chain.update(f"{moment.index} {moment.time} {observation}".encode())
        return self._chain.hexdigest()[:16]


REGISTRY = AnalyzerRegistry({"digests": Digests, "number": Number, "past": Past, "chain": Chain})

PIPELINE = PipelineDefinition.model_validate(
    {
        "name": "conformance",
        "nodes": {
            "digests": {"analyzer": "digests"},
            "number": {"analyzer": "number"},
            "past": {"analyzer": "past"},
            "chain": {"analyzer": "chain", "inputs": ["$frame", "digests"]},
        },
        "outputs": ["digests", "number", "past", "chain"],
    }
)

IN_PARTS = PipelineDefinition.model_validate(
    {
        "name": "in_parts",
        "nodes": {name: node for name, node in PIPELINE.to_json()["nodes"].items() if name != "past"},
        "outputs": ["digests", "number", "chain"],
    }
)
"""Without the node that sees frames one after the other, which no part of a video can be taken from."""


def expected_results(
    rows: Sequence[Row], numbers: Sequence[int | None], pipeline: PipelineDefinition = PIPELINE
) -> list[dict[str, Any]]:
    """Return the entries of the results for picked rows; ``numbers`` are those of all frames."""
    past, chain = hashlib.sha256(), hashlib.sha256()
    entries = []
    for row in rows:
        past.update(f"{row.index} {row.time} {row.luma}".encode())
        chain.update(f"{row.index} {row.time} {row.bgr}".encode())
        answers = {
            "digests": [row.luma, row.bgr],
            "number": numbers[row.index],
            "past": past.hexdigest()[:16],
            "chain": chain.hexdigest()[:16],
        }
        told = {name: answers[name] for name in pipeline.outputs}
        entries.append({"frame_index": row.index, "result": {"time_s": float(row.time), **told}})
    return entries
