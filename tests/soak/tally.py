"""How often what was done to whom, and how often it has to be done."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support import steps


class Tally:
    """Counts what is done to processes; safe to use from several threads.

    Attributes:
        pauses: How often a worker was stopped past the lease and resumed, whatever it was doing.
        pauses_with_a_lease: How many of these had a job in hand: only they could have finished it late.
        pauses_that_cost_the_lease: How many of these had lost it when they woke up.
        pauses_beside_another: How many of these woke up while somebody else ran their job.
        ended_by_themselves: Processes that ended though nobody killed them.
    """

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()
        self.pauses = 0
        self.pauses_with_a_lease = 0
        self.pauses_that_cost_the_lease = 0
        self.pauses_beside_another = 0
        self.ended_by_themselves: list[str] = []

    def add(self, what: str) -> None:
        """Count one; what is a kill is called "kill the ..."."""
        with self._counting:
            self._counts[what] += 1

    def add_pause(self, where: str, *, held: bool, lost: bool, given: bool) -> None:
        """Count a worker that was stopped past the lease and resumed.

        Args:
            where: Where it was.
            held: Whether it had a lease when it was stopped.
            lost: Whether it had lost that when it was resumed.
            given: Whether somebody else ran the job then.
        """
        with self._counting:
            self._counts[f"pause the worker {where}"] += 1
            self.pauses += 1
            self.pauses_with_a_lease += held
            self.pauses_that_cost_the_lease += lost
            self.pauses_beside_another += given

    @property
    def counts(self) -> dict[str, int]:
        """How often each thing was done, by name; the API's ends at each step of a submit in their order."""
        with self._counting:
            counts = dict(sorted(self._counts.items()))
        at_steps = {what: counts.pop(what, 0) for what in (f"kill the API at {step}" for step in steps.SUBMIT)}
        return at_steps | counts

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(count for what, count in self.counts.items() if what.startswith("kill"))

    def share_of(self, whom: str) -> float:
        """Return which part of the kills fell on one kind of process."""
        counts = self.counts
        return sum(count for what, count in counts.items() if what.startswith(f"kill the {whom}")) / (self.kills or 1)

    @property
    def submit_kills(self) -> dict[str, int]:
        """How often the API was killed at each step of a submit."""
        counts = self.counts
        return {step: counts[f"kill the API at {step}"] for step in steps.SUBMIT}


@dataclass(frozen=True)
class Targets:
    """When it is enough: when every target is met, however long that takes; after ``seconds`` if there is none."""

    seconds: float = 300.0
    kills: int = 0
    submit_kills: int = 0
    pauses: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Targets":
        """Take the variables that are set."""
        return cls(
            float(environment.get("SOAK_SECONDS", cls.seconds)),
            int(environment.get("SOAK_KILLS", cls.kills)),
            int(environment.get("SOAK_SUBMIT_KILLS", cls.submit_kills)),
            int(environment.get("SOAK_PAUSES", cls.pauses)),
        )

    def are_met(self, tally: Tally, seconds: float) -> bool:
        """Tell whether it is enough; every step of a submit must have been hit, and pauses count with a lease."""
        if not (self.kills or self.submit_kills or self.pauses):
            return seconds >= self.seconds
        submit_kills = tally.submit_kills.values()
        return (
            tally.kills >= self.kills
            and sum(submit_kills) >= self.submit_kills
            and (not self.submit_kills or min(submit_kills) > 0)
            and tally.pauses_with_a_lease >= self.pauses
        )
