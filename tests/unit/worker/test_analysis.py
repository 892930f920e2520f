"""What the analysis process answers when its own machine is in the way."""

import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from reelwork.bootstrap.pipelines import load_catalog, make_pipeline_service
from reelwork.settings import Settings
from reelwork.worker.analysis import Analysed, AnalysisError, AnalysisRequest, analysing
from reelwork.worker.runner import AttemptLost, _scratch_directory


def request_for(results_path: Path, video: Path, settings: Settings) -> AnalysisRequest:
    definition = load_catalog(settings).get("frames").definition.to_json()
    return AnalysisRequest(uuid4(), video, definition, {"frame_stride": None, "max_frames": 2}, results_path)


def test_results_that_cannot_be_written_may_be_tried_again(tmp_path: Path, media_dir: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)
    answer = analysing(make_pipeline_service(settings))
    video = media_dir / "fragmented.mp4"

    answered = answer(request_for(tmp_path / "results.json", video, settings))
    assert isinstance(answered, Analysed)
    assert answered.frames == 2
    assert answered.report["warnings"] == []
    full = answer(request_for(Path("/dev/full"), video, settings))
    assert full == AnalysisError("The worker could not write the results to its disk (No space left on device)", False)


def test_damaged_video_is_the_last_word(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)
    (tmp_path / "note.mp4").write_text("not a video")

    answer = analysing(make_pipeline_service(settings))(
        request_for(tmp_path / "results.json", tmp_path / "note.mp4", settings)
    )

    assert isinstance(answer, AnalysisError)
    assert answer.final
    assert answer.message.startswith("The file is not an MP4")


def test_no_directory_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(AttemptLost, match="TMPDIR"), _scratch_directory():
        pass
