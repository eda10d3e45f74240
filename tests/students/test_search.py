"""The searched tree is never worse than the greedy one, keeps its limits, and finds more."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split

from skdistill.students._tree import search as _search
from skdistill.students._tree.nodes import Nodes
from skdistill.students._tree.search import grow_tree

few = settings(max_examples=10, deadline=None)


def make(seed: int, n_rows: int = 200, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows with ties, a constant column and missing values; soft targets that depend on them."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n_rows, 2))
    Z = np.column_stack([numbers, rng.integers(0, 5, n_rows), np.ones(n_rows)])
    logits = rng.normal(size=(n_rows, n_classes))
    logits[:, 0] += 2 * np.sign(Z[:, 0]) * np.sign(Z[:, 2] - 2)
    Z[rng.random(n_rows) < 0.15, 1] = np.nan
    logits[:, 1] += 2 * np.isnan(Z[:, 1])
    E = np.exp(logits)
    return Z, E / E.sum(axis=1, keepdims=True)


def grow(Z: np.ndarray, targets: np.ndarray, weight: Any = None, **changes: Any) -> Nodes:
    options: dict[str, Any] = {
        "max_leaf_nodes": 8,
        "max_depth": None,
        "min_weight": 5.0,
        "cross_entropy": True,
        "search": True,
        "rng": np.random.default_rng(0),
        **changes,
    }
    return grow_tree(Z, targets, np.ones(len(Z)) if weight is None else weight, **options)


def means(nodes: Nodes, Z: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> np.ndarray:
    leaf = nodes.apply(Z)
    mass = np.bincount(leaf, weights=weight)
    return np.column_stack([np.bincount(leaf, weights=weight * t) / mass for t in targets.T])


def loss(nodes: Nodes, Z: np.ndarray, targets: np.ndarray, weight: Any = None) -> float:
    weight = np.ones(len(Z)) if weight is None else weight
    predicted = means(nodes, Z, targets, weight)[nodes.apply(Z)]
    return float(-weight @ (targets * np.log(predicted)).sum(axis=1))


@few
@given(
    seed=st.integers(0, 10_000),
    n_classes=st.integers(2, 4),
    n_leaves=st.integers(2, 12),
    least=st.sampled_from([1, 5, 20]),
    max_depth=st.sampled_from([None, 3]),
    sampled=st.booleans(),
)
def test_the_loss_is_never_above_that_of_the_greedy_tree_and_limits_hold(
    seed: int, n_classes: int, n_leaves: int, least: int, max_depth: int | None, sampled: bool
) -> None:
    Z, P = make(seed, n_classes=n_classes)
    weight = np.random.default_rng(seed).integers(1, 4, len(Z)).astype(float)
    options = {"max_leaf_nodes": n_leaves, "max_depth": max_depth, "min_weight": float(least)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_search, "SEARCH_ROWS", 80 if sampled else 1000)
        patch.setattr(_search, "ROUNDS", 20)
        found = grow(Z, P, weight, **options)
    greedy = grow(Z, P, weight, search=False, **options)
    assert loss(found, Z, P, weight) <= loss(greedy, Z, P, weight) * (1 + 1e-12)
    for nodes in (found, greedy):
        assert len(nodes.value) == len(nodes.feature) + 1 <= n_leaves
        assert nodes.depth() <= (max_depth or n_leaves)
        assert np.bincount(nodes.apply(Z), weights=weight).min() >= least


@few
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_squared_error_is_never_above_that_of_the_greedy_tree(seed: int, n_leaves: int) -> None:
    Z, P = make(seed)
    target = P[:, :1] - P[:, :1].mean()
    errors = []
    for search in (False, True):
        nodes = grow(Z, target, max_leaf_nodes=n_leaves, cross_entropy=False, search=search)
        predicted = means(nodes, Z, target, np.ones(len(Z)))[nodes.apply(Z)]
        errors.append(np.sum((predicted - target) ** 2))
    assert errors[1] <= errors[0] * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_an_interaction_that_greedy_growth_does_not_see(seed: int) -> None:
    rng = np.random.default_rng(seed)
    Z = rng.uniform(-1, 1, size=(600, 6))
    p = np.where(Z[:, 0] * Z[:, 1] > 0, 0.9, 0.1)
    P = np.column_stack([p, 1 - p])
    best = -(P * np.log(P)).sum()
    found, greedy = (loss(grow(Z, P, max_leaf_nodes=4, search=s), Z, P) for s in (True, False))
    assert found < best * 1.05 < greedy


@pytest.mark.parametrize(("n_leaves", "share"), [(8, 1.0), (16, 0.95)])
def test_held_out_rows_gain_too(n_leaves: int, share: float) -> None:
    Z, target = make_friedman1(4000, noise=0.5, random_state=0)
    p = 1 / (1 + np.exp(-(target - target.mean()) / 2))
    P = np.column_stack([p, 1 - p])
    Z, Z_test, P, P_test = train_test_split(Z, P, random_state=0)
    scores = []
    for search in (False, True):
        nodes = grow(Z, P, max_leaf_nodes=n_leaves, search=search)
        q = means(nodes, Z, P, np.ones(len(Z)))[nodes.apply(Z_test)]
        scores.append((P_test * np.log(P_test / q)).sum(axis=1).mean())
    assert scores[1] < share * scores[0]


def test_numbers_are_told_apart_in_float64() -> None:
    # Unix times, which float32 would round to multiples of 128.
    Z = 1.7e9 + np.arange(200.0)[:, None]
    target = np.where(Z % 50 < 25, -1.0, 1.0)
    nodes = grow(Z, target, min_weight=1.0, cross_entropy=False)
    assert_array_equal(np.sort(nodes.threshold), 1.7e9 + np.arange(24.5, 199, 25))


def test_thresholds_lie_halfway_between_the_values_of_the_node() -> None:
    Z = np.array([[0.0], [1.0], [5.0], [6.0]])
    nodes = grow(Z, np.array([[-1.0], [-1.0], [1.0], [1.0]]), min_weight=1.0, cross_entropy=False)
    assert_array_equal(nodes.threshold, [3.0])


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize(("cut", "left"), [(10, False), (30, True)])
def test_values_missing_for_the_first_time_go_to_the_heavier_side(
    cut: int, left: bool, search: bool
) -> None:
    Z = np.arange(40.0)[:, None]
    P = np.where(cut > Z, [[0.9, 0.1]], [[0.2, 0.8]])
    nodes = grow(Z, P, max_leaf_nodes=2, search=search)
    assert nodes.missing_left.tolist() == [left]


def test_missing_values_have_a_side_of_their_own() -> None:
    x = np.r_[np.zeros(10), np.full(10, np.nan), np.arange(10.0)]
    target = np.where(np.isnan(x), 1.0, -0.5)[:, None]
    nodes = grow(x[:, None], target, max_leaf_nodes=2, cross_entropy=False)
    assert nodes.threshold.tolist() == [np.inf]
    assert_array_equal(nodes.apply(np.array([[np.nan], [1e9], [-1.0]])), [1, 0, 0])


@pytest.mark.parametrize(
    "Z",
    [np.ones((20, 2)), np.full((20, 1), np.nan), np.zeros((1, 1)), np.arange(9.0)[:, None]],
    ids=["constant", "all missing", "one row", "too few rows"],
)
@pytest.mark.parametrize("search", [False, True])
def test_what_cannot_be_split_is_one_leaf(Z: np.ndarray, search: bool) -> None:
    P = np.random.default_rng(0).dirichlet(np.ones(3), len(Z))
    nodes = grow(Z, P, search=search)
    assert len(nodes.feature) == 0
    assert_array_equal(nodes.apply(Z), np.zeros(len(Z)))


def test_the_same_seed_gives_the_same_tree() -> None:
    Z, P = make(1)
    trees = [grow(Z, P, rng=np.random.default_rng(7)) for _ in range(2)]
    assert_array_equal(trees[0].feature, trees[1].feature)
    assert_array_equal(trees[0].threshold, trees[1].threshold)


def test_light_leaves_are_merged() -> None:
    Z, P = make(2)
    bins = _search.bin_columns(Z, np.ones(200), np.random.default_rng(0))
    task = _search.Task(bins, P, np.ones(200), 40.0, None, True)
    large = _search.grow_best_first(_search.replace(task, min_weight=1.0), _search.STUMP, 30)
    merged = _search.merge_light_leaves(task, large)
    mass = np.bincount(merged.route(bins, np.arange(200), merged.root))
    assert mass.min() >= 40
    assert merged.n_leaves > 1
    assert_allclose(mass.sum(), 200)


def test_it_takes_less_memory_than_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_search, "ROUNDS", 2)
    Z = np.random.default_rng(0).normal(size=(100_000, 40))
    target = np.sign(Z[:, :1]) * np.sign(Z[:, 1:2])
    tracemalloc.start()
    try:
        nodes = grow(Z, target, max_leaf_nodes=16, cross_entropy=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(nodes.value) == 16
    assert peak < Z.nbytes
