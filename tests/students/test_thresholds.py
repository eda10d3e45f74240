"""Cuts of columns: between all of a few values, else at quantiles and at jumps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.students._additive.teacher_cuts import Splits
from skdistill.students._additive.thresholds import choose_cuts, coarse_bins, codes_of, merge_cuts


def cuts_of(x, response=None, max_bins=32, weight=None, splits=None):
    x = np.asarray(x, dtype=float)
    response = np.zeros((len(x), 1)) if response is None else response
    weight = np.ones(len(x)) if weight is None else weight
    known = {} if splits is None else {0: Splits(*map(np.asarray, splits))}
    return choose_cuts(x[:, None], response, weight, max_bins, known)[0]


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
    splits = (rng.normal(size=50) * 10.0**exponent, rng.uniform(size=50))
    cuts = cuts_of(x, rng.normal(size=(300, 2)), max_bins, splits=splits if seed % 2 else None)
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


def test_cuts_are_where_the_teacher_gains():
    x = np.arange(1000.0)
    splits = ([321.5, 321.5, 654.4, 2000.0, -5.0], [0.5, 0.1, 0.4, 9.0, 9.0])
    without, cuts = cuts_of(x, max_bins=16), cuts_of(x, max_bins=16, splits=splits)
    # Beyond the rows there is nothing to cut; a threshold moves to between the rows.
    assert set(cuts) == {*without, 321.5, 654.5}
    many = np.arange(1.5, 1000.0)
    dense = cuts_of(x, max_bins=16, splits=(many, np.where(many < 100, 1.0, 1e-9)))
    assert len(dense) == 8 + 4
    assert (dense < 100).sum() == 4 + (without < 100).sum()


def test_splits_that_gain_nothing_are_no_cuts():
    x = np.arange(1000.0)
    assert_array_equal(cuts_of(x, splits=([321.5], [0.0])), cuts_of(x))
    assert_array_equal(cuts_of(x, splits=([2000.5], [1.0])), cuts_of(x))
