"""The steps of a pipeline and the stages in which they are done."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reelwork.analyzers import Analyzer, AnalyzerContext, AnalyzerSettings, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.pipeline.graph import Node
from reelwork.pipeline.steps import Answers, Failed, Kind, Stage, Step, arrange, can_split, failures
from reelwork.video.frame import Moment

examples = settings(max_examples=60, deadline=None)

MOMENT = Moment(3, Fraction(1, 8))
CONTEXT = AnalyzerContext(models_dir=Path("models"))


class Stateless(Analyzer):
    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [[frame.index, {name: answers[0] for name, answers in inputs.items()}] for frame in frames]


class StatelessByPicture(Stateless):
    by_picture = True


class Stateful(Stateless):
    stateful = True


class Sequential(SequenceAnalyzer):
    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return ["observed", frame.index, dict(inputs)]

    def conclude(self, moment: Moment, observation: Any) -> Json:
        return ["concluded", moment.index, observation]


class SequentialByPicture(Sequential):
    by_picture = True


KINDS = (Stateless, StatelessByPicture, Stateful, Sequential, SequentialByPicture)
Nodes = Sequence[tuple[Node, Analyzer]]


def node(name: str, kind: type[Analyzer], *inputs: str) -> tuple[Node, Analyzer]:
    return Node(name, kind.__name__, kind, AnalyzerSettings(), inputs), kind(AnalyzerSettings(), CONTEXT)


@st.composite
def some_nodes(draw: st.DrawFn) -> Nodes:
    """Draw a graph; its nodes in one of the orders in which each follows its inputs."""
    names: list[str] = []
    nodes: list[tuple[Node, Analyzer]] = []
    for name in draw(st.permutations("abcdef"))[: draw(st.integers(0, 6))]:
        inputs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        nodes.append(node(name, draw(st.sampled_from(KINDS)), *inputs))
        names.append(name)
    return nodes


def at(stages: Sequence[Stage]) -> dict[tuple[str, Kind], int]:
    """In which stage each step is."""
    return {(step.node.name, step.kind): number for number, stage in enumerate(stages) for step in stage.steps}


def only(stages: Sequence[Stage], name: str, kind: Kind = Kind.ANALYZE) -> Step:
    (step,) = [step for stage in stages for step in stage.steps if (step.node.name, step.kind) == (name, kind)]
    return step


def longest(nodes: Nodes, ordered_before: bool, name: str | None) -> int:
    """Return how often frames must change between stages from this node on, along the longest way."""
    by_name = {node.name: (node, analyzer) for node, analyzer in nodes}
    if name is None:
        return max((longest(nodes, False, each) for each in by_name), default=0)
    kinds = {Sequential: [False, True], SequentialByPicture: [False, True], Stateful: [True]}
    changes = 0
    for ordered in kinds.get(type(by_name[name][1]), [False]):  # type: ignore[call-overload]
        changes += ordered != ordered_before
        ordered_before = ordered
    after = [other.name for other, _ in nodes if name in other.inputs]
    return changes + max((longest(nodes, ordered_before, each) for each in after), default=0)


def ancestors(nodes: Nodes, name: str) -> set[str]:
    inputs = {node.name: node.inputs for node, _ in nodes}
    return {*inputs[name]}.union(*(ancestors(nodes, given) for given in inputs[name]))


class TestArrange:
    @examples
    @given(some_nodes())
    def test_every_node_is_asked_once_for_all_it_gives(self, nodes: Nodes) -> None:
        expected = []
        for each, analyzer in nodes:
            halves = isinstance(analyzer, SequenceAnalyzer)
            expected += [(each.name, kind) for kind in ((Kind.OBSERVE, Kind.CONCLUDE) if halves else (Kind.ANALYZE,))]
        found = [(step.node.name, step.kind) for stage in arrange(nodes) for step in stage.steps]
        assert sorted(found, key=str) == sorted(expected, key=str)

    @examples
    @given(some_nodes())
    def test_every_step_comes_behind_its_inputs(self, nodes: Nodes) -> None:
        done: set[str] = set()
        for stage in arrange(nodes):
            for step in stage.steps:
                assert {*step.node.inputs} <= done
                if step.kind is Kind.CONCLUDE:
                    assert f"{step.node.name} observed" in done
                done.add(f"{step.node.name} observed" if step.kind is Kind.OBSERVE else step.node.name)

    @examples
    @given(some_nodes())
    def test_stages_take_turns_and_what_must_be_ordered_is(self, nodes: Nodes) -> None:
        stages = arrange(nodes)
        assert all(stage.steps for stage in stages)
        for stage in stages:
            for step in stage.steps:
                concludes = step.kind is Kind.CONCLUDE
                assert step.ordered == stage.ordered == (concludes or isinstance(step.analyzer, Stateful))
        assert all(one.ordered != other.ordered for one, other in pairwise(stages))

    @examples
    @given(some_nodes())
    def test_there_are_no_more_stages_than_the_longest_way_needs(self, nodes: Nodes) -> None:
        stages = arrange(nodes)
        begins_ordered = bool(stages) and stages[0].ordered
        assert len(stages) + begins_ordered == (longest(nodes, False, None) + 1 if nodes else 0)

    @examples
    @given(some_nodes())
    @example([node("a", SequentialByPicture), node("b", StatelessByPicture, "a")])
    @example([node("a", Stateless), node("b", StatelessByPicture, "a"), node("c", StatelessByPicture, "b")])
    def test_a_step_follows_from_the_picture_if_all_that_goes_into_it_does(self, nodes: Nodes) -> None:
        kinds = {each.name: type(analyzer) for each, analyzer in nodes}
        for stage in arrange(nodes):
            for step in stage.steps:
                name = step.node.name
                inputs_do = all(kinds[other] is StatelessByPicture for other in ancestors(nodes, name))
                itself_does = kinds[name] in (StatelessByPicture, SequentialByPicture) and step.kind != Kind.CONCLUDE
                assert step.by_picture == (inputs_do and itself_does)

    def test_stages_of_a_mixed_pipeline(self) -> None:
        nodes = [
            node("boxes", StatelessByPicture),
            node("shots", Sequential),
            node("text", Stateless, "boxes"),
            node("tracks", Stateful, "boxes"),
            node("summary", Stateless, "tracks", "text"),
        ]
        stages = arrange(nodes)
        assert at(stages) == {
            ("boxes", Kind.ANALYZE): 0,
            ("shots", Kind.OBSERVE): 0,
            ("text", Kind.ANALYZE): 0,
            ("shots", Kind.CONCLUDE): 1,
            ("tracks", Kind.ANALYZE): 1,
            ("summary", Kind.ANALYZE): 2,
        }
        assert [stage.ordered for stage in stages] == [False, True, False]

    def test_a_setting_can_say_that_an_analyzer_is_stateful(self) -> None:
        class BySetting(Stateless):
            def __init__(self, settings: Any, context: AnalyzerContext) -> None:
                super().__init__(settings, context)
                self.stateful = True

        (stage,) = arrange([node("a", BySetting)])
        assert stage.ordered

    def test_a_sequence_analyzer_that_is_not_stateful_is_asked_all_at_once(self) -> None:
        class Forgetful(Sequential):
            stateful = False

        (stage,) = arrange([node("a", Forgetful)])
        assert (stage.ordered, stage.steps[0].kind) == (False, Kind.ANALYZE)


class TestCanSplit:
    @examples
    @given(some_nodes())
    def test_if_nothing_is_stateful_but_conclusions_that_nothing_takes(self, nodes: Nodes) -> None:
        taken = {name for each, _ in nodes for name in each.inputs}
        hinders = [
            each.name
            for each, analyzer in nodes
            if isinstance(analyzer, Stateful) or (isinstance(analyzer, Sequential) and each.name in taken)
        ]
        assert can_split(arrange(nodes)) == (not hinders)

    @pytest.mark.parametrize(
        ("nodes", "answer"),
        [
            ([], True),
            ([node("a", Stateless)], True),
            ([node("a", Sequential)], True),
            ([node("a", Stateless), node("b", Sequential, "a")], True),
            ([node("a", Stateful)], False),
            ([node("a", Stateless), node("b", Stateful, "a")], False),
            ([node("a", Stateful), node("b", Stateless, "a")], False),
            ([node("a", Sequential), node("b", Stateless, "a")], False),
            ([node("a", Sequential), node("b", Sequential), node("c", Stateful)], False),
        ],
    )
    def test_by_example(self, nodes: Nodes, answer: bool) -> None:
        assert can_split(arrange(nodes)) is answer


class TestRun:
    def frame(self) -> Frame:
        return Frame(3, Fraction(1, 8), None)  # type: ignore[arg-type]

    def run(self, step: Step, answers: Answers) -> Any:
        step.run(None if step.kind is Kind.CONCLUDE else self.frame(), MOMENT, answers)
        return answers[step.node.name]

    def test_an_answer_takes_its_place_and_inputs_come_by_name(self) -> None:
        step = only(arrange([node("a", Stateless), node("b", Stateless, "a")]), "b")
        assert self.run(step, {"a": "of a", "other": 1}) == [3, {"a": "of a"}]

    def test_both_halves(self) -> None:
        stages = arrange([node("a", Stateless), node("b", Sequential, "a")])
        answers: Answers = {"a": "of a"}
        observed = ["observed", 3, {"a": "of a"}]
        assert self.run(only(stages, "b", Kind.OBSERVE), answers) == observed
        assert self.run(only(stages, "b", Kind.CONCLUDE), answers) == ["concluded", 3, observed]

    @pytest.mark.parametrize("kind", [Kind.OBSERVE, Kind.CONCLUDE])
    def test_whatever_is_raised_stands_in_its_place(self, kind: Kind) -> None:
        def breaking(*_: object) -> None:
            raise LookupError("no such thing")

        method = {Kind.OBSERVE: "observe", Kind.CONCLUDE: "conclude"}[kind]
        step = only(arrange([node("a", type("Bad", (Sequential,), {method: breaking}))]), "a", kind)
        failed = self.run(step, {"a": "observed"})
        assert (failed.what, failed.raised, type(failed.error)) == ("LookupError: no such thing", True, LookupError)
        assert failed.told() == {"error": "LookupError: no such thing"}

    @pytest.mark.parametrize("raised", [True, False])
    def test_a_node_is_not_asked_without_its_inputs(self, raised: bool) -> None:
        step = only(arrange([node("a", Stateless), node("b", Stateless, "a")]), "b")
        failed = self.run(step, {"a": Failed("broken", raised)})
        assert failed == Failed("not analysed, because 'a' failed on this frame")

    def test_nothing_is_concluded_from_what_could_not_be_observed(self) -> None:
        step = only(arrange([node("a", Sequential)]), "a", Kind.CONCLUDE)
        failed = Failed("blind", raised=True)
        assert self.run(step, {"a": failed}) is failed

    @pytest.mark.parametrize("count", [0, 2])
    def test_one_answer_for_one_frame(self, count: int) -> None:
        class Counting(Stateless):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                return [None] * count

        failed = self.run(only(arrange([node("a", Counting)]), "a"), {})
        assert failed.what == f"ValueError: it gave {count} answers for 1 frame"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_what_is_no_failure_of_the_node_passes(self, error: type[BaseException]) -> None:
        class Ending(Stateless):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                raise error

        with pytest.raises(error):
            self.run(only(arrange([node("a", Ending)]), "a"), {})


class TestFailed:
    def test_those_that_were_asked_and_raised(self) -> None:
        broken = Failed("broken", raised=True)
        assert failures({"a": 1, "b": broken, "c": Failed("not asked"), "d": {"error": "an answer"}}) == {"b": broken}

    def test_goes_to_other_processes_without_what_was_raised(self) -> None:
        nothing_can_send_it: Callable[[], None] = lambda: None  # noqa: E731
        failed = Failed("broken", raised=True, error=ValueError(nothing_can_send_it))
        assert pickle.loads(pickle.dumps(failed)) == Failed("broken", raised=True)
