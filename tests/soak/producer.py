"""Submit videos all the time, and remember what was answered 202."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx

_WAIT_S = 0.01
_WAIT_FOR_THE_API_S = 0.05
_OUT_OF_ORDER = 503


class Producer(threading.Thread):
    """A client that does not give up."""

    def __init__(self, url: str, clip: Path, wanted: Callable[[], bool], seed: int) -> None:
        super().__init__()
        self._url = url
        self._video = clip.read_bytes()
        self._wanted = wanted
        self._random = random.Random(seed)
        self._enough = threading.Event()
        self.accepted: list[UUID] = []
        self.put_off: list[str] = []
        self.refused: list[str] = []
        self.unanswered = 0

    def stop(self) -> None:
        """Let it end."""
        self._enough.set()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10.0) as http:
            while not self._enough.wait(_WAIT_S):
                if self._wanted():
                    self._submit(http)

    def _submit(self, http: httpx.Client) -> None:
        pipeline = "slow" if self._random.random() < 0.5 else "frames"
        headers = {"Content-Type": "video/mp4"}
        try:
            answer = http.post(f"/video/submit?pipeline={pipeline}", content=self._video, headers=headers)
        except httpx.ConnectError:  # nobody is there to answer
            self._enough.wait(_WAIT_FOR_THE_API_S)
        except httpx.HTTPError:
            self.unanswered += 1
        else:
            self._note(answer)

    def _note(self, answer: httpx.Response) -> None:
        if answer.status_code == 202:
            self.accepted.append(UUID(answer.json()["job_id"]))
            return
        told = f"{answer.status_code} {answer.json().get('detail', '')}"
        # The database may be locked by a process that is stopped; the video itself is a good one.
        (self.put_off if answer.status_code == _OUT_OF_ORDER else self.refused).append(told)
