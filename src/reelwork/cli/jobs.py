"""The commands about jobs that are there: jobs, status, show, retry, delete."""

import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from reelwork.cli.asking import ApiKey, AsJson, JobId, JobIds, Tally, Url, connected, each_job, print_json
from reelwork.cli.exits import ExitCode, complain

if TYPE_CHECKING:
    from reelwork.client import Client, Job, JobState

_LOOK_EVERY_S = 1.0


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (jobs, status, show, retry, delete):
        app.command()(command)


def jobs(
    status: Annotated[
        str | None,
        typer.Option("--status", show_default=False, help="Those that are pending, running, completed or failed."),
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option("--pipeline", "-p", show_default=False, help="Those of this pipeline.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", show_default=False, help="Those with this tag.")] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", show_default=False, help="Those you gave this name.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """List jobs, the newest first. With --json, one on each line.

    Example: reelwork jobs --status failed

    Example: reelwork jobs --all --json --tag night-shift
    """
    with connected(url, api_key) as client:
        page_size = 1000 if every else min(limit, 1000)
        found = client.jobs(page_size=page_size, status=status, pipeline=pipeline, tag=tag, external_id=external_id)
        entries = (entry.document for entry in (found if every else islice(found, limit)))
        if as_json:
            for entry in entries:
                print_json(entry)
        else:
            from reelwork.cli.tables import print_jobs

            print_jobs(entries)


def status(
    job_ids: JobIds,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on until all are over, and print every change.")
    ] = False,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, show_default="none", help="Watch for so many seconds at most.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Print where jobs stand: pending, running, completed or failed.

    Why a job failed is told on standard error. With --watch, a job that fails is an error (exit code 1).

    Example: reelwork status 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 --watch
    """
    with connected(url, api_key) as client:
        watching = _Watching(client, job_ids, as_json, fail=watch)
        watching.look()
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        while watch and watching.going:
            if ends_at is not None and time.monotonic() > ends_at:
                complain(f"Still going on after {timeout_s:g} s.")
                raise typer.Exit(ExitCode.TIMED_OUT)
            time.sleep(_LOOK_EVERY_S)
            watching.look()
    watching.tally.exit()


class _Watching:
    """Jobs that are looked at again and again, until each is over."""

    def __init__(self, client: "Client", job_ids: list[UUID], as_json: bool, *, fail: bool) -> None:
        self._client = client
        self._as_json = as_json
        self._fail = fail
        self._several = len(job_ids) > 1
        self._shown: dict[UUID, str] = {}
        self.going = list(dict.fromkeys(job_ids))
        self.tally = Tally(as_json)

    def look(self) -> None:
        """Print what changed."""
        from reelwork.client import ServiceProblem

        for job_id in list(self.going):
            try:
                state = self._state(job_id)
            except ServiceProblem as problem:
                self.going.remove(job_id)
                self.tally.went_wrong({"job_id": str(job_id)}, problem)
                continue
            if self._shown.get(job_id) != state.status:
                self._shown[job_id] = state.status
                self._show(state)
            if state.ended:
                self.going.remove(job_id)
                self._end(state)

    def _state(self, job_id: UUID) -> "JobState":
        from reelwork.client import WaitTimedOut

        heard: list[JobState] = []
        with suppress(WaitTimedOut):  # it bears with a service that is away, as a plain question does not
            self._client.job(job_id).wait(timeout_s=0.0, on_state=heard.append)
        return heard[-1]

    def _show(self, state: "JobState") -> None:
        if self._as_json:
            print_json({"job_id": str(state.job_id), "status": state.status, "progress": state.progress})
        else:
            typer.echo(f"{state.job_id} {state.status}" if self._several else state.status)

    def _end(self, state: "JobState") -> None:
        if state.status != "failed":
            return self.tally.went_right()
        reason = str(self._client.job(state.job_id).failure())
        if self._fail:
            return self.tally.went_wrong({"job_id": str(state.job_id)}, reason)
        complain(f"{state.job_id}: {reason}" if self._several else reason)
        return self.tally.went_right()


def show(job_id: JobId, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Tell what is known of a job: its video, its pipeline, timings, warnings.

    Example: reelwork show 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88
    """
    with connected(url, api_key) as client:
        document = client.job(job_id).details().document
    if as_json:
        print_json(document)
    else:
        from reelwork.cli.tables import print_details

        print_details(document)


def retry(job_ids: JobIds, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Run failed jobs again.

    Example: reelwork retry $(reelwork jobs --status failed --json | jq -r .job_id)
    """

    def again(job: "Job") -> str:
        job.retry()
        return "retried"

    each_job(job_ids, url, api_key, as_json, again)


def delete(
    job_ids: JobIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Delete jobs with their videos and results, whatever they are doing. It cannot be undone.

    Example: reelwork delete 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 --yes
    """
    several = f"{len(job_ids)} jobs" if len(job_ids) > 1 else "the job"
    if not yes:
        typer.confirm(f"Delete {several} with videos and results?", abort=True, err=True)

    def away(job: "Job") -> str:
        job.delete()
        return "deleted"

    each_job(job_ids, url, api_key, as_json, away)
