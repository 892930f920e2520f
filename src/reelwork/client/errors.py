"""What can go wrong between a client and its service.

ReelworkError
├── ServiceProblem              the service refused, and said why
│   ├── RequestRefused          what was asked for, or the video, is wrong: 400, 413, 415, 422
│   ├── AccessDenied            no API key, one that is not in force, or one that may not do this: 401, 403
│   ├── NoSuchJob               it was never there, was deleted, or belongs to somebody else
│   ├── NoResults               the job is not completed
│   ├── LimitReached            as much is queued as may be: 429
│   └── TryLater                the service cannot do this now: 502, 503, 504, 507
├── ServiceUnreachable          nobody answers at the URL
│   └── ConnectionLost          somebody did, and then no longer
├── UnexpectedAnswer            who answers at the URL is no Reelwork service
└── WaitTimedOut                the job did not end within the time the caller gave
"""

from collections.abc import Mapping
from typing import Any

from reelwork.errors import ReelworkError

_NAMES = "urn:reelwork:problem:"


class ServiceProblem(ReelworkError):
    """An RFC 9457 problem; the message is its detail, and ``members`` are those of its own type.

    Attributes:
        retry_after_s: How long the service asks to wait before trying again.
    """

    def __init__(self, document: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        members = dict(document)
        self.type = str(members.pop("type", "about:blank"))
        self.title = str(members.pop("title", "The service refused"))
        self.status = int(members.pop("status", 0))
        self.detail = str(members.pop("detail", ""))
        self.members = members
        self.retry_after_s = retry_after_s
        super().__init__(self.detail or self.title)

    @property
    def document(self) -> dict[str, Any]:
        """The problem as it came."""
        said = {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail}
        return said | self.members


class RequestRefused(ServiceProblem):
    """What was asked for is wrong, or the video is; nothing was accepted. ``members`` may list every mistake."""


class AccessDenied(ServiceProblem):
    """The API key is missing, not in force, or not for this."""


class NoSuchJob(ServiceProblem):
    """There is no such job, or it is somebody else's."""


class NoResults(ServiceProblem):
    """The job exists and is not completed."""

    @property
    def job_status(self) -> str:
        """Where the job stands instead."""
        return str(self.members.get("job_status", ""))

    @property
    def error_message(self) -> str | None:
        """Why the job failed, if it did."""
        reason: str | None = self.members.get("error_message")
        return reason


class LimitReached(ServiceProblem):
    """The API key has as much queued as it may have."""


class TryLater(ServiceProblem):
    """The service cannot do this now."""


_BY_NAME: Mapping[str, type[ServiceProblem]] = {"job-not-found": NoSuchJob, "results-not-ready": NoResults}
_BY_STATUS: Mapping[int, type[ServiceProblem]] = {
    **dict.fromkeys((400, 413, 415, 422), RequestRefused),
    **dict.fromkeys((401, 403), AccessDenied),
    429: LimitReached,
    **dict.fromkeys((502, 503, 504, 507), TryLater),
}


def problem(document: Mapping[str, Any], retry_after_s: float | None = None) -> ServiceProblem:
    """Return the problem as the kind of error that callers tell apart."""
    name = str(document.get("type", "")).removeprefix(_NAMES)
    status = int(document.get("status", 0))
    kind = _BY_NAME.get(name) or _BY_STATUS.get(status, ServiceProblem)
    return kind(document, retry_after_s)


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
    """The answer is not one that a Reelwork service gives; ``status`` is that of the answer, if that is what is odd."""

    def __init__(self, url: str, what: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(f"What answers at {url} does not seem to be a Reelwork service: {what}")


class WaitTimedOut(ReelworkError):
    """The job goes on, but the caller's time is up."""

    def __init__(self, job_id: object, status: str, timeout_s: float) -> None:
        self.status = status
        super().__init__(f"Job {job_id} is still {status} after {timeout_s:g} s. It goes on; ask again later.")
