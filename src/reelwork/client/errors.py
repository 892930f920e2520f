"""What can go wrong between a client and its service.

ReelworkError
├── ServiceProblem              the service refused, and said why
├── ServiceUnreachable          nobody answers at the URL
│   └── ConnectionLost          somebody did, and then no longer
├── UnexpectedAnswer            who answers at the URL is no Reelwork service
└── WaitTimedOut                the job did not end within the time the caller gave
"""

from collections.abc import Mapping
from typing import Any

from reelwork.errors import ReelworkError


class ServiceProblem(ReelworkError):
    """An RFC 9457 problem; the message is its detail, and ``members`` are those of its own type."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        members = dict(document)
        self.type = str(members.pop("type", "about:blank"))
        self.title = str(members.pop("title", "The service refused"))
        self.status = int(members.pop("status", 0))
        self.detail = str(members.pop("detail", ""))
        self.members = members
        super().__init__(self.detail or self.title)


class ServiceUnreachable(ReelworkError):
    """No connection could be made."""

    def __init__(self, url: str, message: str | None = None) -> None:
        self.url = url
        super().__init__(message or f"No Reelwork service answers at {url}. Start one with: reelwork up")


class ConnectionLost(ServiceUnreachable):
    """The connection broke, or fell silent, before the answer was there."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, f"The connection to {url} was lost before it answered: {reason}")


class UnexpectedAnswer(ReelworkError):
    """The answer is not one that a Reelwork service gives."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(f"What answers at {url} does not seem to be a Reelwork service: {what}")


class WaitTimedOut(ReelworkError):
    """The job goes on, but the caller's time is up."""

    def __init__(self, job_id: object, status: str, timeout_s: float) -> None:
        self.status = status
        super().__init__(f"Job {job_id} is still {status} after {timeout_s:g} s. It goes on; ask again later.")
