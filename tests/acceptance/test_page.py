"""The page as a browser gets it: complete, from this service alone, and under a strict policy."""

import re
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from reelwork.api.page import ASSETS
from tests.support.service import Caller

STATIC = files("reelwork.api") / "static"
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.fixture(scope="module")
def everything(up: Caller) -> dict[str, httpx.Response]:
    """The page and all its assets by path."""
    return {path: up.http.get(path) for path in ["/", *(f"/assets/{name}" for name in ASSETS)]}


def test_every_file_of_the_package_is_served(everything: dict[str, httpx.Response]) -> None:
    in_package = {file.name for file in STATIC.iterdir()}
    assert in_package == {"index.html", *ASSETS}
    for name in in_package:
        path = "/" if name == "index.html" else f"/assets/{name}"
        assert everything[path].content == (STATIC / name).read_bytes()


def test_media_types(everything: dict[str, httpx.Response]) -> None:
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for path, answer in everything.items():
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == types[Path(path).suffix or ".html"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_policy_allows_this_service_alone(everything: dict[str, httpx.Response]) -> None:
    for answer in everything.values():
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["img-src"] == "'self'"
        assert policy["media-src"] == "'self' blob:"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_nothing_comes_from_elsewhere(everything: dict[str, httpx.Response]) -> None:
    for path, answer in everything.items():
        text = answer.text.replace(SVG_NAMESPACE, "")
        assert not re.search(r"https?:|//\w+\.|@import|data:", text), path


def test_every_reference_leads_somewhere(everything: dict[str, httpx.Response]) -> None:
    referred = set(re.findall(r'(?:src|href)="(/[^"]*)"', everything["/"].text))
    for name in ASSETS:
        referred |= {
            f"/assets/{other}" for other in re.findall(r"from '\./([^']+)'", everything[f"/assets/{name}"].text)
        }
    assert referred == set(everything)


def test_every_element_the_scripts_ask_for_exists(everything: dict[str, httpx.Response]) -> None:
    present = re.findall(r'\bid="([^"]+)"', everything["/"].text)
    assert len(present) == len(set(present))
    scripts = "".join(answer.text for path, answer in everything.items() if path.endswith(".js"))
    asked = set(re.findall(r"\belement\('([^']+)'", scripts))
    assert asked
    assert asked <= set(present)


def test_answers_go_in_as_text_and_nothing_is_inline(everything: dict[str, httpx.Response]) -> None:
    for path, answer in everything.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", answer.text), path
    page = everything["/"].text
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]


def test_the_page_can_be_used_without_sight_or_mouse(everything: dict[str, httpx.Response]) -> None:
    page = everything["/"].text
    assert '<html lang="en">' in page
    assert 'name="viewport"' in page
    assert 'role="status"' in page
    assert 'role="alert"' in page
    style = everything["/assets/page.css"].text
    assert ":focus-visible" in style
    assert "prefers-color-scheme: dark" in style


def test_the_page_stays_out_of_the_api_description(up: Caller) -> None:
    assert not [
        path for path in up.http.get("/openapi.json").json()["paths"] if path == "/" or path.startswith("/assets")
    ]


def test_an_asset_that_does_not_exist(up: Caller) -> None:
    for path in ("/assets/other.js", "/assets/..%2fpage.py"):
        answer = up.http.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
