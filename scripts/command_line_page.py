"""The reference page of the command line, made from the commands themselves."""

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from reelwork.cli import app
from reelwork.cli.exits import MEANINGS

_HEAD = """# Command line

`reelwork COMMAND --help` says the same as this page, which is written by `scripts/write_reference.py`.

The commands that ask a service (`submit`, `jobs`, `status`, `show`, `results`, `frame`, `retry`, `delete`, `pipelines`,
`limits`) find it by `--url` or `REELWORK_URL`, and show it the API key of `--api-key` or `REELWORK_API_KEY`. With
`--json`, standard output holds JSON and nothing else, one object on each line where there are several; what went wrong
with one of several is an object with `error`, the problem that the service told. Everything for people (bars, accounts,
complaints) goes to standard error.

`reelwork --install-completion` makes the shell complete commands, options, pipelines and jobs.
"""
_ENVIRONMENT = """## Environment

| variable | meaning |
| --- | --- |
| `REELWORK_URL` | Where the service is; without it, <http://127.0.0.1:8000>. |
| `REELWORK_API_KEY` | The API key. Other users of the machine can read command lines: prefer the variable. |
| `REELWORK_TRACEBACK` | Set it to see where an unexpected error comes from. |

Those of the commands that run the service are in [settings.md](settings.md).
"""


def page() -> str:
    """Return the page."""
    reelwork, path = get_command(app), ("reelwork",)
    return "\n".join([_HEAD, *_exit_codes(), "", _ENVIRONMENT, *_command(reelwork, path), *_commands(reelwork, path)])


def _exit_codes() -> Iterator[str]:
    yield from ("## Exit codes", "", "| code | meaning |", "| --- | --- |")
    yield from (f"| {code:d} | {meaning} |" for code, meaning in MEANINGS.items())


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield from _command(command, (*path, name))


def _command(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([*path, *(_metavar(argument) for argument in arguments)])
    yield f"## `{usage}`\n"
    yield _described(command.help or "")
    rows = [_argument(argument) for argument in arguments if getattr(argument, "help", None)]
    rows += [_option(option) for option in options if not option.hidden]
    if rows:
        yield from ("| argument or option | default | meaning |", "| --- | --- | --- |", *rows, "")


def _described(written: str) -> str:
    """Return the help, its examples as code."""
    paragraphs = re.split(r"\n\s*\n", written.strip())
    said = [re.sub(r"\s+", " ", part) for part in paragraphs]
    return "\n\n".join(re.sub(r"^Example: (.*)$", r"    \1", part) for part in said) + "\n"


def _argument(argument: Any) -> str:
    return f"| `{_metavar(argument)}` | {_default(argument)} | {_cell(argument.help)} |"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    variable = f" (`{option.envvar}`)" if option.envvar else ""
    return f"| {names}{variable} | {_default(option)} | {_cell(option.help or '')} |"


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    default = parameter.default
    if default is None or default is False or default == [] or callable(default) or not parameter.show_default:
        return ""
    return f"`{getattr(default, 'value', default)}`"


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _cell(written: str) -> str:
    return re.sub(r"\s+", " ", written).replace("|", "\\|")
