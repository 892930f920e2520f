"""Answers go out over HTTP: again only when they changed, in part, compressed, in several forms."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import zstandard

from reelwork.db.engine import Database
from reelwork.jobs.store import JobStore
from reelwork.queues.memory import MemoryQueue
from tests.support.captions import read_srt, read_vtt
from tests.support.documents import complete_with, write_document
from tests.support.jobs import make_job
from tests.support.service import Caller, Service
from tests.support.warm_start import Nursery

FRAMES = 300
PLAIN = {"Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Completed:
    """A completed job on a running service."""

    http: httpx.Client
    job_id: UUID
    document: bytes
    data_dir: Path

    def get(self, query: str = "", method: str = "GET", **headers: str) -> httpx.Response:
        """Ask for its results."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, f"/video/results/{self.job_id}{query}", headers={**PLAIN, **named})

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Its results."""
        return json.loads(self.document)["results"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Completed]:
    """A service without a worker, and a job with results."""
    service = Service(tmp_path_factory.mktemp("results") / "data", nursery=nursery)
    url = service.start("serve", "--port", "0").url()
    job_id = complete_with(service.data_dir, lambda job_id, stream: write_document(stream, job_id, FRAMES))
    (stored,) = (service.data_dir / "files" / "video_results").rglob("*.json")
    with httpx.Client(base_url=url, timeout=30.0) as http:
        yield Completed(http, job_id, stored.read_bytes(), service.data_dir)
    service.close()


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()  # type: ignore[no-any-return]


class TestStatus:
    def test_it_is_sent_again_only_when_it_changed(self, completed: Completed) -> None:
        path = f"/video/status/{completed.job_id}"
        first = completed.http.get(path)
        assert first.json() == {"job_id": str(completed.job_id), "status": "completed", "progress": 1.0}
        assert first.headers["cache-control"] == "no-cache"
        assert "retry-after" not in first.headers
        again = completed.http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert completed.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200

    def test_until_it_is_over_it_says_when_to_ask_again(self, completed: Completed) -> None:
        database = Database(f"sqlite:///{completed.data_dir}/reelwork.db")
        store = JobStore(database, MemoryQueue())
        job = make_job()
        job_id = job.job_id
        store.add(job)
        tags = []

        def look() -> httpx.Response:
            answer = completed.http.get(f"/video/status/{job_id}", headers={"If-None-Match": ", ".join(tags)})
            tags.append(answer.headers["etag"])
            return answer

        pending = look()
        assert (pending.json()["status"], pending.headers["retry-after"].isdecimal()) == ("pending", True)
        assert (look().status_code, tags[0]) == (304, tags[1])
        claim = store.claim(job_id, "test", 60.0)
        assert claim is not None
        running = look()
        assert (running.json()["status"], running.headers["retry-after"].isdecimal()) == ("running", True)
        assert store.fail(claim.lease, "It broke.")
        failed = look()
        assert (failed.json()["status"], failed.headers.get("retry-after")) == ("failed", None)
        database.close()


class TestWhole:
    def test_every_byte_as_stored(self, completed: Completed) -> None:
        answer = completed.get()
        assert answer.content == completed.document
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["content-length"]) == len(completed.document)
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["vary"] == "Accept, Accept-Encoding"

    def test_sent_again_only_when_it_is_wanted(self, completed: Completed) -> None:
        tag = completed.get().headers["etag"]
        for wanted in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = completed.get(if_none_match=wanted)
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert completed.get(if_none_match='"x"').content == completed.document

    def test_every_representation_has_a_tag_of_its_own(self, completed: Completed) -> None:
        tags = {}
        for query in ("", "?q=a", "?q=b", "?node=text", "?label=a", "?limit=5", "?format=csv", "?format=ndjson"):
            for coding in ("identity", "gzip", "zstd"):
                answer = completed.get(query, method="HEAD", accept_encoding=coding)
                tags[query, coding] = answer.headers["etag"]
        assert len(set(tags.values())) == len(tags)
        assert (
            completed.get("?node=objects&node=text").headers["etag"]
            == (completed.get("?node=text&node=objects").headers["etag"])
        )
        assert completed.get("?q=a", if_none_match=tags["?q=a", "identity"]).status_code == 304
        assert completed.get("?q=a", if_none_match=tags["?q=b", "identity"]).status_code == 200

    @pytest.mark.parametrize("query", ["", "?q=sign", "?format=csv", "?format=vtt"])
    def test_compressed(self, completed: Completed, query: str) -> None:
        plain = completed.get(query).content
        for coding, accepted in (("gzip", "gzip"), ("zstd", "zstd, gzip"), ("gzip", "zstd;q=0.1, gzip")):
            with completed.http.stream(
                "GET", f"/video/results/{completed.job_id}{query}", headers={"Accept-Encoding": accepted}
            ) as answer:
                assert answer.headers["content-encoding"] == coding
                assert "content-length" not in answer.headers
                body = b"".join(answer.iter_raw())
            decoder = zstandard.ZstdDecompressor().decompressobj()
            assert (gzip.decompress(body) if coding == "gzip" else decoder.decompress(body)) == plain

    @pytest.mark.parametrize("query", ["", "?q=sign", "?format=csv", "?limit=5"])
    @pytest.mark.parametrize("coding", ["identity", "gzip"])
    def test_head_tells_what_get_would(self, completed: Completed, query: str, coding: str) -> None:
        got, told = (completed.get(query, method, accept_encoding=coding) for method in ("GET", "HEAD"))
        assert (told.status_code, told.content) == (200, b"")
        left_out = {"date", "transfer-encoding", "x-request-id"}
        headers = [{k: v for k, v in one.headers.items() if k not in left_out} for one in (got, told)]
        assert headers[0] == headers[1]


class TestRanges:
    def test_put_together_they_are_the_whole(self, completed: Completed) -> None:
        size, parts, start = len(completed.document), [], 0
        tag = completed.get().headers["etag"]
        while start < size:
            answer = completed.get(range=f"bytes={start}-{start + 9999}", if_range=tag)
            assert answer.status_code == 206
            assert answer.headers["content-range"] == f"bytes {start}-{min(start + 9999, size - 1)}/{size}"
            assert int(answer.headers["content-length"]) == len(answer.content)
            parts.append(answer.content)
            start += len(answer.content)
        assert b"".join(parts) == completed.document

    def test_they_are_of_the_document_as_it_is_stored(self, completed: Completed) -> None:
        answer = completed.get(range="bytes=-4", accept_encoding="gzip, zstd")
        assert (answer.status_code, answer.content) == (206, completed.document[-4:])
        assert "content-encoding" not in answer.headers

    def test_bytes_there_are_not(self, completed: Completed) -> None:
        answer = completed.get(range="bytes=99999999-")
        assert problem(answer, 416)["type"] == "urn:reelwork:problem:range-not-satisfiable"
        assert answer.headers["content-range"] == f"bytes */{len(completed.document)}"

    @pytest.mark.parametrize(
        "headers",
        [{"range": "bytes=0-3", "if_range": '"old"'}, {"range": "bytes=0-3,5-6"}, {"range": "frames=0-3"}],
    )
    def test_otherwise_the_whole_is_sent(self, completed: Completed, headers: dict[str, str]) -> None:
        answer = completed.get("", **headers)
        assert (answer.status_code, answer.content) == (200, completed.document)

    def test_what_is_made_on_the_way_has_none(self, completed: Completed) -> None:
        answer = completed.get("?q=sign", range="bytes=0-3")
        assert answer.status_code == 200
        assert "accept-ranges" not in answer.headers


class TestFilters:
    def test_all_of_them(self, completed: Completed) -> None:
        query = "?start_s=2&end_s=10&node=text&node=objects&label=CAR&label=bus&min_confidence=0.5&nonempty=true"
        found = completed.get(query).json()
        assert found["job_id"] == str(completed.job_id)
        expected = []
        for entry in completed.entries:
            result = entry["result"]
            cars = [item for item in result["objects"] if item["confidence"] >= 0.5]
            if 2 <= result["time_s"] < 10 and cars:
                answer = {"time_s": result["time_s"], "text": [], "objects": cars}
                expected.append({"frame_index": entry["frame_index"], "result": answer})
        assert found["results"] == expected
        assert 10 < len(expected) < 200

    def test_every_mistake_at_once(self, completed: Completed) -> None:
        query = "?start_s=x&end_s=inf&node=faces&min_confidence=2&nonempty=perhaps&limit=0&format=xml&q=a&q=b&page=2"
        found = problem(completed.get(query), 422)
        assert found["type"] == "urn:reelwork:problem:invalid-options"
        assert {mistake["option"] for mistake in found["errors"]} == {
            "start_s", "end_s", "node", "min_confidence", "nonempty", "limit", "format", "q", "page",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "option"),
        [
            ("start_s=2&end_s=2", "end_s"),
            ("limit=10001", "limit"),
            ("limit=5&format=vtt", "limit"),
            ("cursor=1.0000000000000000&format=coco", "cursor"),
            ("cursor=nonsense", "cursor"),
            ("cursor=ffff.0123456789abcdef", "cursor"),
        ],
    )
    def test_what_does_not_go_together(self, completed: Completed, query: str, option: str) -> None:
        (mistake,) = problem(completed.get(f"?{query}"), 422)["errors"]
        assert mistake["option"] == option

    def test_what_is_left_empty_is_not_given(self, completed: Completed) -> None:
        assert completed.get("?q=&node=&label=&cursor=").content == completed.document
        assert [one["option"] for one in problem(completed.get("?limit=&end_s="), 422)["errors"]] == ["end_s", "limit"]


class TestPages:
    @pytest.mark.parametrize("query", ["limit=64", "limit=7&label=bus&nonempty=true&end_s=8"])
    def test_together_they_are_the_whole(self, completed: Completed, query: str) -> None:
        found, link = [], f"?{query}"
        while link:
            page = completed.get(link)
            found += page.json()["results"]
            following = page.links.get("next")
            link = following["url"].partition(str(completed.job_id))[2] if following else ""
        unpaged = completed.get("?" + "&".join(part for part in query.split("&") if not part.startswith("limit")))
        assert found == unpaged.json()["results"]
        assert found

    def test_in_the_other_forms_that_have_them(self, completed: Completed) -> None:
        for name in ("ndjson", "csv"):
            page = completed.get(f"?format={name}&limit=200")
            rest = completed.http.get(page.links["next"]["url"], headers=PLAIN)
            assert "next" not in rest.links
            _, _, rows = rest.text.partition("\r\n")
            joined = page.text + (rows if name == "csv" else rest.text)
            assert joined == completed.get(f"?format={name}").text

    def test_a_cursor_is_for_one_job_and_its_filters(self, completed: Completed) -> None:
        cursor = completed.get("?limit=5&q=sign").links["next"]["url"].partition("cursor=")[2]
        other = complete_with(completed.data_dir, lambda job_id, stream: write_document(stream, job_id, FRAMES))
        assert completed.get(f"?limit=9&q=sign&cursor={cursor}").status_code == 200
        problem(completed.get(f"?limit=5&q=Sign&cursor={cursor}"), 422)
        problem(completed.http.get(f"/video/results/{other}?limit=5&q=sign&cursor={cursor}"), 422)


class TestForms:
    @pytest.mark.parametrize(
        ("name", "accept", "media_type"),
        [
            ("json", "application/json", "application/json"),
            ("ndjson", "application/x-ndjson", "application/x-ndjson"),
            ("csv", "text/html;q=0.9, text/csv", "text/csv; charset=utf-8; header=present"),
            ("vtt", "text/vtt, */*;q=0.1", "text/vtt; charset=utf-8"),
            ("srt", "application/x-subrip", "application/x-subrip; charset=utf-8"),
            ("coco", "application/vnd.reelwork.coco+json", "application/json"),
        ],
    )
    def test_by_name_or_by_accept(self, completed: Completed, name: str, accept: str, media_type: str) -> None:
        named = completed.get(f"?format={name}", accept="image/png")
        accepted = completed.get(accept=accept)
        assert named.status_code == accepted.status_code == 200
        assert named.content == accepted.content
        assert named.headers["content-type"] == accepted.headers["content-type"] == media_type
        assert named.headers["content-disposition"].endswith(f'{name}"' if name != "coco" else 'coco.json"')

    def test_none_that_is_wanted(self, completed: Completed) -> None:
        found = problem(completed.get(accept="image/png, text/html"), 406)
        assert found["type"] == "urn:reelwork:problem:not-acceptable"
        assert "text/csv" in found["available"]

    def test_they_say_the_same(self, completed: Completed) -> None:
        entries = completed.entries
        items = [(e["frame_index"], i) for e in entries for i in [*e["result"]["text"], *e["result"]["objects"]]]
        lines = completed.get("?format=ndjson").text.splitlines()
        assert [json.loads(line) for line in lines] == entries
        rows = list(csv.DictReader(io.StringIO(completed.get("?format=csv").text, newline="")))
        assert [(int(row["frame_index"]), row["text"] or row["label"]) for row in rows] == [
            (index, item.get("text") or item["label"]) for index, item in items
        ]
        made = completed.get("?format=coco").json()
        assert [image["id"] for image in made["images"]] == [entry["frame_index"] for entry in entries]
        assert [one["image_id"] for one in made["annotations"]] == [index for index, _ in items]
        assert made["annotations"][0]["bbox"] == [496.0, 284.0, 464.0, 74.0]

    def test_captions(self, completed: Completed) -> None:
        cues = read_vtt(completed.get("?format=vtt&node=text&nonempty=true").text)
        assert cues == read_srt(completed.get("?format=srt&node=text").text)
        captions = [(n * 2000, n * 2000 + 2000, f"Caption number {n}, which stays for two seconds") for n in range(6)]
        assert sorted(cues) == sorted([*captions, (0, 12000, "The sign that stays all along")])

    def test_without_the_size_of_the_video_there_is_no_coco(self, completed: Completed) -> None:
        job_id = complete_with(completed.data_dir, lambda job_id, out: write_document(out, job_id, 3), source=None)
        answer = completed.http.get(f"/video/results/{job_id}?format=coco")
        assert [one["option"] for one in problem(answer, 422)["errors"]] == ["format"]
        answer = completed.http.get(
            f"/video/results/{job_id}", headers={"Accept": "application/vnd.reelwork.coco+json"}
        )
        assert [one["option"] for one in problem(answer, 422)["errors"]] == ["format"]
        assert completed.http.get(f"/video/results/{job_id}?format=vtt").status_code == 200


def test_intervals(completed: Completed) -> None:
    path = f"/video/jobs/{completed.job_id}/intervals"
    found = completed.http.get(path, params={"node": "text"}).json()
    assert found["job_id"] == str(completed.job_id)
    (sign,) = [one for one in found["intervals"] if one["name"].startswith("The sign")]
    assert (sign["node"], sign["first_frame"], sign["last_frame"], sign["frames"]) == ("text", 0, FRAMES - 1, FRAMES)
    nodes = {one["node"] for one in completed.http.get(path).json()["intervals"]}
    assert nodes == {"text", "objects"}
    assert problem(completed.http.get(path, params={"node": "faces"}), 422)["errors"][0]["option"] == "node"


@pytest.mark.parametrize("path", ["/video/results/{}", "/video/results/{}?format=csv", "/video/jobs/{}/intervals"])
def test_a_job_there_is_not(completed: Completed, path: str) -> None:
    found = problem(completed.http.get(path.format(uuid4())), 404)
    assert found["type"] == "urn:reelwork:problem:job-not-found"


PAGE = (Path(__file__).parent.parent.parent / "docs" / "reference" / "results.md").read_text()


def test_what_the_reference_shows_is_answered(completed: Completed) -> None:
    shown = re.findall(r'^\$ curl -s (?:-H \'Accept: (.*?)\' )?.*"\$RESULTS(\?.*?)?"', PAGE, re.MULTILINE)
    assert len(shown) == 10
    for accept, query in shown:
        assert completed.get(query, accept=accept or "*/*").status_code == 200


def test_the_reference_names_every_parameter_and_form(completed: Completed) -> None:
    described = completed.http.get("/openapi.json").json()["paths"]["/video/results/{job_id}"]["get"]
    parameters = {parameter["name"]: parameter for parameter in described["parameters"] if parameter["in"] == "query"}
    tables = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(tables) == {*parameters, *parameters["format"]["schema"]["enum"]}


def test_captions_of_a_real_video(up: Caller, media_dir: Path) -> None:
    job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="text", frame_stride=25)
    up.wait_for(job_id, "completed")
    cues = read_vtt(up.http.get(f"/video/results/{job_id}", params={"format": "vtt"}).text)
    assert sorted(cues) == [(0, 5000, "ExoPlayer ad test"), (0, 5000, "Midroll")]


def test_a_clock_in_a_real_video_is_a_caption_for_each_time(up: Caller, media_dir: Path) -> None:
    job_id = up.submit(media_dir / "burned-in-time-15fps.mp4", max_frames=5)
    up.wait_for(job_id, "completed")
    found = up.http.get(f"/video/results/{job_id}", params={"format": "srt", "q": "00:00:"})
    shown = [text for _, _, text in read_srt(found.text)]
    assert shown == [f"00:00:00.{round(n * 1000 / 15):03}" for n in range(5)]
