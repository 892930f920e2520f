"""What a pipeline file may say, and how its mistakes are told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reelwork.errors import PipelineInvalid
from reelwork.pipeline.definition import PipelineDefinition, read_definition

ReadYaml = Callable[..., PipelineDefinition]

WHOLE = """
name: mine
description: Everything there is
sampling: {every_s: 0.5, max_frames: 7}
nodes:
  first: {analyzer: constant, with: {value: 3}}
  second: {analyzer: collect, inputs: [$frame, first]}
outputs: [second, first]
"""


def mistakes(read_yaml: ReadYaml, text: str, name: str = "mine") -> dict[str, str]:
    with pytest.raises(PipelineInvalid) as caught:
        read_yaml(text, name)
    assert caught.value.__cause__ is None or "Traceback" not in str(caught.value)
    return {mistake.where: mistake.message for mistake in caught.value.mistakes}


def test_everything_that_may_be_said(read_yaml: ReadYaml) -> None:
    definition = read_yaml(WHOLE)
    assert definition.name == "mine"
    assert definition.description == "Everything there is"
    assert (definition.sampling.every_s, definition.sampling.frame_stride, definition.sampling.max_frames) == (
        0.5,
        None,
        7,
    )
    assert list(definition.nodes) == ["first", "second"]
    assert definition.nodes["first"].settings == {"value": 3}
    assert definition.nodes["first"].inputs == ["$frame"]
    assert definition.nodes["second"].inputs == ["$frame", "first"]
    assert definition.outputs == ["second", "first"]


def test_what_need_not_be_said(read_yaml: ReadYaml) -> None:
    definition = read_yaml("name: mine\nnodes: {}\noutputs: []\n")
    assert definition.description == ""
    assert (definition.sampling.every_s, definition.sampling.frame_stride, definition.sampling.max_frames) == (
        None,
        None,
        None,
    )


def test_the_form_in_which_a_job_keeps_it(read_yaml: ReadYaml) -> None:
    definition = read_yaml(WHOLE)
    kept = definition.to_json()
    assert kept["nodes"]["first"] == {"analyzer": "constant", "with": {"value": 3}, "inputs": ["$frame"]}
    assert kept["sampling"] == {
        "frame_stride": None,
        "every_s": 0.5,
        "keyframes": False,
        "ranges": None,
        "max_frames": 7,
    }
    assert PipelineDefinition.model_validate(kept) == definition


def test_mistakes_are_told_all_at_once_each_with_its_place(read_yaml: ReadYaml) -> None:
    told = mistakes(
        read_yaml,
        """
name: Mine
colour: red
sampling: {frame_stride: 0, every_s: -1, max_frames: many, speed: 2}
nodes:
  first: {analyzer: [constant], widht: 3}
  Second: {}
