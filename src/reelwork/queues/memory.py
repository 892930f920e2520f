"""A queue within one process, for tests: an API and a worker in two processes would not share it."""

import threading
from collections import deque
from uuid import UUID


class MemoryQueue:
    """The ``QueueService`` of one process; safe to use from several threads."""

    def __init__(self) -> None:
        self._hints: deque[UUID] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def enqueue(self, job_id: UUID) -> None:
        """See ``QueueService``."""
        with self._changed:
            if job_id not in self._hints:
                self._hints.append(job_id)
                self._changed.notify()

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        """See ``QueueService``."""
        with self._changed:
            self._changed.wait_for(lambda: self._hints or self._closed, timeout_s)
            return self._hints.popleft() if self._hints else None

    def close(self) -> None:
        """See ``QueueService``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def size(self) -> int:
        """See ``QueueService``."""
        with self._changed:
            return len(self._hints)
