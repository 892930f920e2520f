"""What the page about proxies says of Reelwork is so behind one, and its configurations do what it explains."""

import http.client
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from reelwork.cli.server import _KEEP_ALIVE_S
from reelwork.client import Client
from reelwork.settings import Settings
from tests.support.lesson import is_as_shown, typed
from tests.support.proxies import Proxy, proxy_before
from tests.support.service import Caller
from tests.support.shell import Shell, blocks_run_by, free_port, has_written
from tests.support.versions import install_this_version
from tests.support.waiting import wait_until
from tests.support.web_servers import caddy, nginx
from tools.tree import ROOT

PAGE = "docs/how-to/reverse-proxy.md"
[ASK_FOR_KEYS] = blocks_run_by(__file__, PAGE, "sh")
[FROM_OUTSIDE] = blocks_run_by(__file__, PAGE, "console")
NGINX = blocks_run_by(__file__, PAGE, "nginx")[0].text
CADDY = blocks_run_by(__file__, PAGE, "text")[0].text
CERTIFICATE, CERTIFICATE_KEY = (ROOT / "tests" / "support" / "tls" / name for name in ("certificate.pem", "key.pem"))
CLIP = ROOT / "media" / "midroll-5s.mp4"
AS_MP4 = {"Content-Type": "video/mp4"}
FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;host=elsewhere.example.org;proto=https",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "elsewhere.example.org",
    "X-Forwarded-Prefix": "/prefix",
    "Host": "elsewhere.example.org",
}


@dataclass(frozen=True)
class Guarded:
    """The service of the page; no worker runs."""

    url: str
    key: str
    data_dir: Path
    log: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    data_dir, log, port = directory / "data", directory / "api.log", free_port()
    path = f"{install_this_version(directory / 'this').parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "REELWORK_PORT": str(port), "REELWORK_PROBE_PROCESSES": "1"}
    with closing(Shell(directory, environment)) as shell:
        told = shell.run(ASK_FOR_KEYS.text.replace("/srv/reelwork", str(data_dir)))
        [key] = re.findall(r"^rw_\S+", told, re.MULTILINE)
        wait_until(lambda: has_written(log, "Reelwork is ready"))
        yield Guarded(f"http://127.0.0.1:{port}", key, data_dir, log)


@pytest.fixture
def proxy(guarded: Guarded) -> Iterator[Proxy]:
    with proxy_before(guarded.url) as proxy:
        yield proxy


@pytest.fixture
def calls(guarded: Guarded, proxy: Proxy) -> Iterator[Caller]:
    """Calls through the proxy, with a key."""
    caller = Caller(proxy.url)
    caller.http.headers["Authorization"] = f"Bearer {guarded.key}"
    yield caller
    caller.http.close()


def test_keys_are_asked_for_whatever_a_header_says(proxy: Proxy, guarded: Guarded) -> None:
    proxy.adds = FORGED
    answer = httpx.get(f"{proxy.url}/pipelines")
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:reelwork:problem:key-missing"
    both = {"Authorization": "Basic eDp5", "X-API-Key": guarded.key}
    assert httpx.get(f"{proxy.url}/pipelines", headers=both).status_code == 200


def test_headers_of_proxies_change_no_answer(guarded: Guarded, proxy: Proxy, calls: Caller) -> None:
    for _ in range(2):
        calls.submit(CLIP, pipeline="frames")
    proxy.adds = FORGED
    varying = ("date", "x-request-id", "connection")
    for path in ("/", "/video/jobs?limit=1", "/pipelines", "/limits", "/openapi.json"):
        through = calls.http.get(path)
        direct = httpx.get(guarded.url + path, headers={"Authorization": f"Bearer {guarded.key}"})
        assert (through.status_code, through.content) == (200, direct.content)
        for name in varying:
            through.headers.pop(name, None)
            direct.headers.pop(name, None)
        assert through.headers == direct.headers
    assert calls.http.get("/video/jobs?limit=1").headers["link"].startswith("</video/jobs?")
    answer = calls.http.post("/video/submit?pipeline=frames", content=CLIP.read_bytes(), headers=AS_MP4)
    assert answer.headers["location"] == f"/video/status/{answer.json()['job_id']}"
    logged = [line for line in guarded.log.read_text().splitlines() if line.startswith("{")]
    assert not [line for line in logged if "elsewhere" in line or "127.0.0.1" in line]


def test_the_name_that_the_proxy_gives_a_request(guarded: Guarded, proxy: Proxy, calls: Caller) -> None:
    proxy.adds = {"X-Request-Id": "by-the-proxy:1"}
    answer = calls.http.get("/video/jobs/00000000-0000-0000-0000-000000000000")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "by-the-proxy:1"
    wait_until(lambda: has_written(guarded.log, '"request_id": "by-the-proxy:1"'))  # behind the answer
    proxy.adds = {"X-Request-Id": "x" * 129}
    assert len(calls.http.get("/limits").headers["x-request-id"]) < 129


