"""Hints shape the splits of a tree, and no more than the splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.tree import DecisionTreeRegressor

from skdistill.hints import Hints
from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.students._tree.bins import bin_columns
from skdistill.students._tree.coded_tree import STUMP, CodedTree
from skdistill.students._tree.growth import Task, grow_best_first
from skdistill.students._tree.refinement import LEAST_PROBABILITY, refine
from skdistill.students._tree.search import grow_tree

few = settings(max_examples=15, deadline=None)


def make(seed: int, n_rows: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, probabilities, hints with mean zero, and weights."""
    rng = np.random.default_rng(seed)
    Z = np.column_stack([rng.normal(size=(n_rows, 2)), rng.integers(0, 5, n_rows)])
    logits = rng.normal(size=(n_rows, 3)) + np.sin(3 * Z[:, :1]) * [2, 0, -1]
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weight = rng.integers(1, 4, n_rows).astype(float)
    H = rng.normal(size=(n_rows, 2)) + np.cos(3 * Z[:, 1:2])
    return Z, P, H - weight @ H / weight.sum(), weight


def task_of(
    Z: np.ndarray, P: np.ndarray, H: np.ndarray, weight: np.ndarray, **changes: Any
) -> Task:
    bins = bin_columns(Z, weight, np.random.default_rng(0))
    options = {"min_weight": 5.0, "max_depth": None, "cross_entropy": True, **changes}
    return Task(bins, np.hstack([P, H]), weight, n_hints=H.shape[1], **options)


def leaf_of(task: Task, tree: CodedTree) -> np.ndarray:
    return tree.route(task.bins, np.arange(len(task.bins), dtype=np.int32), tree.root)


def means(values: np.ndarray, weight: np.ndarray, leaf: np.ndarray) -> np.ndarray:
    mass = np.bincount(leaf, weights=weight)
    return np.column_stack([np.bincount(leaf, weights=weight * v) / mass for v in values.T])[leaf]


def loss(P: np.ndarray, H: np.ndarray, weight: np.ndarray, leaf: np.ndarray) -> float:
    """The loss as it is defined, row by row."""

    def entropy(predicted: np.ndarray) -> float:
        return float(-weight @ (P * np.log(predicted)).sum(axis=1))

    one = np.zeros(len(P), dtype=int)
    to_save = (entropy(means(P, weight, one)) - entropy(P)) / weight.sum()
    missed = weight @ np.square(H - means(H, weight, leaf)).sum(axis=1)
    return entropy(means(P, weight, leaf)) + to_save * float(missed)


@few
@given(seed=st.integers(0, 10_000), n_leaves=st.integers(2, 12))
def test_by_squared_error_hints_are_further_outputs_of_cart(seed: int, n_leaves: int) -> None:
    Z, P, H, weight = make(seed)
    task = task_of(Z, P, H, weight, cross_entropy=False, min_weight=1.0)
    leaf = leaf_of(task, grow_best_first(task, STUMP, n_leaves))
    variance = weight @ np.square(P - weight @ P / weight.sum()).sum(axis=1) / weight.sum()
    both = np.hstack([P, H * np.sqrt(variance)])
    cart = DecisionTreeRegressor(max_leaf_nodes=n_leaves, random_state=0)
    cart.fit(Z, both, sample_weight=weight)
    own = weight @ (both - means(both, weight, leaf)) ** 2
    assert_allclose(own, weight @ (both - cart.predict(Z)) ** 2, rtol=1e-9)


@few
@given(seed=st.integers(0, 10_000), n_leaves=st.integers(2, 8))
def test_growth_and_refinement_count_the_same_loss(seed: int, n_leaves: int) -> None:
    Z, P, H, weight = make(seed)
    task = task_of(Z, P, H, weight)
    grown = grow_best_first(task, STUMP, n_leaves)
    refined, value = refine(task, grown, max_sweeps=12)
    before, after = (loss(P, H, weight, leaf_of(task, tree)) for tree in (grown, refined))
    assert after <= before + 1e-9
    # `value` is up to a constant of the rows.
    constant = task.hint_unit * float(weight @ np.square(H).sum(axis=1))
    assert_allclose(value + constant, after)


def test_refinement_moves_a_split_to_where_hints_change() -> None:
    # With targets that tell next to nothing the best split is that of the hints.
    x = np.linspace(-1, 1, 400)
    P = 0.5 + 1e-6 * np.sign(x[:, None] - 0.5) * [1, -1]
    H = np.sign(x[:, None] + 0.5) * 0.5
    H = 100 * (H - H.mean())
    task = task_of(x[:, None], P, H, np.ones(400))
    start = CodedTree.from_lists([(0, 150, False)], [[-1, -2]])
    refined, _ = refine(task, start, max_sweeps=5)
    assert set(x[leaf_of(task, refined) == 0] < -0.5) == {True}
    assert P.min() > LEAST_PROBABILITY


