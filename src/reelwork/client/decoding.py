"""From the answer of a request to what it says, or to the error it tells of."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from reelwork.client.errors import UnexpectedAnswer, problem
from reelwork.client.flow import Answer, Flow, Read, Request, opened, send

T = TypeVar("T")

_PROBLEM = "application/problem+json"


class Decoder:
    """Understands the answers of the service at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, kind: type[T], params: list[tuple[str, str]] | None = None) -> Flow[T]:
        """Get a document."""
        answer = yield from self.sent(Request("GET", path, params or ()))
        return self.decoded(answer, kind)

    def sent(self, request: Request) -> Flow[Answer]:
        """Send a request; what is no success is raised."""
        answer = yield from send(request)
        self.require_success(answer)
        return answer

    def opened(self, request: Request) -> Flow[Answer]:
        """Open an answer; what is no success is raised."""
        answer = yield from opened(request)
        if not _is_success(answer.status):
            content = yield from _rest()
            self.require_success(Answer(answer.status, answer.headers, content))
        return answer

    def decoded(self, answer: Answer, kind: type[T]) -> T:
        """Return what an answer says.

        Raises:
            UnexpectedAnswer: It says something else.
        """
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(self.url, str(error)) from error

    def with_document(self, answer: Answer, kind: type[T]) -> T:
        """As ``decoded``, for kinds that keep the whole document beside what is known of it."""
        return self.converted(self.decoded(answer, dict[str, Any]), kind)

    def converted(self, document: dict[str, Any], kind: type[T]) -> T:
        """Return a kind that keeps its whole document."""
        try:
            return msgspec.convert({**document, "document": document}, kind)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(self.url, str(error)) from error

    def require_success(self, answer: Answer) -> None:
        """Raise the problem that an answer tells of.

        Raises:
            ServiceProblem: The service refused.
            UnexpectedAnswer: It was not the service.
        """
        if _is_success(answer.status) or answer.status == 304:
            return
        if answer.headers.get("content-type") != _PROBLEM:
            raise UnexpectedAnswer(self.url, f"it answered {answer.status}.", answer.status)
        # The answer to a HEAD has no body.
        said = self.decoded(answer, dict[str, Any]) if answer.content else {}
        raise problem({"status": answer.status, **said}, _retry_after_s(answer.headers))


def retry_after_s(answer: Answer) -> float | None:
    """Return how long the service asks to wait."""
    return _retry_after_s(answer.headers)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    given = headers.get("retry-after", "")
    return float(given) if given.isdecimal() else None


def _rest() -> Flow[bytes]:
    content = b""
    while piece := (yield Read()):
        content += piece
    return content


def _is_success(status: int) -> bool:
    return 200 <= status < 300
