"""A definition checked against the analyzers that are there."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import PipelineInvalid
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.graph import build_graph
from tests.support.analyzers import Collect, Constant, Inquisitive, Unavailable, registry
from tests.support.pipelines import define

INDEX = {"analyzer": "index"}


def collecting(*inputs: str) -> dict[str, Any]:
    return {"analyzer": "collect", "inputs": list(inputs)}


def mistakes(definition: PipelineDefinition, known: AnalyzerRegistry | None = None) -> dict[str, str]:
    with pytest.raises(PipelineInvalid) as caught:
        build_graph(definition, known or registry())
    places = [mistake.where for mistake in caught.value.mistakes]
    assert len(set(places)) == len(places)
    return {mistake.where: mistake.message for mistake in caught.value.mistakes}


class TestMistakes:
    def test_all_are_told_at_once_each_with_its_place(self) -> None:
        told = mistakes(
            define(
                {
                    "who": {"analyzer": "nobody"},
                    "wrong": {"analyzer": "constant", "with": {"value": 101, "lable": "x"}},
                    "lost": collecting("$frame", "nowhere"),
                    "one": collecting("two"),
                    "two": collecting("one"),
                    "unused": INDEX,
                    "deaf": {"analyzer": "index", "inputs": ["wrong"]},
                },
                ["who", "lost", "one", "deaf", "missing"],
            )
        )
        assert set(told) == {
            "nodes.who.analyzer",
            "nodes.wrong.with.value",
            "nodes.wrong.with.lable",
            "nodes.lost.inputs",
            "nodes.deaf.inputs",
            "nodes.unused",
            "outputs",
            "nodes",
        }
        assert told["nodes.lost.inputs"] == "there is no node named 'nowhere'"
        assert told["nodes.deaf.inputs"] == "analyzer 'index' takes $frame alone"
        assert told["outputs"] == "there is no node named 'missing'"
        assert told["nodes.unused"].startswith("neither an output nor an input of another node")
        assert "one" in told["nodes"]
        assert "two" in told["nodes"]

    def test_an_unknown_analyzer_is_told_which_there_are(self) -> None:
        told = mistakes(define({"a": {"analyzer": "indx"}}))
        assert told["nodes.a.analyzer"] == (
            "there is no analyzer named 'indx'; installed: brightness, collect, constant, counter, index, unavailable"
        )

    def test_a_broken_analyzer_is_told_why(self) -> None:
        known = AnalyzerRegistry({}, {"index": "pkg:Index could not be loaded: ImportError: no driver"})
        assert mistakes(define({"a": INDEX}), known) == {
            "nodes.a.analyzer": "pkg:Index could not be loaded: ImportError: no driver"
        }

    @pytest.mark.parametrize(
        "nodes",
        [
            {"a": collecting("a")},
            {"a": collecting("b"), "b": collecting("a")},
            {"a": collecting("b"), "b": collecting("c"), "c": collecting("a"), "d": INDEX},
        ],
    )
    def test_nodes_that_wait_for_each_other(self, nodes: dict[str, Any]) -> None:
        told = mistakes(define(nodes))
        assert set(told) == {"nodes"}
        assert "circle" in told["nodes"]
        assert " -> " in told["nodes"]

    def test_a_node_that_is_used_only_by_a_node_nobody_uses(self) -> None:
        told = mistakes(define({"out": INDEX, "deep": INDEX, "end": collecting("deep")}, ["out"]))
        assert set(told) == {"nodes.end"}

    def test_a_node_named_like_the_time(self) -> None:
        """Its answers would replace the times in the results."""
        assert set(mistakes(define({"time_s": INDEX}))) == {"nodes.time_s"}

    @pytest.mark.parametrize("output", ["$frame", "", "A"])
    def test_an_output_that_is_no_node(self, output: str) -> None:
        assert set(mistakes(define({"a": INDEX}, ["a", output]))) == {"outputs"}


class TestOrder:
    def test_a_diamond(self) -> None:
        graph = build_graph(
            define(
                {
                    "bottom": collecting("left", "right", "$frame"),
                    "right": collecting("top"),
                    "left": collecting("top"),
                    "top": INDEX,
                },
                ["bottom"],
            ),
            registry(),
        )
        names = [node.name for node in graph.nodes]
        assert names[0] == "top"
        assert names[-1] == "bottom"
        assert set(names[1:3]) == {"left", "right"}
        assert graph.nodes[-1].inputs == ("left", "right")
        assert graph.nodes[0].inputs == ()

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_every_node_follows_its_inputs(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 8))
        wiring = {n: data.draw(st.sets(st.integers(0, n - 1))) if n else set() for n in range(count)}
        shuffled = data.draw(st.permutations(range(count)))
        nodes = {f"n{n}": collecting("$frame", *(f"n{given}" for given in sorted(wiring[n]))) for n in shuffled}
        ordered = [node.name for node in build_graph(define(nodes), registry()).nodes]
        assert sorted(ordered) == sorted(nodes)
        for node, inputs in wiring.items():
            for before in inputs:
                assert ordered.index(f"n{before}") < ordered.index(f"n{node}")

    def test_no_nodes_at_all(self) -> None:
        assert build_graph(define({}), registry()).nodes == ()


class TestNodes:
    def test_each_has_its_analyzer_and_its_settings(self) -> None:
        (node,) = build_graph(define({"a": {"analyzer": "constant", "with": {"value": 7}}}), registry()).nodes
        assert (node.name, node.analyzer_name, node.analyzer) == ("a", "constant", Constant)
        assert (node.settings.value, node.settings.label) == (7, "plain")  # type: ignore[attr-defined]

    def test_one_analyzer_may_stand_in_several(self) -> None:
        nodes = {f"a{value}": {"analyzer": "constant", "with": {"value": value}} for value in range(3)}
        graph = build_graph(define(nodes), registry())
        assert {node.name: node.settings.value for node in graph.nodes} == {"a0": 0, "a1": 1, "a2": 2}  # type: ignore[attr-defined]

    def test_takes_inputs_and_nothing_else(self) -> None:
        (_, node) = build_graph(define({"a": INDEX, "b": collecting("a")}), registry()).nodes
        assert (node.analyzer, node.inputs) == (Collect, ("a",))


class TestFreezing:
    def definition(self) -> PipelineDefinition:
        nodes = {"a": {"analyzer": "constant", "with": {"value": 7}}, "b": collecting("a", "$frame")}
        return define(nodes, ["b"], sampling={"every_s": 0.1}, description="x")

    def test_every_setting_is_resolved(self) -> None:
        frozen = build_graph(self.definition(), registry()).definition
        assert frozen.nodes["a"].settings == {"value": 7, "label": "plain"}
        assert frozen.name == "mine"
        assert frozen.sampling.every_s == 0.1
        assert frozen.outputs == ["b"]

    def test_what_a_job_keeps_makes_the_same_graph(self) -> None:
        graph = build_graph(self.definition(), registry())
        again = build_graph(PipelineDefinition.model_validate(graph.definition.to_json()), registry())
        assert again == graph

    def test_a_default_that_changes_later_changes_no_job(self) -> None:
        kept = build_graph(self.definition(), registry()).definition.to_json()

        class Newer(Constant):
            class Settings(Constant.Settings):  # type: ignore[misc,name-defined]
                label: str = "newer"

        graph = build_graph(PipelineDefinition.model_validate(kept), registry(constant=Newer))
        assert graph.nodes[0].settings.label == "plain"  # type: ignore[attr-defined]


class TestAvailability:
    def test_of_nodes_that_lack_nothing(self, context: AnalyzerContext) -> None:
        assert build_graph(define({"a": INDEX}), registry()).unavailable_because(context) is None

    def test_says_what_is_missing_once(self, context: AnalyzerContext) -> None:
        graph = build_graph(
            define({"a": {"analyzer": "unavailable"}, "b": {"analyzer": "unavailable"}, "c": INDEX}), registry()
        )
        assert graph.unavailable_because(context) == "A model file is missing: put one there."
        context.models_dir.mkdir()
        assert graph.unavailable_because(context) is None

    def test_says_everything_that_is_missing(self, context: AnalyzerContext) -> None:
        class Other(Unavailable):
            @classmethod
            def unavailable_because(cls, settings: Any, context: Any) -> str | None:
                return "A package is missing."

        graph = build_graph(
            define({"a": {"analyzer": "unavailable"}, "b": {"analyzer": "other"}}), registry(other=Other)
        )
        assert graph.unavailable_because(context) == "A model file is missing: put one there. A package is missing."

    def test_a_plugin_that_breaks_when_asked_is_unavailable(self, context: AnalyzerContext) -> None:
        graph = build_graph(define({"a": {"analyzer": "inquisitive"}}), registry(inquisitive=Inquisitive))
        assert graph.unavailable_because(context) == "Analyzer 'inquisitive' is broken: LookupError: no driver"
