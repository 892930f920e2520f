"""Set the clock of a process under test wrong by `CLOCK_OFF_S` seconds. `REELWORK_FAULTS=clock_off:reached`."""

import datetime as dt
import os
import time

_OFF_S = float(os.environ["CLOCK_OFF_S"])
_time, _time_ns, _datetime = time.time, time.time_ns, dt.datetime


class _WrongDatetime(_datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return _datetime.now(tz) + dt.timedelta(seconds=_OFF_S)

    @classmethod
    def utcnow(cls) -> dt.datetime:
        return cls.now(dt.UTC).replace(tzinfo=None)


time.time = lambda: _time() + _OFF_S
time.time_ns = lambda: _time_ns() + int(_OFF_S * 1e9)
dt.datetime = _WrongDatetime  # type: ignore[misc]


def reached(name: str) -> None:
    """Do nothing: importing this module is what matters."""
