"""Submit videos all the time, and remember what was answered 202."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx

_WAIT_S = 0.02
_WAIT_FOR_THE_API_S = 0.1


class Producer(threading.Thread):
    """A client that does not give up."""

    def __init__(self, url: str, clip: Path, has_room: Callable[[], bool], seed: int) -> None:
        super().__init__()
        self._url = url
        self._video = clip.read_bytes()
        self._has_room = has_room
        self._random = random.Random(seed)
        self._enough = threading.Event()
        self.accepted: list[UUID] = []
        self.refused: list[str] = []
        self.unanswered = 0

    def stop(self) -> None:
        """Let it end."""
        self._enough.set()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10.0) as http:
            while not self._enough.wait(_WAIT_S):
                if self._has_room():
                    self._submit(http)

    def _submit(self, http: httpx.Client) -> None:
        pipeline = "slow" if self._random.random() < 0.5 else "frames"
        headers = {"Content-Type": "video/mp4"}
        try:
            answer = http.post(f"/video/submit?pipeline={pipeline}", content=self._video, headers=headers)
        except httpx.HTTPError:
            self.unanswered += 1
            self._enough.wait(_WAIT_FOR_THE_API_S)
            return
        if answer.status_code == 202:
            self.accepted.append(UUID(answer.json()["job_id"]))
        else:
            self.refused.append(f"{answer.status_code} {answer.json().get('detail', '')}")
