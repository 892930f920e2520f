"""Build the documentation's site into `build/site`; a warning, such as a link that leads nowhere, is an error.

The site holds the README as its home, `docs/README.md`, and every page that it leads to. These are laid out in
`build/site-source`, with their links as they have to be there; links to source files, which the site does not carry,
become their paths. The navigation is the list in `docs/README.md`: a page that is listed there needs nothing else.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from tools.check_docs import broken_links
from tools.pages import links
from tools.report import report
from tools.tree import ROOT, source_files

DOCS = PurePosixPath("docs")
HOME, CONTENTS = PurePosixPath("README.md"), DOCS / "README.md"
SITE_CONFIGURATION = PurePosixPath("scripts/site.toml")
PLACES = {
    HOME: PurePosixPath("index.md"),
    CONTENTS: PurePosixPath("contents.md"),
    PurePosixPath("CHANGELOG.md"): PurePosixPath("release-notes.md"),
}
"""Where pages stand in the site that do not stand where they do in the tree."""
TITLES = {PurePosixPath("CHANGELOG.md"): "Release notes"}

_PART = re.compile(
    r"^ *(?P<fence>```+).*?^ *(?P=fence)$"
    r"|(?P<shown>!?)\[(?P<said>[^\]]*)\]\((?P<target>[^()\s]+)\)"
    r"|(?P<quote>`+).+?(?P=quote)",
    re.DOTALL | re.MULTILINE,
)
"""A block, a link (whose words may be code), or code: only the link is looked into."""
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_SECTION = re.compile(r"^## ([^:\n]+)(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


Entry = dict[str, "str | list[Entry]"]
"""An entry of the navigation: its title, and its page or the entries below it."""


def lay_out(root: Path, build: Path) -> list[str]:
    """Write the pages, what they show, and what Zensical is to know of them; return what is wrong with links."""
    files = set(source_files(root))
    pages = _pages(root, files)
    for path, text in pages.items():
        _write(build / "site-source" / place(path), reindented(relinked(path, text, pages, files)))
    for path in files - pages.keys():
        if DOCS in path.parents:
            _write(build / "site-source" / place(path), (root / path).read_text())
    listed = json.dumps(list(navigation(pages)), ensure_ascii=False).replace('": ', '" = ')
    head, project, rest = (root / SITE_CONFIGURATION).read_text().partition("[project]\n")
    _write(build / "zensical.toml", f"{head}{project}nav = {listed}\n{rest}")
    return list(broken_links(pages, {each for path in files for each in (path, *path.parents)}))


def place(path: PurePosixPath) -> PurePosixPath:
    """Return where a file stands in the site."""
    below = path.relative_to(DOCS) if DOCS in path.parents else PurePosixPath(str(path).lower())
    return PLACES.get(path) or (below.with_name("index.md") if path.name == "README.md" else below)


def _pages(root: Path, files: set[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the text of every page that the home or the list of pages leads to, at however many removes."""
    pages: dict[PurePosixPath, str] = {}
    to_read = [HOME, CONTENTS]
    while to_read:
        path = to_read.pop()
        if path not in pages:
            pages[path] = (root / path).read_text()
            to_read += [aim for aim in _aims(path, pages[path]) if aim in files]
    return pages


def _aims(path: PurePosixPath, text: str) -> Iterator[PurePosixPath]:
    """Yield the pages that a page leads to, in order; a directory's is its README."""
    for link in links(text):
        if ":" not in link and not link.startswith("#"):
            aim = _aim(path, link)
            yield aim if aim.suffix == ".md" else aim / "README.md"


def _aim(path: PurePosixPath, link: str) -> PurePosixPath:
    return PurePosixPath(normpath(path.parent / link.partition("#")[0]))


def relinked(path: PurePosixPath, text: str, pages: Mapping[PurePosixPath, str], files: set[PurePosixPath]) -> str:
    """Return a page with its links as they have to be in the site.

    One to a file of the tree that the site does not carry becomes its path. One that leads nowhere stays as it is.
    """
    directories = {parent for each in files for parent in each.parents}

    def link(found: re.Match[str]) -> str:
        target, said = found["target"], found["said"]
        if target is None or ":" in target or target.startswith("#"):
            return found[0]
        aim = _aim(path, target)
        aim = aim / "README.md" if aim / "README.md" in pages else aim
        if aim in pages or (DOCS in aim.parents and aim in files):
            anchor = target[target.find("#") :] if "#" in target else ""
            return f"{found['shown']}[{said}]({relpath(place(aim), place(path).parent)}{anchor})"
        if aim in files | directories:
            return f"`{aim}`" if str(aim).endswith(said.strip("`")) else f"{said} (`{aim}`)"
        return found[0]

    return _PART.sub(link, text)


def reindented(text: str) -> str:
    """Return a page with its lists as Zensical wants them, where less is enough elsewhere.

    What belongs to an item is indented by four spaces, not only by as many as the item's mark is wide, and a blank line
    comes before an item that follows another one's second paragraph.
    """
    lines, width, fence, has_blank = [""], 0, False, False
    for line in text.splitlines():
        fence ^= line.startswith("```")
        mark = None if fence else _ITEM.match(line)
        if mark:
            lines += [""] * (width > 0 and has_blank and lines[-1] != "")
            width, has_blank = len(mark[0]), False
        elif width and line.startswith(" " * width):
            line = " " * 4 + line[width:]
        elif line:
            width = 0
        has_blank |= not line
        lines.append(line)
    return "\n".join([*lines[1:], ""])


def navigation(pages: Mapping[PurePosixPath, str]) -> Iterator[Entry]:
    """Yield the navigation: the home, the list of pages, and each of its sections with what it lists."""
    listed = {HOME, CONTENTS}
    yield {"Reelwork": str(place(HOME))}
    yield {"All pages": str(place(CONTENTS))}
    for section, said in _SECTION.findall(pages[CONTENTS]):
        yield {section: list(_entries(CONTENTS, said, pages, listed))}


def _entries(
    path: PurePosixPath, said: str, pages: Mapping[PurePosixPath, str], listed: set[PurePosixPath]
) -> Iterator[Entry]:
    """Yield what a part of a page lists and was not listed before; the list of a directory holds what is in it."""
    for aim in _aims(path, said):
        if aim not in pages or aim in listed:
            continue
        listed.add(aim)
        entry: Entry = {_title(aim, pages): str(place(aim))}
        within = {page: pages[page] for page in pages if aim.parent in page.parents}
        below = list(_entries(aim, pages[aim], within, listed)) if aim.name == "README.md" else []
        yield {_title(aim, pages): [entry, *below]} if below else entry


def _title(path: PurePosixPath, pages: Mapping[PurePosixPath, str]) -> str:
    found = _TITLE.search(pages[path])
    return TITLES.get(path) or (found[1].replace("`", "") if found else path.stem)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(root: Path = ROOT) -> int:
    """Lay the site out and build it; return the exit code."""
    build = root / "build"
    for directory in ("site-source", "site"):
        shutil.rmtree(build / directory, ignore_errors=True)
    wrong = report(lay_out(root, build))
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return wrong or subprocess.run(command, cwd=build, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
