"""What processes of their own do with the queue of a database; each opens the database by its URL."""

from uuid import UUID

from reelwork.queues.database import DatabaseQueue
from tests.support.databases import opened


def take_everything(number: int, url: str) -> list[UUID]:
    """Dequeue until nothing is left."""
    with opened(url) as database:
        return drain(DatabaseQueue(database))


def take_when_woken(number: int, url: str, count: int) -> list[UUID | None]:
    """Dequeue ``count`` times; only the bell can wake it, for the next look would come too late."""
    with opened(url) as database:
        queue = DatabaseQueue(database, poll_interval_s=600)
        return [queue.dequeue(40) for _ in range(count)]


def put_numbered(number: int, url: str, count: int) -> list[UUID]:
    """Enqueue ``count`` ids that tell which process they are of and in which order they came."""
    job_ids = [UUID(int=(number << 32) + position) for position in range(count)]
    with opened(url) as database:
        queue = DatabaseQueue(database)
        for job_id in job_ids:
            queue.enqueue(job_id)
    return job_ids


def drain(queue: DatabaseQueue) -> list[UUID]:
    """Take what is there, without waiting for more."""
    taken = []
    while (job_id := queue.dequeue()) is not None:
        taken.append(job_id)
    return taken
