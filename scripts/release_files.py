"""Make the files of a release, and nothing else, in dist/: sdist, wheel, requirements, bill of materials, notes.

The wheel is the one that was installed and tried, and the bill (CycloneDX) says what it was tried with: each
dependency with its version and licence, and what depends on what.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import reelwork
import wheel_check
from changelog_section import CHANGELOG, NoRelease, notes

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def make_release_files(tag: str) -> None:
    """Make all of them.

    Raises:
        NoRelease: The tag is not that of the version, or the changelog says nothing of it.
        CheckFailed: The wheel does not work.
    """
    version = reelwork.__version__
    said = notes(CHANGELOG.read_text(), version, tag)
    shutil.rmtree(DIST, ignore_errors=True)
    with TemporaryDirectory(prefix="reelwork-release-") as directory:
        workplace = Path(directory).resolve()
        environment = wheel_check.check(wheel_check.build(DIST), workplace)
        write_bill_of_materials(environment, version, DIST / f"reelwork-{version}.cdx.json")
    shutil.copy(wheel_check.REQUIREMENTS, DIST / f"reelwork-{version}.requirements.txt")
    (DIST / "release-notes.md").write_text(said)


def write_bill_of_materials(environment: Path, version: str, target: Path) -> None:
    """Write down in CycloneDX's JSON what is installed in an environment."""
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-file", str(target)]
    subprocess.run([sys.executable, "-m", "cyclonedx_py", "environment", *options, environment], check=True)
    bill = json.loads(target.read_text())
    bill["metadata"]["component"]["version"] = version  # pyproject.toml leaves it to the package
    target.write_text(json.dumps(bill, indent=2) + "\n")


def main() -> int:
    """Make the files for the tag on the command line."""
    parser = argparse.ArgumentParser(description="Make the files of a release in dist/.")
    parser.add_argument("--tag", required=True, help="the tag of the release, such as v1.2.3")
    try:
        make_release_files(parser.parse_args().tag)
    except (NoRelease, wheel_check.CheckFailed, subprocess.SubprocessError) as failure:
        print(failure, file=sys.stderr)
        return 1
    for path in sorted(DIST.iterdir()):
        print(path.relative_to(ROOT), path.stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
