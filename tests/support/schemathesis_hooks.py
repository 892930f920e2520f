"""What schemathesis cannot know by itself: what a video is."""

from pathlib import Path

import schemathesis
from hypothesis import strategies as st

CLIP = (Path(__file__).parent.parent.parent / "media" / "midroll-5s.mp4").read_bytes()

schemathesis.openapi.media_type("video/mp4", st.just(CLIP))
schemathesis.openapi.format("binary", st.just(CLIP))
