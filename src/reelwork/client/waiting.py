"""Waiting for a job: asking seldom enough, and hearing only what is new."""

import time
from collections.abc import Callable
from uuid import UUID

from reelwork.client.answers import JobState
from reelwork.client.decoding import Decoder, retry_after_s
from reelwork.client.errors import WaitTimedOut
from reelwork.client.flow import Answer, Flow, Pause, Request
from reelwork.client.patience import FIRST_PAUSE_S, Patience, Pauses
from reelwork.errors import ReelworkError


def wait(
    decoder: Decoder,
    job_id: UUID | str,
    patience: Patience,
    *,
    poll_interval_s: float | None,
    timeout_s: float | None,
    on_state: Callable[[JobState], None] | None,
) -> Flow[JobState]:
    """Ask until the job has ended. Pauses are those the service asks for, unless ``poll_interval_s`` sets the first."""
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    pauses = Pauses(poll_interval_s or FIRST_PAUSE_S)
    polled = _Polled(decoder, job_id)
    while True:
        answer = yield from polled.again(patience)
        state = polled.state
        if on_state:
            on_state(state)
        if state.ended:
            return state
        pause_s = pauses.next_s()
        if poll_interval_s is None:
            pause_s = retry_after_s(answer) or pause_s
        left_s = pause_s if ends_at is None else ends_at - time.monotonic()
        if left_s <= 0:
            raise WaitTimedOut(job_id, state.status, timeout_s or 0.0)
        yield Pause(min(pause_s, left_s))


class _Polled:
    """The state of a job, and the tag by which the service tells whether it is still that."""

    def __init__(self, decoder: Decoder, job_id: UUID | str) -> None:
        self._decoder = decoder
        self._path = f"/video/status/{job_id}"
        self._etag = ""
        self.state: JobState

    def again(self, patience: Patience) -> Flow[Answer]:
        """Ask again, also while the service is away for a while."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        while True:
            try:
                answer = yield from self._decoder.sent(Request("GET", self._path, headers=headers))
            except ReelworkError as error:
                yield Pause(patience.pause_after_s(error))
            else:
                patience.heard()
                break
        if answer.status != 304:
            self.state = self._decoder.decoded(answer, JobState)
            self._etag = answer.headers.get("etag", "")
        return answer
