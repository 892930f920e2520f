"""Have damaged files analysed in child processes, as the worker does, and judge the answers.

An answer is right if it is results that the reference confirms, or a sentence that says how far it got; if it is the
same when asked again; and if it does not depend on the number of decoder threads.
"""

import json
import logging
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import av

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.child_process import ChildDied, ChildProcess, end_with_starting_thread, with_care_after_a_crash
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from reelwork.worker.analysis import Analysed, AnalysisAnswer, AnalysisError, AnalysisRequest, analysing
from tests.conformance.analyzers import PIPELINE, REGISTRY, expected_results
from tests.conformance.damage import damaged
from tests.conformance.samplings import picked
from tests.support.reference import Reference, decode_everything

TIME_LIMIT_S = 30.0
SOURCES = [
    "B-frames, pyramid",
    "index behind",
    "slices",
    "interlaced",
    "intra refresh",
    "fragments",
    "fragment of each frame",
    "HEVC, open GOP",
    "AV1",
    "VP9",
    "MPEG-4, B-frames",
    "edit list: a part left out",
    "sound before pictures",
    "variable rate, open GOP",
]
"""Names of clips to damage."""

_SENTENCES = re.compile(
    r"The file is not an MP4\.|The MP4 (is|has)|The video track|The picture (is|has)|The sampling picks no frame"
    r"|Decoding stopped (after frame (?P<last>\d+)( of \d+)?|before the first frame): "
)
_OPTIONS: Sequence[tuple[str, dict[str, Any]]] = (
    ("fail", {}),
    ("keep", {}),
    ("fail", {"frame_stride": 5}),
    ("keep", {"frame_stride": 5}),
)


@dataclass(frozen=True)
class Verdict:
    """What became of a damaged file: an outcome to count, and what is wrong with it."""

    outcome: str
    complaint: str | None = None


class Wrong(Exception):
    """An answer that must not be."""


def dice_for(seed: str, kind: str, source: Path) -> Random:
    """Return what decides how a file is damaged."""
    return Random(f"{seed} {kind} {source.name}")


