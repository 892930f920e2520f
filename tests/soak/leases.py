"""Who holds a lease, as the database sees it."""

import socket
from uuid import UUID

from reelwork.db.engine import Database
from tests.support.databases import rows

Held = dict[UUID, UUID]
"""Lease tokens by job, run out or not."""


class Leases:
    """The leases of workers on this machine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held_by(self, pid: int) -> Held:
        """Return what is in a worker's name."""
        name = f"{socket.gethostname()}:{pid}"
        return {job_id: token for job_id, (token, worker) in self._running().items() if worker == name}

    def are_lost(self, held: Held) -> bool:
        """Tell whether one of these has been taken away."""
        running = self._running()
        return any(job_id not in running or running[job_id][0] != token for job_id, token in held.items())

    def are_given_to_others(self, held: Held) -> bool:
        """Tell whether somebody else runs one of these jobs now."""
        running = self._running()
        return any(job_id in running and running[job_id][0] != token for job_id, token in held.items())

    def _running(self) -> dict[UUID, tuple[UUID, str]]:
        found = rows(self._database, "SELECT job_id, lease_token, worker FROM job WHERE status = 'running'")
        return {UUID(str(row["job_id"])): (UUID(str(row["lease_token"])), row["worker"]) for row in found}
