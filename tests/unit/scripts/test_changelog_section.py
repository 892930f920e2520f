"""The notes of a release are the section of its version, or there is no release."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.changelog_section import NoRelease, notes

SCRIPT = Path(__file__).parents[3] / "scripts" / "changelog_section.py"
CHANGELOG = """# Changelog

The format is that of Keep a Changelog.

## [Unreleased]

- Not out yet.

## [1.10.0] - 2026-03-01

### Added

- Ten, with [a link](docs/adr/README.md).

### Fixed

- A mistake.

## [1.1.0] - 2026-02-01

- One.

## [1.0.0] - 2026-01-01

[1.1.0]: https://reelwork.example.org/1.1.0
"""


def test_the_section_ends_at_the_next_version() -> None:
    assert notes(CHANGELOG, "1.10.0", "v1.10.0") == (
        "### Added\n\n- Ten, with [a link](docs/adr/README.md).\n\n### Fixed\n\n- A mistake.\n"
    )


def test_the_section_ends_at_the_link_definitions() -> None:
    assert notes(CHANGELOG.replace("## [1.0.0] - 2026-01-01\n\n", ""), "1.1.0", "v1.1.0") == "- One.\n"


@pytest.mark.parametrize("version", ["1.0.0", "1.1", "1.10", "1x1.0", "2.0.0"])
def test_without_a_section_there_is_no_release(version: str) -> None:
    with pytest.raises(NoRelease, match="says nothing of"):
        notes(CHANGELOG, version, f"v{version}")


@pytest.mark.parametrize("tag", ["v1.1.0", "1.10.0", "v1.10.0-rc1", ""])
def test_the_tag_has_to_be_that_of_the_version(tag: str) -> None:
    with pytest.raises(NoRelease, match=r"wants the tag v1\.10\.0"):
        notes(CHANGELOG, "1.10.0", tag)


def test_the_command_fails_with_one_sentence() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "v0"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The tag is v0, but the version of the package is ")
