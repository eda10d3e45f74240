"""What one row weighs."""

from __future__ import annotations

import numpy as np


def one_row(weight: np.ndarray) -> float:
    """Return the weight of one row, the unit of counts such as the fewest rows in a leaf.

    It is one where weights are counts, so that a row of weight two is the same as two rows.
    Weights with a mean below one are shares: then it is their mean.
    """
    return float(min(1.0, weight.mean()))
