"""Every move of every job, noted by the database itself, whoever made it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from reelwork.db.engine import Database
from tests.support.databases import rows, run

_TABLE = """
CREATE TABLE soak_move (job_id TEXT, source TEXT, target TEXT, lease_token TEXT, lease_left_s DOUBLE PRECISION,
                        output_path TEXT, lost_attempts TEXT)
"""
# An attempt that is handed back is not counted, and not lost either.
_LOST = "CASE WHEN new.attempt < old.attempt THEN NULL ELSE new.lost_attempts END"
_SQLITE = [
    f"""
    CREATE TRIGGER soak_moved AFTER UPDATE OF status ON job
    BEGIN
        INSERT INTO soak_move VALUES (
            new.job_id, old.status, new.status, old.lease_token,
            (julianday(old.lease_expires_at) - julianday('now')) * 86400, new.output_path, {_LOST}
        );
    END
    """
]
_POSTGRESQL = [
    f"""
    CREATE FUNCTION soak_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO soak_move VALUES (
            new.job_id, old.status, new.status, old.lease_token,
            extract(epoch FROM old.lease_expires_at - clock_timestamp()), new.output_path, {_LOST}
        );
        RETURN new;
    END $$
    """,
    "CREATE TRIGGER soak_moved AFTER UPDATE OF status ON job FOR EACH ROW EXECUTE FUNCTION soak_moved()",
]


@dataclass(frozen=True)
class Move:
    """One move: the lease is the one that ended with it."""

    job_id: UUID
    source: str
    target: str
    lease_token: UUID | None
    lease_left_s: float | None
    output_path: str | None
    last_cause: str | None


class MoveLog:
    """Notes every move from now on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        run(database, _TABLE)
        with database.writing() as session:
            for statement in _SQLITE if database.is_sqlite else _POSTGRESQL:
                session.execute(text(statement))

    def read(self) -> list[Move]:
        """All of them."""
        return [
            Move(
                UUID(row["job_id"]),
                row["source"],
                row["target"],
                UUID(row["lease_token"]) if row["lease_token"] else None,
                row["lease_left_s"],
                row["output_path"],
                (row["lost_attempts"] or "").rpartition("\n")[2] or None,
            )
            for row in rows(self._database, "SELECT * FROM soak_move")
        ]

    def completions(self) -> int:
        """How many there were so far."""
        [counted] = rows(self._database, "SELECT count(*) AS moves FROM soak_move WHERE target = 'completed'")
        return int(counted["moves"])
