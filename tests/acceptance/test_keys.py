"""A service that asks for keys: nothing is served without one, and nobody sees what is another's."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reelwork.access.caller import QueueLimits, Scope
from reelwork.access.keyring import TRUSTED_FOR_S
from reelwork.access.store import NO_LIMITS, KeyStore
from reelwork.bootstrap.access import open_keys
from reelwork.settings import Settings
from tests.support.service import Caller, Service
from tests.support.shell import Shell, blocks_run_by, free_port, has_written
from tests.support.versions import install_this_version
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery

OPEN = {"/healthz", "/readyz", "/openapi.json", "/"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Service]:
    """A data directory whose services ask for keys."""
    service = Service(tmp_path_factory.mktemp("guarded") / "data", {"REELWORK_REQUIRE_KEYS": "true"}, nursery=nursery)
    yield service
    service.close()


@pytest.fixture(scope="module")
def keys(guarded: Service) -> KeyStore:
    """The keys of that directory."""
    return open_keys(Settings.load(data_dir=guarded.data_dir))


@pytest.fixture(scope="module")
def url(guarded: Service, keys: KeyStore) -> str:
    """Where it is; no worker runs, so that jobs stay pending."""
    keys.make("first", [Scope.READ])
    return guarded.start("serve", "--port", "0").url()


@pytest.fixture
def calling(url: str, keys: KeyStore) -> Iterator[Callable[..., Caller]]:
    """Makes callers with keys of their own."""
    callers: list[Caller] = []

    def make(*scopes: Scope, limits: QueueLimits = NO_LIMITS) -> Caller:
        callers.append(Caller(url))
        callers[-1].http.headers["Authorization"] = f"Bearer {keys.make('test', scopes, limits)}"
        return callers[-1]

    yield make
    for caller in callers:
        caller.http.close()


@pytest.fixture(scope="module")
def operations(url: str) -> list[tuple[str, str]]:
    """Every operation that the service describes, as (method, path)."""
    paths: dict[str, Any] = ask(f"{url}/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in item]


def ask(url: str, headers: Any = None, method: str = "GET") -> httpx.Response:
    """Ask as patiently as a caller does."""
    return httpx.request(method, url, headers=headers, timeout=30)


def problem_of(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:reelwork:problem:{name}"
    return problem


def filled(path: str, job_id: UUID) -> str:
    """Put a job, and a number where one is wanted, into a path."""
    return path.replace("{job_id}", str(job_id)).replace("{number}", "0").replace("{upload_id}", str(uuid4()))


def test_without_a_key_only_what_is_open_answers(url: str, operations: list[tuple[str, str]]) -> None:
    closed = [(method, path) for method, path in operations if path not in OPEN]
    assert closed
    for method, path in [*closed, ("GET", "/no/such/route"), ("DELETE", "/video/submit"), ("GET", "/metrics")]:
        answer = ask(url + filled(path, uuid4()), method=method)
        assert answer.headers["www-authenticate"] == 'Bearer realm="reelwork"', path
        if method != "HEAD":
            problem_of(answer, 401, "key-missing")
    for path in OPEN - {"/readyz"}:
        assert ask(url + path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer rw_aaaaaaaaaaaa_" + "b" * 43},
        {"Authorization": "Bearer é".encode().decode("latin-1")},
        {"X-API-Key": "rw_aaaaaaaaaaaa_" + "b" * 43},
    ],
)
def test_a_key_that_is_none(url: str, headers: dict[str, str]) -> None:
    answer = ask(f"{url}/pipelines", headers={name: value.encode("latin-1") for name, value in headers.items()})
    problem_of(answer, 401, "key-invalid")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_both_ways_to_show_a_key(url: str, keys: KeyStore) -> None:
    key = str(keys.make("test", [Scope.READ]))
    for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert ask(f"{url}/pipelines", headers).status_code == 200
    # A proxy's own password is none of ours.
    both = {"Authorization": "Basic eDp5", "X-API-Key": key}
    assert ask(f"{url}/pipelines", both).status_code == 200


def test_scopes(calling: Callable[..., Caller], media_dir: Path) -> None:
    clip = (media_dir / "midroll-5s.mp4").read_bytes()
    reader = calling(Scope.READ)
    answer = reader.http.post("/video/submit", content=clip, headers={"Content-Type": "video/mp4"})
    assert problem_of(answer, 403, "scope-missing")["scope"] == "submit"
    assert 'scope="submit"' in answer.headers["www-authenticate"]
    problem_of(calling(Scope.SUBMIT).http.get("/pipelines"), 403, "scope-missing")


def test_a_job_of_another_key_is_none_whatever_is_asked_of_it(
    calling: Callable[..., Caller], operations: list[tuple[str, str]], media_dir: Path
) -> None:
    owner, other = calling(Scope.READ, Scope.SUBMIT), calling(Scope.READ, Scope.SUBMIT)
    job_id = owner.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
    of_a_job = [(method, path) for method, path in operations if "{job_id}" in path]
    assert len(of_a_job) >= 4
    for method, path in of_a_job:
        answer = other.http.request(method, filled(path, job_id))
        assert answer.status_code == 404, (method, path, answer.text)
        if method != "HEAD":
            problem_of(answer, 404, "job-not-found")
            assert answer.json()["detail"] == f"There is no job {job_id}."
    assert owner.status(job_id)["status"] == "pending"
    assert calling(Scope.ADMIN).status(job_id)["status"] == "pending"


def test_more_queued_jobs_than_allowed_leave_nothing(
    guarded: Service, calling: Callable[..., Caller], media_dir: Path
) -> None:
    caller = calling(Scope.READ, Scope.SUBMIT, limits=QueueLimits(1, None))
    caller.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
    before = guarded.stored_files()
    with (media_dir / "midroll-5s.mp4").open("rb") as stream:
        answer = caller.http.post("/video/submit", files={"file": stream})
    problem = problem_of(answer, 429, "key-limit-reached")
    assert (problem["queued_jobs"], problem["max_queued_jobs"], problem["max_queued_bytes"]) == (1, 1, None)
    assert int(answer.headers["retry-after"]) > 0
    assert guarded.stored_files() == before


def test_more_queued_bytes_than_allowed_leave_nothing(
    guarded: Service, calling: Callable[..., Caller], media_dir: Path
) -> None:
    size = (media_dir / "midroll-5s.mp4").stat().st_size
    caller = calling(Scope.READ, Scope.SUBMIT, limits=QueueLimits(None, 2 * size - 1))
    caller.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
    before = guarded.stored_files()
    # There is room for some bytes, so that only the size of the file, known at its end, is too much.
    with (media_dir / "midroll-5s.mp4").open("rb") as stream:
        answer = caller.http.post("/video/submit", files={"file": stream})
    assert problem_of(answer, 429, "key-limit-reached")["queued_bytes"] == size
    assert guarded.stored_files() == before


def test_a_revoked_key_is_refused_within_seconds(url: str, keys: KeyStore) -> None:
    key = keys.make("test", [Scope.READ])
    headers = {"Authorization": f"Bearer {key}"}
    assert ask(f"{url}/pipelines", headers).status_code == 200
    keys.revoke(key.key_id)
    time.sleep(TRUSTED_FOR_S)
    assert ask(f"{url}/pipelines", headers).status_code == 401


def test_the_log_names_keys_without_their_secrets(guarded: Service, calling: Callable[..., Caller]) -> None:
    caller = calling(Scope.READ)
    secret = caller.http.headers["authorization"].rpartition("_")[2]
    caller.http.get("/pipelines")
    caller.http.post("/video/submit")
    assert not [log for log in guarded.data_dir.glob("*.log") if secret in log.read_text()]


Reelwork = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def reelwork(service: Service, nursery: Nursery) -> Reelwork:
    """Runs a command that ends by itself."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        return nursery.run([*arguments, "--data-dir", str(service.data_dir)], variables)

    return run


