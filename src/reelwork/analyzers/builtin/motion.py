"""Where objects that were seen before should be now."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# All in sizes of the object, to each axis its own.
_MEASURED = 0.05**2
"""Variance of a measured place, and of a measured size."""
_FIRST_SPEED = 2.0**2
"""Variance of the speed of an object seen once, per second squared."""
_SPEED_CHANGE = 3.0
"""How much the variance of the speed grows in a second."""
_SIZE_CHANGE = 0.1
"""How much the variance of the size grows in a second."""


class Motions:
    """The motion of some objects, each on its own, at a constant velocity of which a Kalman filter is not too sure.

    The axes are independent, so that the filter needs no matrices; and its noise is that of white acceleration
    in continuous time, so that two half steps are one step. Boxes are rows of centre x, centre y, width, height.
    """

    def __init__(self) -> None:
        import numpy as np

        none = np.empty((0, 2))
        self._place, self._speed, self._size = none, none, none
        # Variances of the three, and the covariance of place and speed.
        self._of_place, self._of_speed, self._of_size, self._of_both = none, none, none, none

    def boxes(self) -> "Floats":
        """Return where the objects should be: N x 4."""
        import numpy as np

        return np.hstack([self._place, self._size])

    def deviations(self) -> "Floats":
        """Return how unsure their places are to each axis: N x 2 standard deviations."""
        import numpy as np

        return np.asarray(np.sqrt(self._of_place))

    def add(self, boxes: "Floats") -> None:
        """Append objects seen for the first time, where they stand now."""
        import numpy as np

        area = boxes[:, 2:] ** 2
        self._place = np.vstack([self._place, boxes[:, :2]])
        self._size = np.vstack([self._size, boxes[:, 2:]])
        self._speed = np.vstack([self._speed, np.zeros_like(area)])
        self._of_place = np.vstack([self._of_place, _MEASURED * area])
        self._of_size = np.vstack([self._of_size, _MEASURED * area])
        self._of_speed = np.vstack([self._of_speed, _FIRST_SPEED * area])
        self._of_both = np.vstack([self._of_both, np.zeros_like(area)])

    def keep(self, which: Sequence[int]) -> None:
        """Forget all but these, given by place."""
        import numpy as np

        rows = np.array(which, np.intp)
        self._place, self._speed, self._size = self._place[rows], self._speed[rows], self._size[rows]
        self._of_place, self._of_speed = self._of_place[rows], self._of_speed[rows]
        self._of_size, self._of_both = self._of_size[rows], self._of_both[rows]

    def advance(self, seconds: float) -> None:
        """Move all objects on."""
        change = _SPEED_CHANGE * self._size**2
        self._place = self._place + self._speed * seconds
        self._of_place = (
            self._of_place + 2 * self._of_both * seconds + self._of_speed * seconds**2 + change * seconds**3 / 3
        )
        self._of_both = self._of_both + self._of_speed * seconds + change * seconds**2 / 2
        self._of_speed = self._of_speed + change * seconds
        self._of_size = self._of_size + _SIZE_CHANGE * self._size**2 * seconds

    def see(self, which: Sequence[int], boxes: "Floats") -> None:
        """Correct these objects, given by place, by where they are seen."""
        import numpy as np

        rows = np.array(which, np.intp)
        noise = _MEASURED * boxes[:, 2:] ** 2
        seen = self._of_place[rows] + noise
        gain, speed_gain = self._of_place[rows] / seen, self._of_both[rows] / seen
        surprise = boxes[:, :2] - self._place[rows]
        self._place[rows] += gain * surprise
        self._speed[rows] += speed_gain * surprise
        self._of_speed[rows] -= speed_gain * self._of_both[rows]
        self._of_place[rows] *= 1 - gain
        self._of_both[rows] *= 1 - gain
        size_gain = self._of_size[rows] / (self._of_size[rows] + noise)
        self._size[rows] += size_gain * (boxes[:, 2:] - self._size[rows])
        self._of_size[rows] *= 1 - size_gain
