"""Bytes and time of an estimator in Python."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from skdistill.report._footprint import BATCH, microseconds_per_row, pickled_bytes


@pytest.mark.parametrize("n_rows", [1, 3, BATCH + 1])
def test_speed_is_timed_on_full_batches(n_rows):
    seen = []
    frame = pd.DataFrame({"a": np.arange(n_rows)})
    assert microseconds_per_row(seen.append, frame) >= 0
    assert [len(rows) for rows in seen] == [BATCH] * 4
    assert seen[0]["a"].tolist() == (np.arange(BATCH) % n_rows).tolist()


def test_bytes():
    assert pickled_bytes([1]) == len(pickle.dumps([1], protocol=pickle.HIGHEST_PROTOCOL))
    assert pickled_bytes(lambda: 0) is None
