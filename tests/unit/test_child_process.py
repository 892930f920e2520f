"""A child process answers, dies, is killed and comes back; each end is named."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from reelwork.child_process import ChildDied, ChildProcess, wait_for_any
from reelwork.logs import about, current_context
from tests.support.service import is_alive
from tests.support.waiting import wait_until


def doing(greeting: str) -> Callable[[str], str]:
    """What runs in the child: does what it is told."""

    def handle(request: str) -> str:
        match request.split():
            case ["signal", number]:
                os.kill(os.getpid(), int(number))
            case ["exit", code]:
                os._exit(int(code))
            case ["hang"]:
                time.sleep(600)
            case ["fork", "until", path]:
                if os.fork() == 0:
                    with suppress(AssertionError):
                        wait_until(Path(path).exists, timeout_s=120)
                    os._exit(0)
                os._exit(1)
            case ["wait", "for", path]:
                wait_until(Path(path).exists)
            case ["large"]:
                return "x" * 10_000_000
            case ["context"]:
                return json.dumps(current_context())
            case ["pid"]:
                return str(os.getpid())
        return f"{greeting} {request}"

    return handle


Child = ChildProcess[str, str]


@pytest.fixture(params=["pidfd", "no pidfd"])
def child(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child, on systems that know pidfds and on others."""
    if request.param == "no pidfd":
        monkeypatch.delattr(os, "pidfd_open")
    child = Child("test", doing, "hello")
    yield child
    child.kill()


def ask(child: Child, request: str) -> str:
    child.send(request)
    assert child.wait_for_answer(30.0)
    return child.answer()


def test_answers_one_request_after_the_other_in_one_process(child: Child) -> None:
    assert ask(child, "you") == "hello you"
    assert len(ask(child, "large")) == 10_000_000
    assert ask(child, "pid") == ask(child, "pid") == str(child.pid)
    assert ask(child, "pid") != str(os.getpid())


@pytest.mark.parametrize(
    ("request_", "cause"),
    [
        (f"signal {signal.SIGSEGV:d}", "was killed by signal 11 (SIGSEGV)"),
        (f"signal {signal.SIGKILL:d}", "was killed by signal 9 (SIGKILL)"),
        (f"signal {signal.SIGRTMIN + 1:d}", f"was killed by signal {signal.SIGRTMIN + 1:d}"),
        ("exit 3", "ended unexpectedly with exit code 3"),
        ("exit 0", "ended unexpectedly with exit code 0"),
    ],
)
def test_names_its_end_and_comes_back(child: Child, request_: str, cause: str) -> None:
    child.send(request_)
    assert child.wait_for_answer(30.0)
    with pytest.raises(ChildDied) as death:
        child.answer()

    assert str(death.value) == cause
    assert ask(child, "again") == "hello again"


@pytest.mark.parametrize("child", ["pidfd"], indirect=True)
@pytest.mark.timeout(60)  # it would wait for the other one
def test_its_end_is_noticed_although_one_that_it_forked_lives_on(child: Child, tmp_path: Path) -> None:
    child.send(f"fork until {tmp_path / 'noticed'}")
    assert child.wait_for_answer(30.0)
    with pytest.raises(ChildDied, match="exit code 1"):
        child.answer()
    (tmp_path / "noticed").touch()


def test_one_that_died_while_idle_is_replaced(child: Child) -> None:
    first = int(ask(child, "pid"))
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not child._process.is_alive())  # all its threads, not the first alone

    assert int(ask(child, "pid")) != first


def test_waiting_ends_in_time_and_for_others(child: Child) -> None:
    readable, writable = os.pipe()
    child.send("hang")
    assert not child.wait_for_answer(0.05)

    os.write(writable, b"!")
    with os.fdopen(readable) as other:
        assert not child.wait_for_answer(30.0, other)
    os.close(writable)


def test_killing_is_quick_and_final(child: Child) -> None:
    child.send("hang")
    pid = child.pid
    assert pid is not None

    child.kill()

    assert not is_alive(pid)
    assert child.pid is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_it_ends_is_its_parents_decision(child: Child, number: signal.Signals) -> None:
    pid = int(ask(child, "pid"))
    os.kill(pid, number)
    assert int(ask(child, "pid")) == pid


class TestWaitingForAny:
    """Of two children; the second is held until a file is there."""

    @pytest.fixture
    def two(self, child: Child) -> Iterator[tuple[Child, Child]]:
        second = Child("second", doing, "hello")
        yield child, second
        second.kill()

    def test_until_one_has_answered(self, two: tuple[Child, Child], tmp_path: Path) -> None:
        quick, slow = two
        slow.send(f"wait for {tmp_path / 'go'}")
        quick.send("you")
        wait_for_any([slow, quick])
        assert quick.wait_for_answer(0)
        assert not slow.wait_for_answer(0)

        assert quick.answer() == "hello you"
        (tmp_path / "go").touch()
        wait_for_any([slow])
        assert slow.wait_for_answer(0)

    @pytest.mark.parametrize("end", [f"signal {signal.SIGKILL:d}", "exit 3"])
    def test_until_one_has_died(self, two: tuple[Child, Child], tmp_path: Path, end: str) -> None:
        dying, slow = two
        slow.send(f"wait for {tmp_path / 'go'}")
        dying.send(end)
        wait_for_any([slow, dying])
        assert dying.wait_for_answer(0)
        assert not slow.wait_for_answer(0)
        with pytest.raises(ChildDied):
            dying.answer()

    def test_an_answer_that_is_there_already_is_not_waited_for(self, child: Child) -> None:
        child.send("you")
        assert child.wait_for_answer(30.0)
        wait_for_any([child])
        assert child.answer() == "hello you"

    def test_its_ends_are_what_becomes_ready(self, child: Child) -> None:
        child.send("hang")
        assert wait(child.ends, timeout=0.05) == []
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert wait(child.ends, timeout=30.0)


PARENT = """
import sys, time
from reelwork.child_process import ChildProcess
from tests.unit.test_child_process import doing

if __name__ == "__main__":
    child = ChildProcess("test", doing, "hello")
    child.send("hang")
    print(child.pid, flush=True)
    time.sleep(600)
"""


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
        wait_until(lambda: not is_alive(pid))


def test_what_it_logs_is_about_what_the_parent_is_about(child: Child) -> None:
    with about(job_id="j"):
        assert json.loads(ask(child, "context")) == {"job_id": "j"}
    assert json.loads(ask(child, "context")) == {}
