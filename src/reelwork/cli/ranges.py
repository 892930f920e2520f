"""Parts of a video as they are written on the command line."""

import re

_SECONDS = re.compile(r"(?P<start_s>-?\d+(\.\d+)?)?:(?P<end_s>-?\d+(\.\d+)?)?")
_FRAMES = re.compile(r"((?P<start_frame>\d+)f)?:((?P<end_frame>\d+)f)?")

MEANING = (
    "Analyse this part only, in seconds (1.5:20) or frames (30f:90f); either end may be left out. "
    "Can be given several times."
)
HOW = "give START:END in seconds (1.5:20) or in frames (30f:90f); either may be left out, not both"


def read_range(written: str) -> dict[str, float]:
    """Return the bounds by name; none of it if it is no range."""
    match = _SECONDS.fullmatch(written) or _FRAMES.fullmatch(written)
    given = {name: bound for name, bound in match.groupdict().items() if bound} if match else {}
    return {name: int(bound) if name.endswith("_frame") else float(bound) for name, bound in given.items()}
