"""What schemathesis cannot know by itself: what a video is, and what a refusal must say."""

from pathlib import Path

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, Response

CLIP = (Path(__file__).parent.parent.parent / "media" / "midroll-5s.mp4").read_bytes()

schemathesis.openapi.media_type("video/mp4", st.just(CLIP))
schemathesis.openapi.format("binary", st.just(CLIP))
schemathesis.openapi.media_type("application/partial-upload", st.sampled_from([CLIP[:1000], CLIP]))


@schemathesis.check
def refusal_says_what_is_wrong(ctx: CheckContext, response: Response, case: Case) -> None:
    """Every refusal of options points at what the client can correct, and says how."""
    if response.status_code != 422 or case.method == "HEAD":
        return
    problem = response.json()
    assert problem["type"].startswith("urn:reelwork:problem:")
    assert problem["detail"]
    if problem["type"].endswith(":invalid-options"):
        assert problem["errors"]
        for mistake in problem["errors"]:
            assert mistake["pointer"].startswith("#")
            assert mistake["detail"].endswith((".", "!", "?"))
