"""Check that the documentation is whole; `python -m tools.check_docs`.

That the reference pages say what the code says is not looked at here: `python scripts/write_reference.py --check`.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath

from tools.pages import anchors, blocks, links, unfenced
from tools.report import report
from tools.tree import ROOT, source_files

Pages = Mapping[PurePosixPath, str]

DOCS = PurePosixPath("docs")
OPENAPI = DOCS / "reference" / "openapi.json"
SETTINGS = PurePosixPath("src/reelwork/settings.py")
FOLLOWED = (DOCS / "how-to", DOCS / "tutorial")
"""Where pages are that people follow command by command, as they do the README."""
TO_BE_RUN = ("sh", "python", "console")
SHOWN = ("ini", "json", "nginx", "text", "toml", "yaml")
_VARIABLE = re.compile(r"\bREELWORK_[A-Z]+(?:_[A-Z]+)*\b")
_LITERAL = re.compile(rf'"({_VARIABLE.pattern})"')
_FIELD = re.compile(r"^    ([a-z_]+): .*(?:=|$)", re.MULTILINE)


def breaches(root: Path) -> Iterator[str]:
    """Yield a sentence for everything that is missing or leads nowhere."""
    paths = source_files(root)
    pages = {path: (root / path).read_text() for path in paths if path.suffix == ".md"}
    yield from broken_links(pages, {each for path in paths for each in (path, *path.parents)})
    yield from unlisted(pages)
    yield from blocks_not_run(root, pages)
    yield from variables(pages, known_variables(root, [path for path in paths if path.suffix == ".py"]))
    yield from undocumented_routes(pages, json.loads((root / OPENAPI).read_text()))


def broken_links(pages: Pages, there: set[PurePosixPath]) -> Iterator[str]:
    """Yield links within the tree whose page, file or heading is not there."""
    for path, page in pages.items():
        for link in links(page):
            target, _, anchor = link.partition("#")
            if ":" in target:
                continue
            aim = PurePosixPath(normpath(path.parent / target)) if target else path
            if aim not in there:
                yield f"{path}: links to {link}, but there is no {aim}"
            elif anchor and aim in pages and anchor not in anchors(pages[aim]):
                yield f"{path}: links to {link}, but {aim} has no such heading"


def unlisted(pages: Pages) -> Iterator[str]:
    """Yield pages below docs that neither its README nor that of their directory links to."""
    for path in pages:
        indexes = {DOCS / "README.md", path.parent / "README.md"}
        if DOCS in path.parents and path not in indexes:
            listed = {normpath(index.parent / link) for index in indexes & pages.keys() for link in links(pages[index])}
            if str(path) not in listed:
                yield f"{path}: is not listed in docs/README.md"


def blocks_not_run(root: Path, pages: Pages) -> Iterator[str]:
    """Yield blocks of commands and code, where people follow them, that no test runs and nothing excuses."""
    for path, page in pages.items():
        if path != PurePosixPath("README.md") and path.parent not in FOLLOWED:
            continue
        for line in unfenced(page):
            yield f"{path}:{line}: fence this code by ```, with its language: other code is seen by no check"
        for block in blocks(page):
            if block.language not in (*TO_BE_RUN, *SHOWN):
                yield f"{path}:{block.line}: begins with ```{block.language}; say {', '.join((*TO_BE_RUN, *SHOWN))}"
            if block.language not in TO_BE_RUN or block.is_excused:
                continue
            if block.run_by is None:
                yield (
                    f"{path}:{block.line}: say which test runs this block, <!-- run by tests/... -->, "
                    "or in a paragraph above why none does, *Not run by a test: ...*"
                )
                continue
            test = (root / block.run_by).read_text() if (root / block.run_by).is_file() else ""
            if path.name not in test:
                yield f"{path}:{block.line}: {block.run_by} is said to run this block, and does not know the page"
            elif f'"{block.language}"' not in test and ".follow(" not in test:
                yield f"{path}:{block.line}: {block.run_by} runs blocks of that page, but none that is {block.language}"


def known_variables(root: Path, modules: list[PurePosixPath]) -> set[str]:
    """Return the environment variables that the code reads: settings, and literals that are a name of one."""
    settings = {f"REELWORK_{field.upper()}" for field in _FIELD.findall((root / SETTINGS).read_text())}
    package = [path for path in modules if SETTINGS.parent in path.parents]
    return settings.union(*(_LITERAL.findall((root / path).read_text()) for path in package))


def variables(pages: Pages, known: set[str]) -> Iterator[str]:
    """Yield environment variables that no page names, and those that a page names but nothing reads."""
    named = {path: set(_VARIABLE.findall(page)) for path, page in pages.items()}
    for variable in sorted(known - set().union(*named.values())):
        yield f"{variable}: is read by the code, and on no page"
    for path, names in named.items():
        for variable in sorted(names - known):
            yield f"{path}: names {variable}, which nothing reads"


def undocumented_routes(pages: Pages, document: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield routes of the API's document that no page names."""
    named = "\n".join(pages.values())
    for route in document["paths"]:
        if not re.search(rf"{re.escape(route)}(?![\w/{{])", named):
            yield f"{route}: is a route, and on no page"


def main(root: Path = ROOT) -> int:
    """Print what is missing or leads nowhere; return 1 if anything does."""
    return report(breaches(root))


if __name__ == "__main__":
    sys.exit(main())
