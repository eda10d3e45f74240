"""Growth on bins is scikit-learn's where all cuts are there, and finds what exhaustion finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.tree import DecisionTreeRegressor

from skdistill.students._tree import growth as _growth
from skdistill.students._tree.bins import bin_columns
from skdistill.students._tree.coded_tree import STUMP, CodedTree
from skdistill.students._tree.growth import Task, grow_best_first

few = settings(max_examples=25, deadline=None)


def make(seed: int, n_rows: int = 150, n_outputs: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Rows with ties and missing values, and targets that depend on them."""
    rng = np.random.default_rng(seed)
    Z = np.column_stack([rng.normal(size=(n_rows, 2)), rng.integers(0, 5, n_rows)])
    targets = rng.normal(size=(n_rows, n_outputs)) + np.sin(3 * Z[:, :1]) + (Z[:, 2:] > 2)
    Z[rng.random(n_rows) < 0.2, 1] = np.nan
    targets[np.isnan(Z[:, 1])] += 0.5
    return Z, targets


def task_of(Z: np.ndarray, targets: np.ndarray, weight: Any = None, **changes: Any) -> Task:
    weight = np.ones(len(Z)) if weight is None else weight
    bins = bin_columns(Z, weight, np.random.default_rng(0))
    options = {"min_weight": 1.0, "max_depth": None, "cross_entropy": False, **changes}
    return Task(bins, targets, weight, **options)


def leaf_of(task: Task, tree: CodedTree) -> np.ndarray:
    return tree.route(task.bins, np.arange(len(task.bins)), tree.root)


@few
@given(
    seed=st.integers(0, 10_000),
    n_leaves=st.integers(2, 25),
    least=st.sampled_from([1, 4, 12]),
    max_depth=st.sampled_from([None, 3]),
    weighted=st.booleans(),
)
def test_with_all_cuts_it_is_scikit_learns_best_first_tree(
    seed: int, n_leaves: int, least: int, max_depth: int | None, weighted: bool
) -> None:
    Z, targets = make(seed)
    if sklearn.__version__.startswith("1.6."):
        Z = np.nan_to_num(Z)  # it misses some splits where values are missing
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2.0, len(Z)) if weighted else np.ones(len(Z))
    share = least * (1 - 1e-9) / weight.sum()
    task = task_of(Z, targets, weight, min_weight=share * weight.sum(), max_depth=max_depth)
    tree = grow_best_first(task, STUMP, n_leaves)
    cart = DecisionTreeRegressor(
        max_leaf_nodes=n_leaves,
        max_depth=max_depth,
        min_weight_fraction_leaf=share,
        random_state=0,
    ).fit(Z, targets, sample_weight=weight)
    leaf = leaf_of(task, tree)
    sums = task.leaf_sums(leaf, tree.n_leaves)
    own = weight @ (targets - (sums[:, :-1] / sums[:, -1:])[leaf]) ** 2
    assert_allclose(own, weight @ (targets - cart.predict(Z)) ** 2, rtol=1e-9)
    assert tree.n_leaves == cart.get_n_leaves()
    assert sums[:, -1].min() >= task.min_weight


@few
@given(st.integers(0, 10_000), st.sampled_from([1, 5]))
def test_a_split_has_the_least_cross_entropy_of_all(seed: int, least: int) -> None:
    Z, scores = make(seed, n_rows=40, n_outputs=3)
    P = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    task = task_of(Z, P, min_weight=least, cross_entropy=True)
    tree = grow_best_first(task, STUMP, 2)
    best = np.inf
    for x in Z.T:
        for threshold in [*np.unique(x[~np.isnan(x)]), np.inf]:
            for missing_left in (False, True):
                left = np.where(np.isnan(x), missing_left, x <= threshold)
                if least <= left.sum() <= 40 - least:
                    means = np.where(left[:, None], P[left].mean(axis=0), P[~left].mean(axis=0))
                    best = min(best, -(P * np.log(means)).sum())
    assert_allclose(task.loss(leaf_of(task, tree), 2), best, rtol=1e-9)


def test_sums_of_a_larger_child_are_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = []
    for least in (0, 10**9):
        monkeypatch.setattr(_growth, "CODES_A_SUM", least)
        trees.append(grow_best_first(task_of(*make(1)), STUMP, 12))
    assert_array_equal(trees[0].feature, trees[1].feature)
    assert_array_equal(trees[0].cut, trees[1].cut)


def test_kept_sums_take_no_more_memory_than_the_rows() -> None:
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(4000, 3))
    task = task_of(Z, rng.dirichlet(np.ones(20), size=len(Z)))
    growth = _growth._Growth(task, STUMP, None)
    while growth.heap and len(growth.rows) < 30:
        growth.grow()
    kept = [sums for *_, sums in growth.heap if sums is not None]
    assert sum(sums.nbytes for sums in kept) <= Z.nbytes


def test_it_goes_on_from_a_tree_and_keeps_its_splits() -> None:
    task = task_of(*make(2))
    start = grow_best_first(task, STUMP, 4)
    again = grow_best_first(task, start, 10)
    whole = grow_best_first(task_of(*make(2)), STUMP, 10)
    assert_array_equal(again.feature, whole.feature)
    assert_array_equal(again.cut, whole.cut)
    assert_array_equal(again.feature[:3], start.feature)
    assert start.n_leaves == 4


def test_taste_turns_growth_to_other_columns() -> None:
    task = task_of(*make(3))
    plain = grow_best_first(task, STUMP, 2).feature[0]
    taste = np.ones(3)
    taste[plain] = 1e-9
    assert grow_best_first(task, STUMP, 2, taste=taste).feature[0] != plain


def test_a_split_that_gains_nothing_prepares_one_that_does() -> None:
    Z = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5, dtype=float)
    parity = (Z.sum(axis=1) % 2 - 0.5)[:, None]
    task = task_of(Z, parity)
    tree = grow_best_first(task, STUMP, 4)
    assert_allclose(task.loss(leaf_of(task, tree), 4), -(parity**2).sum())


def test_equal_targets_are_not_split() -> None:
    Z, _ = make(4)
    assert grow_best_first(task_of(Z, np.full((150, 2), 0.3)), STUMP, 8).n_leaves == 1
