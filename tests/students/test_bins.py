"""Bins keep every cut of few values, respect weights, and sum what lies in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.students._tree import bins as _bins
from skdistill.students._tree.bins import MAX_CUTS, bin_columns, halfway


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_columns_are_cut_at_weighted_quantiles() -> None:
    Z = np.column_stack([rng().normal(size=5000), rng().integers(0, 3, 5000), np.ones(5000)])
    weight = np.where(Z[:, 0] > 1, 10.0, 1.0)
    bins = bin_columns(Z, weight, rng())
    assert_array_equal(bins.columns, [0, 1])  # a constant column has nothing to cut
    assert len(bins.cuts[0]) == MAX_CUTS
    assert_array_equal(bins.cuts[1], [0.5, 1.5])
    below = np.array([weight[Z[:, 0] <= cut].sum() for cut in bins.cuts[0]]) / weight.sum()
    # A heavy row can take up a fifth of a bin.
    assert_allclose(below, np.arange(1, MAX_CUTS + 1) / (MAX_CUTS + 1), atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 400), st.sampled_from([0.0, 0.3]))
def test_codes_are_the_number_of_cuts_below(seed: int, n_values: int, missing: float) -> None:
    Z = rng(seed).integers(0, n_values, (500, 3)) * 0.1
    Z[rng(seed).random(Z.shape) < missing] = np.nan
    bins = bin_columns(Z, np.ones(500), rng())
    for k, j in enumerate(bins.columns):
        x, cuts = Z[:, j], bins.cuts[k]
        expected = (x[:, None] > cuts).sum(axis=1)
        expected[np.isnan(x)] = bins.missing[k]
        assert_array_equal(bins.codes[:, k], expected)
        assert bins.starts[k + 1] - bins.starts[k] == len(cuts) + 2
        if n_values <= 250:
            present = np.unique(x[~np.isnan(x)])
            assert_array_equal(np.searchsorted(cuts, present), np.arange(len(present)))
        assert np.isinf(cuts[-1]) == np.isnan(x).any()


@pytest.mark.parametrize("chunk", [1, 30, 10_000])
def test_sums_are_those_of_each_column(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(_bins, "CHUNK_CODES", chunk)
    Z = rng().normal(size=(300, 4))
    Z[rng().random(Z.shape) < 0.2] = np.nan
    bins = bin_columns(Z, np.ones(300), rng())
    rows, values = np.flatnonzero(rng().random(300) < 0.5), rng().normal(size=(300, 3))
    sums = bins.sums(rows, values[rows])
    for k in range(4):
        own = sums[bins.starts[k] : bins.starts[k + 1]]
        for v in range(3):
            expected = np.bincount(bins.codes[rows, k], values[rows, v], minlength=len(own))
            assert_allclose(own[:, v], expected, atol=1e-12)


def test_many_rows_are_cut_at_quantiles_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bins, "QUANTILE_ROWS", 2000)
    rare = np.zeros(50_000)
    rare[17] = 1.0  # hardly in the sample
    Z = np.column_stack([rng().normal(size=50_000), rare])
    bins = bin_columns(Z, np.ones(len(Z)), rng(1))
    below = np.array([np.mean(Z[:, 0] <= cut) for cut in bins.cuts[0]])
    assert_allclose(below, np.arange(1, MAX_CUTS + 1) / (MAX_CUTS + 1), atol=0.05)
    assert_array_equal(bins.cuts[1], [0.5])


@settings(max_examples=100, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_halfway_lies_between_also_after_rounding(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    if low < high:
        threshold = float(halfway(np.float64(low), np.float64(high)))
        assert low <= threshold < high
