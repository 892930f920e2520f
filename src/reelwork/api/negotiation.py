"""What a client prefers, as it says in ``Accept`` and ``Accept-Encoding`` (RFC 9110, section 12)."""

import re
from collections.abc import Iterator, Sequence

_WEIGHT = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def preferred(offered: Sequence[str], accept: str | None) -> str | None:
    """Choose among media types.

    Args:
        offered: The media types there are; of those that are wanted equally, the first is chosen.
        accept: The header, if there is one; without it everything is wanted.

    Returns:
        The one that is wanted most, None if none is wanted.
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = dict(_weighted(accept))
    weights = {media_type: _weight_of(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: weights[media_type])
    return best if weights[best] > 0 else None


def chosen_coding(offered: Sequence[str], accept_encoding: str | None) -> str | None:
    """Choose among content codings: the one that is wanted most and as much as no coding at all; else None."""
    wanted = dict(_weighted(accept_encoding or ""))
    weights = {coding: wanted.get(coding, wanted.get("*", 0.0)) for coding in offered}
    best = max(offered, key=lambda coding: weights[coding])
    return best if weights[best] > 0 and weights[best] >= wanted.get("identity", 0.0) else None


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    """Yield what a header lists, in small letters, with its weight; what cannot be read weighs nothing."""
    for part in header.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((p[2:].strip() for p in parameters if p[:2].lower() == "q="), "1")
        if name:
            yield name.lower(), float(weight) if _WEIGHT.fullmatch(weight) else 0.0


def _weight_of(media_type: str, ranges: dict[str, float]) -> float:
    """Return the weight that the most specific range gives a media type."""
    kind = media_type.partition("/")[0]
    return next((ranges[name] for name in (media_type, f"{kind}/*", "*/*") if name in ranges), 0.0)
