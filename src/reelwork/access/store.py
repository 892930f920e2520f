"""The table of API keys: what can be done to keys, each a transaction of its own."""

from collections.abc import Iterable

from reelwork.access import statements
from reelwork.access.caller import QueueLimits, Scope
from reelwork.access.keys import KeyText, make_key
from reelwork.access.model import ApiKey
from reelwork.db.engine import Database

NO_LIMITS = QueueLimits()


class KeyStore:
    """API keys. Every method raises ``ServiceUnavailable`` when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, name: str, scopes: Iterable[Scope], limits: QueueLimits = NO_LIMITS) -> KeyText:
        """Make a key. What is returned is all that will ever be seen of its secret."""
        key = make_key()
        given = {
            "key_id": key.key_id,
            "secret_sha256": key.digest,
            "name": name,
            "scopes": " ".join(sorted(set(scopes))),
            "max_queued_jobs": limits.max_queued_jobs,
            "max_queued_bytes": limits.max_queued_bytes,
        }
        with self._database.writing() as transaction:
            transaction.execute(statements.INSERT, given)
        return key

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key of an id, revoked or not; None if there is none."""
        for row in self._database.query(statements.FIND, {"the_key": key_id}):
            return ApiKey(**row._asdict())
        return None

    def list(self) -> list[ApiKey]:
        """Return every key, the oldest first, also those that are revoked."""
        return [ApiKey(**row._asdict()) for row in self._database.query(statements.LIST)]

    def revoke(self, key_id: str) -> bool:
        """Make a key good for nothing; False if there is none of this id, or none that is in force."""
        return bool(self._database.change(statements.REVOKE, {"the_key": key_id}))

    def any_in_force(self) -> bool:
        """Say whether anybody could call."""
        return bool(self._database.query(statements.ANY_IN_FORCE))
