"""The analyzer keeps its contract with the engine, and is right."""

import numpy as np
import pytest
from reelwork_colours.analyzer import Colours

from reelwork.analyzers import AnalyzerContext, Frame
from reelwork.testing import check_analyzer


@pytest.mark.parametrize("settings", [{}, {"most": 16, "steps": 16, "min_share": 0}])
def test_it_keeps_the_contract(settings: dict[str, float]) -> None:
    check_analyzer(Colours, settings)


def test_it_tells_the_colours(tmp_path) -> None:  # type: ignore[no-untyped-def]
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, :70] = (0, 0, 255)  # BGR
    picture[:, 70:98] = (200, 10, 10)
    colours = Colours(Colours.Settings(), AnalyzerContext(tmp_path))
    colours.load()
    assert colours.analyze([Frame.from_bgr(picture)], {}) == [
        [{"label": "#ff0000", "share": 0.7}, {"label": "#0a0ac8", "share": 0.28}]
    ]
