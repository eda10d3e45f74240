"""Ranks: order of numbers, frequency of levels, equality of cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skdistill.transfer._ranks import rank_columns
from skdistill.transfer._tables import NumericRange, as_table


def rank(X):
    table = as_table(X, remedy="")
    return rank_columns(table, [NumericRange.of(table.observed(j)) for j in range(table.n_columns)])


def test_numbers_and_levels():
    X = pd.DataFrame(
        {
            "number": [2.5, np.nan, -1.0, 2.5, np.inf],
            "integer": pd.array([300, None, 7, 300, 8], dtype="Int64"),
            "text": ["b", "a", None, "a", "c"],
            "category": pd.Categorical(["z", "y", "y", "y", None], categories=[*"xyz"]),
            "nothing": [None] * 5,
        }
    )
    expected = [[1, 2, 1, 1, -1], [-1, -1, 0, 0, -1], [0, 0, -1, 0, -1], [1, 2, 0, 0, -1]]
    expected.append([2, 1, 2, -1, -1])
    np.testing.assert_array_equal(rank(X), expected)
    assert rank(X).dtype == np.int32
