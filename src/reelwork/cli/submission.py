"""The files of one submit, from upload to account."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import typer

from reelwork.cli import account
from reelwork.cli.asking import Tally, print_json
from reelwork.cli.bars import spinner, stderr, upload_bar
from reelwork.cli.exits import ExitCode
from reelwork.client import Client, Job, LimitReached, ServiceProblem, WaitTimedOut


@dataclass(frozen=True)
class Sending:
    """How the files are sent."""

    options: dict[str, Any]
    idempotency_key: str | None
    resume: str | None
    keep_upload: bool


@dataclass
class Submission:
    """The files, the jobs they became, and what went wrong."""

    client: Client
    sending: Sending
    as_json: bool
    accepted: list[tuple[Path, Job]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tally = Tally(self.as_json)

    def send(self, paths: list[Path], *, to_be_followed: bool) -> None:
        """Upload each file; one that is refused does not keep back the others."""
        for path in paths:
            try:
                job = self._sent(path)
            except (ServiceProblem, OSError) as error:
                self._went_wrong(path, error)
                if isinstance(error, LimitReached):
                    break  # the others would be refused as well
                continue
            self.accepted.append((path, job))
            if not to_be_followed:
                self.tally.went_right()
            if not self.as_json:
                typer.echo(job.job_id)
            elif not to_be_followed:
                print_json({"file": str(path), "job_id": str(job.job_id)})

    def rehearse(self, paths: list[Path]) -> None:
        """Say what would be done with each file."""
        for path in paths:
            try:
                with upload_bar(path) as on_progress:
                    plan = self.client.dry_run(path, on_progress=on_progress, **self.sending.options)
            except (ServiceProblem, OSError) as error:
                self._went_wrong(path, error)
            else:
                self.tally.went_right()
                self._tell_plan(path, plan)

    def follow(self, timeout_s: float | None) -> None:
        """Wait for every job and tell how it ended."""
        ends_at = None if timeout_s is None else monotonic() + timeout_s
        for path, job in self.accepted:
            left_s = None if ends_at is None else max(0.0, ends_at - monotonic())
            try:
                with spinner(path) as on_state:
                    state = job.wait(timeout_s=left_s, on_state=on_state)
            except WaitTimedOut as error:
                named = {"file": str(path), "job_id": str(job.job_id)}
                self.tally.went_wrong(named, error, ExitCode.TIMED_OUT)
                continue
            if state.status == "failed":
                self.tally.went_wrong({"file": str(path), "job_id": str(job.job_id)}, str(job.failure()))
            else:
                self.tally.went_right()
                self._tell_end(path, job, state.status)

    def _tell_end(self, path: Path, job: Job, status: str) -> None:
        if self.as_json:
            print_json({"file": str(path), "job_id": str(job.job_id), "status": status})
        else:
            account.render(_document(job), stderr(), title=path.name)

    def _sent(self, path: Path) -> Job:
        with upload_bar(path) as on_progress:
            return self.client.submit(
                path,
                idempotency_key=self.sending.idempotency_key,
                resume=self.sending.resume,
                on_upload=self._note_upload if self.sending.keep_upload else None,
                on_progress=on_progress,
                **self.sending.options,
            )

    def _note_upload(self, upload_id: str) -> None:
        typer.echo(f"If this is interrupted, go on with: --resume {upload_id}", err=True)

    def _tell_plan(self, path: Path, plan: dict[str, Any]) -> None:
        if self.as_json:
            print_json({"file": str(path), **plan})
        else:
            from reelwork.cli.tables import print_plan

            print_plan(path.name, plan)

    def _went_wrong(self, path: Path, error: ServiceProblem | OSError) -> None:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else error
        self.tally.went_wrong({"file": str(path)}, reason)


def _document(job: Job) -> dict[str, Any]:
    file = io.BytesIO()
    job.save_results(file)
    document: dict[str, Any] = json.loads(file.getvalue())
    return document
