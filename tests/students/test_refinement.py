"""Refinement never loses, finds what can be found, and keeps what was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skdistill.students._tree.bins import bin_columns
from skdistill.students._tree.coded_tree import STUMP, CodedTree
from skdistill.students._tree.growth import Task, grow_best_first
from skdistill.students._tree.refinement import refine

few = settings(max_examples=25, deadline=None)


def make(seed: int, n_rows: int = 200, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows with ties and missing values; soft targets that depend on them."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.normal(size=n_rows), rng.integers(0, 5, n_rows), rng.normal(size=n_rows)]
    )
    X[rng.random(n_rows) < 0.15, 2] = np.nan
    logits = rng.normal(size=(n_rows, n_classes))
    logits[:, 0] += 2 * np.sign(X[:, 0]) * np.sign(X[:, 1] - 2)
    logits[:, 1] += 2 * np.isnan(X[:, 2])
    E = np.exp(logits)
    return X, E / E.sum(axis=1, keepdims=True)


def task_of(X: np.ndarray, P: np.ndarray, weight: Any = None, **changes: Any) -> Task:
    weight = np.ones(len(X)) if weight is None else weight
    bins = bin_columns(X, weight, np.random.default_rng(0))
    options = {"min_weight": 5.0, "max_depth": None, "cross_entropy": True, **changes}
    return Task(bins, P, weight, **options)


def loss_of(task: Task, tree: CodedTree) -> float:
    leaf = tree.route(task.bins, np.arange(len(task.bins)), tree.root)
    return task.loss(leaf, tree.n_leaves)


@few
@given(st.integers(0, 10_000), st.integers(2, 12), st.sampled_from([1, 5, 20]), st.booleans())
def test_the_loss_never_grows_and_leaves_weigh_enough(
    seed: int, n_leaves: int, least: int, cross_entropy: bool
) -> None:
    X, P = make(seed)
    weight = np.random.default_rng(seed).integers(1, 4, len(X)).astype(float)
    task = task_of(X, P, weight, min_weight=float(least), cross_entropy=cross_entropy)
    start = grow_best_first(task, STUMP, n_leaves)
    refined, loss = refine(task, start, max_sweeps=12)
    assert_allclose(loss, loss_of(task, refined), rtol=1e-12)
    assert loss <= loss_of(task, start) + 1e-9
    assert refined.n_leaves == start.n_leaves
    leaf = refined.route(task.bins, np.arange(len(X)), 0)
    assert np.bincount(leaf, weights=weight).min() >= least
    # Where nothing changes any more, another look changes nothing.
    settled, same = refine(task, refined, max_sweeps=12)
    assert same <= loss + 1e-9
    if same == loss:
        assert_array_equal(settled.cut, refined.cut)


def test_it_mends_a_greedy_tree_on_real_data() -> None:
    X, y = load_digits(return_X_y=True)
    P = np.full((len(y), 10), 0.01)
    P[np.arange(len(y)), y] = 0.91
    task = task_of(X, P)
    start = grow_best_first(replace(task, cross_entropy=False), STUMP, 16)
    assert refine(task, start, max_sweeps=12)[1] < 0.998 * loss_of(task, start)


def test_a_bad_split_becomes_the_best_of_its_place() -> None:
    X = np.arange(40.0)[:, None]
    P = np.where(X < 20, [[0.9, 0.1]], [[0.2, 0.8]])
    task = task_of(X, P)
    # A cut at ten rows: both means still tell the sides apart.
    bad = CodedTree.from_lists([(0, 9, False)], [[~0, ~1]])
    refined, _ = refine(task, bad, max_sweeps=12)
    assert refined.cut.tolist() == [19]


def test_only_changed_splits_and_those_above_are_looked_at_first() -> None:
    # A table of four means: the root divides by one column, its children by the other.
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 2))
    p = 0.2 + 0.5 * (X[:, 0] > 0) + 0.2 * (X[:, 1] > 0)
    task = task_of(X, np.column_stack([p, 1 - p]))
    tree, _ = refine(task, grow_best_first(task, STUMP, 4), max_sweeps=12)
    good = tree.cut.copy()
    tree.cut[2] += 15
    assert refine(task, tree, max_sweeps=1, changed={1})[0].cut[2] == good[2] + 15
    assert_array_equal(refine(task, tree, max_sweeps=1, changed={2})[0].cut, good)


@few
@given(st.integers(0, 10_000))
def test_a_weight_of_two_is_two_rows(seed: int) -> None:
    X, P = make(seed, n_rows=80)
    weight = np.random.default_rng(seed).integers(1, 3, len(X)).astype(float)
    repeated = np.repeat(np.arange(len(X)), weight.astype(int))
    weighted = task_of(X, P, weight)
    repeats = task_of(X[repeated], P[repeated])
    start = grow_best_first(weighted, STUMP, 6)
    trees = [refine(task, start, max_sweeps=12)[0] for task in (weighted, repeats)]
    assert_array_equal(trees[0].feature, trees[1].feature)
    assert_array_equal(trees[0].cut, trees[1].cut)


def test_a_tree_without_splits_stays_one() -> None:
    X, P = make(0)
    task = task_of(X, P)
    tree, loss = refine(task, STUMP, max_sweeps=3)
    assert tree is STUMP
    assert_allclose(loss, loss_of(task, STUMP))
