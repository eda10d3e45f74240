"""Thresholds for double precision send every number the way it goes in single precision."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdistill.students._float32 import in_double

LARGEST = float(np.finfo(np.float32).max)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(
    width=32, allow_nan=False, allow_infinity=False
)


def goes_left(x, threshold):
    """Compare in single precision; what it cannot hold is its largest number."""
    return np.clip(x, -LARGEST, LARGEST).astype(np.float32) <= threshold


def neighbours(x, steps=2):
    """Return numbers and those next to them."""
    found, largest = [x], np.finfo(x.dtype).max
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(steps):
            found = [np.nextafter(found[0], -np.inf), *found, np.nextafter(found[-1], np.inf)]
    return np.clip(np.concatenate(found), -largest, largest)


@settings(max_examples=400, deadline=None)
@given(NUMBERS, NUMBERS)
@example(0.0, -0.0)
@example(-1e-45, 0.0)
@example(1e-50, 1e-46)
@example(LARGEST, 1e300)
@example(-LARGEST, -1e300)
@example(1e300, LARGEST)
@example(-1e300, -LARGEST)
def test_every_number_goes_the_same_way(threshold, x):
    t = np.array([threshold])
    cut = in_double(t)
    near = neighbours(t.clip(-LARGEST, LARGEST).astype(np.float32)).astype(np.float64)
    middles = (near[1:] + near[:-1]) / 2.0
    numbers = np.concatenate([[x], neighbours(t), neighbours(cut), near, neighbours(middles)])
    assert_array_equal(numbers <= cut, goes_left(numbers, t))


def test_a_row_of_thresholds():
    rng = np.random.default_rng(0)
    thresholds = rng.normal(size=1000) * 10.0 ** rng.integers(-44, 38, 1000)
    cuts = in_double(thresholds)
    assert goes_left(cuts, thresholds).all()
    assert not goes_left(np.nextafter(cuts, np.inf), thresholds).any()
    assert in_double(np.zeros(0)).shape == (0,)
