"""Readings of crops, kept by what the crops show: an identical crop is not read again."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from reelwork.video.frame import Image

_Answer = TypeVar("_Answer")

Reading = tuple[str, float]
"""The text of one line and the confidence in it."""

Key = tuple[tuple[int, ...], bytes]


class ReadCrops:
    """The readings of the crops seen latest; many threads may ask at once.

    A reading follows from the crop's pixels alone, so it does not matter to any answer which were kept.
    """

    def __init__(self, read: Callable[["Image"], Reading], entries: int, threads: int = 1) -> None:
        """Keep at most this many readings that ``read`` made (0 keeps none); one call keeps the threads busy."""
        self._read = read
        self._entries = entries
        self._pool = ThreadPoolExecutor(threads, "text") if threads > 1 else None
        self._lock = Lock()
        self._kept: OrderedDict[Key, Future[Reading]] = OrderedDict()

    def read(self, crops: Sequence["Image"]) -> list[Reading]:
        """Read each crop, or wait for a thread that is about to have read the same one."""
        if not self._entries:
            return self._each(self._read, crops)
        # Waiting comes last: threads that meet the same slide at once share its lines out between them.
        readings = self._each(self._read_or_leave, crops)
        return [reading.result() for reading in readings]

    def _each(self, read: Callable[["Image"], _Answer], crops: Sequence["Image"]) -> list[_Answer]:
        return list((self._pool.map if self._pool else map)(read, crops))

    def _read_or_leave(self, crop: "Image") -> Future[Reading]:
        key = _key(crop)
        future: Future[Reading] = Future()
        kept = self._claimed(key, future)
        if kept is not future:
            return kept
        try:
            future.set_result(self._read(crop))
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            future.set_exception(error)
        return future

    def _claimed(self, key: Key, future: Future[Reading]) -> Future[Reading]:
        """Return the reading kept or under way, or enter the given one."""
        with self._lock:
            kept = self._kept.setdefault(key, future)
            self._kept.move_to_end(key)
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)
            return kept


def _key(crop: "Image") -> Key:
    import numpy as np
    import xxhash

    return crop.shape, xxhash.xxh3_128_digest(np.ascontiguousarray(crop).data)
