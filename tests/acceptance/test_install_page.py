"""What the page about installing does, the unit's command as systemd would start it."""

from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cloning import beginning, inheriting_python, repository
from tests.support.shell import Shell, blocks_run_by, free_port
from tests.support.waiting import wait_until

PAGE = "docs/how-to/install.md"
PROGRAM, SETTINGS, LOOK, TRY = (block.text for block in blocks_run_by(__file__, PAGE, "sh"))
[UNIT] = (block.text for block in blocks_run_by(__file__, PAGE, "ini"))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Where somebody begins who has nothing yet."""
    port = str(free_port())
    environment = {"REELWORK_PORT": port, "REELWORK_URL": f"http://127.0.0.1:{port}"}
    with closing(Shell(tmp_path, {**beginning(tmp_path, inheriting_python(tmp_path)), **environment})) as shell:
        yield shell


def test_a_service_is_installed(shell: Shell, tmp_path: Path) -> None:
    def here(text: str) -> str:
        for place in ("/opt", "/srv", "/etc"):
            text = text.replace(f"{place}/", f"{tmp_path}{place}/")
        return text

    for place in ("opt", "etc"):
        (tmp_path / place).mkdir()
    origin = repository(tmp_path / "origin", "v0.1.0")

    shell.run(here(PROGRAM).replace("<repository>", str(origin)))
    shell.run(here(SETTINGS))
    assert "database" in shell.run(here(LOOK))

    unit = ConfigParser()
    unit.read_string(here(UNIT))
    service = unit["Service"]
    shell.run(
        f"env $(cat {service['EnvironmentFile']}) {service['ExecStart']} >{tmp_path}/up.log 2>&1 &\n"
        'UP=$!\nuntil curl -s "$REELWORK_URL/healthz" | grep -q ok; do sleep 0.2; done'
    )
    assert shell.run(here(TRY)).splitlines()[-1].startswith("passed ")
    assert (tmp_path / "srv/reelwork/reelwork.db").exists()
    shell.run('kill -TERM "$UP"\nwait "$UP"')
    wait_until(lambda: "worker.stopped" in (tmp_path / "up.log").read_text())
