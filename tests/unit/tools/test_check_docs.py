"""Links to nowhere, commands that nobody runs and what no page names are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_docs import main
from tools.pages import anchors, blocks, links

HOW_TO = "docs/how-to/keys.md"
TUTORIAL = "docs/tutorial/first-pipeline.md"
TOLD = [
    (HOW_TO, "[x](nowhere.md)", f"{HOW_TO}: links to nowhere.md, but there is no docs/how-to/nowhere.md"),
    (HOW_TO, "[x](../../src/nowhere)", f"{HOW_TO}: links to ../../src/nowhere, but there is no src/nowhere"),
    (HOW_TO, "[x](operate.md#nothing)", "operate.md#nothing, but docs/how-to/operate.md has no such heading"),
    (HOW_TO, "[x](#nothing)", f"{HOW_TO}: links to #nothing, but {HOW_TO} has no such heading"),
    (HOW_TO, "[x][y]\n\n[y]: nowhere.md", f"{HOW_TO}: links to nowhere.md, but"),
    ("media/README.md", "[x](nowhere.mp4)", "media/README.md: links to nowhere.mp4, but there is no media/nowhere.mp4"),
    ("README.md", "<!-- run by tests/nowhere.py -->\n```sh\nls\n```", "tests/nowhere.py is said to run this block"),
    (
        "README.md",
        "<!-- run by tests/conftest.py -->\n```sh\nls\n```",
        "conftest.py is said to run this block, and does",
    ),
    ("docs/how-to/release.md", "```sh\nls\n```", ": say which test runs this block"),
    ("docs/how-to/release.md", "*Not run by a test: *\n\n```python\n```", ": say which test runs this block"),
    ("docs/tutorial/more.md", "```console\n$ ls\n```", "docs/tutorial/more.md:2: say which test runs this block"),
    (
        TUTORIAL,
        "<!-- run by tests/conftest.py -->\n```python\n```",
        "conftest.py is said to run this block, and does",
    ),
    (HOW_TO, "```bash\nls\n```", ": begins with ```bash; say sh, python, console, ini"),
    (HOW_TO, "```\nls\n```", ": begins with ```; say sh, python, console, ini"),
    (HOW_TO, "~~~sh\nls\n~~~", ": fence this code by ```, with its language"),
    ("README.md", "\n    reelwork up", ": fence this code by ```, with its language"),
    (
        "docs/how-to/roll-back.md",
        "```python\n```",
        "tests/acceptance/test_roll_back.py runs blocks of that page, but none that is python",
    ),
    (HOW_TO, "`REELWORK_NOTHING_S`", f"{HOW_TO}: names REELWORK_NOTHING_S, which nothing reads"),
    ("docs/explanation/more.md", "# More", "docs/explanation/more.md: is not listed in docs/README.md"),
    ("src/reelwork/settings.py", "    secret_s: float = Field(1)", "REELWORK_SECRET_S: is read by the code, and on no"),
    ("src/reelwork/logs.py", 'SECRET = "REELWORK_SECRET"', "REELWORK_SECRET: is read by the code, and on no page"),
]

UNLISTED = [
    ("src/reelwork/settings.py", "    host: str = ", '    more: str = Field("", description="x")\n    host: str = '),
    ("src/reelwork/cli/service.py", '"--lose-data"', '"--loose-data"'),
    ("src/reelwork/api/metrics.py", '"reelwork_workers"', '"reelwork_workers_alive"'),
    ("src/reelwork/api/problem_types.py", '"job-not-found"', '"no-such-job"'),
]


def test_the_documentation_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    code = main()
    assert capsys.readouterr().out == ""
    assert code == 0


@pytest.mark.parametrize(("path", "planted", "told"), TOLD)
def test_what_is_planted_is_told(
    tree: Path, path: str, planted: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tree / path).read_text() if (tree / path).exists() else None
    (tree / path).write_text(f"{before or ''}\n{planted}\n")

    assert main(tree) == 1

    if before is None:
        (tree / path).unlink()
    else:
        (tree / path).write_text(before)
    assert told in capsys.readouterr().out
    assert main(tree) == 0


def test_route_on_no_page_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tree / "docs/reference/openapi.json"
    before = document.read_text()
    document.write_text(before.replace('"/video/jobs/{job_id}/media"', '"/video/jobs/{job_id}/med"'))
    assert main(tree) == 1
    document.write_text(before)
    assert capsys.readouterr().out == "/video/jobs/{job_id}/med: is a route, and on no page\n"


def test_what_the_reference_lacks_is_told(tree: Path) -> None:
    content = {path: (tree / path).read_text() for path, _, _ in UNLISTED}
    for path, before, after in UNLISTED:
        assert before in content[path]
        (tree / path).write_text(content[path].replace(before, after, 1))
    command = [sys.executable, "scripts/write_reference.py", "--check"]
    environment = {"PYTHONPATH": f"{tree / 'src'}:{tree}"}

    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)

    for path, before in content.items():
        (tree / path).write_text(before)
    pages = ("settings", "metrics", "problems", "cli")
    assert done.stdout.splitlines() == [f"docs/reference/{page}.md is out of date" for page in pages], done.stderr
    assert done.returncode == 1


def test_blocks_know_who_runs_them() -> None:
    page = (
        "```sh\none\n```\n<!-- run by tests/a.py -->\n```python\ntwo\n```\n\n*Not run by a test: it\ncannot be.*\n\n"
        "```console\nthree\n```\n```sh\nfour\n```\n````text\n```sh\nnone\n```\n````\n"
    )
    assert [(block.line, block.language, block.text, block.run_by, block.is_excused) for block in blocks(page)] == [
        (1, "sh", "one\n", None, False),
        (5, "python", "two\n", "tests/a.py", False),
        (12, "console", "three\n", None, True),
        (15, "sh", "four\n", "tests/a.py", False),
        (18, "text", "```sh\nnone\n```\n", "tests/a.py", False),
    ]


def test_links_in_code_are_none() -> None:
    page = '[a](b.md) and `[c](d.md)`\n```text\n[e](f.md)\n```\n![g](h.png "i")\n[j]: k.md\n'
    assert list(links(page)) == ["b.md", "h.png", "k.md"]


def test_anchors_are_github_s() -> None:
    page = "# `reelwork up`: run, at once\n## [A](b.md) -- c_d\n## Twice\n```sh\n# no heading\n```\n### Twice\n"
    assert anchors(page) == {"reelwork-up-run-at-once", "a----c_d", "twice", "twice-1"}
