"""The headers of uploads: what is taken, and what the document says is taken."""

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from reelwork.api.uploads.documentation import documented
from reelwork.api.uploads.headers import idempotency_key
from reelwork.errors import UploadMalformed

_PATTERN: Any = documented("Idempotency-Key", max_bytes=1)[0]["schema"]["pattern"]


def is_taken(key: str) -> bool:
    """Tell whether a request with this header is, as a server hands it on: without the blanks around it."""
    sent = [(b"idempotency-key", key.strip(" \t").encode("latin-1"))]
    try:
        return idempotency_key(Request({"type": "http", "headers": sent})) is not None
    except UploadMalformed:
        return False


@given(
    st.from_regex(_PATTERN, fullmatch=True)
    | st.text(st.characters(max_codepoint=255))
    | st.text('ab "\\', max_size=5).map('"{}"'.format)
    | st.builds(
        lambda length, quote: f"{quote}{'a' * length}{quote}", st.integers(250, 260), st.sampled_from(["", '"'])
    )
)
@example("")
@example('""')
@example("order 17 (copy)")
@example('"a\\"b"')
def test_document_says_which_idempotency_keys_are_taken(key: str) -> None:
    assert is_taken(key) == bool(re.search(_PATTERN, key))
