"""What the commands say of themselves."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from reelwork.cli import app


def commands(group: Any, path: str = "reelwork") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(get_command(app)))


@pytest.mark.parametrize("called", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(called: str) -> None:
    command = COMMANDS[called]
    assert "Example: " in command.help
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            assert getattr(parameter, "help", None), parameter.name


def test_help_loads_neither_rich_nor_http() -> None:
    program = (
        "import sys; sys.argv = ['reelwork', 'submit', '--help']\n"
        "from reelwork.cli import app\n"
        "app(standalone_mode=False)\n"
        "loaded = {'rich', 'httpx', 'numpy', 'sqlalchemy', 'fastapi'} & set(sys.modules)\n"
        "print('loaded:', *sorted(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "Example: reelwork submit --wait clip.mp4" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"
