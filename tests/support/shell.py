"""One shell in which the commands of a page are run, block by block."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tools.pages import Block, blocks
from tools.tree import ROOT


def blocks_run_by(test: str, page: str, language: str) -> list[Block]:
    """Return the blocks of a page that it says are run by this test, ``__file__``."""
    name = str(Path(test).relative_to(ROOT))
    return [block for block in blocks((ROOT / page).read_text()) if (block.run_by, block.language) == (name, language)]


def with_values(block: Block, values: Mapping[str, object]) -> str:
    """Return a block of assignments with other values; it must assign each of these, and nothing else."""
    assigned = re.findall(r"^(?:export )?(\w+)=", block.text, re.MULTILINE)
    assert sorted(assigned) == sorted(values)
    return re.sub(r"^((?:export )?(\w+)=).*$", lambda line: f"{line[1]}'{values[line[2]]}'", block.text, flags=re.M)


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody else is given before a command listens there."""
    for port in _ports:
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there are no ports left")


def _own_ports() -> Iterator[int]:
    """Yield ports below those that the kernel gives away; each process of a test run has its own."""
    first = 12_000 + 2_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10)
    begin = secrets.randbelow(2_000)  # another test run on this machine has the same ones
    yield from (first + (begin + number) % 2_000 for number in range(2_000))


_ports = _own_ports()


def has_written(log: Path, text: str) -> bool:
    """Tell whether a command that was started in the background has written something to its log."""
    return log.exists() and text in log.read_text()


class Shell:
    """A shell that remembers its variables and its background processes from one block to the next."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        self._process = subprocess.Popen(
            ["sh"],
            cwd=directory,
            env={**inherited, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            process_group=0,
        )
        self.run("set -eu")
        if shutil.which("curl") is None:
            self.run(f'curl() {{ {sys.executable} {ROOT / "tests" / "support" / "curl.py"} "$@"; }}')

    def run(self, commands: str, *, fails: bool = False) -> str:
        """Run commands and return what they print.

        Args:
            commands: As they stand on the page.
            fails: Whether the last of them is expected to.
        """
        end = f"end of {uuid4()}"
        script = f"if {{ {commands}\n}}; then exit 9; fi" if fails else commands
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{script}\necho {end}\n")
        printed = []
        for line in self._process.stdout:
            printed.append(line.removesuffix(f"{end}\n"))
            if line.endswith(f"{end}\n"):  # behind whatever was printed last without the end of a line
                return "".join(printed)
        raise AssertionError(f"ended with {self._process.wait()}:\n{commands}\n{''.join(printed)}")

    def close(self) -> None:
        """Kill the shell and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
