"""What processes of their own write to a database."""

from tests.support.databases import opened, run


def count_up(number: int, url: str, times: int) -> int:
    """Add one to the only position in the queue, ``times`` times, each in a transaction."""
    with opened(url) as database:
        return sum(run(database, "UPDATE queue_entry SET position = position + 1") for _ in range(times))