outputs: all
""",
    )
    assert set(told) == {
        "name",
        "colour",
        "sampling.frame_stride",
        "sampling.every_s",
        "sampling.max_frames",
        "sampling.speed",
        "nodes.first.analyzer",
        "nodes.first.widht",
        "nodes.Second.[key]",
        "nodes.Second.analyzer",
        "outputs",
    }


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("nodes: {}\noutputs: []", "name"),
        ("name: mine\noutputs: []", "nodes"),
        ("name: mine\nnodes: {}", "outputs"),
        ("name: mine\nnodes: []\noutputs: []", "nodes"),
        ("name: mine\nnodes: {a: index}\noutputs: [a]", "nodes.a"),
        ("name: mine\nnodes: {a: {analyzer: index, inputs: b}}\noutputs: [a]", "nodes.a.inputs"),
        ("name: mine\nnodes: {a: {analyzer: index, with: 3}}\noutputs: [a]", "nodes.a.with"),
        ("name: mine\nnodes: {}\noutputs: []\nsampling: {every_s: .inf}", "sampling.every_s"),
        ("name: mine\nnodes: {}\noutputs: []\nsampling: {every_s: .nan}", "sampling.every_s"),
        ("name: mine\nnodes: {}\noutputs: []\nsampling: {every_s: 0}", "sampling.every_s"),
        ("name: mine\nnodes: {}\noutputs: []\nsampling: {frame_stride: 1.5}", "sampling.frame_stride"),
        ("name: mine\nnodes: {}\noutputs: []\nsampling: {max_frames: 0}", "sampling.max_frames"),
        ("", ""),
        ("just a sentence", ""),
        ("- a\n- list", ""),
    ],
)
def test_one_mistake(read_yaml: ReadYaml, text: str, where: str) -> None:
    told = mistakes(read_yaml, text)
    assert list(told) == [where]
    assert told[where]


def test_two_ways_to_sample(read_yaml: ReadYaml) -> None:
    told = mistakes(read_yaml, "name: mine\nnodes: {}\noutputs: []\nsampling: {frame_stride: 2, every_s: 1}")
    assert "give one of" in told["sampling"]


@pytest.mark.parametrize(
    "text",
    [
        "name: mine\nname: mine\nnodes: {}\noutputs: []",
        "name: mine\nnodes:\n  a: {analyzer: index}\n  a: {analyzer: constant}\noutputs: [a]",
        "name: mine\nnodes: {a: {analyzer: constant, with: {value: 1, value: 2}}}\noutputs: [a]",
    ],
    ids=["top", "nodes", "settings"],
)
def test_a_key_that_is_given_twice(read_yaml: ReadYaml, text: str) -> None:
    assert "duplicate key" in mistakes(read_yaml, text)[""]


@pytest.mark.parametrize("text", ["name: [mine", "name: mine\n\tnodes: {}", "a: b: c", "name: *nothing", "a\x00b"])
def test_what_is_not_yaml(read_yaml: ReadYaml, text: str) -> None:
    assert mistakes(read_yaml, text)[""].startswith("not valid YAML")


def test_what_would_make_objects_is_refused(read_yaml: ReadYaml, own_dir: Path) -> None:
    text = f"name: mine\nnodes: {{}}\noutputs: !!python/object/apply:pathlib.Path.mkdir [{own_dir / 'made'}]"
    assert mistakes(read_yaml, text)
    assert not (own_dir / "made").exists()


def test_bytes_that_are_no_text(own_dir: Path) -> None:
    (own_dir / "mine.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(PipelineInvalid, match="not valid YAML"):
        read_definition(own_dir / "mine.yaml")


@pytest.mark.parametrize("kind", ["directory", "dangling link"])
def test_what_cannot_be_read(own_dir: Path, kind: str) -> None:
    path = own_dir / "mine.yaml"
    if kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(own_dir / "nowhere")
    with pytest.raises(PipelineInvalid, match=r"mine\.yaml.*\n.*cannot be read"):
        read_definition(path)


def test_a_name_that_is_not_that_of_the_file(read_yaml: ReadYaml) -> None:
    told = mistakes(read_yaml, "name: other\nnodes: {}\noutputs: []")
    assert told == {"name": "must be 'mine', as the file is called"}


@pytest.mark.parametrize("name", ["a", "a1", "with_words", "a" * 64])
def test_a_name_that_will_do(read_yaml: ReadYaml, name: str) -> None:
    assert read_yaml(f"name: {name}\nnodes: {{}}\noutputs: []", name).name == name


@pytest.mark.parametrize("name", ["A", "1a", "_a", "a-b", "a b", "ä", "a" * 65, "'a\\n'"])
def test_a_name_that_will_not_do(read_yaml: ReadYaml, name: str) -> None:
    assert "name" in mistakes(read_yaml, f'name: "{name}"\nnodes: {{}}\noutputs: []', "a")


def test_the_sentence_lists_every_mistake(read_yaml: ReadYaml) -> None:
    with pytest.raises(PipelineInvalid) as caught:
        read_yaml("name: mine\noutputs: []\nextra: 1")
    assert str(caught.value).startswith("Pipeline mine.yaml has 2 mistake(s):\n  - nodes: ")
    assert "\n  - extra: " in str(caught.value)


def test_a_definition_cannot_be_changed(read_yaml: ReadYaml) -> None:
    definition = read_yaml(WHOLE)
    with pytest.raises(ValueError, match="frozen"):
        definition.name = "other"  # type: ignore[misc]
