"""Transforms of inputs: scales and tables of quantiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from skdistill.students._mlp.inputs import (
    N_KNOTS,
    QuantileTables,
    fit_quantile_tables,
    fit_scale,
)


def test_a_skewed_column_becomes_almost_normal():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5000, 1))
    tables = fit_quantile_tables(np.exp(4.0 * z), np.ones(5000))
    mapped = tables.apply(np.exp(4.0 * z))
    inner = np.abs(z) < 1.5
    assert np.corrcoef(mapped[inner], z[inner])[0, 1] > 0.98
    assert len(tables.knots) == len(tables.values) == N_KNOTS
    assert tables.values.dtype == np.float32


@given(
    column=st.lists(st.sampled_from([-1e300, -2.0, 0.0, 1e-300, 1.0, 3.5, 1e18]), min_size=1),
    n_knots=st.integers(2, 6),
)
@settings(max_examples=50, deadline=None)
def test_tables_are_monotone_bounded_and_standardised(column, n_knots):
    Z = np.array(column)[:, None]
    tables = fit_quantile_tables(Z, np.ones(len(Z)), n_knots)
    mapped = tables.apply(Z)
    assert len(tables.knots) <= n_knots
    assert np.isfinite(mapped).all()
    assert (np.diff(mapped[np.argsort(Z[:, 0]), 0]) > -1e-12).all()  # rounding
    outside = tables.apply(np.array([[-1e308], [1e308]]))[:, 0]
    np.testing.assert_allclose(outside, tables.values[[0, -1]])
    assert abs(mapped.mean()) < 1e-5
    assert (
        mapped.std() == pytest.approx(1.0, abs=1e-4) or len(tables.knots) == 1 or not mapped.any()
    )


def test_ties_share_the_middle_of_their_ranks():
    tables = fit_quantile_tables(np.array([[0.0], [0.0], [0.0], [5.0]]), np.ones(4))
    scores = ndtri([0.375, 0.875])
    np.testing.assert_array_equal(tables.knots, [0.0, 5.0])
    ratio = (tables.values - tables.values[0]) / (tables.values[1] - tables.values[0])
    np.testing.assert_allclose(ratio, (scores - scores[0]) / (scores[1] - scores[0]))


def test_a_row_of_weight_two_is_two_rows():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(100, 2))
    weight = rng.integers(1, 4, size=100)
    weighted = fit_quantile_tables(Z, weight.astype(float))
    repeated = fit_quantile_tables(np.repeat(Z, weight, axis=0), np.ones(weight.sum()))
    np.testing.assert_allclose(weighted.knots, repeated.knots)
    np.testing.assert_allclose(weighted.values, repeated.values, rtol=1e-5)


def test_columns_constant_up_to_rounding_and_no_columns():
    Z = np.array([[1e12, 0.3], [1e12, 0.1 + 0.2]])
    tables = fit_quantile_tables(Z, np.ones(2))
    np.testing.assert_array_equal(tables.apply(Z + 7.0), 0.0)
    np.testing.assert_array_equal(fit_scale(Z, np.ones(2)).width, 1.0)
    assert fit_quantile_tables(Z[:, :0], np.ones(2)).apply(Z[:, :0]).shape == (2, 0)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), n_knots=st.integers(1, 300), scale=st.sampled_from([1.0, 1e307]))
def test_tables_interpolate_as_numpy_does(seed, n_knots, scale):
    rng = np.random.default_rng(seed)
    knots = np.unique(np.round(rng.normal(size=n_knots), 1)) * scale
    values = np.sort(rng.normal(size=len(knots))).astype(np.float32)
    tables = QuantileTables(knots, values, np.array([len(knots)], dtype=np.int32))
    ends = np.array([-1.7e308, 1.7e308, knots[0] - scale, knots[-1] + scale])
    x = np.concatenate([knots, rng.normal(size=50) * scale, ends, np.nextafter(knots, np.inf)])
    expected = np.interp(x, knots, values)
    np.testing.assert_allclose(tables.apply(x[:, None])[:, 0], expected, rtol=1e-13, atol=1e-15)
    one_by_one = np.concatenate([tables.apply(np.array([[number]])) for number in x])
    np.testing.assert_allclose(one_by_one[:, 0], expected, rtol=1e-13, atol=1e-15)


def test_steep_tables_stay_finite():
    knots = np.array([0.0, 5e-324, 1.0])
    tables = QuantileTables(knots, np.array([-1.0, 0.0, 1.0]), np.array([3], dtype=np.int32))
    np.testing.assert_array_equal(tables.apply(knots[:, None])[:, 0], [-1.0, 0.0, 1.0])
    assert [tables.apply(knots[i : i + 1, None])[0, 0] for i in range(3)] == [-1.0, 0.0, 1.0]
