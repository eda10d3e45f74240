"""Mixup: children lie on the line between two rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, kstest
from sklearn.datasets import load_wine

from skdistill.transfer import MixupSampler


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_weights_are_those_of_a_beta_distribution(alpha):
    X = np.array([[0.5], [8.5]])
    children = MixupSampler(alpha=alpha).fit(X).sample(4000, 0).ravel()
    assert kstest((children - 0.5) / 8, beta(alpha, alpha).cdf).pvalue > 0.01


def test_children_lie_on_lines_between_rows():
    X = load_wine().data
    children = MixupSampler().fit(X).sample(2 * len(X), 0)
    for i, child in enumerate(children[: len(X)]):
        # Some other row is on the line from the parent through the child, not nearer than it.
        toward, others = child - X[i], np.delete(X, i, axis=0) - X[i]
        step = np.linalg.norm(toward) / np.linalg.norm(others, axis=1)
        off = np.linalg.norm(toward - step[:, None] * others, axis=1)[step <= 1 + 1e-12]
        # Two columns of whole numbers are rounded.
        assert off.min() < 1.0


def test_integers_are_rounded_between_the_parents():
    X = np.array([[0, 100], [7, 107]])
    children = MixupSampler().fit(X).sample(500, 0)
    assert set(children[:, 0]) == set(range(8))
    np.testing.assert_array_equal(children[:, 0] + 100, children[:, 1])


def test_levels_go_with_the_weight():
    X = pd.DataFrame({"number": [0.0, 1.5], "a": ["x", "y"], "b": pd.Categorical(["x", "y"])})
    children = MixupSampler().fit(X).sample(8000, 0)
    near = children["number"] < 0.3
    # The mean weight of a uniform one below 0.2 is 0.1.
    assert (children.loc[near, "a"] == "y").mean() == pytest.approx(0.1, abs=0.03)
    assert (children.loc[~near, "a"] == "y").mean() == pytest.approx(0.6, abs=0.03)
    differs = children["a"].to_numpy() != children["b"].astype(object).to_numpy()
    assert 0.25 < differs.mean() < 0.42  # each column by itself: 1/3 on average


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_values_are_taken(odd):
    X = np.array([[odd, 0.5], [3.0, 1.5]])
    children = MixupSampler().fit(X).sample(4000, 0)
    taken = children[:, 0] == 3.0
    np.testing.assert_array_equal(children[~taken, 0], np.full((~taken).sum(), odd))
    assert taken.mean() == pytest.approx(0.5, abs=0.05)
    assert np.corrcoef(taken, children[:, 1])[0, 1] > 0.4


def test_partners_are_random_rows():
    X = np.array([[0.0], [1.0], [10.5]])
    by_parent = MixupSampler().fit(X).sample(3000, 0).reshape(1000, 3)
    assert (by_parent[:, 0] > 1).mean() == pytest.approx(0.5 * 9.5 / 10.5, abs=0.06)
