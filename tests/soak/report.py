"""What a soak says: a line now and then, and a table at the end."""

from collections.abc import Iterable

from tests.soak.tally import Tally

_EXAMPLES = 3
_COLUMN = 48


def progress(name: str, seconds: float, tally: Tally, accepted: int, completed: int, waiting: int) -> None:
    """Say in one line how far it is."""
    print(
        f"{name} after {round(seconds / 60)} min: {tally.kills} kills, {sum(tally.submit_kills.values())} at steps of "
        f"submit, {tally.pauses_with_a_lease} pauses past a lease; {accepted} accepted, {completed} completed, "
        f"{waiting} wait",
        flush=True,
    )


def hurts(tally: Tally, minutes: float) -> list[tuple[str, object]]:
    """Say what was done."""
    return [
        *tally.counts.items(),
        ("kills in all", tally.kills),
        ("kills a minute", round(tally.kills / minutes)),
        ("kills of the API at steps of submit", sum(tally.submit_kills.values())),
        ("pauses of a worker past its lease", tally.pauses),
        ("of these, it held a lease", tally.pauses_with_a_lease),
        ("of these, it had lost it when it was resumed", tally.pauses_that_cost_the_lease),
        ("of these, somebody else ran its job then", tally.pauses_beside_another),
    ]


def table(title: str, lines: Iterable[tuple[str, object]], found: dict[str, list[str]], remarks: Iterable[str]) -> None:
    """Say how it ended."""
    print(title)
    for name, value in (
        *lines,
        *((f"VIOLATION {what}" if items else what, len(items)) for what, items in found.items()),
    ):
        print(f"{name:<{_COLUMN}}{value:>10}")
    for remark in sorted(set(remarks)):
        print(f"  {remark}")
    for what, items in found.items():
        for item in items[:_EXAMPLES]:
            print(f"  {what}: {item}")
    print(flush=True)
