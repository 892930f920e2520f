"""Any encode at any sampling: what is picked is what a plain decode holds.

Short by default and always the same; `HYPOTHESIS_PROFILE=soak` looks longer, and each time somewhere else.
"""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from reelwork.pipeline.sampling import Sampling
from tests.conformance.library import LONG
from tests.conformance.presented import presented
from tests.conformance.random_clips import Recipe, recipes, samplings
from tests.conformance.samplings import picked
from tests.conformance.tables import assert_same
from tests.support.reference import decode_everything

_ALWAYS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
PROFILE = (
    settings(max_examples=2000, print_blob=True, **_ALWAYS)
    if LONG
    else settings(max_examples=60, derandomize=True, database=None, **_ALWAYS)
)


@PROFILE
@given(
    recipe=recipes(),
    chosen=st.lists(samplings(), min_size=1, max_size=4),
    threads=st.sampled_from([1, 2, 4]),
)
def test_any_clip_at_any_sampling(scratch: Path, recipe: Recipe, chosen: list[dict[str, Any]], threads: int) -> None:
    path = recipe.make(scratch / "random.mp4")
    reference = decode_everything(path)
    if not recipe.edits and not recipe.orientation:
        # Some encodes lose a number; none may show another.
        assert len(reference.numbers) == recipe.count
        assert all(number in (None, index) for index, number in enumerate(reference.numbers))
    for sampling in chosen:
        note(f"sampling: {sampling}")
        found = presented(path, Sampling.model_validate(sampling), threads)
        assert_same(found.rows, picked(reference, sampling))
