"""A user's own detector, from putting the file in its place to boxes and text in the results."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.support.onnx_models import ColourModel, Output
from tests.support.service import Caller, Service


@pytest.fixture
def moving_square(tmp_path: Path) -> Path:
    """8 frames of 640x320: a red square that moves to the right by one grid cell a frame, above the word STOP."""
    return clip_of_square(tmp_path / "square.mp4", [number * 80 for number in range(8)])


def clip_of_square(path: Path, places: list[int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 640, 320, "yuv420p"
        for left in places:
            picture = np.zeros((320, 640, 3), np.uint8)
            picture[80:160, left : left + 80] = (0, 0, 255)
            cv2.putText(picture, "STOP", (240, 280), cv2.FONT_HERSHEY_SIMPLEX, 2.5, (255, 255, 255), 6)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("output", [Output.CHANNELS_FIRST, Output.END_TO_END])
def test_objects_and_text_with_a_model_put_in_its_place(
    service: Service, caller: Callable[[str], Caller], moving_square: Path, output: Output
) -> None:
    calls = caller(service.run())
    refused = calls.http.post(
        "/video/submit?pipeline=yolo_ocr", content=moving_square.read_bytes(), headers={"Content-Type": "video/mp4"}
    )
    assert refused.status_code == 422
    assert "Model file objects.onnx was not found" in refused.json()["detail"]

    models = service.data_dir / "models"
    models.mkdir()
    names = {"names": "{0: 'red', 1: 'green', 2: 'blue'}"}
    ColourModel(output=output, side=640, metadata=names).save(models / "objects.onnx")
    results = calls.results(calls.submit(moving_square, pipeline="yolo_ocr"))

    assert len(results) == 8
    for number, entry in enumerate(results):
        result = entry["result"]
        assert "STOP" in [item["text"] for item in result["text"]]
        best = result["objects"][0]
        assert best["label"] == "red"
        assert best["confidence"] > 0.5
        assert best["box"] == pytest.approx({"x": number / 8, "y": 0.25, "w": 0.125, "h": 0.25}, abs=0.01)


TRACKING = """
name: following
nodes:
  objects: {analyzer: objects, with: {track: true, min_confidence: 0.5, max_gap_s: 0.5}}
outputs: [objects]
"""


def test_an_object_is_followed_and_what_it_was_found_with_is_kept(
    service: Service, caller: Callable[[str], Caller], tmp_path: Path
) -> None:
    """The square is there, away for longer than the gap, and back."""
    names = {"names": "{0: 'red', 1: 'green', 2: 'blue'}"}
    (service.data_dir / "models").mkdir(parents=True)
    ColourModel(output=Output.END_TO_END, side=640, metadata=names).save(service.data_dir / "models" / "objects.onnx")
    (service.data_dir / "pipelines").mkdir()
    (service.data_dir / "pipelines" / "following.yaml").write_text(TRACKING)
    clip = clip_of_square(tmp_path / "x.mp4", [80] * 6 + [1000] * 12 + [80] * 4)

    calls = caller(service.run())
    job_id = calls.submit(clip, pipeline="following")
    results = calls.results(job_id)
    assert [len(entry["result"]["objects"]) for entry in results] == [1] * 6 + [0] * 12 + [1] * 4
    tracks = calls.http.get(f"/video/jobs/{job_id}/tracks").json()
    assert tracks["job_id"] == str(job_id)
    found = [(one["track_id"], one["label"], one["start_s"], one["end_s"], one["frames"]) for one in tracks["tracks"]]
    assert found == [(1, "red", 0.0, 0.5, 6), (2, "red", 1.8, 2.1, 4)]
    assert calls.http.get(f"/video/jobs/{job_id}/tracks?node=text").status_code == 404

    told = calls.http.get(f"/video/jobs/{job_id}").json()
    assert (told["status"], told["warnings"], told["error"]) == ("completed", [], None)
    assert told["source"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert told["source"]["codec"] == "h264"
    model = service.data_dir / "models" / "objects.onnx"
    used = told["provenance"]["nodes"]["objects"]
    assert used["models"] == [{"file": "objects.onnx", "sha256": hashlib.sha256(model.read_bytes()).hexdigest()}]
    assert used["settings"]["track"] is True
    assert used["libraries"]["onnxruntime"]
