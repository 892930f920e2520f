"""Damage MP4s in every way, at length: never a hang or a crash, always an answer that holds.

    python -m tests.soak.fuzz --seconds 600 --seed 1

Ends with exit code 1 when an answer was wrong; the damaged files are kept, and what is wrong with each is told.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from tests.conformance.damage import KINDS
from tests.conformance.fuzzing import SOURCES, Fuzzer, Verdict
from tests.conformance.library import Library


def main() -> int:
    """Run as the arguments say; return the exit code."""
    arguments = _arguments()
    directory = Path(tempfile.mkdtemp(prefix="reelwork-fuzz-"))
    print(f"seed {arguments.seed}, files in {directory}")
    library = Library(directory)
    fuzzer = Fuzzer(directory)
    tally: Counter[tuple[str, str]] = Counter()
    complaints: list[str] = []
    try:
        ends_at = monotonic() + arguments.seconds
        while monotonic() < ends_at:
            kind, name = random.choice(list(KINDS)), random.choice(SOURCES)
            seed = f"{arguments.seed}-{tally.total()}"
            verdict = fuzzer.judge(library[name].path, kind, seed)
            tally[kind, verdict.outcome] += 1
            if verdict.complaint:
                _keep(directory, verdict, complaints)
    finally:
        fuzzer.stop()
    _report(tally, complaints)
    if not complaints:
        shutil.rmtree(directory)
    return 1 if complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to go on (300)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="what the dice begin with")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    return arguments


def _keep(directory: Path, verdict: Verdict, complaints: list[str]) -> None:
    kept = directory / f"wrong-{len(complaints)}.mp4"
    (directory / "damaged.mp4").rename(kept)
    complaints.append(f"{kept.name}: {verdict.complaint}")
    print(complaints[-1], flush=True)


def _report(tally: Counter[tuple[str, str]], complaints: list[str]) -> None:
    outcomes = sorted({outcome for _, outcome in tally})
    print(f"{tally.total()} damaged files, {len(complaints)} wrong answers")
    for kind in KINDS:
        counts = ", ".join(f"{tally[kind, outcome]} {outcome}" for outcome in outcomes)
        print(f"  {kind}: {counts}")


if __name__ == "__main__":
    sys.exit(main())
