"""The points themselves: known to the tests, and nothing in production."""

import re
from pathlib import Path

import reelwork
from reelwork import faults
from tests.support import steps


def test_every_point_in_the_product_is_tested() -> None:
    sources = Path(reelwork.__file__).parent.rglob("*.py")
    named = {name for path in sources for name in re.findall(r'faults\.point\("([a-z.]+)"\)', path.read_text())}
    assert named == {*steps.SUBMIT, *steps.UPLOAD, *steps.SUBMIT_ONCE, *steps.RUN, *steps.WEBHOOK}


def test_point_does_nothing_unless_the_environment_names_a_function() -> None:
    assert faults.point is faults._nothing
    assert faults.point.__code__.co_code == (lambda _: None).__code__.co_code
