"""Fitting a picture into a model's input."""

import numpy as np
import pytest

from reelwork.analyzers.builtin.letterbox import Letterbox
from tests.support.pictures import plain


@pytest.mark.parametrize(
    ("picture", "model_input", "inside"),
    [
        ((640, 320), (64, 64), (0, 16, 64, 48)),
        ((320, 640), (64, 64), (16, 0, 48, 64)),
        ((100, 100), (128, 64), (32, 0, 96, 64)),
        ((1920, 1080), (640, 640), (0, 140, 640, 500)),
        ((5000, 1), (64, 64), (0, 31, 64, 32)),
    ],
)
def test_the_picture_stands_centred_on_grey(
    picture: tuple[int, int], model_input: tuple[int, int], inside: tuple[int, int, int, int]
) -> None:
    letterbox = Letterbox.fit(*picture, *model_input)
    canvas = plain(*model_input, (9, 9, 9))
    letterbox.apply(plain(*picture, (1, 2, 3)), canvas)
    left, top, right, bottom = inside
    assert (canvas[top:bottom, left:right] == (1, 2, 3)).all()
    canvas[top:bottom, left:right] = 114
    assert (canvas == 114).all()
    whole = letterbox.undo(np.array([inside], np.float32))
    assert whole.tolist() == [[0, 0, 1, 1]]
