"""One row, many rows in single precision, and NumPy in double precision go the same way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdistill.students import _routing
from skdistill.students._tree.nodes import Nodes
from skdistill.students._tree_sum import TreeSum

LARGEST = float(np.finfo(np.float32).max)
CUTS = st.one_of(
    st.floats(allow_nan=False),
    st.floats(-3.0, 3.0),
    st.integers(-3, 3).map(float),
    st.sampled_from([np.inf, -np.inf, LARGEST, -LARGEST, 0.0, -0.0, 1e-46, -1e-46, 1.7e9 + 0.5]),
)


@st.composite
def trees(draw, n_columns=3, most=12):
    """Grow a sum of one to three trees by splitting leaves, some without a split."""
    left, right, roots, n_leaves = [], [], [], 0
    for _ in range(draw(st.integers(1, 3))):
        places = [(roots, len(roots))]
        roots.append(None)
        for _ in range(draw(st.integers(0, most))):
            side, index = places.pop(draw(st.integers(0, len(places) - 1)))
            side[index] = len(left)
            places += [(left, len(left)), (right, len(right))]
            left.append(None)
            right.append(None)
        for side, index in places:
            side[index] = ~n_leaves
            n_leaves += 1
    n = len(left)

    def numbers(strategy, kind):
        return np.array(draw(st.lists(strategy, min_size=n, max_size=n)), kind)

    return TreeSum(
        feature=numbers(st.integers(0, n_columns - 1), np.int32),
        threshold=numbers(CUTS, np.float64),
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        missing_left=numbers(st.booleans(), bool),
        roots=np.array(roots, np.int32),
        output=np.zeros(len(roots), np.int32),
        value=np.arange(n_leaves, dtype=np.float64),
    )


def rows_near(trees, rng, n_columns=3):
    """Rows of thresholds, of numbers beside them in double and in single precision, and missing."""
    cuts = np.concatenate([trees.threshold, [0.0, 1e300, -1e300]])
    with np.errstate(over="ignore", under="ignore"):
        single = cuts.astype(np.float32)
        near = [
            np.nextafter(a, end)
            for a in (cuts, single)
            for end in (np.float32(-9e37), np.float32(9e37))
        ]
    values = np.concatenate([cuts, single, *near, [np.nan]]).astype(np.float64)
    values = values[~np.isinf(values)]
    return rng.choice(values, (60, n_columns))


def one_by_one(trees, Z):
    """Follow each row by the definition."""
    found = np.empty((len(Z), len(trees.roots)), dtype=int)
    for i, row in enumerate(Z):
        for t, root in enumerate(trees.roots.tolist()):
            place = root
            while place >= 0:
                x, cut = row[trees.feature[place]], trees.threshold[place]
                goes_left = trees.missing_left[place] if np.isnan(x) else x <= cut
                place = int((trees.left if goes_left else trees.right)[place])
            found[i, t] = ~place
    return found


@settings(max_examples=150, deadline=None)
@given(trees(), st.integers(0, 10**6))
def test_all_ways_lead_to_the_same_leaf(trees, seed):
    Z = rows_near(trees, np.random.default_rng(seed))
    expected = one_by_one(trees, Z)
    assert trees._compiled is not None
    assert_array_equal(trees.apply(Z), expected)
    assert_array_equal(trees.apply(np.asfortranarray(Z)), expected)
    assert_array_equal(trees.route_in_double(Z), expected)
    assert_array_equal([trees.leaves_of_row(row) for row in Z.tolist()], expected)
    scores = trees.scores(Z, np.ones(1))
    assert_array_equal(scores, np.vstack([trees.scores(row[None], np.ones(1)) for row in Z]))
    assert_array_equal(scores[:, 0], 1.0 + expected.sum(axis=1))


def split(threshold, *, missing_left=False):
    index = np.zeros(1, dtype=np.int32)
    cut, missing = np.array([threshold]), np.array([missing_left])
    return Nodes(index, cut, ~index, ~index - 1, missing, np.zeros((2, 1)))


@pytest.mark.parametrize("missing_left", [False, True])
@pytest.mark.parametrize("cut", [-np.inf, -1e300, -LARGEST, 0.1, 0.5, LARGEST, 1e300, np.inf])
def test_thresholds_that_single_precision_does_not_hold(cut, missing_left):
    Z = np.array([-1e308, -1e300, -LARGEST, 0.1, 0.5, np.nan, LARGEST, 1e300, 1e308])[:, None]
    goes_left = np.where(np.isnan(Z[:, 0]), missing_left, Z[:, 0] <= cut)
    assert_array_equal(split(cut, missing_left=missing_left).apply(Z), 1 - goes_left)


def test_only_rows_in_doubt_are_routed_twice(monkeypatch):
    nodes, seen = split(0.1), []
    route = Nodes.route_in_double
    monkeypatch.setattr(
        Nodes, "route_in_double", lambda self, Z: seen.append(len(Z)) or route(self, Z)
    )
    Z = np.linspace(-1.0, 1.0, 1000)[:, None]
    Z[::100] = np.nextafter(0.1, 1.0)
    assert_array_equal(nodes.apply(Z), Z[:, 0] > 0.1)
    assert seen == [10]


def test_without_compiled_trees_numpy_does_it(monkeypatch):
    monkeypatch.setattr(_routing, "single_precision_tree", lambda **arrays: None)
    Z = np.linspace(-1.0, 1.0, 20)[:, None]
    nodes = split(0.1)
    assert nodes._compiled is None
    assert_array_equal(nodes.apply(Z), Z[:, 0] > 0.1)


def test_rows_that_lack_a_column_are_an_error():
    Z = np.zeros((5, 0))
    with pytest.raises(IndexError):
        split(0.1).apply(Z)


def test_splits_in_a_circle_are_an_error():
    index = np.zeros(1, dtype=np.int32)
    nodes = Nodes(index, np.zeros(1), index, index, index.astype(bool), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="back to themselves"):
        nodes.apply(np.zeros((2, 1)))
