"""What every answer says to browsers, and the name that every request has."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from reelwork.access.caller import Scope
from reelwork.bootstrap.access import open_keys
from reelwork.logs import JsonFormatter, about
from reelwork.settings import Settings

PATHS = ["/healthz", "/pipelines", "/openapi.json", "/nowhere", "/", "/assets/page.js", f"/video/status/{UUID(int=7)}"]
ORIGIN = "https://videos.example.org"


@pytest.mark.parametrize("path", PATHS)
def test_no_browser_guesses_frames_or_leaks(serving: Callable[..., httpx.Client], path: str) -> None:
    headers = serving().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    for name in set(headers):
        assert len(headers.get_list(name)) == 1, name


def test_answers_are_not_kept_but_the_page_may_be_asked_for_again(serving: Callable[..., httpx.Client]) -> None:
    client = serving()
    assert client.get("/pipelines").headers["cache-control"] == "no-store"
    assert client.get("/nowhere").headers["cache-control"] == "no-store"
    assert client.get("/").headers["cache-control"] == "no-cache"


def test_pages_of_others_may_not_call(serving: Callable[..., httpx.Client]) -> None:
    client = serving()
    answer = client.get("/pipelines", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    asked = client.options("/video/submit", headers=asking)
    assert not [name for name in asked.headers if name.startswith("access-control-")]


def test_pages_of_some_may_call_if_that_is_wanted(serving: Callable[..., httpx.Client]) -> None:
    client = serving(cors_origins=f"https://other.example.org {ORIGIN}")
    answer = client.get("/nowhere", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    exposed = answer.headers["access-control-expose-headers"]
    assert {"Location", "Retry-After", "ETag", "Link", "Upload-Offset"} <= set(exposed.split(", "))
    assert "access-control-allow-credentials" not in answer.headers

    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}
    allowed = client.options("/video/submit", headers={**asking, "Access-Control-Request-Headers": "authorization"})
    assert allowed.status_code == 200
    assert "PATCH" in allowed.headers["access-control-allow-methods"]

    stranger = client.get("/pipelines", headers={"Origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_browser_may_ask_whether_it_may_call_without_a_key(
    serving: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    open_keys(Settings.load(data_dir=tmp_path / "data")).make("one", [Scope.READ])
    client = serving(cors_origins=ORIGIN, require_keys=True)
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key"}
    assert client.options("/pipelines", headers=asking).status_code == 200
    refused = client.get("/pipelines", headers={"Origin": ORIGIN})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN


def test_a_request_has_the_name_its_client_gives_it(serving: Callable[..., httpx.Client]) -> None:
    client = serving()
    answer = client.get("/nowhere", headers={"X-Request-Id": "run-7:3"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "run-7:3"


@pytest.mark.parametrize("given", ["", "a b", 'x"y', "a" * 129, "é"])
def test_a_name_that_is_not_fit_to_be_logged_is_replaced(serving: Callable[..., httpx.Client], given: str) -> None:
    client = serving()
    names = {client.get("/healthz", headers={"X-Request-Id": given.encode()}).headers["x-request-id"] for _ in range(2)}
    assert len(names) == 2
    assert given not in names


def test_the_name_stands_on_every_line_of_the_log() -> None:
    def line() -> dict[str, object]:
        record = logging.makeLogRecord({"msg": "something.happened", "levelname": "INFO"})
        written: dict[str, object] = json.loads(JsonFormatter().format(record))
        return written

    with about(request_id="run-7"):
        assert line()["request_id"] == "run-7"
    assert "request_id" not in line()
