"""Hints choose cuts and pairs of an additive student, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.hints import Hints
from skdistill.losses import DistillationLoss, softmax
from skdistill.students import AdditiveStudentClassifier, AdditiveStudentRegressor
from skdistill.students._additive.pairs import rank_pairs
from skdistill.students._additive.targets import ClassTarget, ValueTarget


def make(n_rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Four columns; the response is additive in the first, a weak product of the next."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(n_rows, 4))
    return X, X[:, 0] + 0.4 * X[:, 1] * X[:, 2]


def fit(kind: str, X: np.ndarray, response: np.ndarray, hints: Hints | None, **changes: Any) -> Any:
    options = {"alpha": 1.0, "n_pairs": 1, "random_state": 0, **changes}
    if kind == "regressor":
        student = AdditiveStudentRegressor(**options)
        return student.fit(X, response, soft_targets=response, hints=hints)
    P = softmax(np.column_stack([np.zeros(len(X)), 3 * response]))
    student = AdditiveStudentClassifier(**options)
    return student.fit(X, response > 0, soft_targets=P, hints=hints)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("knowledge", ["feature", "relation"])
def test_pairs_are_those_whose_interaction_is_in_the_hints(kind: str, knowledge: str) -> None:
    X, response = make()
    features = np.column_stack([X[:, 2] * X[:, 3], X[:, 0]])
    pairs = []
    for weight in (None, 0.01, 10.0):
        hints = None
        if weight is not None:
            feature = knowledge == "feature"
            hints = Hints(features, weight, None, 0.0)
            hints = hints if feature else Hints(None, 0.0, 20 * features + 3, weight)
        pairs += fit(kind, X, response, hints).pairs_
    assert pairs == [("x1", "x2"), ("x1", "x2"), ("x2", "x3")]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_cuts_are_where_hints_jump(kind: str) -> None:
    X, response = make()
    jump = 0.961
    features = (X[:, 1:2] > jump).astype(float)

    def distance(hints: Hints | None) -> float:
        student = fit(kind, X, response, hints, n_pairs=0, max_bins=6)
        (cuts,) = (term.cuts[0] for term in student.scorecard_.terms if term.columns == (1,))
        gap = X[X[:, 1] > jump, 1].min() - X[X[:, 1] <= jump, 1].max()
        return float(np.abs(cuts - jump).min() / gap)

    assert distance(None) > 5.0
    assert distance(Hints(features, 5.0, None, 0.0)) <= 1.0


def test_points_are_those_of_the_response_alone() -> None:
    # The pair that the response would have taken, too: then nothing is different.
    X, response = make()
    X = np.round(4 * X)  # few values: all cuts are there
    hints = Hints(X[:, 1:2] * X[:, 2:3], 1.0, None, 0.0)
    plain, hinted = (fit("regressor", X, response, given) for given in (None, hints))
    assert plain.pairs_ == hinted.pairs_ == [("x1", "x2")]
    assert_array_equal(hinted.predict(X), plain.predict(X))


def test_with_auto_settings_the_same_seed_gives_the_same() -> None:
    X, response = make(n_rows=200)
    hints = Hints(np.abs(X), 1.0, X, 1.0)
    student = AdditiveStudentRegressor(random_state=0)
    again = [student.fit(X, response, hints=hints).predict(X) for _ in range(2)]
    assert_array_equal(*again)
    assert student.score(X, response) > 0.9


def test_gains_of_several_targets_add_up() -> None:
    one, other = {(0, 1): 2.0, (0, 2): 1.0}, {(0, 2): 4.0, (1, 2): 3.0, (0, 1): 0.5}
    assert rank_pairs(one, other) == [(0, 2), (1, 2), (0, 1)]


def test_noise_of_one_target_takes_nothing_from_another() -> None:
    one, other = {(0, 1): 2.0, (0, 2): -1.0}, {(0, 2): 4.0, (1, 2): -0.5, (0, 1): -2.5}
    assert rank_pairs(one, other) == rank_pairs(other, one) == [(0, 2), (0, 1)]


def test_noise_in_hints_leaves_the_pair_of_the_response() -> None:
    X, response = make()
    noise = np.random.default_rng(1).normal(size=(len(X), 3))
    student = fit("regressor", X, response, Hints(noise, 10.0, None, 0.0), n_pairs=6)
    assert ("x1", "x2") in student.pairs_


@pytest.mark.parametrize("sharpness", [0.1, 3.0])
def test_hints_weigh_the_same_beside_a_teacher_that_says_little(sharpness: float) -> None:
    X, response = make()
    P = softmax(np.column_stack([np.zeros(len(X)), sharpness * response]))
    features = np.column_stack([X[:, 2] * X[:, 3], X[:, 0]])
    pairs = []
    for weight in (0.01, 10.0):
        student = AdditiveStudentClassifier(alpha=1.0, n_pairs=1, random_state=0)
        hints = Hints(features, weight, None, 0.0)
        pairs += student.fit(X, response > 0, soft_targets=P, hints=hints).pairs_
    assert pairs == [("x1", "x2"), ("x2", "x3")]


def test_what_there_is_to_learn_is_the_loss_of_a_constant() -> None:
    rng = np.random.default_rng(0)
    share = rng.random(30)
    share /= share.sum()
    P = softmax(2 * rng.normal(size=(30, 3)))
    target = ClassTarget(DistillationLoss(P, None))
    constant = np.tile(target.start(share), (30, 1))
    best = target.losses(np.log(P))[0]
    assert_allclose(target.to_save(share), share @ (target.losses(constant)[0] - best))
    values = ValueTarget(P[:, 0], 0.3, 2.0)
    constant = np.tile(values.start(share), (30, 1))
    assert_allclose(values.to_save(share), share @ values.losses(constant)[0])
