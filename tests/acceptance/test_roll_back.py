"""The commands of the pages about upgrades and the way back lose nothing, whatever was in flight."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from reelwork.db.migrate import head_revision
from tests.support.cloning import beginning, inheriting_python, repository
from tests.support.installation import Installation, digests
from tests.support.shell import Shell, blocks_run_by, with_values
from tests.support.versions import install_later_version, install_this_version
from tools.tree import ROOT

PAGE = "docs/how-to/roll-back.md"
(
    SETTINGS,
    COUNT,
    RUN_EMPTY,
    STOP,
    BACK_UP,
    ASK_THE_OLD,
    DOWN,
    DOWN_WITH_LOSS,
    START_THE_OLD,
    VERIFY,
    UP_AGAIN,
) = blocks_run_by(__file__, PAGE, "sh")
INSTALL, UPGRADE_SETTINGS, LOOK, STOP_THE_OLD, UP, START_THE_NEW, VERIFY_THE_NEW = blocks_run_by(
    __file__, "docs/how-to/upgrade.md", "sh"
)


def known_to_both(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in job.items() if name != "note"} for job in jobs]


ENDED_WELL = 'wait "$WORKER"'


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    database: AbstractContextManager[str | None] = nullcontext()
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql_databases").migrated()
    with database as url:
        installation = Installation(tmp_path, {"REELWORK_SHUTDOWN_GRACE_S": "0"}, url)
        yield installation
        installation.close()


def test_nothing_is_lost_on_the_way_back(installation: Installation, tmp_path: Path) -> None:
    run = installation.run
    values = {
        "REELWORK_DATA_DIR": installation.data_dir,
        "OLD": install_this_version(tmp_path / "this"),
        "NEW": install_later_version(tmp_path / "later"),
    }
    run(with_values(SETTINGS, {**values, "BACKUP": tmp_path / "backup"}))
    run(with_values(UPGRADE_SETTINGS, values))
    run(START_THE_OLD.text)
    completed = {installation.completed()}

    run(LOOK.text, fails=installation.database_url.startswith("postgresql"))  # as the page says
    run(STOP_THE_OLD.text + ENDED_WELL)
    assert run(UP.text).startswith(f"{head_revision()} -> ")
    run(START_THE_NEW.text)
    run(VERIFY_THE_NEW.text)
    completed.add(installation.completed())
    results = installation.results(completed)

    assert run(COUNT.text).strip() == "3"
    in_flight = installation.in_flight()
    run(STOP.text + ENDED_WELL)
    jobs, files = known_to_both(installation.jobs()), installation.files()
    assert sorted(job["status"] for job in jobs) == ["completed"] * 3 + ["pending"] * 2
    assert len(files) == 5 + 3
    run(BACK_UP.text)
    assert digests(tmp_path / "backup" / "files") == files
    assert f"`reelwork migrate {head_revision()}`" in run(ASK_THE_OLD.text, fails=True)
    assert "no place for 1 value of job.note. Nothing was changed." in run(DOWN.text, fails=True)
    run(DOWN_WITH_LOSS.text)
    assert installation.jobs() == jobs
    assert installation.files() == files

    run(START_THE_OLD.text)
    assert re.search(r"^5$", run(VERIFY.text), re.MULTILINE)
    assert installation.results(completed) == results
    results |= installation.results(in_flight)

    in_flight = installation.in_flight()
    run(STOP.text + ENDED_WELL)
    assert {job["status"] for job in installation.jobs()} == {"completed", "pending"}
    run(UP_AGAIN.text)
    run(RUN_EMPTY.text)
    assert [job["status"] for job in installation.jobs()] == ["completed"] * 8
    assert installation.results(set(results)) == results


def test_a_version_is_installed_beside_another(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", "v0.2.0")
    with closing(Shell(tmp_path, beginning(tmp_path, inheriting_python(tmp_path)))) as shell:
        shell.run(INSTALL.text.replace("<repository>", str(origin)).replace("/opt/", f"{tmp_path}/"))
        assert shell.run("reelwork-0.2.0/.venv/bin/reelwork --version").strip() == version("reelwork")


def test_the_page_knows_every_revision() -> None:
    assert DOWN.text.splitlines()[0] == f"REVISION={head_revision()}"
    page = (ROOT / PAGE).read_text()
    assert re.findall(r"^\| `(\d+)`", page, re.MULTILINE) == [
        f"{number:04}" for number in range(int(head_revision()), 0, -1)
    ]
