"""Cuts of columns: between all of a few values, else at quantiles and at jumps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.students._thresholds import choose_cuts, coarse_bins, codes_of, merge_cuts


def cuts_of(x, response=None, max_bins=32, weight=None):
    x = np.asarray(x, dtype=float)
    response = np.zeros((len(x), 1)) if response is None else response
    weight = np.ones(len(x)) if weight is None else weight
    return choose_cuts(x[:, None], response, weight, max_bins)[0]


def test_few_values_are_all_told_apart():
    assert_array_equal(cuts_of([3.0, 1.0, np.nan, 1.0, 2.0]), [1.5, 2.5])
    assert_array_equal(cuts_of([5.0, 5.0]), [])
    assert_array_equal(cuts_of([np.nan, np.nan]), [])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    max_bins=st.integers(2, 40),
    exponent=st.sampled_from([-300, 0, 12, 300]),
)
def test_cuts_are_few_and_codes_count_them(seed, max_bins, exponent):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=300) * 10.0**exponent
    x[rng.uniform(size=300) < 0.1] = np.nan
    cuts = cuts_of(x, rng.normal(size=(300, 2)), max_bins)
    assert 1 <= len(cuts) < max_bins
    assert (np.diff(cuts) > 0).all()
    codes = codes_of(x, cuts)
    present = ~np.isnan(x)
    assert_array_equal(codes[present], (x[present, None] > cuts).sum(axis=1))
    assert (codes[~present] == len(cuts) + 1).all()
    # Some of the cuts make bins in which those of all lie.
    kept = merge_cuts(cuts, np.bincount(codes, minlength=len(cuts) + 2), 4)
    assert set(kept) <= set(cuts)
    assert len(kept) <= 3
    assert_array_equal(coarse_bins(cuts, kept)[codes], codes_of(x, kept))


def test_a_jump_in_a_thin_tail_is_found():
    x = np.concatenate([np.zeros(9700), np.linspace(1, 1000, 300)])
    response = (x > 800)[:, None].astype(float)
    cuts = cuts_of(x, response, max_bins=8)
    assert np.abs(cuts - 800).min() < 5


def test_quantiles_respect_the_weight():
    x = np.arange(1000.0)
    heavy = np.where(x < 100, 9.0, 1.0)  # half of the weight
    cuts = cuts_of(x, max_bins=16, weight=heavy)
    assert_allclose((cuts < 100).mean(), 0.5, atol=0.1)
