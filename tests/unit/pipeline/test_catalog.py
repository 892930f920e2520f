"""The pipelines that can be asked for by name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import PipelineInvalid, PipelineUnavailable, UnknownPipeline
from reelwork.pipeline.catalog import DEFAULT_PIPELINE, SHIPPED_DIR, CatalogEntry, PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition, read_definition
from reelwork.pipeline.graph import build_graph
from tests.support.analyzers import Inquisitive, registry

WriteYaml = Callable[..., Path]
SHIPPED = sorted(path.stem for path in SHIPPED_DIR.glob("*.yaml"))

ONE_NODE = "name: {name}\ndescription: {description}\nnodes: {{a: {{analyzer: {analyzer}}}}}\noutputs: [a]\n"


def one_node(name: str, analyzer: str = "index", description: str = "Of my own") -> str:
    return ONE_NODE.format(name=name, analyzer=analyzer, description=description)


@pytest.fixture
def load(own_dir: Path, context: AnalyzerContext) -> Callable[..., PipelineCatalog]:
    """Load the catalog with the small analyzers of the tests."""
    return lambda **more: PipelineCatalog.load(own_dir, registry(**more), context)


def entry(catalog: PipelineCatalog, name: str) -> CatalogEntry:
    (found,) = [entry for entry in catalog.entries() if entry.name == name]
    return found


class TestShipped:
    @pytest.mark.parametrize("name", SHIPPED)
    def test_every_one_is_valid_with_the_analyzers_that_are_installed(self, name: str) -> None:
        graph = build_graph(read_definition(SHIPPED_DIR / f"{name}.yaml"), AnalyzerRegistry.installed())
        assert graph.definition.description

    def test_all_of_them_are_listed(self, own_dir: Path, context: AnalyzerContext) -> None:
        catalog = PipelineCatalog.load(own_dir, AnalyzerRegistry.installed(), context)
        assert catalog.names() == SHIPPED
        assert [entry.name for entry in catalog.entries()] == SHIPPED
        assert DEFAULT_PIPELINE in SHIPPED
        assert catalog.get("frames").nodes == ()

    def test_every_analyzer_that_is_installed_can_be_used(self) -> None:
        installed = AnalyzerRegistry.installed()
        assert installed.broken == {}
        assert set(installed.analyzers) >= {"codes", "objects", "quality", "scenes", "text"}

    def test_without_a_directory_of_ones_own(self, tmp_path: Path, context: AnalyzerContext) -> None:
        assert PipelineCatalog.load(tmp_path / "nowhere", AnalyzerRegistry.installed(), context).names() == SHIPPED


class TestOnesOwn:
    def test_a_file_is_a_pipeline(self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog]) -> None:
        write_yaml(one_node("mine"))
        catalog = load()
        assert catalog.names() == sorted([*SHIPPED, "mine"])
        assert catalog.get("mine").nodes[0].analyzer_name == "index"
        assert entry(catalog, "mine") == CatalogEntry("mine", "Of my own", None)

    def test_it_goes_before_one_that_is_shipped(
        self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog]
    ) -> None:
        write_yaml(one_node("frames"), "frames")
        catalog = load()
        assert catalog.names() == SHIPPED
        assert [node.name for node in catalog.get("frames").nodes] == ["a"]
        assert entry(catalog, "frames").description == "Of my own"

    def test_other_files_are_none(self, own_dir: Path, load: Callable[..., PipelineCatalog]) -> None:
        (own_dir / "notes.txt").write_text("x")
        (own_dir / "old.yaml.bak").write_text("x")
        assert load().names() == SHIPPED

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (one_node("mine", "nobody"), "there is no analyzer named 'nobody'"),
            (one_node("other"), "must be 'mine'"),
            ("name: [", "not valid YAML"),
            ("", "mistake"),
        ],
        ids=["graph", "name", "yaml", "empty"],
    )
    def test_an_invalid_one_is_listed_with_its_mistakes_and_stops_nothing(
        self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog], text: str, said: str
    ) -> None:
        write_yaml(text)
        write_yaml(one_node("fine"), "fine")
        catalog = load()
        assert catalog.get("fine")
        assert catalog.names() == sorted([*SHIPPED, "fine", "mine"])
        reason = entry(catalog, "mine").unavailable_because
        assert reason is not None
        assert said in reason
        with pytest.raises(PipelineUnavailable, match=r"^Pipeline 'mine' is not available here") as caught:
            catalog.get("mine")
        assert said in str(caught.value)

    def test_one_that_cannot_be_read_stops_nothing(self, own_dir: Path, load: Callable[..., PipelineCatalog]) -> None:
        (own_dir / "folder.yaml").mkdir()
        (own_dir / "gone.yaml").symlink_to(own_dir / "nowhere")
        catalog = load()
        for name in ("folder", "gone"):
            assert "cannot be read" in str(entry(catalog, name).unavailable_because)

    def test_an_invalid_one_does_not_let_the_shipped_one_through(
        self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog]
    ) -> None:
        """Who replaced a pipeline would not want the other one's results."""
        write_yaml("name: frames", "frames")
        with pytest.raises(PipelineUnavailable):
            load().get("frames")


