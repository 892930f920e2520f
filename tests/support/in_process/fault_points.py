"""What happens at a fault point of a process under test.

`REELWORK_FAULTS=fault_points:reached` installs it, and `FAULT_PLAN` says what to do where: `submit.saved=kill@2`
kills the process when it passes that point for the second time. Several are separated by commas.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path


def reached(name: str) -> None:
    """Do what the plan says for this point."""
    with _counting:
        _passed[name] += 1
        action = _PLAN.get((name, _passed[name]))
    if action is not None:
        _ACTIONS[action]()


def _kill() -> None:
    # Sent to this thread: one sent to the process may let it run on for a moment, past the point.
    signal.pthread_kill(threading.get_ident(), signal.SIGKILL)


def _stop() -> None:
    # Other threads write to the database now and then. One that is stopped in its turn would hold up every writer.
    lock = os.environ.get("REELWORK_DATABASE_URL", "").removeprefix("sqlite:///") + ".lock"
    if Path(lock).exists() and subprocess.run([*_PAUSE, str(os.getpid()), lock]).returncode == 0:
        return
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


def _kill_all() -> None:
    _kill_children()
    _kill()


def _raise() -> None:
    raise RuntimeError("a fault point broke this")


def _parsed(plan: str) -> dict[tuple[str, int], str]:
    actions = {}
    for entry in filter(None, plan.split(",")):
        name, _, what = entry.partition("=")
        action, _, nth = what.partition("@")
        actions[name, int(nth or 1)] = action
    return actions


_PAUSE = (sys.executable, "-IS", str(Path(__file__).parent.parent / "pausing.py"))
_ACTIONS = {"kill": _kill, "stop": _stop, "kill-children": _kill_children, "kill-all": _kill_all, "raise": _raise}
_PLAN = _parsed(os.environ.get("FAULT_PLAN", ""))
_passed: Counter[str] = Counter()
_counting = threading.Lock()
