"""How the checks tell what they found."""

from collections.abc import Iterable


def report(breaches: Iterable[str]) -> int:
    """Print a line for each; return the exit code, 1 if there is any."""
    told = list(breaches)
    print(*told, sep="\n", end="\n" if told else "")
    return int(bool(told))
