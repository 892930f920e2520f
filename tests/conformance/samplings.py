"""What samplings mean, said plainly and without Reelwork's code."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.support.reference import Reference, Row

SAMPLINGS: Mapping[str, dict[str, Any]] = {
    "stride 1": {"frame_stride": 1},
    "stride 2": {"frame_stride": 2},
    "stride 3": {"frame_stride": 3},
    "stride 7": {"frame_stride": 7},
    "stride 30": {"frame_stride": 30},
    "every 0.01 s": {"every_s": 0.01},
    "every 0.1 s": {"every_s": 0.1},
    "every 0.7 s": {"every_s": 0.7},
    "key frames": {"keyframes": True},
    "one frame": {"ranges": [{"start_frame": 21, "end_frame": 22}]},
    "the end": {"ranges": [{"start_frame": 50}]},
    "beyond the end": {"ranges": [{"start_frame": 1000}, {"start_s": 1e6}]},
    "a second": {"ranges": [{"start_s": 0.7, "end_s": 1.7}]},
    "two parts, the later first": {"ranges": [{"start_s": 1.5}, {"end_s": 0.3}]},
    "parts that overlap": {"ranges": [{"start_frame": 5, "end_frame": 30}, {"start_s": 0.8, "end_s": 1.501}]},
    "the first": {"max_frames": 1},
    "the first five, stride 3": {"frame_stride": 3, "max_frames": 5},
    "key frames behind the first second": {"keyframes": True, "ranges": [{"start_s": 1.0}]},
    "every 0.2 s within a part": {"every_s": 0.2, "ranges": [{"start_frame": 13, "end_frame": 48}], "max_frames": 4},
    "stride 5 within parts": {"frame_stride": 5, "ranges": [{"start_frame": 19, "end_frame": 26}, {"start_s": 1.9}]},
}


def picked(reference: Reference, sampling: Mapping[str, Any]) -> list[Row]:
    """Return the rows that a sampling picks."""
    rows = [row for row in reference.rows if _is_due(row, reference, sampling) and _is_in_range(row, sampling)]
    return rows[: sampling.get("max_frames")]


def _is_due(row: Row, reference: Reference, sampling: Mapping[str, Any]) -> bool:
    if "every_s" in sampling:
        return _is_first_after_a_tick(row, reference, exact(sampling["every_s"]))
    if sampling.get("keyframes"):
        return row.index in reference.key_frames
    return row.index % sampling.get("frame_stride", 1) == 0


def _is_first_after_a_tick(row: Row, reference: Reference, interval: Fraction) -> bool:
    tick = row.time // interval * interval
    return tick >= 0 and all(earlier.time < tick for earlier in reference.rows[: row.index])


def _is_in_range(row: Row, sampling: Mapping[str, Any]) -> bool:
    if "ranges" not in sampling:
        return True
    return any(_holds(part, "frame", row.index) or _holds(part, "s", row.time) for part in sampling["ranges"])


def _holds(part: Mapping[str, Any], unit: str, place: Fraction | int) -> bool:
    start, end = part.get(f"start_{unit}"), part.get(f"end_{unit}")
    if start is None and end is None:
        return False
    return (start is None or exact(start) <= place) and (end is None or place < exact(end))


def exact(number: float) -> Fraction:
    """Return the number as it is written."""
    return Fraction(str(number))
