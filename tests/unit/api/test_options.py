"""The options of a submit: what is right is taken, what is wrong is told, all of it at once, with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.api import problems
from reelwork.api.options import read_options
from reelwork.api.submit_form import SubmitForm
from reelwork.errors import InvalidOptions, ReelworkError, SubmissionRefused, UnknownPipeline
from reelwork.jobs.acceptance import Acceptance
from reelwork.jobs.options import SubmitOptions
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.storage.local import LocalStorage
from reelwork.video.source import VideoFacts

Given = list[tuple[str, str]]


@pytest.fixture(scope="module")
def acceptance(tmp_path_factory: pytest.TempPathFactory) -> Acceptance:
    """The real pipelines; jobs are kept for a day at most."""

    def nothing_to_probe(path: Path) -> VideoFacts:
        raise AssertionError(path)

    folder = tmp_path_factory.mktemp("options")
    catalog = PipelineCatalog.load(folder, AnalyzerRegistry.installed(), AnalyzerContext(folder))
    return Acceptance(LocalStorage(folder / "files"), catalog, nothing_to_probe, most_retention_s=86400)


@pytest.fixture
def read(acceptance: Acceptance) -> Callable[..., SubmitOptions]:
    return lambda *given, **more: read_options(list(given), acceptance.check, **more)


@pytest.fixture
def refused(read: Callable[..., SubmitOptions]) -> Callable[..., dict[str, str]]:
    """Read options that are wrong; return the places of the mistakes and what is said of them."""

    def places(*given: tuple[str, str], **more: Any) -> dict[str, str]:
        with pytest.raises(InvalidOptions) as caught:
            read(*given, **more)
        entries = [problems._entry(mistake) for mistake in caught.value.mistakes]
        assert all(entry["detail"][0].isupper() and entry["detail"][-1] in ".!?" for entry in entries)
        assert all(entry["pointer"].split("/")[1] == entry["option"].replace("/", "~1") for entry in entries)
        return {entry["pointer"]: entry["detail"] for entry in entries}

    return places


def test_nothing_given(read: Callable[..., SubmitOptions]) -> None:
    assert read() == SubmitOptions()


def test_an_empty_option_is_not_as_good_as_none(refused: Callable[..., dict[str, str]]) -> None:
    names = [*SubmitForm.model_fields]
    assert {place.split("/")[1] for place in refused(*((name, "") for name in names))} == {*names}


@pytest.mark.parametrize("word", ["yes", "1", "True", "on"])
def test_true_and_false_are_the_only_words_for_it(refused: Callable[..., dict[str, str]], word: str) -> None:
    told = refused(("dry_run", word), ("keyframes", word))
    assert told == dict.fromkeys(("#/dry_run", "#/keyframes"), "This is neither true nor false.")


def test_everything_given(read: Callable[..., SubmitOptions]) -> None:
    options = read(
        ("pipeline", "text_codes"),
        ("every_s", "0.5"),
        ("max_frames", "100"),
        ("ranges", '[{"start_s": 1.5}, {"start_s": 0, "end_s": 1}]'),
        ("params", '{"text": {"min_confidence": 0.8}, "codes": {"formats": ["QRCode"]}}'),
        ("tags", "a, b,,a"),
        ("tags", "c"),
        ("external_id", "no. 5"),
        ("retention_s", "3600"),
        ("webhook_url", "https://example.org:8443/hook?x=1"),
        ("dry_run", "true"),
    )
    assert options == SubmitOptions(
        pipeline="text_codes",
        sampling={"every_s": 0.5, "max_frames": 100, "ranges": [{"start_s": 1.5}, {"start_s": 0.0, "end_s": 1.0}]},
        params={"text": {"min_confidence": 0.8}, "codes": {"formats": ["QRCode"]}},
        tags=("a", "b", "c"),
        external_id="no. 5",
        retention_s=3600.0,
        webhook_url="https://example.org:8443/hook?x=1",
        dry_run=True,
    )


def test_every_mistake_at_once(refused: Callable[..., dict[str, str]]) -> None:
    told = refused(
        ("pipeline", "horoscope"),
        ("frame_stride", "0"),
        ("max_frames", "many"),
        ("ranges", '[{"start_s": 5, "end_s": 5}, {"start_frame": 1, "end_s": 2}, {}]'),
        ("tags", "x" * 65),
        ("tags", "tab\tbed"),
        ("external_id", "x" * 256),
        ("retention_s", "59"),
        ("webhook_url", "ftp://example.org"),
        ("dry_run", "perhaps"),
        ("colour/of.it", "red"),
        ("keyframes", "true"),
        ("keyframes", "true"),
    )
    assert set(told) == {
        "#/pipeline",
        "#/frame_stride",
        "#/max_frames",
        "#/ranges/0",
        "#/ranges/1",
        "#/ranges/2",
        "#/tags/0",
        "#/tags/1",
        "#/external_id",
        "#/retention_s",
        "#/webhook_url",
        "#/dry_run",
        "#/colour~1of.it",
        "#/keyframes",
    }
    assert "text_codes" in told["#/pipeline"]


def test_what_only_the_pipeline_can_tell(refused: Callable[..., dict[str, str]]) -> None:
    params = {
        "text": {"min_confidence": 2, "max_side": "wide", "colour": "red", "languages": ["english and more"]},
        "faces": {},
        "codes": {"formats": ["Runes"]},
    }
    told = refused(("pipeline", "text_codes"), ("params", json.dumps(params)), ("every_s", "0"))
    assert set(told) == {
        "#/every_s",
        "#/params/text/min_confidence",
        "#/params/text/max_side",
        "#/params/text/colour",
        "#/params/text/languages/0",
        "#/params/faces",
        "#/params/codes/formats",
    }


@pytest.mark.parametrize("model", ["/etc/passwd", "C:\\secret.onnx", "\\\\host\\share\\x.onnx", "../x.onnx"])
def test_files_elsewhere_are_not_for_clients_to_name(refused: Callable[..., dict[str, str]], model: str) -> None:
    told = refused(("pipeline", "objects"), ("params", json.dumps({"objects": {"model": model}})))
    assert set(told) == {"#/params/objects/model"}


def test_one_way_to_sample(refused: Callable[..., dict[str, str]], read: Callable[..., SubmitOptions]) -> None:
    told = refused(("frame_stride", "2"), ("every_s", "1"), ("keyframes", "true"))
    assert set(told) == {"#/frame_stride", "#/every_s", "#/keyframes"}
    assert "every_s and keyframes" in told["#/frame_stride"]
    assert read(("frame_stride", "2"), ("keyframes", "false")).sampling == {"frame_stride": 2}


def test_no_longer_than_the_service_keeps_jobs(refused: Callable[..., dict[str, str]]) -> None:
    assert "at most 86400 seconds" in refused(("retention_s", "86401"))["#/retention_s"]


def test_too_many_tags(refused: Callable[..., dict[str, str]]) -> None:
    assert set(refused(("tags", ",".join(map(str, range(21)))))) == {"#/tags"}


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "3", '{"text": 3}', '{"text": {"x": NaN}}', '{"text": {"x": "\\ud800"}}', "[" * 50_000]
)
def test_params_that_are_none(refused: Callable[..., dict[str, str]], text: str) -> None:
    told = refused(("params", text or " "))
    assert all(place.startswith("#/params") for place in told)


def test_an_unknown_pipeline_alone_is_a_problem_of_its_own(read: Callable[..., SubmitOptions]) -> None:
    with pytest.raises(UnknownPipeline):
        read(("pipeline", "horoscope"))


def test_as_long_as_a_form_may_name_the_pipeline_none_is_taken_for_granted(
    read: Callable[..., SubmitOptions], refused: Callable[..., dict[str, str]]
) -> None:
    params = ("params", '{"scenes": {}}')
    assert read(params, complete=False).params == {"scenes": {}}
    assert set(refused(params)) == {"#/params/scenes"}
    assert set(refused(params, ("pipeline", "codes"), complete=False)) == {"#/params/scenes"}


# -- whatever is given ----------------------------------------------------------------------------------

NAMES = [*SubmitForm.model_fields, "colour", "a.b/c~d", "\0", ""]
_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_params = st.dictionaries(
    st.sampled_from(["text", "codes", "x"]),
    st.dictionaries(st.sampled_from(["min_confidence", "max_side", "languages", "formats", "x"]), _json, max_size=3),
)
_range = st.dictionaries(st.sampled_from(["start_s", "end_s", "start_frame", "end_frame", "x"]), _json, max_size=3)
VALUES = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "false", "text", "text_codes", "https://[", "http://x:99999", "1" * 5000, "1e400"]),
    _json.map(json.dumps),
    _params.map(json.dumps),
    st.lists(_range, max_size=3).map(json.dumps),
)
OPTIONS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8)


def answered(error: ReelworkError) -> dict[str, Any]:
    """Return the problem as a client gets it."""
    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": [], "server": ("x", 80)}
    answer = problems.answer(Request(scope), error)
    assert answer.status_code == 422
    return json.loads(bytes(answer.body))  # type: ignore[no-any-return]


def test_whatever_is_given_it_is_taken_or_told_what_is_wrong(acceptance: Acceptance) -> None:
    @given(OPTIONS)
    @example([("params", '{"text": {"min_confidence": 1e400}}')])
    @example([("ranges", '[{"start_frame": ' + "9" * 4000 + "}]")])
    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    def holds(given: Given) -> None:
        try:
            options = read_options(given, acceptance.check)
        except SubmissionRefused as error:
            for entry in answered(error).get("errors", []):
                assert set(entry) == {"option", "pointer", "detail"}
            return
        graph = acceptance.check(options)
        # What a job keeps must be storable, and can be sampled by.
        json.dumps([dict(options.sampling), graph.definition.to_json()], allow_nan=False, ensure_ascii=False).encode()
        graph.definition.sampling.with_options(**options.sampling).chooser()

    holds()
