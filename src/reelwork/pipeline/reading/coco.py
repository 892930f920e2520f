"""Results as a COCO data set: images, categories, annotations with boxes in pixels of the upright frame."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from reelwork.pipeline.definition import TIME
from reelwork.pipeline.intervals import Entry
from reelwork.pipeline.reading.items import box, confidence, words

_DECIMALS = 3  # of a pixel
_encode = msgspec.json.Encoder().encode

_Category = tuple[str, str]
"""The node, and the name among what that node finds."""


@dataclass(frozen=True)
class Pictures:
    """What the images of a data set are: frames of a job's video, upright, of this size in pixels."""

    job_id: UUID
    width: int
    height: int


def coco(read: Callable[[], Iterable[Entry]], pictures: Pictures) -> Iterator[bytes]:
    """Write the data set in flat memory, going through the results twice.

    Every frame is an image, every item with a box an annotation. Its category is named after its label, or its
    ``format``, or else the node; the node is the supercategory.

    Args:
        read: Reads the results from their beginning.
        pictures: What is known of the frames.
    """
    categories: dict[_Category, int] = {}
    yield b'{"info":' + _encode({"description": f"Reelwork job {pictures.job_id}", "job_id": str(pictures.job_id)})
    yield b',"licenses":[],"images":['
    yield from _listed(_images(read(), pictures))
    yield b'],"annotations":['
    yield from _listed(_annotations(read(), pictures, categories))
    yield b'],"categories":['
    yield from _listed(_category(number, *category) for category, number in categories.items())
    yield b"]}\n"


def _listed(values: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    before = b"\n"
    for value in values:
        yield before + _encode(value)
        before = b",\n"


def _images(entries: Iterable[Entry], pictures: Pictures) -> Iterator[dict[str, Any]]:
    for entry in entries:
        index = entry["frame_index"]
        yield {
            "id": index,
            "width": pictures.width,
            "height": pictures.height,
            "file_name": f"{index}.jpg",
            "coco_url": f"/video/jobs/{pictures.job_id}/frames/{index}.jpg",
            "frame_index": index,
            "time_s": entry["result"][TIME],
        }


def _annotations(
    entries: Iterable[Entry], pictures: Pictures, categories: dict[_Category, int]
) -> Iterator[dict[str, Any]]:
    """Yield the annotations, and number the categories as they come up."""
    number = 0
    for entry in entries:
        for node, item, sides in _with_boxes(entry):
            number += 1
            category = (node, next(words(item, ("label", "format")), node))
            yield {
                "id": number,  # from 1: evaluation tools take 0 for none
                "image_id": entry["frame_index"],
                "category_id": categories.setdefault(category, len(categories) + 1),
                **_place(item, sides, pictures),
                "iscrowd": 0,
                **_attributes(item),
            }


def _with_boxes(entry: Entry) -> Iterator[tuple[str, dict[str, Any], tuple[float, float, float, float]]]:
    for node, answer in entry["result"].items():
        for item in answer if isinstance(answer, list) else [answer]:
            sides = box(item)
            if sides is not None:
                yield node, item, sides


def _place(item: dict[str, Any], sides: tuple[float, float, float, float], pictures: Pictures) -> dict[str, Any]:
    width, height = pictures.width, pictures.height
    x, y, w, h = sides
    bbox = [round(side, _DECIMALS) for side in (x * width, y * height, w * width, h * height)]
    place = {"bbox": bbox, "area": round(bbox[2] * bbox[3], _DECIMALS)}
    outline = [round(side, _DECIMALS) for x, y in _corners(item) for side in (x * width, y * height)]
    return {**place, "segmentation": [outline] if outline else []}


def _corners(item: dict[str, Any]) -> list[tuple[float, float]]:
    """Return the corners of the item's polygon; none if it has none, or something else by that name."""
    try:
        corners = [(float(x), float(y)) for x, y in item.get("polygon", ())]
    except (TypeError, ValueError):
        return []
    return corners if len(corners) > 2 else []


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    sure = confidence(item)
    attributes = {} if sure is None else {"score": sure}
    return attributes | {name: item[name] for name in ("track_id", "text") if name in item}


def _category(number: int, node: str, name: str) -> dict[str, Any]:
    return {"id": number, "name": name, "supercategory": node}
