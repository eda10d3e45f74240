"""Sums of trees: routing, joining, reading from a model, and what their pickle holds."""

from __future__ import annotations

import pickle
from dataclasses import fields

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import GradientBoostingRegressor

from skdistill._ensembles import LEAF, find_sources
from skdistill._ensembles._forest import Tree, plant
from skdistill.students._tree_sum import TreeSum, from_forest, join_trees, no_trees


def read(n_trees=7, seed=0):
    """Trees of gradient boosting, their model and its rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 3))
    model = GradientBoostingRegressor(n_estimators=n_trees, max_depth=6, random_state=seed)
    model.fit(X, X[:, 0] + rng.random(200))
    (source,) = find_sources(model)
    return from_forest(source.forest), model, X


def test_trees_of_a_model_that_compares_in_single_precision_say_what_it_says():
    trees, model, X = read()
    init = model.init_.predict(X[:1])
    at_thresholds = X[np.arange(len(trees.feature)) % 200]
    at_thresholds[np.arange(len(trees.feature)), trees.feature] = trees.threshold
    for rows in (X, at_thresholds, np.nextafter(at_thresholds, np.inf)):
        assert_allclose(trees.scores(rows, init)[:, 0], model.predict(rows), atol=1e-12)


def test_a_tree_without_splits_is_its_leaf():
    one, none = np.ones(1), np.zeros(1)
    leaf = Tree(np.array([LEAF]), none, none, none, none, 3.0 * one[:, None], {}, 0)
    trees = from_forest(plant([leaf, leaf], none, single=False))
    assert_array_equal(trees.roots, [~0, ~1])
    assert_array_equal(trees.apply(np.zeros((2, 0))), [[0, 1], [0, 1]])
    assert_array_equal(trees.scores(np.zeros((2, 0)), one), [[7.0], [7.0]])


def test_joined_trees_are_the_sum_of_the_parts():
    parts, X = [], None
    for seed in range(3):
        tree, _, X = read(1, seed=seed)
        parts.append(TreeSum(**{**vars(tree), "output": np.array([seed % 2], dtype=np.int32)}))
    joined = join_trees(parts)
    expected = sum(part.scores(X, np.zeros(2)) for part in parts)
    assert_allclose(joined.scores(X, np.zeros(2)), expected, rtol=1e-12)


def test_no_trees_leave_what_they_are_added_to():
    for trees in (no_trees(), join_trees([])):
        assert_array_equal(trees.scores(np.zeros((2, 3)), np.arange(2.0)), [[0, 1], [0, 1]])


def test_more_rows_than_go_at_once_and_none():
    trees, _, X = read()
    many = np.tile(X, (50, 1))
    scores = trees.scores(many, np.zeros(1))
    assert_array_equal(scores, np.tile(scores[: len(X)], (50, 1)))
    assert trees.scores(X[:0], np.zeros(1)).shape == (0, 1)


def test_a_pickle_is_small_and_restores_every_array():
    trees, _, X = read()
    trees.scores(X, np.zeros(1))
    stored = pickle.dumps(trees, protocol=5)
    assert len(stored) < 22 * len(trees.value) + 1000
    restored = pickle.loads(stored)
    assert vars(restored).keys() == {field.name for field in fields(TreeSum)}
    for name, array in vars(restored).items():
        assert array.dtype == vars(trees)[name].dtype
        assert_array_equal(array, vars(trees)[name])
