"""Build sdist and wheel, install the wheel into an empty environment, and run the service there as a user would.

The wheel is built from the unpacked sdist, so that both are known to be whole. The dependencies are those of
requirements/runtime.txt, by hash. Everything happens in a temporary directory outside the checkout (``TMPDIR``, about
600 MB), which is removed afterwards, and so is whatever still runs in it.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from wheel_content import breaches, package_files

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "runtime.txt"
READY = re.compile(r"Reelwork is ready at (\S+)")
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


class CheckFailed(Exception):
    """The wheel is not as it has to be; the message says why."""


def build(dist: Path) -> Path:
    """Build sdist and wheel into a directory that holds neither; return the wheel."""
    _run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", dist, cwd=ROOT)
    (sdist,) = dist.glob("*.tar.gz")
    with TemporaryDirectory(prefix="reelwork-sdist-") as unpacked:
        shutil.unpack_archive(sdist, unpacked)
        (source,) = Path(unpacked).iterdir()
        _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", dist, cwd=source)
    (wheel,) = dist.glob("*.whl")
    return wheel


def check(wheel: Path, workplace: Path) -> Path:
    """Check what the wheel holds and how it works.

    Args:
        wheel: The wheel, built from this checkout.
        workplace: An existing empty directory.

    Returns:
        The environment in which the wheel and its dependencies are installed, and nothing else.

    Raises:
        CheckFailed: Something is wrong with it.
    """
    check_content(wheel)
    environment = workplace / "environment"
    install(wheel, environment)
    with running_service(environment, workplace) as url:
        # Without its site-packages, Python has nothing but the standard library.
        _run(sys.executable, "-I", "-S", ROOT / "scripts" / "smoke_test.py", "--url", url)
    return environment


def check_content(wheel: Path) -> None:
    """Check which files the wheel holds."""
    found = breaches(zipfile.ZipFile(wheel).namelist(), package_files(ROOT / "src"))
    if found:
        raise CheckFailed("\n".join([f"The content of {wheel.name} is wrong:", *found]))


def install(wheel: Path, environment: Path) -> None:
    """Make an environment of the wheel and the pinned dependencies."""
    venv.create(environment, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    # To resolve what is pinned, and to compile modules that are never imported, would take twice as long.
    # "pip check" looks whether the pins are all that the wheel wants.
    to_install = [*pip, "install", "--quiet", "--no-deps", "--no-compile"]
    _run(*to_install, "--require-hashes", "--requirement", REQUIREMENTS)
    _run(*to_install, wheel)
    _run(*pip, "check")


@contextmanager
def running_service(environment: Path, workplace: Path) -> Iterator[str]:
    """Run the service on a fresh data directory and give its URL; it has to stop in order and leave no process."""
    reelwork, data_dir = environment / "bin" / "reelwork", workplace / "data"
    command = [str(reelwork), "up", "--port", "0", "--data-dir", str(data_dir)]
    output = workplace / "service.log"
    try:
        with output.open("w") as log:
            service = subprocess.Popen(command, cwd=workplace, env=_environment(), stdout=log, stderr=log)
        yield _url(service, output)
        service.terminate()
        code = service.wait(STOP_TIMEOUT_S)
        # Python's own helpers notice the end of their parent a moment later.
        _, left = psutil.wait_procs(_running_in(workplace), timeout=5)
        if code != 0 or left:
            raise CheckFailed(f"The service ended with code {code} and left running: {left}")
    except Exception:
        print(output.read_text(), file=sys.stderr)
        raise
    finally:
        left = _running_in(workplace)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=5)


def _url(service: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (ready := READY.search(output.read_text())) is None:
        if service.poll() is not None or time.monotonic() > deadline:
            raise CheckFailed("The service did not start.")
        time.sleep(0.1)
    return ready[1]


def _running_in(workplace: Path) -> list[psutil.Process]:
    """Return the processes whose command line names something in a directory, such as the environment's Python."""
    processes = psutil.process_iter(["cmdline"])
    return [process for process in processes if str(workplace) in " ".join(process.info["cmdline"] or ())]


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd, env=_environment())


def _environment() -> dict[str, str]:
    """Return the environment variables without those that would lead back into the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("REELWORK_", "PYTHON"))}


def main() -> int:
    """Run the check and say how long it took."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="reelwork-wheel-") as directory:
        workplace = Path(directory).resolve()
        try:
            wheel = build(workplace / "dist")
            check(wheel, workplace)
        except (CheckFailed, subprocess.SubprocessError) as failure:
            print(failure, file=sys.stderr)
            return 1
    print(f"{wheel.name} is whole and works; checked in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
