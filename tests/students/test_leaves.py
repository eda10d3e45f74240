"""Values of leaves: hierarchical shrinkage, pruning, and sums that go over the rows once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.tree import DecisionTreeRegressor

from benchmarks.baselines import HSTreeRegressor
from skdistill.students import TreeStudentRegressor
from skdistill.students._tree.leaves import Places, Totals, cut_back, prune, shrunk_means


def grow(n_leaves=9, seed=0, n=200):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 20, (n, 3)).astype(float)
    y = np.sin(X[:, 0] / 3) * X[:, 1] + rng.normal(size=n)
    student = TreeStudentRegressor(max_leaf_nodes=n_leaves, min_samples_leaf=3, refine=False)
    student.set_params(shrinkage=0, ccp_alpha=0, random_state=0).fit(X, y)
    return student.tree_, X, y


def totals_of(nodes, X, y):
    places = Places.of(nodes)
    return places, Totals.of(places, nodes.apply(X), y[:, None], np.ones(len(y)))


def test_sums_of_the_root_are_those_of_all_rows():
    nodes, X, y = grow()
    places, totals = totals_of(nodes, X, y)
    assert_allclose([totals.mass[0], totals.first[0, 0]], [len(y), y.sum()])
    means = totals.first / totals.mass[:, None]
    ends = prune(places, totals.losses(means, cross_entropy=False), 0.0)
    loss = totals.losses(means, cross_entropy=False)[ends].sum()
    assert_allclose(loss, np.sum((nodes.value[nodes.apply(X), 0] - y) ** 2))


def test_cross_entropy_of_the_sums_is_that_of_the_rows():
    nodes, X, _ = grow()
    P = np.random.default_rng(0).dirichlet([1, 1, 1], len(X))
    places = Places.of(nodes)
    leaf, weight = nodes.apply(X), np.linspace(0.5, 2, len(X))
    totals = Totals.of(places, leaf, P, weight)
    values = shrunk_means(places, totals, 2.0)
    rows = -(P * np.log(values[places.n_splits + leaf])).sum(axis=1)
    loss = totals.losses(values, cross_entropy=True)[places.n_splits :].sum()
    assert_allclose(loss, weight @ rows)


@pytest.mark.parametrize("strength", [0.0, 5.0, 100.0])
def test_shrinkage_is_that_of_the_reference(strength):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 9, (150, 2)).astype(float)
    y = X[:, 0] + rng.normal(size=150)
    reference = HSTreeRegressor(8, reg_param=strength, random_state=0).fit(X, y)
    student = TreeStudentRegressor(max_leaf_nodes=8, min_samples_leaf=1, refine=False)
    student.set_params(shrinkage=strength, ccp_alpha=0, random_state=0).fit(X, y)
    assert_allclose(student.predict(X), reference.predict(X), rtol=1e-9)


def test_infinite_shrinkage_leaves_the_root():
    nodes, X, y = grow()
    places, totals = totals_of(nodes, X, y)
    assert_allclose(shrunk_means(places, totals, 1e15), y.mean(), rtol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_no_probability_is_below_zero_by_rounding(seed):
    nodes, X, _ = grow(n_leaves=30, seed=seed)
    places, leaf = Places.of(nodes), nodes.apply(X)
    p = np.random.default_rng(seed).random(30)[leaf]
    p[leaf % 3 == 0] = 0.0
    weight = np.linspace(0.1, 2.3, len(X))
    totals = Totals.of(places, leaf, np.column_stack([p, 1 - p]), weight)
    values = shrunk_means(places, totals, 0.0)
    assert values.min() == 0.0
    assert values.max() <= 1.0


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 3.0, 1e9])
def test_pruning_is_that_of_scikit_learn(alpha):
    nodes, X, y = grow(n_leaves=20)
    places, totals = totals_of(nodes, X, y)
    means = totals.first / totals.mass[:, None]
    losses = totals.losses(means, cross_entropy=False)
    ends = prune(places, losses, alpha * len(y))
    # The same tree, pruned by scikit-learn.
    cart = DecisionTreeRegressor(max_leaf_nodes=20, min_samples_leaf=3, random_state=0)
    cart.set_params(ccp_alpha=alpha).fit(X, y)
    pruned = cut_back(nodes, places, ends, means)
    assert len(pruned.value) == cart.get_n_leaves()
    assert_allclose(pruned.value[pruned.apply(X), 0], cart.predict(X))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), penalties=st.lists(st.floats(0, 50), min_size=2, max_size=2))
def test_a_higher_penalty_cuts_the_smaller_subtree_further(seed, penalties):
    nodes, X, y = grow(seed=seed, n=60)
    places, totals = totals_of(nodes, X, y)
    losses = totals.losses(totals.first / totals.mass[:, None], cross_entropy=False)
    low, high = (prune(places, losses, penalty) for penalty in sorted(penalties))
    assert low.sum() >= high.sum()
    # What every row comes to is one end, and no end is below another.
    subtree = cut_back(nodes, places, high, np.zeros((len(high), 1)))
    assert len(subtree.value) == high.sum() == len(subtree.feature) + 1
    assert set(np.unique(subtree.apply(X))) <= set(range(high.sum()))


def test_a_tree_without_splits():
    nodes, X, y = grow()
    places, totals = totals_of(nodes, X, y)
    root = prune(places, np.zeros(2 * places.n_splits + 1), 1.0)
    alone = cut_back(nodes, places, root, shrunk_means(places, totals, 1.0))
    assert (len(alone.feature), len(alone.value)) == (0, 1)
    places = Places.of(alone)
    assert_array_equal(prune(places, np.ones(1), 1.0), [True])
    assert_allclose(alone.value[alone.apply(X)], y.mean())
