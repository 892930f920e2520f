"""The site holds every page, leads nowhere that is not there, and fetches nothing from elsewhere."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from scripts.build_site import SITE_CONFIGURATION, main, place
from tools.tree import ROOT, source_files

COUNTED = {"li", "ul", "ol", "table", "tr", "blockquote", "h2", "h3", "h4", "em", "strong", "img"}
LISTED = ["tutorial", "how-to", "reference", "explanation", "adr"]
BROKEN = ["[x](nowhere.md)", "[x](keys.md#nothing)", "![x](nowhere.svg)", "[x](../../src/nowhere.py)", "[x](#nothing)"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages; of all other files, that they are there."""
    root = tmp_path_factory.mktemp("tree")
    for path in source_files(ROOT):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        is_needed = path.suffix == ".md" or path.parts[0] == "docs" or path == SITE_CONFIGURATION
        (root / path).write_bytes((ROOT / path).read_bytes() if is_needed else b"")
    return root


@pytest.fixture(scope="module")
def site(tree: Path) -> Path:
    """The site of the tree as it stands."""
    assert main(tree) == 0
    return tree / "build" / "site"


class _Elements(HTMLParser):
    """Counts elements, and keeps what is fetched with the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.fetched: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        addresses = {value for name, value in attrs if name in ("src", "href") and value}
        self.fetched |= addresses if tag in ("script", "link", "img", "iframe") else set()


def test_every_page_is_there(site: Path) -> None:
    pages = [path for name in LISTED for path in (ROOT / "docs" / name).glob("*.md") if path.name != "README.md"]
    expected = {f"{page.parent.name}/{page.stem}.html" for page in pages}
    expected |= {
        "architecture.html",
        "contributing.html",
        "release-notes.html",
        "examples/analyzer-template/index.html",
    }
    home = (site / "index.html").read_text()
    assert "<h1" in home
    assert "An accepted job is never lost" in home
    # Each is built, and in the navigation of every page.
    assert {name for name in expected if not (site / name).is_file()} == set()
    assert {name for name in expected if f'"./{name}"' not in home} == set()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = _Elements(page.read_text()).fetched
        assert fetched, page
        assert {address for address in fetched if re.match(r"(\w+:)?//", address)} == set(), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", sheet.read_text()), sheet


def test_pages_look_as_they_do_elsewhere(tree: Path, site: Path) -> None:
    markdown = MarkdownIt("commonmark").enable("table")
    pages = {path: site / place(path).with_suffix(".html") for path in source_files(tree) if path.suffix == ".md"}
    built = {path: page.read_text() for path, page in pages.items() if page.exists()}
    assert len(built) > len(LISTED)
    for path, html in built.items():
        article = re.search(r"<article[^>]*>(.*?)</article>", html, re.DOTALL)
        assert article, path
        shown, meant = _Elements(article[1]).counts, _Elements(markdown.render((tree / path).read_text())).counts
        assert {tag: shown[tag] for tag in COUNTED} == {tag: meant[tag] for tag in COUNTED}, path


def test_source_files_are_named_instead_of_linked(site: Path) -> None:
    page = (site / "architecture.html").read_text()
    assert "<code>src/reelwork/api/submit.py</code>" in page
    assert 'href="src/' not in page


@pytest.mark.parametrize("planted", BROKEN)
def test_broken_link_fails_the_build(tree: Path, planted: str, capfd: pytest.CaptureFixture[str]) -> None:
    with _planted(tree, planted):
        assert main(tree) == 1
    assert f"links to {planted.partition('(')[2][:-1]}, but" in capfd.readouterr().out


def test_warning_of_the_builder_fails_the_build(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.build_site.broken_links", lambda pages, there: [])
    with _planted(tree, BROKEN[0]):
        assert main(tree) == 1
    assert "1 issue found" in capfd.readouterr().err


@contextmanager
def _planted(tree: Path, words: str) -> Iterator[None]:
    page = tree / "docs" / "how-to" / "operate.md"
    before = page.read_text()
    page.write_text(f"{before}\n{words}\n")
    yield
    page.write_text(before)
