"""Who makes a request, and what that allows."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    """See its own jobs and their results."""
    SUBMIT = "submit"
    """Submit videos; retry and delete its own jobs."""
    ADMIN = "admin"
    """All of that with everybody's jobs."""


@dataclass(frozen=True)
class QueueLimits:
    """How much a caller may have pending and running at once; None: any amount."""

    max_queued_jobs: int | None = None
    max_queued_bytes: int | None = None


@dataclass(frozen=True)
class Caller:
    """Somebody who makes a request.

    Attributes:
        key_id: Their API key; None where none is asked for.
        scopes: What they may do.
        limits: How much of it at once.
    """

    key_id: str | None
    scopes: frozenset[Scope]
    limits: QueueLimits = QueueLimits()

    def may(self, scope: Scope) -> bool:
        """Say whether they may do what a scope is for."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def sees_only(self) -> str | None:
        """Id of the key whose jobs are all they may know of; None if they may know of every job."""
        return None if Scope.ADMIN in self.scopes else self.key_id


ANYBODY = Caller(None, frozenset(Scope))
"""Who calls where no key is asked for."""
