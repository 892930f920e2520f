"""What is told: a few lines about a job that is over, the same however often they are sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from reelwork.jobs.lifecycle import JobStatus
from reelwork.webhooks.outbox import Delivery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def message_id(delivery: Delivery) -> str:
    """Return the header ``webhook-id``: one for each end of a job, by which a receiver knows what it has had."""
    ended = (delivery.ended_at - _EPOCH) // timedelta(microseconds=1)
    return f"msg_{delivery.job_id.hex}_{ended}"


def body(delivery: Delivery) -> bytes:
    """Return the JSON document."""
    job_id = delivery.job_id
    urls = {"status": f"/video/status/{job_id}", "job": f"/video/jobs/{job_id}"}
    if delivery.status is JobStatus.COMPLETED:
        urls["results"] = f"/video/results/{job_id}"
    data: dict[str, Any] = {
        "job_id": str(job_id),
        "status": str(delivery.status),
        "external_id": delivery.external_id,
        "tags": list(delivery.tags),
        "error": delivery.error_message,
        "urls": urls,
    }
    document = {"type": f"job.{delivery.status}", "timestamp": delivery.ended_at.isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
