"""What stands for something Reelwork is not is found, and what only looks like it is not."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tools.check_vocabulary import breaches, main
from tools.tree import ROOT
from tools.vocabulary import Term, Vocabulary, read_vocabulary
from tools.words import Place

VOCABULARY = read_vocabulary()
PLANTED_IN = {
    Place.IDENTIFIERS: "src/reelwork/planted.py",
    Place.STRINGS: "src/reelwork/planted.py",
    Place.ROUTES: "src/reelwork/api/planted.py",
    Place.SETTINGS: "src/reelwork/settings.py",
    Place.DEPENDENCIES: "requirements/runtime.txt",
    Place.MIGRATIONS: "src/reelwork/db/migrations/versions/0099_planted.py",
    Place.TEXT: "src/reelwork/api/static/planted.js",
}


def examples(kind: str) -> list[object]:
    return [
        pytest.param(term, place, example, id=f"{term.concept}-{place}-{example}")
        for term in VOCABULARY.terms
        for place, planted in getattr(term, kind).items()
        for example in planted
    ]


def only(term: Term, **changes: object) -> Vocabulary:
    """Return a vocabulary of one term, changed."""
    # Made anew: a copy of the model would keep the expression that it has made of its patterns.
    changed = Term.model_validate({**term.model_dump(), **changes})
    return VOCABULARY.model_copy(update={"terms": [changed]})


def plant(root: Path, place: Place, example: str) -> None:
    path = root / (example if place is Place.PATHS else PLANTED_IN[place])
    path.parent.mkdir(parents=True)
    path.write_text("" if place is Place.PATHS else f"{example}\n")


def found(root: Path, vocabulary: Vocabulary = VOCABULARY) -> list[tuple[str, str]]:
    """Return the concepts that are broken, and the words that do."""
    return [(term.concept, words) for _, term, words in breaches(root, vocabulary)]


@pytest.mark.parametrize(("term", "place", "example"), examples("breaches"))
def test_breach_is_found_where_it_stands(tmp_path: Path, term: Term, place: Place, example: str) -> None:
    plant(tmp_path, place, example)

    assert found(tmp_path, only(term, where=[place]))


@pytest.mark.parametrize(("term", "place", "example"), examples("innocent"))
def test_innocent_twin_passes_every_term(tmp_path: Path, term: Term, place: Place, example: str) -> None:
    plant(tmp_path, place, example)

    assert found(tmp_path) == []


@pytest.mark.parametrize("term", VOCABULARY.terms, ids=lambda term: f"{term.concept}-{term.patterns[0].pattern}")
def test_every_pattern_and_place_has_its_examples(tmp_path: Path, term: Term) -> None:
    assert term.breaches.keys() == term.innocent.keys() == set(term.where)
    planted = [(place, example) for place, examples in term.breaches.items() for example in examples]
    for number, (place, example) in enumerate(planted):
        plant(tmp_path / str(number), place, example)

    for pattern in term.patterns:
        alone = only(term, patterns=[pattern])
        assert any(found(tmp_path / str(number), alone) for number in range(len(planted))), pattern


def test_the_tree_keeps_to_it() -> None:
    assert main() == 0


@pytest.mark.parametrize(
    ("path", "line", "told"),
    [
        pytest.param(
            "src/reelwork/api/status.py",
            "router.add_api_websocket_route('/video/follow', follow)",
            "'websocket' in identifiers stands for WebSockets",
            id="WebSocket route",
        ),
        pytest.param(
            "src/reelwork/api/results.py",
            "EVENTS = StreamingResponse(pieces, media_type='text/event-stream')",
            "'event stream' in strings stands for server-sent events",
            id="event stream",
        ),
        pytest.param(
            "src/reelwork/settings.py",
            "class WorkerSettings(BaseSettings):\n    cuda_devices: str = Field('', description='Where jobs run.')",
            "'cuda' in identifiers stands for GPU scheduling",
            id="CUDA scheduling setting",
        ),
        pytest.param(
            "src/reelwork/jobs/model.py",
            "frames_done = mapped_column(Integer)",
            "'frames done' in identifiers stands for frame-level progress",
            id="frame-level progress",
        ),
        pytest.param(
            "requirements/runtime.txt",
            "websockets==15.0.1 \\",
            "'websockets' in dependencies stands for WebSockets",
            id="pinned dependency",
        ),
    ],
)
def test_breach_in_the_tree_is_told_with_its_place(
    tmp_path: Path, path: str, line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (ROOT / path).read_text()
    planted = tmp_path / path
    planted.parent.mkdir(parents=True)
    planted.write_text(f"{content}{line}\n")

    assert main(tmp_path) == 1

    last = content.count("\n") + line.count("\n") + 1
    assert f"{path}:{last}: {told}." in capsys.readouterr().out
    planted.write_text(content)
    assert main(tmp_path) == 0


def test_dependency_in_a_project_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = (ROOT / "pyproject.toml").read_text().replace('"onnxruntime>=1.20"', '"onnxruntime-gpu>=1.20"')
    lines = project.splitlines()
    (tmp_path / "pyproject.toml").write_text(project)

    assert main(tmp_path) == 1

    number = lines.index('  "onnxruntime-gpu>=1.20",') + 1
    assert f"pyproject.toml:{number}: 'gpu' in dependencies" in capsys.readouterr().out


def test_reason_and_remedy_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rtsp.py").touch()

    assert main(tmp_path) == 1

    concept = VOCABULARY.concepts["live streaming"]
    output = capsys.readouterr().out
    assert concept.reason in output
    assert concept.instead in output


def test_what_is_said_of_it_passes(tmp_path: Path) -> None:
    code = '"""There are no WebSockets."""\n\n\ndef frames():\n    """No event stream, no CUDA."""  # no GPU either\n'
    (tmp_path / "frames.py").write_text(code)
    (tmp_path / "scope.md").write_text("No WebSockets, no GPUs.\n")

    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("feed.js", "// no WebSocket here: the page polls"),
        ("feed.js", "poll();  // no WebSocket"),
        ("page.html", "<!-- no WebSocket -->"),
        ("page.css", "/* no WebSocket,\n   no GPU */"),
        ("ci.yml", "# no GPU"),
        ("ci.yml", "threads: 1  # no GPU"),
    ],
)
def test_comments_may_say_what_is_not_there(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(f"{line}\n")

    assert found(tmp_path) == []


@pytest.mark.parametrize(
    "script",
    [
        "class Feed {\n  #socket = new WebSocket(address);\n}",
        "/* told */ new WebSocket(address);",
        "accept('video/*'); new WebSocket(address); /* told */",
        "fetch('http://x'); new WebSocket(address);",
    ],
)
def test_what_is_no_comment_is_read(tmp_path: Path, script: str) -> None:
    (tmp_path / "feed.js").write_text(f"{script}\n")

    assert found(tmp_path) == [("WebSockets", "web socket")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("feed.js", "const told = 'für'; new WebSocket(address);"),
        ("feed.py", "# -*- coding: latin-1 -*-\ntold = 'für'\nfollow = WebSocket()"),
    ],
)
def test_other_encodings_hide_nothing(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "latin-1")

    assert found(tmp_path) == [("WebSockets", "web socket")]


def test_words_are_allowed_in_their_own_file_only(tmp_path: Path) -> None:
    for path in ("src/reelwork/cli/local_run.py", "src/reelwork/jobs/store.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("frames_done = 0\n")

    assert [str(saying.path) for saying, _, _ in breaches(tmp_path, VOCABULARY)] == ["src/reelwork/jobs/store.py"]


def test_allowed_words_do_not_cover_for_others(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("class Settings:\n    upload_stream_of_streams: str = ''\n")

    assert found(tmp_path) == [("live streaming", "streams")]


def test_malformed_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="regular expression"):
        only(VOCABULARY.terms[0], patterns=["("])


def test_term_without_a_reason_is_refused() -> None:
    with pytest.raises(ValidationError, match="no such concepts"):
        Vocabulary.model_validate({**VOCABULARY.model_dump(), "concepts": {}})
