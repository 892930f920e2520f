"""Many clients at once, of whom some submit, some poll and some read results; errors are counted, memory is watched."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import httpx

_RAW = {"Content-Type": "video/mp4"}
_LATEST = 200


@dataclass
class Load:
    """What was done, and what went wrong."""

    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, answer: httpx.Response, expected: int) -> bool:
        """Count an answer; False if it was not the expected one."""
        with self._lock:
            if answer.status_code == expected:
                self.done[what] += 1
                return True
            self.errors.append(f"{what}: {answer.status_code} {answer.text[:200]}")
            return False


def mixed_load(
    url: str, clip: bytes, completed: Sequence[UUID], *, connections: int, duration_s: float, most_jobs: int
) -> Load:
    """Keep ``connections`` clients busy for a while.

    Args:
        url: The service.
        clip: What they submit, for the pipeline ``frames``.
        completed: Jobs whose results they read.
        connections: How many clients.
        duration_s: For how long.
        most_jobs: How many videos they submit at most, together; then they only poll and read.
    """
    load = Load()
    jobs: list[UUID] = list(completed)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)

    def work(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < end:
            kind = chance.choices(("submit", "poll", "results"), (1, 8, 2))[0]
            if kind == "submit" and load.done["submit"] < most_jobs:
                answer = http.post("/video/submit?pipeline=frames", content=clip, headers=_RAW)
                if load.note("submit", answer, 202):
                    jobs.append(UUID(answer.json()["job_id"]))
            elif kind == "results":
                load.note("results", http.get(f"/video/results/{chance.choice(completed)}"), 200)
            else:
                load.note("poll", http.get(f"/video/status/{chance.choice(jobs[-_LATEST:])}"), 200)

    with (
        httpx.Client(base_url=url, timeout=60, trust_env=False, limits=limits) as http,
        ThreadPoolExecutor(connections) as pool,
    ):
        end = time.monotonic() + duration_s
        for future in [pool.submit(work, number) for number in range(connections)]:
            future.result()
    return load