class TestAskingForOne:
    def test_that_there_is_not(self, load: Callable[..., PipelineCatalog]) -> None:
        with pytest.raises(UnknownPipeline) as caught:
            load().get("nothing")
        assert caught.value.known == tuple(SHIPPED)
        assert str(caught.value) == (f"There is no pipeline named 'nothing'. Known pipelines: {', '.join(SHIPPED)}.")

    @pytest.mark.parametrize("name", ["", "../shipped/frames", "frames.yaml", "FRAMES"])
    def test_names_are_names(self, load: Callable[..., PipelineCatalog], name: str) -> None:
        with pytest.raises(UnknownPipeline):
            load().get(name)

    def test_that_lacks_something(
        self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog], context: AnalyzerContext
    ) -> None:
        write_yaml(one_node("mine", "unavailable"))
        catalog = load()
        assert entry(catalog, "mine").unavailable_because == "A model file is missing: put one there."
        with pytest.raises(PipelineUnavailable) as caught:
            catalog.get("mine")
        assert str(caught.value) == ("Pipeline 'mine' is not available here: A model file is missing: put one there.")
        context.models_dir.mkdir()
        assert entry(catalog, "mine").unavailable_because is None
        assert catalog.get("mine").nodes[0].name == "a"

    def test_whose_plugin_is_broken_stops_no_other(
        self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog]
    ) -> None:
        write_yaml(one_node("mine", "inquisitive"))
        catalog = load(inquisitive=Inquisitive)
        assert "no driver" in str(entry(catalog, "mine").unavailable_because)
        assert catalog.get("frames")


class TestFreezing:
    def test_editing_the_file_changes_no_job(self, write_yaml: WriteYaml, load: Callable[..., PipelineCatalog]) -> None:
        path = write_yaml(
            "name: mine\nnodes: {a: {analyzer: constant, with: {value: 5}}}\noutputs: [a]\nsampling: {every_s: 0.25}\n"
        )
        graph = load().get("mine")
        kept = graph.definition.to_json()
        path.write_text(one_node("mine"))
        again = build_graph(PipelineDefinition.model_validate(kept), registry())
        assert again == graph
        assert again.nodes[0].settings.value == 5  # type: ignore[attr-defined]
        assert load().get("mine") != graph

    @pytest.mark.parametrize("name", SHIPPED)
    def test_shipped_ones_survive_being_kept(self, name: str) -> None:
        installed = AnalyzerRegistry.installed()
        graph = build_graph(read_definition(SHIPPED_DIR / f"{name}.yaml"), installed)
        assert build_graph(PipelineDefinition.model_validate(graph.definition.to_json()), installed) == graph


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_says_its_name_first(name: str) -> None:
    content = YAML(typ="safe", pure=True).load(SHIPPED_DIR / f"{name}.yaml")
    assert list(content)[:2] == ["name", "description"]
    with pytest.raises(PipelineInvalid):
        read_definition(SHIPPED_DIR / "nothing.yaml")
