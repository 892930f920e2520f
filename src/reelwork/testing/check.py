"""The check as a whole: which rules are looked at, and in which order."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, Json, SequenceAnalyzer
from reelwork.testing.breaches import AnalyzerContractError, Breach, Rule
from reelwork.testing.comparisons import Comparison, circumstance_breaches, repetition_breaches, stateless_breaches
from reelwork.testing.declarations import (
    availability_breaches,
    class_breaches,
    declaration_breaches,
    description_breaches,
    import_breaches,
    settings_breaches,
)
from reelwork.testing.first_look import look
from reelwork.testing.sequences import sequence_breaches
from reelwork.testing.subject import BreachFound, InputsOf, Subject, described
from reelwork.testing.videos import sample_videos
from reelwork.video.frame import Frame

# Where one of these is broken, there is no instance to go on with.
_FATAL = {Rule.IS_AN_ANALYZER, Rule.SETTINGS_ARE_STRICT, Rule.SAYS_WHAT_IS_MISSING, Rule.IS_AVAILABLE}


def _no_inputs(frame: Frame) -> Mapping[str, Json]:
    return {}


def check_analyzer(
    analyzer_class: type[Analyzer],
    settings: Mapping[str, Any] | None = None,
    *,
    model_dir: Path | None = None,
    frames: Sequence[Frame] | None = None,
    inputs: InputsOf = _no_inputs,
) -> None:
    """Check that an analyzer keeps the contract of ``reelwork.analyzers.Analyzer``; for a plugin's own tests.

    It is loaded and called as the engine does, on frames that are made here: tiny, odd, portrait, black, white
    and noisy ones, and a short sequence in which something moves. It analyses some 80 frames of at most
    160 x 90 pixels.

    Args:
        analyzer_class: The class.
        settings: What would stand under ``with:``.
        model_dir: Where its model files are.
        frames: A few consecutive frames of a video of your own on which it finds something, so that what it then
            answers is checked too; ``Frame.from_bgr`` makes frames.
        inputs: If it takes the outputs of other nodes: what those answered for a frame, by name of the node.

    Raises:
        AnalyzerContractError: It breaks rules; every one is listed, with what was seen and what to do. Where a
            rule is broken that others presuppose, those are checked when it is kept.
    """
    with tempfile.TemporaryDirectory() as nothing:
        context = AnalyzerContext(Path(model_dir or nothing))
        found = _breaches(analyzer_class, dict(settings or {}), context, inputs, frames or ())
        breaches = list(dict.fromkeys(found))
    if breaches:
        raise AnalyzerContractError(getattr(analyzer_class, "__name__", repr(analyzer_class)), breaches)


def _breaches(
    kind: type[Analyzer], given: dict[str, Any], context: AnalyzerContext, inputs: InputsOf, frames: Sequence[Frame]
) -> Iterator[Breach]:
    before = list(class_breaches(kind))
    if not before:
        before += [*description_breaches(kind), *import_breaches(kind), *settings_breaches(kind, given)]
    if not {breach.rule for breach in before} & _FATAL:
        settings = kind.Settings.model_validate(given)
        before += availability_breaches(kind, settings, context)
    yield from before
    if not {breach.rule for breach in before} & _FATAL:
        yield from _instance_breaches(Subject(kind, settings, context, inputs, sample_videos(frames)))


def _instance_breaches(subject: Subject) -> Iterator[Breach]:
    try:
        first = subject.loaded()
        yield from declaration_breaches(first)
        seen = look(subject, first)
        yield from _once_per_rule(seen.breaches)
        if not any(breach.rule is Rule.ONE_ANSWER_PER_FRAME for breach in seen.breaches):
            yield from _comparison_breaches(Comparison(subject, seen.answers), first, subject.loaded())
    except BreachFound as error:
        yield error.breach
    except Exception as error:
        yield Breach(Rule.LOADS, f"it raised {described(error)}")


def _comparison_breaches(comparison: Comparison, first: Analyzer, second: Analyzer) -> Iterator[Breach]:
    repeated = repetition_breaches(comparison, first, second)
    yield from repeated
    if repeated:
        return
    yield from circumstance_breaches(comparison, first, second)
    if isinstance(second, SequenceAnalyzer) and second.stateful:
        yield from sequence_breaches(comparison, second)
    elif not second.stateful:
        yield from stateless_breaches(comparison, second)


def _once_per_rule(breaches: Sequence[Breach]) -> list[Breach]:
    """Keep the first breach of each rule: the others say little more."""
    return list({breach.rule: breach for breach in reversed(breaches)}.values())[::-1]
