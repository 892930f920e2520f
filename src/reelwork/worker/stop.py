"""The wish to stop, as something a loop can ask about and wait for."""

import os
import select
import signal
import time


class StopRequest:
    """Set by SIGTERM and SIGINT; a second one asks to stop without grace."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._readable, self._writable = os.pipe()
        self._deadline: float | None = None

    def listen(self) -> None:
        """Let SIGTERM and SIGINT ask; call this from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.ask())

    def ask(self) -> None:
        """Ask to stop; asked again, there is no grace left."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace_s
            os.write(self._writable, b"!")
        else:
            self._deadline = time.monotonic()

    @property
    def asked(self) -> bool:
        """Whether nothing new may be begun."""
        return self._deadline is not None

    @property
    def grace_left_s(self) -> float | None:
        """How long what was begun may go on; None as long as nobody asked."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def wait(self, timeout_s: float) -> None:
        """Wait until somebody asks, ``timeout_s`` at the most."""
        select.select([self], [], [], timeout_s)

    def fileno(self) -> int:
        """Return a descriptor that becomes, and stays, readable when somebody asks."""
        return self._readable
