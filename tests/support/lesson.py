"""Follow a page as its reader would: write the files it shows, type its commands, and see what it says one sees."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloning import beginning, inheriting_environment, inheriting_python, repository
from tests.support.shell import Shell, free_port
from tests.support.versions import PACKAGE
from tests.support.waiting import wait_until
from tools.pages import Block, blocks
from tools.tree import ROOT

USUAL = "http://127.0.0.1:8000"
_COMMAND = re.compile(r"^\$ (.*(?:\n> .*)*)\n?", re.MULTILINE)
_PLACE = re.compile(r"# (\S+\.\w+)\n")
_VARYING = re.compile(
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?P<date>\d{4}-\d\d-\d\d[ T]\d\d:\d\d)"
    r"|(?P<rest>\.\.\.)|(?P<seconds>\d+\.\d+s\b)|(?P<number>(?<![\d.])\d+\.\d+(?!\.?\d)|\d+(?=%))"
)
_PATTERNS = {
    "id": r"[0-9a-f-]{36}",
    "date": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d",
    "rest": r".*?",
    "seconds": r"[\d.]+s",
    "number": r" *(\d+(?:\.\d+)?)",
}
_TOLERANCE = {"number": 0.02, "percent": 2}
"""What models say differs a little between processors."""


class Lesson:
    """A directory, a shell in it, and a port for the service.

    Attributes:
        directory: Where Reelwork is cloned to.
        url: Where the service is that the reader starts.
    """

    def __init__(self, directory: Path, *, is_installed: bool = True) -> None:
        """Prepare it; nothing runs yet.

        Args:
            directory: An empty directory.
            is_installed: Whether the reader begins in ``directory`` of the lesson, as if Reelwork had been cloned into
                it and installed; otherwise above it, with what the page calls ``<repository>``.
        """
        self.directory = directory / "reelwork"
        self._repository = directory / "repository"
        if is_installed:
            self.directory.mkdir()
            for shown in ("media", "examples"):
                (self.directory / shown).symlink_to(ROOT / shown)
            commands = _installed(directory / "environment")
        else:
            repository(self._repository, "v0.1.0")
            commands = inheriting_python(directory)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **beginning(directory, commands),
            "REELWORK_PORT": str(port),
            "REELWORK_URL": self.url,
            "REELWORK_PROBE_PROCESSES": "1",
            "PYTHONDONTWRITEBYTECODE": "",  # each command would compile the package for itself
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # what packages are built with is here; to pip, 0 means: no isolation
        }
        self._begins_in = self.directory if is_installed else directory
        self._terminals: list[Shell] = []
        self._open_terminal()
        self._service_log = directory / "up.log"
        self._is_up = False

    def follow(self, test: str, page: str) -> None:
        """Do what the page says, block by block.

        Args:
            test: ``__file__`` of who runs it; blocks that others run are passed over.
            page: The page, from the root of the tree.

        Raises:
            AssertionError: Something else is to be seen than the page shows.
        """
        name = str(Path(test).relative_to(ROOT))
        mine = [block for block in blocks((ROOT / page).read_text()) if block.run_by == name]
        assert mine, f"{page} says of no block that {name} runs it"
        for block in mine:
            self.do(block)

    def do(self, block: Block) -> None:
        """Type the commands of a block, or write the file whose name is on its first line."""
        if block.language in ("console", "sh"):
            for command, shown in typed(block.text):
                self._type(command, shown)
        elif place := _PLACE.match(block.text):
            path = Path(self.run("pwd").strip()) / place[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        else:
            assert block.language != "python", f"line {block.line}: which file is it? Its first line should say"

    def run(self, command: str) -> str:
        """Type a command that no page shows; return what it prints."""
        command = command.replace(USUAL, self.url).replace("<repository>", str(self._repository))
        return self._terminals[-1].run(command).replace(self.url, USUAL)

    def close(self) -> None:
        """Kill whatever runs."""
        for terminal in self._terminals:
            terminal.close()

    def _open_terminal(self) -> None:
        self._terminals.append(Shell(self._begins_in, self._environment))

    def _type(self, command: str, shown: str) -> None:
        if command.startswith("reelwork up"):
            self._start(command, shown)
            return
        if command == "cd reelwork" and self._is_up:  # pages show that for a second terminal
            self._open_terminal()
        # Whether it succeeds is what it prints: a page shows refusals as well.
        printed = self.run(f"{command} || true")
        assert is_as_shown(printed, shown), f"$ {command}\n{printed}\n--- but the page shows\n{shown}"

    def _start(self, command: str, shown: str) -> None:
        """Start the service where a reader has another terminal; one that runs is stopped before."""
        if self._is_up:
            self.run("kill $SERVICE; wait $SERVICE || true")
        self._service_log.write_text("")  # what the service before told is not what this one tells
        self.run(f"{command} >{self._service_log} 2>&1 & SERVICE=$!")
        for line in shown.splitlines():
            wait_until(lambda line=line: self._is_told(line), timeout_s=60)
        self._is_up = True

    def _is_told(self, line: str) -> bool:
        told = self._service_log.read_text().replace(self.url, USUAL).splitlines()
        return any(is_as_shown(one, line) for one in told)


def typed(session: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a session, each with what it prints; lines that begin with ``>`` continue a command."""
    parts = _COMMAND.split(session)
    assert parts[0] == "", f"begins without a command:\n{session}"
    for command, shown in zip(parts[1::2], parts[2::2], strict=True):
        yield command.replace("\n> ", "\n"), shown


def is_as_shown(printed: str, shown: str) -> bool:
    """Tell whether something is what a page shows, where ``...`` stands for anything.

    Ids, dates and durations may be others, other numbers a little different.
    """
    kinds, pattern, end = [], "", 0
    shown = _trimmed(shown)
    for varying in _VARYING.finditer(shown):
        kind = str(varying.lastgroup)
        before = shown[end : varying.start()]
        pattern += re.escape(before.rstrip(" ") if kind == "number" else before) + _PATTERNS[kind]
        end = varying.end()
        if kind == "number":
            kinds.append((float(varying[0]), "percent" if shown[end : end + 1] == "%" else "number"))
    found = re.fullmatch(pattern + re.escape(shown[end:]), _trimmed(printed), re.DOTALL)
    return found is not None and all(
        float(number) == pytest.approx(wanted, abs=_TOLERANCE[kind])
        for number, (wanted, kind) in zip(found.groups(), kinds, strict=True)
    )


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _installed(environment: Path) -> Path:
    """Make an environment in which Reelwork is installed, and more can be; return the directory of its commands."""
    commands = inheriting_environment(environment, PACKAGE.parent)
    (commands / "reelwork").write_text(f'#!/bin/sh\nexec {commands / "python"} -m reelwork "$@"\n')
    (commands / "reelwork").chmod(0o755)
    return commands
