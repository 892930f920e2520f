"""How soon the command line answers: `reelwork --help` and a command's help, beside a Python that does nothing.

Everything is in the cache of the disk. Whole processes, in turns, from their start to their end.
"""

import statistics
import subprocess
import sys
from functools import partial

from benchmarks.rounds import in_turns

_TIMES = 20
_WAYS = {
    "python -c pass": ("-c", "pass"),
    "reelwork --help": ("-m", "reelwork", "--help"),
    "reelwork submit --help": ("-m", "reelwork", "submit", "--help"),
    "reelwork --version": ("-m", "reelwork", "--version"),
}


def run() -> None:
    """Print the medians, and how many times as long as nothing each takes."""
    taken = in_turns({name: partial(_run, given) for name, given in _WAYS.items()}, _TIMES)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    nothing = medians["python -c pass"]
    for name, median in medians.items():
        print(f"  {name:24} {median * 1000:6.0f} ms   {median / nothing:4.1f} x")


def _run(arguments: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
