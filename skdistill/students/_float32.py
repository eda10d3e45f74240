"""Thresholds of trees that compare in float32, as thresholds for comparisons in float64."""

from __future__ import annotations

import numpy as np


def in_double(threshold: np.ndarray) -> np.ndarray:
    """Find the largest numbers that float32 rounds to at most the thresholds.

    A float64 is at most the result exactly where, cast to float32, it is at most the threshold:
    what scikit-learn's trees and XGBoost compare in single precision can be compared as it is.
    The cast rounds to the nearest float32, and to the even one of two that are as near; numbers
    beyond its range count as its largest.

    Parameters
    ----------
    threshold : ndarray of shape (n,), dtype float64
        Never NaN.

    Returns
    -------
    threshold : ndarray of shape (n,), dtype float64
        Infinite where all numbers are on one side.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students._float32 import in_double
    >>> threshold = in_double(np.array([0.1]))
    >>> float(np.float32(threshold[0])) <= 0.1
    True
    >>> float(np.float32(np.nextafter(threshold[0], 1.0))) <= 0.1
    False
    """
    threshold = np.asarray(threshold, dtype=np.float64)
    largest = np.finfo(np.float32).max
    # The float32 just at or below each threshold, and the one above it.
    low = np.clip(threshold, -largest, largest).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        low = np.where(low > threshold, np.nextafter(low, np.float32(-np.inf)), low)
        high = np.nextafter(low, np.float32(np.inf))
    middle = low.astype(np.float64) / 2.0 + high.astype(np.float64) / 2.0
    even = low.view(np.uint32) % 2 == 0  # then the middle is rounded down
    exact = np.where(even, middle, np.nextafter(middle, -np.inf))
    return np.select([threshold >= largest, threshold < -largest], [np.inf, -np.inf], exact)
