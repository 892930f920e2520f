"""The deliveries that are due, taken from the job table and settled there."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.webhooks import statements


@dataclass(frozen=True)
class Delivery:
    """A claim on telling one end of one job.

    Attributes:
        job_id: The job.
        status: How it ended.
        ended_at: When; a job that is run again ends again, and that is another message.
        url: Whom to tell.
        attempt: 1 for the first.
        claimed_until: When the claim ends, on the database's clock.
        external_id: What the client calls the job.
        tags: Its tags.
        error_message: Why it failed.
    """

    job_id: UUID
    status: JobStatus
    ended_at: datetime
    url: str
    attempt: int
    claimed_until: datetime
    external_id: str | None = None
    tags: tuple[str, ...] = ()
    error_message: str | None = None


class Outbox:
    """What clients are still to be told.

    No write here waits for the disk: one that a power cut undoes leads to a message being sent once more,
    which receivers must be ready for anyway.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_in_s(self) -> float | None:
        """Return how soon the first delivery is due, or due again; None when none is."""
        [(moment, now)] = self._database.query(statements.FIRST_DUE)
        return None if moment is None else float((moment - now).total_seconds())

    def claim(self, most: int, lease_s: float) -> Sequence[Delivery]:
        """Take deliveries that are due, those first that have waited longest, for ``lease_s`` seconds."""
        rows = self._database.change(statements.CLAIM, {"most": most, "seconds": lease_s}, durable=False)
        tags = self._tags([row.job_id for row in rows]) if rows else {}
        return [
            Delivery(
                job_id=row.job_id,
                status=row.status,
                ended_at=row.updated_at,
                url=row.webhook_url,
                attempt=row.webhook_attempts,
                claimed_until=row.webhook_due_at,
                external_id=row.external_id,
                tags=tuple(tags.get(row.job_id, ())),
                error_message=row.error_message,
            )
            for row in rows
        ]

    def end(self, delivery: Delivery) -> bool:
        """Let nothing more be sent; False when the claim was lost, so below."""
        return self._settle(statements.END, delivery)

    def try_again(self, delivery: Delivery, in_s: float) -> bool:
        """Let it be sent once more, later."""
        return self._settle(statements.TRY_AGAIN, delivery, seconds=in_s)

    def put_off(self, delivery: Delivery, in_s: float) -> bool:
        """Let it be sent later: nothing was tried, and no attempt is counted."""
        return self._settle(statements.PUT_OFF, delivery, seconds=in_s)

    def _settle(self, statement: Any, delivery: Delivery, **given: float) -> bool:
        fence = {
            "the_job": delivery.job_id,
            "claimed_until": delivery.claimed_until,
            "attempts": delivery.attempt,
        }
        return bool(self._database.change(statement, {**fence, **given}, durable=False))

    def _tags(self, job_ids: list[UUID]) -> dict[UUID, list[str]]:
        tags: dict[UUID, list[str]] = defaultdict(list)
        for job_id, tag in self._database.query(statements.TAGS, {"the_jobs": job_ids}):
            tags[job_id].append(tag)
        return tags
