"""What pages about installing begin with, without the network: a repository to clone, and a Python to install with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from venv import EnvBuilder

from tools.tree import ROOT, source_files

AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.org"))
}
"""The environment of whoever commits."""
_COMMAND = f"""\
#!/bin/sh
case "$1 $2" in
"-m venv") cd '{ROOT}' && exec '{sys.executable}' -m tests.support.cloning "$OLDPWD/$3" ;;
*) exec '{sys.executable}' "$@" ;;
esac
"""


def repository(directory: Path, tag: str) -> Path:
    """Make a repository with the tree as it is in one tagged commit; return it."""
    for path in source_files(ROOT):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, directory / path)
    for command in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "Everything"),
        ("tag", tag),
    ):
        # Without a home: what git is told there does not count here.
        subprocess.run(["git", *command], cwd=directory, env={"PATH": os.environ["PATH"], **AUTHOR}, check=True)
    return directory


def inheriting_python(directory: Path) -> Path:
    """Make a command ``python3`` whose environments inherit from this one; return the directory it is in."""
    commands = directory / "commands"
    commands.mkdir()
    command = commands / "python3"
    command.write_text(_COMMAND)
    command.chmod(0o755)
    return commands


def beginning(home: Path, commands: Path) -> dict[str, str]:
    """Return the environment of somebody at home there, who has these commands and those of the system."""
    return {**AUTHOR, "HOME": str(home), "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin"}


def inheriting_environment(environment: Path, *more: Path) -> Path:
    """Make an environment that inherits from this one; return the directory of its commands.

    What is installed here is there, but for Reelwork; to install it again fetches nothing. ``more`` are directories of
    further packages.
    """
    EnvBuilder(symlinks=True).create(environment)
    [packages] = environment.glob("lib/python*/site-packages")
    inherited = [*map(str, more), *(path for path in sys.path if path.endswith("-packages"))]
    (packages / "inherited.pth").write_text("".join(f"{path}\n" for path in inherited))
    (environment / "share").mkdir(exist_ok=True)
    for data in Path(sys.prefix, "share").glob("*"):
        (environment / "share" / data.name).symlink_to(data)
    commands = environment / "bin"
    there = {"reelwork", *(path.name for path in commands.iterdir())}
    for command in Path(sys.executable).parent.iterdir():
        if command.name not in there:
            _bring(command, commands)
    return commands


def _bring(command: Path, commands: Path) -> None:
    """Have a command in another environment, whose Python it uses if it is a script."""
    place = commands / command.name
    with command.open("rb") as stream:
        is_script = stream.read(2) == b"#!"
    if is_script:
        place.write_text(command.read_text().replace(sys.executable, str(commands / "python")))
        place.chmod(0o755)
    else:
        place.symlink_to(command)


if __name__ == "__main__":
    inheriting_environment(Path(sys.argv[1]))
