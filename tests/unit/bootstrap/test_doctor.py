"""What `reelwork doctor` finds in set-ups that are sound, and in those that are not."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from reelwork.bootstrap import doctor
from reelwork.bootstrap.doctor import CHECKS, Finding, Verdict
from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from tests.support.databases import opened, run
from tests.support.receivers import nobody, receiving

SECRET = f"whsec_{'A' * 43}="


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", probe_timeout_s=60)


def found(part: str, settings: Settings, **changes: object) -> list[Finding]:
    return list(doctor.examine(settings.model_copy(update=changes), part))


def verdicts(part: str, settings: Settings, **changes: object) -> list[str]:
    return [finding.verdict.value for finding in found(part, settings, **changes)]


def test_new_set_up_is_sound_and_looking_makes_no_database(settings: Settings) -> None:
    findings = list(doctor.examine(settings.model_copy(update={"port": 0})))
    assert [finding for finding in findings if finding.verdict is Verdict.FAILED] == []
    assert {finding.part for finding in findings} == CHECKS.keys() - {"database clock", "workers"}
    assert not (settings.data_dir / "reelwork.db").exists()
    assert list((settings.data_dir / "files").rglob("*.*")) == []


def test_every_warning_and_failure_says_what_to_do(settings: Settings) -> None:
    for finding in doctor.examine(settings.model_copy(update={"host": "0.0.0.0", "webhook_secret": SECRET})):
        assert finding.verdict is Verdict.OK or finding.advice, finding


def test_database_at_head(settings: Settings, database_url: str) -> None:
    [finding] = found("database", settings, database_url=database_url)
    assert (finding.verdict, finding.found[-4:]) == (Verdict.OK, "0007")
    assert verdicts("database clock", settings, database_url=database_url) == ["ok"]


def test_database_without_its_tables(settings: Settings, empty_database_url: str) -> None:
    [finding] = found("database", settings, database_url=empty_database_url)
    assert finding.verdict is Verdict.FAILED
    assert "reelwork migrate" in finding.advice
    for part in ("workers", "database clock"):
        assert found(part, settings, database_url=empty_database_url) == []


def test_embedded_database_that_is_old_is_brought_up_to_date_by_itself(settings: Settings) -> None:
    with opened(f"sqlite:///{settings.data_dir / 'reelwork.db'}") as database:
        migrate(database, "0003")
    assert verdicts("database", settings) == ["warning"]


def test_database_that_does_not_answer(settings: Settings) -> None:
    with nobody() as url:
        [finding] = found("database", settings, database_url=url.replace("http", "postgresql"))
    assert finding == Finding("database", Verdict.FAILED, "The database does not answer.")


def test_little_room(settings: Settings) -> None:
    assert verdicts("data directory", settings, max_upload_bytes=2**60) == ["warning"]


def test_clip_that_cannot_be_decoded(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    monkeypatch.setattr(doctor, "_CLIP", broken)
    [finding] = found("decoder", settings)
    assert finding.verdict is Verdict.FAILED


def test_the_bundled_clip_is_decoded(settings: Settings) -> None:
    assert verdicts("decoder", settings) == ["ok"]


def test_default_pipeline_must_be_there(settings: Settings) -> None:
    own = settings.data_dir / "pipelines"
    own.mkdir(parents=True)
    (own / "text.yaml").write_text("name: text\n")
    [text] = [finding for finding in found("pipelines", settings) if "text cannot" in finding.found]
    assert text.verdict is Verdict.FAILED
    assert "mistake" in text.advice


def test_workers(settings: Settings, database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    assert verdicts("workers", settings, database_url=url) == ["warning"]
    WorkerTable(database).begin(uuid4(), "one", {})
    [finding] = found("workers", settings, database_url=url)
    assert (finding.verdict, "one" in finding.found) == (Verdict.OK, True)
    old = "datetime('now', '-5 minutes')" if database.is_sqlite else "now() - interval '5 minutes'"
    run(database, f"UPDATE worker SET seen_at = {old} WHERE name = 'one'")
    assert verdicts("workers", settings, database_url=url) == ["warning", "warning"]


def test_service_that_is_none(settings: Settings) -> None:
    with nobody() as url:
        assert verdicts("service", settings, port=int(url.split(":")[2].split("/")[0])) == ["warning"]
    with receiving(200) as other:
        assert verdicts("service", settings, port=int(other.url.split(":")[2].split("/")[0])) == ["failed"]


@pytest.mark.parametrize(
    ("secret", "private", "verdict"),
    [("", False, "ok"), (SECRET, False, "ok"), (SECRET, True, "warning"), ("whsec_x", False, "failed")],
)
def test_webhooks(secret: str, private: bool, verdict: str, settings: Settings) -> None:
    assert verdicts("webhooks", settings, webhook_secret=secret, webhook_allow_private=private) == [verdict]


@pytest.mark.parametrize(
    ("host", "verdict"), [("127.0.0.1", "ok"), ("::1", "ok"), ("localhost", "ok"), ("0.0.0.0", "failed")]
)
def test_keys(host: str, verdict: str, settings: Settings) -> None:
    assert verdicts("API keys", settings, host=host) == [verdict]


def test_what_nobody_foresaw_stops_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr(doctor, "load_catalog", break_down)
    [finding] = found("pipelines", settings)
    assert (finding.verdict, "RuntimeError: oh" in finding.found) == (Verdict.FAILED, True)


def run_doctor(tmp_path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reelwork", "doctor", "--data-dir", str(tmp_path / "data"), *options]
    return subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "REELWORK_PROBE_TIMEOUT_S": "60", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_prints_a_table(tmp_path: Path) -> None:
    done = run_doctor(tmp_path, REELWORK_PORT="0", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "file storage" in done.stdout


def test_command_fails_with_what_failed(tmp_path: Path) -> None:
    done = run_doctor(tmp_path, "--json", REELWORK_PORT="0", REELWORK_WEBHOOK_SECRET="x")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["status"] == "failed"
    assert [finding["part"] for finding in document["findings"] if finding["verdict"] == "failed"] == ["webhooks"]


def test_command_tells_of_settings_that_are_wrong(tmp_path: Path) -> None:
    done = run_doctor(tmp_path, "--json", REELWORK_PORT="x", REELWORK_LEASE_S="0")
    assert done.returncode == 1
    [finding] = json.loads(done.stdout)["findings"]
    assert "REELWORK_PORT" in finding["found"]
    assert "REELWORK_LEASE_S" in finding["found"]
