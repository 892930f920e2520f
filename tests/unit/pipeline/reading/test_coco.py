"""COCO: every reference leads somewhere, every box is where it was."""

import json
from typing import Any

import pytest
from hypothesis import given

from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import COCO, Source
from tests.support.answers import JOB_ID, documents, examples, reading
from tests.unit.pipeline.reading.test_filters import filters, model

WIDE = Source(width=640, height=360)


def data_set(entries: list[dict[str, Any]], wanted: Filters | None = None, source: Source = WIDE) -> dict[str, Any]:
    return json.loads(b"".join(COCO.write(reading(entries, wanted, source))))  # type: ignore[arg-type, no-any-return]


def located(entries: list[dict[str, Any]]) -> list[tuple[int, str, dict[str, Any]]]:
    """Every item with a whole box, with its frame and node."""
    found = []
    for entry in entries:
        for node, answer in entry["result"].items():
            for item in answer if isinstance(answer, list) else [answer]:
                box = item.get("box") if isinstance(item, dict) else None
                if isinstance(box, dict) and all(type(box.get(side)) in (int, float) for side in "xywh"):
                    found.append((entry["frame_index"], node, item))
    return found


def name_of(node: str, item: dict[str, Any]) -> str:
    return next((item[name] for name in ("label", "format") if isinstance(item.get(name), str)), node)


@examples
@given(documents(), filters)
def test_references_hold(entries: list[dict[str, Any]], wanted: Filters) -> None:
    made, left = data_set(entries, wanted), model(entries, wanted)
    assert list(made) == ["info", "licenses", "images", "annotations", "categories"]
    images, categories = ({one["id"]: one for one in made[name]} for name in ("images", "categories"))
    assert list(images) == [entry["frame_index"] for entry in left]
    assert len(categories) == len(made["categories"])
    assert [one["id"] for one in made["annotations"]] == list(range(1, len(made["annotations"]) + 1))
    expected = located(left)
    assert len(made["annotations"]) == len(expected)
    for annotation, (frame, node, item) in zip(made["annotations"], expected, strict=True):
        category = categories[annotation["category_id"]]
        assert images[annotation["image_id"]]["frame_index"] == annotation["image_id"] == frame
        assert (category["supercategory"], category["name"]) == (node, name_of(node, item))
        assert annotation["bbox"] == pytest.approx([item["box"][side] * size for side, size in sides(WIDE)], abs=1e-3)
        assert annotation.get("text") == item.get("text")
    assert {one["category_id"] for one in made["annotations"]} == set(categories)


def sides(source: Source) -> list[tuple[str, int]]:
    return [("x", source.width), ("y", source.height), ("w", source.width), ("h", source.height)]


def test_the_shape() -> None:
    box = {"x": 0.25, "y": 0.5, "w": 0.1, "h": 0.2}
    polygon = [[0.25, 0.5], [0.35, 0.5], [0.35, 0.7]]
    entry = {
        "frame_index": 7,
        "result": {
            "time_s": 0.28,
            "objects": [{"label": "car", "confidence": 0.5, "box": box, "track_id": 2}],
            "text": [{"text": "Hello", "confidence": 0.9, "box": box, "polygon": polygon}, {"text": "nowhere"}],
        },
    }
    made = data_set([entry])
    assert made["info"]["job_id"] == str(JOB_ID)
    assert made["images"] == [
        {
            "id": 7, "width": 640, "height": 360, "file_name": "7.jpg", "frame_index": 7, "time_s": 0.28,
            "coco_url": f"/video/jobs/{JOB_ID}/frames/7.jpg",
        }
    ]  # fmt: skip
    place = {"image_id": 7, "bbox": [160.0, 180.0, 64.0, 72.0], "area": 4608.0, "iscrowd": 0}
    assert made["annotations"] == [
        {"id": 1, "category_id": 1, **place, "segmentation": [], "score": 0.5, "track_id": 2},
        {
            "id": 2, "category_id": 2, **place, "score": 0.9, "text": "Hello",
            "segmentation": [[160.0, 180.0, 224.0, 180.0, 224.0, 252.0]],
        },
    ]  # fmt: skip
    assert made["categories"] == [
        {"id": 1, "name": "car", "supercategory": "objects"},
        {"id": 2, "name": "text", "supercategory": "text"},
    ]


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        ({"width": 640, "height": 360, "duration_s": 2.0}, (640, 360)),
        ({"width": 640, "height": 360, "turned": False}, (640, 360)),
        ({"width": 640, "height": 360, "turned": True}, (360, 640)),
        ({"width": None}, (0, 0)),
        ({}, (0, 0)),
        (None, (0, 0)),
    ],
)
def test_the_picture_is_upright(facts: dict[str, Any] | None, size: tuple[int, int]) -> None:
    source = Source.of(facts)
    assert (source.width, source.height) == size
