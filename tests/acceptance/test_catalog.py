"""What the service says of itself: pipelines, analyzers, limits."""

from typing import Any

import pytest

from tests.support.service import Caller


def by_name(up: Caller, path: str) -> dict[str, Any]:
    answer = up.http.get(path)
    assert answer.status_code == 200, answer.text
    [entries] = answer.json().values()
    assert [entry["name"] for entry in entries] == sorted(entry["name"] for entry in entries)
    return {entry["name"]: entry for entry in entries}


def test_pipelines_say_what_may_be_set(up: Caller) -> None:
    pipelines = by_name(up, "/pipelines")
    text = pipelines["text_codes"]
    assert (text["available"], text["default"], text["outputs"]) == (True, False, ["text", "codes"])
    assert pipelines["text"]["default"]
    assert text["nodes"]["text"]["analyzer"] == "text"
    assert text["nodes"]["text"]["inputs"] == ["$frame"]
    assert text["nodes"]["text"]["settings"]["min_confidence"] == 0.5
    may_set = text["params"]["text"]["properties"]
    assert (may_set["min_confidence"]["default"], may_set["min_confidence"]["maximum"]) == (0.5, 1)
    assert set(may_set) == set(text["nodes"]["text"]["settings"])
    assert pipelines["frames"]["params"] == {}
    assert "objects.onnx" in pipelines["objects"]["unavailable_because"]


def test_analyzers_say_where_they_come_from_and_what_they_lack(up: Caller) -> None:
    analyzers = by_name(up, "/analyzers")
    text = analyzers["text"]
    assert text["available"]
    assert text["package"] == "reelwork"
    assert text["version"]
    assert all(text["libraries"].values())
    assert text["takes_inputs"]
    assert text["settings"]["properties"]["max_side"]["minimum"] == 64
    assert "objects.onnx" in analyzers["objects"]["unavailable_because"]
    broken = analyzers["broken"]
    assert (broken["available"], broken["settings"]) == (False, None)
    assert "could not be loaded" in broken["unavailable_because"]
    assert analyzers["pause"]["description"] == "Takes its time over every frame."


def test_limits(up: Caller) -> None:
    limits = up.http.get("/limits").json()
    assert limits["max_upload_bytes"] == 10 * 2**30
    assert limits["max_pixels"] == 2**25
    assert (limits["min_retention_s"], limits["retention_s"], limits["key"]) == (60, None, None)
    assert (limits["max_tags"], limits["max_jobs_per_page"]) == (20, 1000)


@pytest.mark.parametrize("path", ["/pipelines", "/analyzers", "/limits"])
def test_they_are_described(up: Caller, path: str) -> None:
    described = up.http.get("/openapi.json").json()["paths"][path]["get"]
    assert described["responses"]["200"]["content"]["application/json"]["schema"]