def test_uploads_are_stored_as_they_arrive(guarded: Guarded, proxy: Proxy) -> None:
    clip = (ROOT / "media" / "burned-in-time-15fps.mp4").read_bytes()
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"))
    connection.putrequest("POST", "/video/submit?pipeline=frames")
    for name, value in {**AS_MP4, "Content-Length": str(len(clip)), "X-API-Key": guarded.key}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(clip[:400_000])
    wait_until(lambda: [1 for path in guarded.data_dir.rglob("*.tmp") if path.stat().st_size])
    connection.send(clip[400_000:])
    assert connection.getresponse().status == 202
    connection.close()


def test_uploads_go_on_when_the_proxy_drops_them(guarded: Guarded, calls: Caller, proxy: Proxy) -> None:
    clip = (ROOT / "media" / "car-detection.mp4").read_bytes()
    begun = calls.http.post(
        "/video/submit", params={"pipeline": "frames"}, headers={**AS_MP4, "Upload-Complete": "?0"}, content=b""
    )
    place = begun.headers["location"]
    assert place.startswith("/video/submit/")

    def send(offset: int) -> httpx.Response:
        told = {"Upload-Offset": str(offset), "Upload-Complete": "?1", "Content-Type": "application/partial-upload"}
        return calls.http.patch(place, headers=told, content=clip[offset:])

    proxy.breaks_after = 2_000_000
    with pytest.raises(httpx.TransportError):
        send(0)
    wait_until(lambda: has_written(guarded.log, '"method": "PATCH"'))  # it has noticed, and stored what came
    proxy.breaks_after = None
    offset = int(calls.http.head(place).headers["upload-offset"])
    assert 0 < offset <= 2_000_000
    job_id = UUID(send(offset).json()["job_id"])
    assert calls.http.get(f"/video/jobs/{job_id}/media").content == clip


def test_what_stays_inside(guarded: Guarded, proxy: Proxy, calls: Caller) -> None:
    for path in ("/healthz", "/readyz"):
        assert httpx.get(guarded.url + path).status_code == 200
    assert httpx.get(f"{guarded.url}/metrics").status_code == 401
    assert calls.http.get("/metrics").status_code == 200
    with Client(proxy.url, guarded.key) as client:
        assert client.ready()
        proxy.inside = {"/metrics", "/healthz", "/readyz"}
        assert [calls.http.get(path).status_code for path in proxy.inside] == [404] * 3
        with pytest.raises(Exception, match="404"):
            client.ready()


def seconds(name: str, configuration: str) -> int:
    [value] = re.findall(rf"\b{name} (\d+)s", configuration)
    return int(value)


def test_connections_are_given_up_before_reelwork_does() -> None:
    assert seconds("keepalive_timeout", NGINX) == seconds("keepalive", CADDY) < _KEEP_ALIVE_S - 2
    assert f"lay idle for {_KEEP_ALIVE_S} s" in (ROOT / PAGE).read_text()


def test_times_and_sizes_are_beyond_those_of_reelwork() -> None:
    settings = Settings()
    assert seconds("client_body_timeout", NGINX) > settings.upload_idle_s
    assert seconds("proxy_read_timeout", NGINX) > 10 * settings.probe_timeout_s
    assert "client_max_body_size 0;" in NGINX


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_both_keep_inside_what_is_not_for_everybody(path: str) -> None:
    assert f"location = {path} {{ return 404; }}" in NGINX
    assert path in re.findall(r"@inside path (.*)", CADDY)[0].split()


