"""Whatever a client sends, the service answers as its OpenAPI document says; nothing is excluded.

Short and always the same by default; ``REELWORK_TEST_EXAMPLES`` says how many requests to think of for each
operation, and then they are others each time, by a seed that is told when something was found.
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwork.access.caller import Scope
from reelwork.bootstrap.access import open_keys
from reelwork.settings import Settings
from tests.support.api_conformance import conformance
from tests.support.service import Caller, Service
from tests.support.warm_start import Nursery

EXAMPLES = int(os.environ.get("REELWORK_TEST_EXAMPLES", "5"))
SEED = random.randrange(1 << 32) if "REELWORK_TEST_EXAMPLES" in os.environ else 1


@pytest.fixture
def guarded(tmp_path: Path, nursery: Nursery) -> Iterator[tuple[str, str]]:
    """A whole service that asks for keys: its URL, and a key for everything."""
    service = Service(tmp_path / "data", {"REELWORK_REQUIRE_KEYS": "true"}, nursery=nursery)
    key = open_keys(Settings.load(data_dir=service.data_dir)).make("tests", [Scope.ADMIN])
    yield service.run(), str(key)
    service.close()


@pytest.mark.timeout(3600)
def test_every_answer_is_the_one_described(
    guarded: tuple[str, str], caller: Callable[[str], Caller], media_dir: Path, tmp_path: Path
) -> None:
    url, key = guarded
    calls = caller(url)
    calls.http.headers["Authorization"] = f"Bearer {key}"
    completed = [calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames") for _ in range(3)]
    for job_id in completed:
        calls.wait_for(job_id, "completed")

    code, said = conformance(url, key, completed, tmp_path, EXAMPLES, SEED)

    assert code == 0, said
    assert "Failures" not in said
