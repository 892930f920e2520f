"""The results document, written in its final form as the answers come."""

from collections.abc import Iterable
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from reelwork.errors import AnalysisFailed
from reelwork.pipeline.executor import FrameResult


def as_entry(result: FrameResult) -> dict[str, Any]:
    """Give a frame's result the shape of an entry of ``results``."""
    return {"frame_index": result.frame_index, "result": {"time_s": result.time_s, **result.outputs}}


def write_results(stream: BinaryIO, job_id: UUID, results: Iterable[FrameResult]) -> int:
    """Write ``{"job_id", "results"}`` entry by entry and return how many there were.

    Raises:
        AnalysisFailed: An analyzer's answer cannot be written as JSON.
    """
    encoder = msgspec.json.Encoder()
    buffer = bytearray()
    stream.write(b'{"job_id":' + encoder.encode(str(job_id)) + b',"results":[')
    count = 0
    for result in results:
        try:
            encoder.encode_into(as_entry(result), buffer)
        except (TypeError, msgspec.MsgspecError) as error:
            raise AnalysisFailed(f"The answers for frame {result.frame_index} are not JSON: {error}") from error
        stream.write(b",\n" if count else b"\n")
        stream.write(buffer)
        count += 1
    stream.write(b"\n]}\n")
    return count