@pytest.mark.parametrize("command", ["serve", "up"])
def test_others_are_not_served_by_mistake(reelwork: Reelwork, command: str) -> None:
    done = reelwork(command, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "reelwork keys add NAME" in done.stderr
    assert "--allow-anyone" in done.stderr
    assert "ready" not in done.stdout


def test_others_are_served_with_a_key_and_asked_for_it(service: Service, reelwork: Reelwork) -> None:
    added = reelwork("keys", "add", "laboratory")
    assert added.returncode == 0, added.stderr
    port = service.start("serve", "--host", "0.0.0.0", "--port", "0").url().rpartition(":")[2]
    url = f"http://127.0.0.1:{port}/pipelines"
    problem_of(ask(url), 401, "key-missing")
    assert ask(url, headers={"Authorization": f"Bearer {added.stdout.strip()}"}).status_code == 200


def test_others_are_served_without_if_that_is_wanted(service: Service) -> None:
    port = service.start("up", "--host", "0.0.0.0", "--port", "0", "--allow-anyone").url().rpartition(":")[2]
    assert ask(f"http://127.0.0.1:{port}/pipelines").status_code == 200


def test_keys_on_the_command_line(reelwork: Reelwork) -> None:
    added = reelwork("keys", "add", "batch", "--scopes", "submit,read", "--max-queued-jobs", "5", "--json")
    made = json.loads(added.stdout)
    assert made["key"].startswith(f"rw_{made['key_id']}_")

    [listed] = json.loads(reelwork("keys", "list", "--json").stdout)
    assert (listed["key_id"], listed["name"], listed["scopes"]) == (made["key_id"], "batch", ["read", "submit"])
    assert (listed["max_queued_jobs"], listed["max_queued_bytes"], listed["revoked_at"]) == (5, None, None)
    assert made["key_id"] in reelwork("keys", "list").stdout

    assert reelwork("keys", "revoke", made["key"]).returncode == 0
    again = reelwork("keys", "revoke", made["key_id"])
    assert again.returncode == 1
    assert made["key_id"] in again.stderr
    assert "revoked" in reelwork("keys", "list").stdout


def test_a_revoked_key_does_not_open_the_door(reelwork: Reelwork) -> None:
    key_id = json.loads(reelwork("keys", "add", "old", "--json").stdout)["key_id"]
    reelwork("keys", "revoke", key_id)
    assert reelwork("serve", "--host", "0.0.0.0", "--port", "0").returncode == 1


@pytest.mark.parametrize("scopes", ["", "read,write", "everything"])
def test_scopes_that_there_are_not(reelwork: Reelwork, scopes: str) -> None:
    done = reelwork("keys", "add", "x", "--scopes", scopes)
    assert done.returncode == 2
    assert "admin" in done.stderr


def test_commands_of_the_page(tmp_path: Path) -> None:
    add, serve, _, administer = blocks_run_by(__file__, "docs/how-to/keys.md", "console")
    commands, port = install_this_version(tmp_path / "this").parent, str(free_port())
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "REELWORK_DATA_DIR": str(tmp_path / "data")}
    with closing(Shell(tmp_path, {**environment, "REELWORK_PORT": port})) as shell:
        told = shell.run(typed(add.text)[0])
        [key_id] = re.findall(r"^rw_(.{12})", told, re.MULTILINE)
        assert told.splitlines()[0] in add.text
        # Any other address would be open to the network.
        on_this_machine = serve.text.replace("0.0.0.0", "127.0.0.1").replace("8000", port)
        shell.run(f"{typed(on_this_machine)[0]} >up.log 2>&1 &")
        wait_until(lambda: has_written(tmp_path / "up.log", on_this_machine.splitlines()[1]))
        listing, revoking = typed(administer.text)
        shown = administer.text.splitlines()[1]
        assert without_date(shell.run(listing)) == without_date(shown.replace("FHyUCeFVAYKZ", key_id) + "\n")
        shell.run(revoking.replace("FHyUCeFVAYKZ", key_id))
        assert "revoked" in shell.run(listing)


def test_a_key_is_shown_as_the_page_says(url: str, keys: KeyStore, tmp_path: Path) -> None:
    _, _, show, _ = blocks_run_by(__file__, "docs/how-to/keys.md", "console")
    key = str(keys.make("page", [Scope.READ]))
    with closing(Shell(tmp_path, {})) as shell:
        for command in typed(show.text):
            command = command.replace("rw_...", key).replace("https://reelwork.example.org", url)
            answer = json.loads(shell.run(f"{command} 2>progress"))
            assert "text" in [pipeline["name"] for pipeline in answer["pipelines"]]


def typed(session: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", session, re.MULTILINE)


def without_date(line: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d", "", line)
