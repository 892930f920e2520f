"""What is told of a job, made from its row."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reelwork.api.job_schemas import Attempts, FrameCounts, JobDetail, JobEntry, Timings, Webhook
from reelwork.jobs.lifecycle import PROGRESS, JobStatus
from reelwork.jobs.listing import ListedJob
from reelwork.jobs.model import Job

_OVER = (JobStatus.COMPLETED, JobStatus.FAILED)


def job_entry(job: ListedJob, kept_s: float) -> JobEntry:
    """Tell of a job what a list tells; ``kept_s`` is how long the service keeps those that do not say."""
    return JobEntry(
        job_id=job.job_id,
        status=job.status,
        created_at=job.created_at,
        updated_at=job.updated_at,
        started_at=job.started_at,
        finished_at=_finished_at(job),
        expires_at=_expires_at(job, kept_s),
        pipeline=job.pipeline,
        tags=list(job.tags),
        external_id=job.external_id,
        owner=job.owner,
        bytes=job.input_bytes,
        error=job.error_message,
    )


def job_detail(job: Job, tags: Sequence[str], kept_s: float) -> JobDetail:
    """Tell everything about a job but its results."""
    report = job.report or {}
    return JobDetail(
        job_id=job.job_id,
        status=job.status,
        progress=PROGRESS[job.status],
        created_at=job.created_at,
        updated_at=job.updated_at,
        timings=_timings(job),
        attempt=job.attempt,
        attempts=Attempts(count=job.attempt, lost=(job.lost_attempts or "").splitlines()),
        error=job.error_message,
        warnings=report.get("warnings", []),
        source=job.source,
        bytes=job.input_bytes if job.input_bytes is not None else (job.source or {}).get("bytes"),
        frames=FrameCounts(analysed=report["frames"]) if "frames" in report else None,
        options={name: value for name, value in job.options.items() if value is not None},
        pipeline=job.pipeline_definition,
        provenance=report.get("provenance"),
        tags=list(tags),
        external_id=job.external_id,
        owner=job.owner,
        retention_s=job.retention_s,
        expires_at=_expires_at(job, kept_s),
        webhook=_webhook(job),
        links=_links(job),
    )


def _finished_at(job: Job | ListedJob) -> datetime | None:
    return job.updated_at if job.status in _OVER else None


def _expires_at(job: Job | ListedJob, kept_s: float) -> datetime | None:
    finished_at = _finished_at(job)
    if job.expires_at is not None or finished_at is None or not kept_s:
        return job.expires_at
    return finished_at + timedelta(seconds=min(kept_s, _A_CENTURY_S))


_A_CENTURY_S = 100 * 365 * 86400.0


def _timings(job: Job) -> Timings:
    finished_at = _finished_at(job)
    return Timings(
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=finished_at,
        waited_s=_between(job.created_at, job.started_at),
        ran_s=_between(job.started_at, finished_at),
    )


def _between(earlier: datetime | None, later: datetime | None) -> float | None:
    return None if earlier is None or later is None else (later - earlier).total_seconds()


def _webhook(job: Job) -> Webhook | None:
    if job.webhook_url is None:
        return None
    over = "done" if job.webhook_due_at is None else "due"
    return Webhook(
        url=job.webhook_url,
        state=over if job.status in _OVER else "waiting",
        attempts=job.webhook_attempts,
        next_attempt_at=job.webhook_due_at,
    )


def _links(job: Job) -> dict[str, str]:
    itself = f"/video/jobs/{job.job_id}"
    links = {"self": itself, "status": f"/video/status/{job.job_id}", "media": f"{itself}/media"}
    if job.status is JobStatus.COMPLETED:
        links["results"] = f"/video/results/{job.job_id}"
    if job.status is JobStatus.FAILED:
        links["retry"] = f"{itself}/retry"
    return links
