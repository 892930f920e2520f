"""How commands end: the exit codes, and one sentence instead of a traceback."""

import os
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum

import typer

from reelwork.errors import ReelworkError


class ExitCode(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    UNREACHABLE = 4
    TIMED_OUT = 5
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "Refused or failed: the service says why, or a file cannot be read or written. With `--wait` or "
    "`--watch`, also when the job failed.",
    ExitCode.USAGE: "The command line is wrong, or names no file.",
    ExitCode.PARTLY: "Of several files or jobs some went wrong, and the others did not.",
    ExitCode.UNREACHABLE: "No service answers, it no longer does, or something else answers.",
    ExitCode.TIMED_OUT: "The time given with `--timeout` is over; the jobs go on.",
    ExitCode.INTERRUPTED: "Interrupted (Ctrl-C). An upload that was under way is deleted; accepted jobs go on.",
}


def run(command: Callable[[], None]) -> None:
    """Run the command line; whatever goes wrong is one red sentence."""
    try:
        command()
    except ReelworkError as error:
        complain(str(error))
        sys.exit(code_of(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}.")
        sys.exit(ExitCode.FAILED)
    except Exception as error:
        if os.environ.get("REELWORK_TRACEBACK"):
            raise
        complain(f"{type(error).__name__}: {error}. This is a mistake of Reelwork; REELWORK_TRACEBACK=1 shows where.")
        sys.exit(ExitCode.FAILED)


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code for an error."""
    if "reelwork.client" not in sys.modules:
        return ExitCode.FAILED  # nothing was asked of a service
    from reelwork.client import ServiceUnreachable, UnexpectedAnswer, WaitTimedOut

    if isinstance(error, ServiceUnreachable | UnexpectedAnswer):
        return ExitCode.UNREACHABLE
    return ExitCode.TIMED_OUT if isinstance(error, WaitTimedOut) else ExitCode.FAILED


def complain(message: str) -> None:
    """Tell on standard error what went wrong."""
    typer.secho(message, fg=typer.colors.RED, err=True)