class Fuzzer:
    """Two warm processes that analyse, with one decoder thread and with two, and one for the reference."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._analysts = [
            ChildProcess[AnalysisRequest, AnalysisAnswer](f"analyse-{threads}", set_up_analysis, directory, threads)
            for threads in (2, 1)
        ]
        self._reference = ChildProcess[Path, tuple[Reference, bool]]("reference", set_up_reference)

    def stop(self) -> None:
        """End the processes."""
        for child in (*self._analysts, self._reference):
            child.kill()

    def judge(self, source: Path, kind: str, seed: str) -> Verdict:
        """Damage a file, have it analysed in several ways, and compare the answers."""
        dice = dice_for(seed, kind, source)
        path = self._directory / "damaged.mp4"
        path.write_bytes(damaged(source.read_bytes(), kind, dice))
        on_error, options = dice.choice(_OPTIONS)
        try:
            return Verdict(self._outcome(path, on_error, options))
        except (Wrong, ChildDied) as wrong:
            return Verdict("wrong", f"{kind}, {source.name}, seed {seed!r}, {on_error} {options}: {wrong}")

    def _outcome(self, path: Path, on_error: str, options: dict[str, Any]) -> str:
        two, one = self._analysts
        reference, is_stable = _asked(self._reference, path)
        answers = [self._answer(child, path, on_error, options) for child in (two, one, two)]
        if not is_stable:
            # Pictures with parts that nobody wrote: all that can be the same is which frames there are.
            return _judge_outline(answers)
        if answers[0] != answers[2]:
            raise Wrong(f"another answer the second time: {_told(answers[0])}, then {_told(answers[2])}")
        if answers[0] != answers[1]:
            raise Wrong(f"two threads answer {_told(answers[0])}, one {_told(answers[1])}")
        answer, results = answers[0]
        if isinstance(answer, AnalysisError):
            return _judge_refusal(answer, reference, on_error)
        return _judge_results(answer, results, reference, options)

    def _answer(
        self, child: ChildProcess[AnalysisRequest, AnalysisAnswer], path: Path, on_error: str, options: dict[str, Any]
    ) -> tuple[AnalysisAnswer, bytes]:
        results = self._directory / "results.json"
        results.unlink(missing_ok=True)
        definition = {**PIPELINE.to_json(), "on_decode_error": on_error}
        request = AnalysisRequest(UUID(int=1), path, definition, options, results)
        answer = with_care_after_a_crash(partial(_asked, child), request)
        return answer, results.read_bytes() if isinstance(answer, Analysed) else b""


def _asked(child: ChildProcess[Any, Any], request: Any) -> Any:
    child.send(request)
    if not child.wait_for_answer(TIME_LIMIT_S):
        child.kill()
        raise Wrong(f"no answer in {TIME_LIMIT_S:g} s")
    return child.answer()


def _judge_outline(answers: list[tuple[AnalysisAnswer, bytes]]) -> str:
    if len({_told(answer) for answer in answers}) > 1:
        raise Wrong(f"not the same frames: {[_told(answer) for answer in answers]}")
    return "unstable"


def _judge_refusal(answer: AnalysisError, reference: Reference, on_error: str) -> str:
    said = _SENTENCES.match(answer.message)
    if said is None or not answer.final:
        raise Wrong(f"no sentence for people: {answer.message}")
    if not answer.message.startswith("Decoding stopped"):
        return "refused"
    count = 0 if said["last"] is None else int(said["last"]) + 1
    sound = _sound(reference, on_error)
    if count not in sound:
        raise Wrong(f"{answer.message} But the reference has {sorted(sound)} sound frames.")
    return "stopped"


def _sound(reference: Reference, on_error: str) -> set[int]:
    """Return how many frames there are before the first damage, as the decoder tells it and as the gaps do."""
    if on_error == "keep":
        return {len(reference.rows)}
    ends = {min(reference.flagged, default=len(reference.rows))}
    if reference.lost:
        ends.add(sum(row.time < min(reference.lost) for row in reference.rows))
    return ends


def _judge_results(answer: Analysed, results: bytes, reference: Reference, options: dict[str, Any]) -> str:
    found = json.loads(results)["results"]
    expected = expected_results(picked(reference, options), reference.numbers)
    if reference.lost and found != expected:
        return _judge_by_time(found, reference)
    different = [number for number, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other]
    if different or len(found) < len(expected):
        raise Wrong(f"{len(found)} results where the reference has {len(expected)}; different: {different[:9]}")
    if len(found) > len(expected) and reference.error is None:
        raise Wrong(f"{len(found)} results where the reference has {len(expected)}")
    return "kept" if answer.report["warnings"] else "completed"


def _judge_by_time(found: list[dict[str, Any]], reference: Reference) -> str:
    """Where a decoder drops frames without a word, those that are left out are counted as if it had not."""
    pictures = {float(row.time): [row.luma, row.bgr] for row in reference.rows}
    strange = [one for one in found if pictures.get(one["result"]["time_s"]) != one["result"]["digests"]]
    if strange:
        raise Wrong(f"{len(reference.lost)} frames are lost, and others are not those of the reference: {strange[:3]}")
    return "lost"


def _told(answer: tuple[AnalysisAnswer, bytes]) -> str:
    if isinstance(answer[0], AnalysisError):
        return answer[0].message
    return f"{answer[0].frames} frames, {answer[0].report['warnings']}"


def set_up_analysis(directory: Path, threads: int) -> Callable[[AnalysisRequest], AnalysisAnswer]:
    """Return what answers in a child process."""
    end_with_starting_thread()
    logging.disable(logging.INFO)  # every doubtful file is told of
    context = AnalyzerContext(models_dir=directory, cores=2)
    catalog = PipelineCatalog.load(directory, REGISTRY, context)
    return analysing(VideoFilePipelineService(catalog, REGISTRY, context, DecodeLimits(threads=threads)))


def set_up_reference() -> Callable[[Path], tuple[Reference, bool]]:
    """Return what decodes in a child process: the reference, and whether it is the same with other memory."""
    end_with_starting_thread()

    def decode(path: Path) -> tuple[Reference, bool]:
        try:
            matrix = _nearest_quarter_turn(path)
            reference = decode_everything(path, matrix)
        except Exception as error:
            nothing: frozenset[Any] = frozenset()
            return Reference((), (), nothing, nothing, nothing, f"{type(error).__name__}: {error}"), True
        return reference, reference == decode_everything(path, matrix, held=6)

    return decode


def _nearest_quarter_turn(path: Path) -> tuple[int, int, int, int]:
    """Return a, b, c, d of the display matrix that the decoder tells: the index may be too damaged to be read here."""
    with av.open(f"file:{path}", format="mov") as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        told = next(container.decode(stream)).side_data.get("DISPLAYMATRIX")
    a, b, _, c, d = struct.unpack_from("=5i", bytes(told)) if told else (1, 0, 0, 0, 1)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return 0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0
    return -1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1
