"""Print what the changelog says of the version that a tag names: the notes of a release."""

import re
import sys
from pathlib import Path

import reelwork

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


class NoRelease(Exception):
    """Tag, version and changelog do not belong together; the message says how."""


def notes(changelog: str, version: str, tag: str) -> str:
    """Return the section of a version, without its heading.

    Args:
        changelog: The text of a file in the format of Keep a Changelog.
        version: The version of the package.
        tag: The tag of the release, which has to be the version with a ``v`` before it.

    Raises:
        NoRelease: The tag is another one, or the section is missing or empty.
    """
    if tag != f"v{version}":
        raise NoRelease(f"The tag is {tag}, but the version of the package is {version}: it wants the tag v{version}.")
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n"
    found = re.search(rf"{heading}(.*?)(?=^## |^\[[^\]\n]+\]: |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise NoRelease(f"CHANGELOG.md says nothing of {version}: it wants a section '## [{version}] - YYYY-MM-DD'.")
    return found[1].strip() + "\n"


def main() -> int:
    """Print the notes for the tag on the command line."""
    if len(sys.argv) != 2:
        print("usage: changelog_section.py TAG", file=sys.stderr)
        return 2
    try:
        print(notes(CHANGELOG.read_text(), reelwork.__version__, sys.argv[1]), end="")
    except NoRelease as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
