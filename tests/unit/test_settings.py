"""Every setting: where it comes from, what it may be, and how mistakes are told."""

from pathlib import Path

import pytest

from reelwork.errors import ConfigurationError
from reelwork.settings import Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin without any setting."""
    import os

    for name in os.environ:
        if name.startswith("REELWORK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def mistakes(**given: object) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(**given)
    first, *lines = str(caught.value).splitlines()
    assert first == "These settings are wrong:"
    return dict(line.removeprefix("  - ").split(": ", 1) for line in lines)  # type: ignore[misc]


def test_nothing_need_be_set(tmp_path: Path) -> None:
    settings = Settings.load()
    assert settings.data_dir == tmp_path / "share" / "reelwork"
    assert settings.uses_embedded_database
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.queue_url == "database:"


def test_the_default_place_is_the_same_wherever_a_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Settings.load()
    monkeypatch.chdir(tmp_path)
    assert Settings.load() == before


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_described_and_comes_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.model_fields[name].description
    written = {"database_url": "postgresql://x", "storage_url": "file:///x", "queue_url": "database:", "host": "::1"}
    written |= {"allow_anyone": "True", "require_keys": "True", "cors_origins": "https://example.org"}
    written |= {"webhook_allow_private": "True", "webhook_timeout_s": "47"}
    value = written.get(name, "/some/where" if name.endswith("_dir") else "4711")
    monkeypatch.setenv(f"REELWORK_{name.upper()}", value)
    found = getattr(Settings.load(), name)
    assert str(found).removesuffix(".0") == value


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWORK_PORT", "1")
    monkeypatch.setenv("REELWORK_HOST", "::1")
    settings = Settings.load(port=2, host=None)
    assert (settings.port, settings.host) == (2, "::1")


def test_other_variables_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWORK_SOMETHING_ELSE", "x")
    monkeypatch.setenv("PORT", "1")
    assert Settings.load().port == 8000


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = Settings.load(data_dir="data", models_dir="~/models", pipelines_dir="/p")
    assert settings.data_dir == tmp_path / "data"
    assert settings.models_dir == tmp_path / "home" / "models"
    assert settings.pipelines_dir == Path("/p")


def test_a_database_of_ones_own() -> None:
    assert not Settings.load(database_url="postgresql://localhost/x").uses_embedded_database


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_on_the_own_machine_keys_are_asked_for_only_if_wanted(host: str) -> None:
    assert not Settings.load(host=host).asks_for_keys
    assert Settings.load(host=host, require_keys=True).asks_for_keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "reelwork.example.org", "::ffff:127.0.0.1"])
def test_elsewhere_keys_are_asked_for_unless_anyone_is_allowed(host: str) -> None:
    assert Settings.load(host=host).asks_for_keys
    assert not Settings.load(host=host, allow_anyone=True).asks_for_keys


def test_anyone_and_keys_contradict_each_other() -> None:
    told = mistakes(allow_anyone=True, require_keys=True)
    assert "--allow-anyone" in told["REELWORK_REQUIRE_KEYS"]


@pytest.mark.parametrize("origins", ["example.org", "https://example.org/", "https://*.example.org", "null"])
def test_origins_are_schemes_and_hosts(origins: str) -> None:
    assert set(mistakes(cors_origins=origins)) == {"REELWORK_CORS_ORIGINS"}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().port = 1  # type: ignore[misc]


def test_mistakes_are_told_all_at_once_each_by_the_name_to_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWORK_PORT", "65536")
    monkeypatch.setenv("REELWORK_LEASE_S", "soon")
    told = mistakes(max_upload_bytes=0, queue_url="redis://x", storage_url="s3://bucket")
    assert set(told) == {
        "REELWORK_PORT",
        "REELWORK_LEASE_S",
        "REELWORK_MAX_UPLOAD_BYTES",
        "REELWORK_QUEUE_URL",
        "REELWORK_STORAGE_URL",
    }
    assert "only `database:` is supported" in told["REELWORK_QUEUE_URL"]
    assert "must be file:///absolute/directory" in told["REELWORK_STORAGE_URL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", -1),
        ("port", 65536),
        ("port", "http"),
        ("max_upload_bytes", 0),
        ("max_connections", 0),
        ("upload_idle_s", 0),
        ("max_pixels", 0),
        ("probe_processes", 0),
        ("probe_timeout_s", 0),
        ("lease_s", 0.9),
        ("lease_s", "inf"),
        ("lease_s", "nan"),
        ("max_attempts", 0),
        ("job_timeout_s", 0),
        ("job_timeout_s", "inf"),
        ("shutdown_grace_s", -1),
        ("retention_s", -1),
        ("orphan_age_s", 599),
        ("threads", -1),
        ("storage_url", "/var/lib/reelwork"),
        ("storage_url", "file://relative"),
        ("storage_url", "s3://bucket"),
        ("queue_url", ""),
        ("queue_url", "amqp://localhost"),
    ],
)
def test_what_a_setting_may_not_be(name: str, value: object) -> None:
    assert set(mistakes(**{name: value})) == {f"REELWORK_{name.upper()}"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", 65535),
        ("lease_s", 1),
        ("shutdown_grace_s", 0),
        ("threads", 0),
        ("max_attempts", 1),
        ("retention_s", 0),
    ],
)
def test_what_a_setting_may_just_be(name: str, value: int) -> None:
    assert getattr(Settings.load(**{name: value}), name) == value
