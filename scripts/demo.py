"""Start the real service on a free port, submit the bundled videos, show what was found, stop everything."""

import json
import os
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from rich.console import Console

from reelwork.cli import account
from reelwork.client import Client, ServiceProblem

MEDIA = Path(__file__).parent.parent / "media"
READY = "Reelwork is ready at "
console = Console(width=min(Console().width, 100))


def main() -> int:
    """Run the demonstration; 0 when every video was analysed."""
    with tempfile.TemporaryDirectory(prefix="reelwork-demo-") as data_dir:
        log_path = Path(data_dir) / "service.log"
        with log_path.open("wb") as log, _start_service(data_dir, log) as service:
            try:
                url = _wait_until_ready(service, log_path)
                console.print(f"\nThe service runs at [bold]{url}[/]: API, worker, SQLite, a directory.")
                with Client(url) as client:
                    show(client, "midroll-5s.mp4", "a title card", pipeline="text", frame_stride=25)
                    show(client, "burned-in-time-15fps.mp4", "its own time", pipeline="text", frame_stride=2)
                    show(client, "parcels.mp4", "labels on a belt", pipeline="text_codes", frame_stride=5)
            finally:
                service.terminate()
                service.wait()
    console.print("\nThe service is stopped. Start it for your own videos with: [bold]make serve[/]\n")
    return 0


def show(client: Client, name: str, what: str, **options: Any) -> None:
    """Submit a clip, wait for it and print the account of its results."""
    console.print()
    console.rule(f"[bold]{name}[/]: {what}")
    job = client.submit(MEDIA / name, **options)
    console.print(f"POST /video/submit -> 202, job {job.job_id}\n", style="dim", highlight=False)
    with console.status("analysing"):
        job.wait()
    document = BytesIO()
    job.save_results(document)
    account.render(json.loads(document.getvalue()), console)


def _start_service(data_dir: str, log: Any) -> "subprocess.Popen[str]":
    settings = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "reelwork", "up", "--port", "0", "--data-dir", data_dir],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def _wait_until_ready(service: "subprocess.Popen[str]", log_path: Path) -> str:
    assert service.stdout is not None
    for line in service.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    sys.exit(f"The service did not start:\n{log_path.read_text()}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServiceProblem as problem:
        sys.exit(f"The service answered: {problem}")
