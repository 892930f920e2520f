"""The table of idempotency keys: who answers a request that is sent again, and with what."""

from dataclasses import dataclass
from uuid import UUID

from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from reelwork.errors import IdempotencyKeyInUse
from reelwork.uploads import statements

_MOST_TRIES = 20


@dataclass(frozen=True)
class KeyName:
    """What a key is found by: the same word of two API keys names two requests."""

    owner: str | None
    key: str

    @property
    def given(self) -> dict[str, object]:
        """As the statements want it."""
        return {"whose": self.owner or "", "called": self.key}


@dataclass(frozen=True)
class Answer:
    """What became of the first request of a key."""

    fingerprint: str
    job_id: UUID


@dataclass(frozen=True)
class Holder:
    """A request that arrives now; for an upload in several requests, the token is its id."""

    token: UUID


class IdempotencyKeys:
    """The table. A key is held by one request at a time, until it is completed, freed or not renewed in time."""

    def __init__(self, database: Database, expiry_s: float) -> None:
        self._database = database
        self._expiry_s = expiry_s

    def claim(self, name: KeyName, token: UUID, lease_s: float) -> Answer | Holder | None:
        """Take a key for a request; None when it is taken now, or who has it or had it."""
        with self._database.writing() as transaction:
            return self.claim_within(transaction, name, token, lease_s)

    def claim_within(
        self, transaction: Transaction, name: KeyName, token: UUID, lease_s: float
    ) -> Answer | Holder | None:
        """As ``claim``, within a transaction."""
        claim = statements.CLAIM_KEY[transaction.connection.dialect.name]
        for _ in range(_MOST_TRIES):
            if transaction.execute(claim, {**name.given, "token": token, "lease_s": lease_s}).all():
                return None
            for found in transaction.execute(statements.GET_KEY, name.given):
                if not found.is_over:
                    return (
                        Holder(found.lease_token) if found.job_id is None else Answer(found.fingerprint, found.job_id)
                    )
        raise IdempotencyKeyInUse(name.key)

    def renew(self, name: KeyName, token: UUID, lease_s: float) -> bool:
        """Hold a key for longer; False when it was lost."""
        given = {**name.given, "token": token, "lease_s": lease_s}
        return bool(self._database.change(statements.RENEW_KEY, given, durable=False))

    def complete_within(self, transaction: Transaction, name: KeyName, token: UUID, answer: Answer) -> None:
        """Let the key answer with a job from now on.

        Raises:
            IdempotencyKeyInUse: It was lost to another request.
        """
        made = {"sent": answer.fingerprint, "made": answer.job_id, "expiry_s": self._expiry_s}
        if not transaction.execute(statements.COMPLETE_KEY, {**name.given, "token": token, **made}).all():
            raise IdempotencyKeyInUse(name.key)

    def free(self, name: KeyName, token: UUID, job_id: UUID | None = None) -> None:
        """Let the key be used anew, if this request still has it or it answers with that job."""
        self._database.change(statements.FREE_KEY, {**name.given, "token": token, "made": job_id})

    def delete_expired(self) -> int:
        """Forget answers whose time is over; return how many."""
        return len(self._database.change(statements.DELETE_EXPIRED_KEYS))
