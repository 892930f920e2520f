"""Processes of their own that bring a database up to date."""

from reelwork.db.migrate import current_revision, migrate, require_head
from tests.support.databases import opened


def migrate_and_look(number: int, url: str) -> str | None:
    """Migrate as a starting service does; return the revision."""
    with opened(url) as database:
        migrate(database)
        require_head(database)
        return current_revision(database)
