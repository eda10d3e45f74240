"""Jitter: small steps on the scale of each column, that keep its distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.datasets import load_diabetes

from skdistill.transfer import JitterSampler

RNG = np.random.default_rng(0)
SHAPES = {
    "normal": RNG.normal(size=1000),
    "skewed": RNG.lognormal(sigma=3.0, size=1000),
    "two clusters": np.where(RNG.random(1000) < 0.3, -50, 50) + RNG.normal(size=1000),
    "heap of zeros": np.where(RNG.random(1000) < 0.9, 0.0, RNG.lognormal(sigma=2.0, size=1000)),
    "few integers": RNG.poisson(1.0, size=1000).astype(float),
}


@pytest.mark.parametrize("noise", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_distribution_is_kept(shape, noise):
    x = SHAPES[shape]
    children = JitterSampler(noise=noise).fit(x[:, None]).sample(10_000, 0).ravel()
    assert ks_2samp(x, children).statistic < 0.03


def test_heaps_stay():
    x = SHAPES["heap of zeros"]
    children = JitterSampler().fit(x[:, None]).sample(5000, 0).ravel()
    assert (children == 0).mean() == pytest.approx((x == 0).mean(), abs=0.02)
    few = JitterSampler().fit(SHAPES["few integers"][:, None]).sample(5000, 0).reshape(5, 1000)
    steps = np.abs(few - SHAPES["few integers"])
    assert 0.01 < (steps == 1).mean() < 0.2
    assert (steps > 1).mean() < 0.01


def test_correlation_shrinks_as_documented():
    z = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=3000)
    before = np.corrcoef(z.T)[0, 1]
    for noise in (0.1, 0.5, 1.0):
        after = np.corrcoef(JitterSampler(noise=noise).fit(z).sample(9000, 0).T)[0, 1]
        assert after == pytest.approx(before / (1 + noise**2), abs=0.02)


def test_units_do_not_matter():
    X = load_diabetes().data[:, 2:3]
    children = JitterSampler().fit(X).sample(500, 0)
    np.testing.assert_allclose(
        JitterSampler().fit(X * 1000 + 7).sample(500, 0), children * 1000 + 7
    )


def test_steps_are_local():
    # An outlier widens the standard deviation, but not the steps of the others.
    x = np.append(np.random.default_rng(0).normal(size=500), 1e9)[:, None]
    children = JitterSampler().fit(x).sample(501, 0)
    assert np.median(np.abs(children - x)[:500]) < 0.2
    assert (children != x).all(axis=1)[:499].mean() > 0.95


def test_missing_and_infinite_values_stay():
    X = np.array([[np.nan, 1.0], [2.5, np.inf], [3.0, -np.inf], [4.0, 7.5]])
    children = JitterSampler().fit(X).sample(4, 0)
    finite = np.isfinite(X)
    np.testing.assert_array_equal(children[~finite], X[~finite])
    np.testing.assert_array_equal(np.isfinite(children), finite)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_other_values_are_swapped_rarely(probability):
    X = pd.DataFrame({"id": [f"row {i}" for i in range(200)]})
    sampler = JitterSampler(swap_probability=probability).fit(X)
    children = sampler.sample(2000, 0)["id"].to_numpy().reshape(10, 200)
    assert (children != X["id"].to_numpy()).mean() == pytest.approx(probability, abs=0.04)
