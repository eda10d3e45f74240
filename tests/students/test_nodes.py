"""Routing through the compact arrays is that of scikit-learn's trees."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.tree import DecisionTreeRegressor

from skdistill.students._tree.nodes import Nodes


def grow_both(Z, target, n_leaves):
    """Grow scikit-learn's tree and copy it; leaves are numbered in the order of its nodes."""
    tree = DecisionTreeRegressor(max_leaf_nodes=n_leaves, random_state=0).fit(Z, target).tree_
    splits = np.flatnonzero(tree.children_left >= 0)
    leaves = np.flatnonzero(tree.children_left < 0)
    number = np.empty(tree.node_count, dtype=np.int32)
    number[splits], number[leaves] = np.arange(len(splits)), ~np.arange(len(leaves))
    nodes = Nodes(
        feature=tree.feature[splits].astype(np.int32),
        threshold=tree.threshold[splits],
        left=number[tree.children_left[splits]],
        right=number[tree.children_right[splits]],
        missing_left=tree.missing_go_to_left[splits].astype(bool),
        value=tree.value[leaves, :, 0],
    )
    return nodes, tree, leaves


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n_leaves=st.integers(2, 30), missing=st.sampled_from([0, 0.2]))
def test_apply_is_that_of_scikit_learn(seed, n_leaves, missing):
    rng = np.random.default_rng(seed)
    # Values that float32 holds, because scikit-learn compares in it; few of them give ties.
    Z = np.column_stack(
        [rng.integers(0, 4, 80), rng.integers(0, 30, 80) / 8, rng.normal(size=80)]
    ).astype(np.float32)
    Z[rng.random(Z.shape) < missing] = np.nan
    nodes, tree, leaves = grow_both(Z, rng.normal(size=(80, 2)), n_leaves)
    at_thresholds = Z[rng.integers(0, 80, len(nodes.feature))]
    at_thresholds[np.arange(len(nodes.feature)), nodes.feature] = nodes.threshold
    for rows in (Z, at_thresholds):
        assert_array_equal(leaves[nodes.apply(rows.astype(np.float64))], tree.apply(rows))
    assert nodes.depth() == tree.max_depth
    assert len(nodes.value) == tree.n_leaves


def test_numbers_are_compared_in_float64():
    index = np.zeros(1, dtype=np.int32)
    nodes = Nodes(
        feature=index,
        threshold=np.array([1.7e9 + 0.5]),
        left=index - 1,
        right=index - 2,
        missing_left=index.astype(bool),
        value=np.zeros((2, 1)),
    )
    assert_array_equal(nodes.apply(np.array([[1.7e9], [1.7e9 + 1], [np.nan]])), [0, 1, 1])


def test_a_tree_without_splits_has_one_leaf():
    index = np.zeros(0, dtype=np.int32)
    stump = Nodes(index, np.zeros(0), index, index, index.astype(bool), np.ones((1, 2)))
    assert_array_equal(stump.apply(np.zeros((3, 4))), [0, 0, 0])
    assert stump.depth() == 0


def test_no_rows():
    nodes, _, _ = grow_both(np.arange(10.0)[:, None], np.arange(10.0)[:, None], 3)
    assert nodes.apply(np.zeros((0, 1))).shape == (0,)
