"""Check that the tree is the one shown, and that names say what is in it; `python -m tools.check_paths`.

What may import what is not looked at here: that is `make architecture`.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from tools.report import report
from tools.tree import ROOT, source_files
from tools.words import words

Paths = Sequence[PurePosixPath]

PACKAGE = PurePosixPath("src/reelwork")
MIGRATIONS = PACKAGE / "db/migrations/versions"
UNIT_TESTS = PurePosixPath("tests/unit")
ABOUT_THE_TREE = ("architecture", "reference_pages")
"""What files directly in ``tests/unit`` may be about beside the modules of the package."""

NAMES = {
    r"phases?|alpha|beta|"
    r"(phase|sprint|milestone|iteration|increment|story|epic|session|step|stage|part|week) ?(\d+|one|two|three)": (
        "is named after a stage of the work; name it after what it does"
    ),
    r"(v|ver|version|rev) ?\d+|old|new|legacy|final|backup|wip|draft|bak|orig|tmp|(?<=\w )copy(?= \w+$)": (
        "is named after a version; let the tree hold one, and git the others"
    ),
    r"(issue|ticket|task|bug|pr|gh|fix|jira|reelwork) ?\d+": "is named after a ticket; name it after what it does",
    r"(utils?|helpers?|common|core|libs?|base|interfaces)\d*|utility|utilities|misc|miscellaneous|stuff": (
        "is named as a bucket; name it after the one thing that is in it"
    ),
}
_TICKET = re.compile(r"\b(?!AV|HTTP|ISO|MPEG|RFC|SHA|TLS|UTF)[A-Z]{2,}-\d+")


def breaches(root: Path) -> Iterator[str]:
    """Yield a sentence for every path that breaks a rule."""
    paths = source_files(root)
    yield from undocumented(paths, documented_tree(root))
    yield from misnamed(paths)
    yield from misplaced_tests(paths)
    yield from broken_chain(root, [path for path in paths if path.parent == MIGRATIONS])


def documented_tree(root: Path) -> Mapping[PurePosixPath, set[str]]:
    """Return the names that ARCHITECTURE.md shows, by the directory in which they are.

    Raises:
        ValueError: It has no section "The tree" with a block in it.
    """
    block = re.search(
        r"^## The tree$.*?^```$(.*?)^```$", (root / "ARCHITECTURE.md").read_text(), re.DOTALL | re.MULTILINE
    )
    if block is None:
        raise ValueError("ARCHITECTURE.md has no block below '## The tree'")
    shown: dict[PurePosixPath, set[str]] = {}
    top = PurePosixPath()
    for line in filter(None, block[1].splitlines()):
        names = re.split(r"\s{2,}", line.strip())[0].replace("/", "").split(", ")
        parent = top if line.startswith(" ") else PurePosixPath()
        shown.setdefault(parent, set()).update(names)
        top = PurePosixPath(names[0]) if parent == PurePosixPath() else top
    return shown


def undocumented(paths: Paths, shown: Mapping[PurePosixPath, set[str]]) -> Iterator[str]:
    """Yield what is in a directory that is shown, but not shown there, and what is shown but is not there."""
    for parent, names in shown.items():
        depth = len(parent.parts)
        there = {path.parts[depth] for path in paths if path.parts[:depth] == parent.parts}
        for name in sorted(there - names):
            yield f"{parent / name}: is not in the tree of ARCHITECTURE.md; put it where it belongs, or show it there"
        for name in sorted(names - there):
            yield f"{parent / name}: is in the tree of ARCHITECTURE.md alone; take it out there"


def misnamed(paths: Paths) -> Iterator[str]:
    """Yield files and directories whose names say nothing of what is in them."""
    for path in sorted({path for each in paths for path in (each, *each.parents)}):
        said = words(path.name)
        for pattern, why in NAMES.items():
            if found := re.search(rf"\b({pattern})\b", said):
                yield f"{path}: {why} ({found[0]!r})"
        if found := _TICKET.search(path.name):
            yield f"{path}: is named after a ticket; name it after what it does ({found[0]!r})"


def misplaced_tests(paths: Paths) -> Iterator[str]:
    """Yield unit tests that do not stand where their subject does.

    A directory below ``tests/unit`` is called as the one whose code it tests: in the package, in the root (``tools``)
    or in ``tests`` (``soak``). A file directly in ``tests/unit`` is called as a module of the package, or is about
    the tree. Within such a directory, files are called after what is tested, which may be less or more than a module.
    Every package directly in the package has such a directory, with tests in it.
    """
    directories = {parent for path in paths for parent in path.parents}
    for directory in sorted(directories):
        if UNIT_TESTS in directory.parents:
            below = directory.relative_to(UNIT_TESTS)
            if not directories & {PACKAGE / below, below, UNIT_TESTS.parent / below}:
                yield f"{directory}: tests no directory of that name; call it as the package whose code it tests"
    tests = [path for path in paths if path.match("test_*.py")]
    for package in sorted(
        path.parent for path in paths if path.match("*/__init__.py") and path.parent.parent == PACKAGE
    ):
        its_tests = UNIT_TESTS / package.name
        if not any(its_tests in path.parents for path in tests):
            yield f"{package}: has no tests in {its_tests}"
    yield from (
        f"{path}: is a test in the package; put it into {UNIT_TESTS}" for path in tests if PACKAGE in path.parents
    )
    for path in (path for path in tests if path.parent == UNIT_TESTS):
        subject = path.stem.removeprefix("test_")
        if PACKAGE / f"{subject}.py" not in paths and subject not in ABOUT_THE_TREE:
            yield f"{path}: tests no module {PACKAGE / subject}.py; put it beside the tests of its package"


def broken_chain(root: Path, migrations: Paths) -> Iterator[str]:
    """Yield migrations that are not `NNNN_what_it_does.py`, counted from 0001, each following the one before."""
    before = None
    for number, path in enumerate((path for path in migrations if path.suffix == ".py"), start=1):
        revision = f"{number:04}"
        if not re.fullmatch(rf"{revision}_[a-z]+(_[a-z]+)*\.py", path.name):
            yield f"{path}: must be called {revision}_what_it_does.py: migrations are numbered without gap or fork"
        stated = _assigned(root / path)
        if stated.get("revision") != revision:
            yield f"{path}: must be revision {revision!r}, not {stated.get('revision')!r}"
        if stated.get("down_revision") != before:
            yield f"{path}: must follow {before!r}, not {stated.get('down_revision')!r}: the chain has one head"
        before = revision


def _assigned(path: Path) -> dict[str, object]:
    """Return the literals that a module assigns to names."""
    return {
        target.id: statement.value.value
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def main(root: Path = ROOT) -> int:
    """Print what breaks a rule, and what to do; return 1 if anything does."""
    return report(breaches(root))


if __name__ == "__main__":
    sys.exit(main())
