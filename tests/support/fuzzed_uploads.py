"""Damaged MP4s, posted to a running server, several at once."""

import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import httpx

from tests.conformance.damage import KINDS, damaged

REFUSALS = {
    415: {"urn:reelwork:problem:unsupported-media"},
    422: {"urn:reelwork:problem:video-unreadable", "urn:reelwork:problem:upload-empty"},
}
"""What may be answered, beside 202, to a file that is not what it should be."""

_ANSWER_TIMEOUT_S = 60.0
_AT_ONCE = 4


@dataclass
class Fuzzed:
    """What was answered: how often each kind of damage met each status, the jobs made, and what was wrong."""

    tally: Counter[tuple[str, int]] = field(default_factory=Counter)
    jobs: set[UUID] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


class FuzzedUploads:
    """Posts damaged copies of some MP4s; the dice are thrown anew for each by its number."""

    def __init__(self, url: str, sources: Sequence[Path], seed: int) -> None:
        self._url = url
        self._sources = [path.read_bytes() for path in sources]
        self._seed = seed
        self._numbers = itertools.count()
        self._noting = threading.Lock()

    def post(self, count: int) -> Fuzzed:
        """Post so many more, several at once; say what came of them."""
        fuzzed = Fuzzed()
        with httpx.Client(base_url=self._url, timeout=_ANSWER_TIMEOUT_S) as http, ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda _: self._post_one(http, fuzzed), range(count)))
        return fuzzed

    def _post_one(self, http: httpx.Client, fuzzed: Fuzzed) -> None:
        name = f"{self._seed}-{next(self._numbers)}"
        dice = Random(name)
        kind = dice.choice(list(KINDS))
        content = damaged(dice.choice(self._sources), kind, dice)
        headers = {"Content-Type": "video/mp4"}
        try:
            answer = http.post("/video/submit?pipeline=frames", content=content, headers=headers)
        except httpx.HTTPError as error:
            fuzzed.complaints.append(f"{name} ({kind}): {error!r}")
            return
        with self._noting:
            fuzzed.tally[kind, answer.status_code] += 1
            if answer.status_code == httpx.codes.ACCEPTED:
                fuzzed.jobs.add(UUID(answer.json()["job_id"]))
            elif answer.json().get("type") not in REFUSALS.get(answer.status_code, ()):
                fuzzed.complaints.append(f"{name} ({kind}): {answer.status_code} {answer.text}")