def with_places(configuration: str, places: Mapping[str, object]) -> str:
    """Return a configuration of the page for other places; it must name each of these."""
    for named, place in places.items():
        assert named in configuration
        configuration = configuration.replace(named, str(place))
    return configuration


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def outside(
    request: pytest.FixtureRequest, guarded: Guarded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The service behind the real server with the page's configuration; gives its URL."""
    directory, port = tmp_path_factory.mktemp(request.param), free_port()
    service = guarded.url.removeprefix("http://")
    if request.param == "nginx":
        places = {"127.0.0.1:8000": service, "listen 443": f"listen 127.0.0.1:{port}"}
        places |= {"/etc/ssl/reelwork.pem": CERTIFICATE, "/etc/ssl/reelwork.key": CERTIFICATE_KEY}
        running = nginx(with_places(NGINX, places), port, directory)
    else:
        site = f"https://localhost:{port} {{\n    bind 127.0.0.1\n    tls {CERTIFICATE} {CERTIFICATE_KEY}"
        places = {"127.0.0.1:8000": service, "reelwork.example.org {": site}
        running = caddy(with_places(CADDY, places), port, directory)
    with running:
        yield f"https://localhost:{port}"


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    """Trusts the certificate of the tests."""
    return ssl.create_default_context(cafile=CERTIFICATE)


@pytest.fixture
def web(outside: str, guarded: Guarded, trusting: ssl.SSLContext) -> Iterator[httpx.Client]:
    """Calls from outside, with a key."""
    headers = {"Authorization": f"Bearer {guarded.key}"}
    with httpx.Client(base_url=outside, headers=headers, verify=trusting, timeout=60) as client:
        yield client


class TestBehindTheRealOnes:
    def test_videos_come_through_both_ways(self, web: httpx.Client) -> None:
        clip = (ROOT / "media" / "car-detection.mp4").read_bytes()
        raw = web.post("/video/submit?pipeline=frames", content=clip, headers=AS_MP4)
        form = web.post("/video/submit", files={"file": clip}, data={"pipeline": "frames"})
        for answer in (raw, form):
            assert answer.status_code == 202, answer.text
            place = f"/video/jobs/{answer.json()['job_id']}/media"
            assert answer.headers["location"] == f"/video/status/{answer.json()['job_id']}"
            assert web.get(place).content == clip
            part = web.get(place, headers={"Range": "bytes=1000000-1000009"})
            assert (part.status_code, part.content) == (206, clip[1000000:1000010])

    def test_uploads_are_stored_as_they_arrive(self, outside: str, trusting: ssl.SSLContext, guarded: Guarded) -> None:
        clip = (ROOT / "media" / "car-detection.mp4").read_bytes()
        with closing(http.client.HTTPSConnection(outside.removeprefix("https://"), context=trusting)) as connection:
            connection.putrequest("POST", "/video/submit?pipeline=frames")
            for name, value in {**AS_MP4, "Content-Length": str(len(clip)), "X-API-Key": guarded.key}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(clip[:1_000_000])
            wait_until(lambda: [1 for path in guarded.data_dir.rglob("*.tmp") if path.stat().st_size > 500_000])
            connection.send(clip[1_000_000:])
            assert connection.getresponse().status == 202

    def test_an_upload_in_several_requests(self, web: httpx.Client) -> None:
        clip = CLIP.read_bytes()
        begun = web.post(
            "/video/submit?pipeline=frames", headers={**AS_MP4, "Upload-Complete": "?0"}, content=clip[:5000]
        )
        place = begun.headers["location"]
        assert web.head(place).headers["upload-offset"] == "5000"
        told = {"Upload-Offset": "5000", "Upload-Complete": "?1", "Content-Type": "application/partial-upload"}
        job_id = web.patch(place, headers=told, content=clip[5000:]).json()["job_id"]
        assert web.get(f"/video/jobs/{job_id}/media").content == clip

    def test_a_refusal_reaches_a_client_that_still_sends(self, web: httpx.Client) -> None:
        answer = web.post("/video/submit", content=bytes(20_000_000), headers=AS_MP4)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:reelwork:problem:unsupported-media")
        assert web.get("/limits").status_code == 200

    def test_what_stays_inside(self, web: httpx.Client) -> None:
        assert {web.get(path).status_code for path in ("/metrics", "/healthz", "/readyz")} == {404}
        assert web.get("/pipelines", headers={"Authorization": ""}).json()["type"].endswith(":key-missing")

    def test_a_look_from_outside(self, outside: str, guarded: Guarded, tmp_path: Path) -> None:
        names = {"PATH": f"{install_this_version(tmp_path / 'this').parent}:{os.environ['PATH']}"}
        trust = {"SSL_CERT_FILE": str(CERTIFICATE), "CURL_CA_BUNDLE": str(CERTIFICATE)}
        with closing(Shell(ROOT, {**names, **trust})) as shell:
            shell.run(f"reelwork worker --data-dir {guarded.data_dir} >{tmp_path / 'worker.log'} 2>&1 &")
            for command, shown in typed(FROM_OUTSIDE.text):
                command = command.replace("https://reelwork.example.org", outside).replace("rw_...", guarded.key)
                assert is_as_shown(shell.run(command), shown)

    def test_they_name_each_request(self, web: httpx.Client, guarded: Guarded) -> None:
        names = [web.get("/limits").headers["x-request-id"] for _ in range(2)]
        assert len({*names}) == 2
        assert min(map(len, names)) >= 32
        # A request is logged behind its answer.
        wait_until(lambda: all(has_written(guarded.log, f'"request_id": "{name}"') for name in names))