@pytest.mark.parametrize("cross_entropy", [False, True])
def test_the_search_does_not_undo_what_hints_ask_for(cross_entropy: bool) -> None:
    Z, P, H, weight = make(1, n_rows=300)
    values = P if cross_entropy else P[:, :1] - P[:, :1].mean()
    targets, options = np.hstack([values, 3 * H]), {"max_leaf_nodes": 8, "max_depth": None}
    options |= {"min_weight": 5.0, "cross_entropy": cross_entropy, "n_hints": 2}

    def missed(search: bool) -> float:
        rng = np.random.default_rng(0)
        nodes = grow_tree(Z, targets, weight, search=search, rng=rng, **options)
        return float(weight @ np.square(H - means(H, weight, nodes.apply(Z))).sum(axis=1))

    assert missed(search=True) <= 1.02 * missed(search=False)


def informative(n_rows: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The response tells of the first column, the teacher's features of the second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3))
    response = 0.1 * (X[:, 0] > 0) + 0.02 * rng.normal(size=n_rows)
    features = (X[:, 1] > 0.3).astype(float)[:, None] * [1.0, -2.0] + 0.1 * X[:, 2:]
    features -= features.mean(axis=0)
    return X, response, features / np.sqrt(features.var(axis=0).sum())


def fit(kind: str, hints: Hints | None, X: np.ndarray, response: np.ndarray, **changes: Any) -> Any:
    options = {"max_leaf_nodes": 2, "min_samples_leaf": 5, "shrinkage": 0.0, "ccp_alpha": 0.0}
    options |= {"random_state": 0, **changes}
    if kind == "regressor":
        student = TreeStudentRegressor(**options)
        return student.fit(X, response, soft_targets=response, hints=hints)
    P = np.column_stack([0.5 + response, 0.5 - response])
    return TreeStudentClassifier(**options).fit(X, X[:, 0] > 0, soft_targets=P, hints=hints)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("knowledge", ["feature", "relation"])
def test_a_split_where_the_response_alone_shows_none(
    kind: str, refine: bool, knowledge: str
) -> None:
    X, response, features = informative()
    hints = Hints(features, 3.0, None, 0.0)
    if knowledge == "relation":  # of any scale, and not centred
        hints = Hints(None, 0.0, 50.0 * features + 7.0, 3.0)
    plain = fit(kind, None, X, response, refine=refine)
    hinted = fit(kind, hints, X, response, refine=refine)
    assert plain.tree_.feature.tolist() == [0]
    assert hinted.tree_.feature.tolist() == [1]
    # The leaves are means of the response, as if there had been no hints.
    leaf = hinted.apply(X)
    said = hinted.predict(X) if kind == "regressor" else hinted.predict_proba(X)[:, 0] - 0.5
    assert_allclose(said, means(response[:, None], np.ones(len(X)), leaf)[:, 0])
    assert hinted.n_parameters_ == plain.n_parameters_


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_the_weight_decides_between_response_and_hints(kind: str) -> None:
    X, response, features = informative()
    first = [
        fit(kind, Hints(features, weight, None, 0.0), X, response).tree_.feature[0]
        for weight in (0.01, 100.0)
    ]
    assert first == [0, 1]


def test_hints_do_not_depend_on_the_units_of_the_response() -> None:
    X, response, features = informative()
    hints = Hints(features, 1.0, None, 0.0)
    trees = [fit("regressor", hints, X, c * response, max_leaf_nodes=8).tree_ for c in (1, 1e6)]
    assert_array_equal(trees[0].feature, trees[1].feature)
    assert_array_equal(trees[0].threshold, trees[1].threshold)


def test_linear_leaves_and_chosen_settings_take_hints_too() -> None:
    X, response, features = informative()
    hints = Hints(features, 5.0, features, 5.0)
    student = TreeStudentRegressor(max_leaf_nodes=4, leaf="linear", random_state=0)
    assert student.fit(X, response, hints=hints).tree_.feature[0] == 1
    student = TreeStudentRegressor(max_leaf_nodes=4, random_state=0)
    again = [student.fit(X, response, hints=hints).predict(X) for _ in range(2)]
    assert_array_equal(*again)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_constant_response_or_constant_hints_are_no_error(kind: str) -> None:
    X, response, features = informative()
    for target, hints in ((0 * response, features), (response, np.full((len(X), 9), 0.1))):
        student = fit(kind, Hints(hints, 1.0, None, 0.0), X, target)
        assert np.isfinite(student.predict(X).astype(float)).all()
    assert student.tree_.feature.tolist() == [0]
