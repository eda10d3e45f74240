"""Refinement never loses, finds what can be found, and keeps what was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.students._refinement import MAX_CUTS, bin_columns, refine
from skdistill.students.tree import _one_leaf

few = settings(max_examples=25, deadline=None)


def make(seed: int, n_rows: int = 200, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows with ties, a constant column and missing values; soft targets that depend on them."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [
            rng.normal(size=n_rows),
            rng.integers(0, 5, n_rows),
            rng.normal(size=n_rows),
            np.ones(n_rows),
        ]
    )
    X[rng.random(n_rows) < 0.15, 2] = np.nan
    logits = rng.normal(size=(n_rows, n_classes))
    logits[:, 0] += 2 * np.sign(X[:, 0]) * np.sign(X[:, 1] - 2)
    logits[:, 1] += 2 * np.isnan(X[:, 2])
    E = np.exp(logits)
    return X, E / E.sum(axis=1, keepdims=True)


def cross_entropy(student: Any, X: np.ndarray, P: np.ndarray, weight: Any = None) -> float:
    q = np.maximum(student.predict_proba(X), 1e-6)
    return float(np.average(-(P * np.log(q)).sum(axis=1), weights=weight))


def both(X: np.ndarray, P: np.ndarray, weight: Any = None, **params: Any) -> list[Any]:
    y = np.arange(len(X)) % P.shape[1]
    return [
        TreeStudentClassifier(refine=refine, random_state=0, **params).fit(
            X, y, sample_weight=weight, soft_targets=P
        )
        for refine in (False, True)
    ]


@few
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 12), st.sampled_from([1, 5, 20]))
def test_loss_is_never_above_that_of_the_greedy_tree(
    seed: int, n_classes: int, n_leaves: int, least: int
) -> None:
    X, P = make(seed, n_classes=n_classes)
    weight = np.random.default_rng(seed).integers(1, 4, len(X)).astype(float)
    params = {"max_leaf_nodes": n_leaves, "min_samples_leaf": least}
    greedy, refined = both(X, P, weight, **params)
    assert cross_entropy(refined, X, P, weight) <= cross_entropy(greedy, X, P, weight) + 1e-12
    assert refined.n_leaves_ == greedy.n_leaves_
    mass = np.bincount(refined.apply(X), weights=weight)
    assert mass.min() >= least


@few
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_squared_error_is_never_above_that_of_the_greedy_tree(seed: int, n_leaves: int) -> None:
    X, P = make(seed)
    target = P[:, 0] * 1000
    losses = [
        np.mean((tree.fit(X, target).predict(X) - target) ** 2)
        for tree in (
            TreeStudentRegressor(max_leaf_nodes=n_leaves, refine=refine, random_state=0)
            for refine in (False, True)
        )
    ]
    assert losses[1] <= losses[0] * (1 + 1e-12)


def test_it_mends_a_greedy_tree_on_real_data() -> None:
    X, y = load_digits(return_X_y=True)
    P = np.full((len(y), 10), 0.01)
    P[np.arange(len(y)), y] = 0.91
    greedy, refined = both(X, P, max_leaf_nodes=16)
    assert cross_entropy(refined, X, P) < 0.998 * cross_entropy(greedy, X, P)


@few
@given(st.integers(0, 10_000))
def test_a_single_split_lies_between_the_greedy_one_and_the_best_of_all(seed: int) -> None:
    X, P = make(seed, n_rows=40)
    _, refined = both(X, P, max_leaf_nodes=2, min_samples_leaf=5)
    best = np.inf
    for j in range(X.shape[1]):
        for threshold in np.unique(X[:, j][~np.isnan(X[:, j])]):
            for missing_left in (False, True):
                missing = np.isnan(X[:, j])
                left = np.where(missing, missing_left, X[:, j] <= threshold)
                if 5 <= left.sum() <= 35:
                    means = np.where(left[:, None], P[left].mean(axis=0), P[~left].mean(axis=0))
                    best = min(best, -(P * np.log(means)).sum(axis=1).mean())
    # Between the greedy split and the best of all, by an exhaustive search.
    greedy, _ = both(X, P, max_leaf_nodes=2, min_samples_leaf=5)
    found = cross_entropy(refined, X, P)
    assert best - 1e-9 <= found <= cross_entropy(greedy, X, P) + 1e-12


@few
@given(st.integers(0, 10_000))
def test_a_weight_of_two_is_two_rows(seed: int) -> None:
    X, P = make(seed, n_rows=80)
    weight = np.random.default_rng(seed).integers(1, 3, len(X)).astype(float)
    repeated = np.repeat(np.arange(len(X)), weight.astype(int))
    # The same start for both: greedy growth breaks ties by the order of the rows.
    start = both(X, P, weight, max_leaf_nodes=6, min_samples_leaf=4)[0].tree_
    options = {"min_weight": 4.0, "cross_entropy": True}
    weighted = refine(start, X, P, weight, **options)
    repeats = refine(start, X[repeated], P[repeated], np.ones(len(repeated)), **options)
    assert_array_equal(weighted.feature, repeats.feature)
    assert_allclose(weighted.threshold, repeats.threshold)


def test_leaves_hold_unsoftened_means_at_any_temperature() -> None:
    X, P = make(3)
    y = np.arange(len(X)) % 3
    student = TreeStudentClassifier(max_leaf_nodes=6, random_state=0)
    student.fit(X, y, soft_targets=P, temperature=4.0)
    leaf = student.apply(X)
    for one in np.unique(leaf):
        assert_allclose(student.tree_.value[one], P[leaf == one].mean(axis=0), rtol=1e-12)


def test_columns_are_cut_at_weighted_quantiles_and_at_the_trees_thresholds() -> None:
    rng = np.random.default_rng(0)
    Z = np.column_stack([rng.normal(size=5000), rng.integers(0, 3, 5000), np.full(5000, np.nan)])
    weight = np.where(Z[:, 0] > 1, 10.0, 1.0)
    bins = bin_columns(Z, weight, _one_leaf())
    assert len(bins.cuts[0]) == MAX_CUTS
    assert_array_equal(bins.cuts[1], [0.5, 1.5])
    assert len(bins.cuts[2]) == 0
    assert (bins.codes[2] == 255).all()
    below = np.array([weight[Z[:, 0] <= cut].sum() for cut in bins.cuts[0]]) / weight.sum()
    # A heavy row can take up a fifth of a bin.
    assert_allclose(below, np.arange(1, MAX_CUTS + 1) / (MAX_CUTS + 1), atol=1e-3)


def test_a_tree_without_splits_stays_one() -> None:
    nodes = _one_leaf()
    Z, targets, weight = np.zeros((3, 1)), np.ones((3, 1)), np.ones(3)
    refined = refine(nodes, Z, targets, weight, min_weight=1.0, cross_entropy=False)
    assert refined is nodes


def test_refine_must_be_a_bool() -> None:
    X, P = make(0)
    with pytest.raises((TypeError, ValueError), match="refine"):
        TreeStudentClassifier(refine="yes").fit(X, P.argmax(axis=1))
