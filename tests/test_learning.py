"""A student learns from the teacher or from the true labels alone, and is scored on real rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flow_parts import make_choices, make_problem, make_rows, make_values
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import _learning
from skdistill._learning import learn, row_losses
from skdistill._problem import check_problem, take_problem
from skdistill.students import (
    AdditiveStudentClassifier,
    BoostingStudentClassifier,
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentClassifier,
    TreeStudentClassifier,
    TreeStudentRegressor,
)
from skdistill.targets import one_hot
from skdistill.transfer import JitterSampler, build_transfer_set

X, Y = make_rows(150)
WEIGHT = np.where(np.arange(150) % 3, 1.0, 2.5)
DIRECT = make_choices(use_teacher=False)
P = np.column_stack([1.0 - Y, Y]) * 0.8 + 0.1

CLASSIFIERS = [
    TreeStudentClassifier(max_leaf_nodes=4, refine=False, random_state=0),
    LinearStudentClassifier(),
    AdditiveStudentClassifier(alpha=1.0, n_pairs=0, random_state=0),
    MLPStudentClassifier(hidden_layer_sizes=(3,), max_iter=5, random_state=0),
    BoostingStudentClassifier(max_total_leaves=12, random_state=0),
]


def with_others(n_augmented: int = 30, weight: Any = None) -> tuple[Any, np.ndarray]:
    """Real, unlabelled and augmented rows, and targets for them."""
    rows = build_transfer_set(
        X,
        X_unlabeled=X[:20] + 0.1,
        sampler=JitterSampler(),
        n_augmented=n_augmented,
        sample_weight=weight,
        random_state=0,
    )
    return rows, np.concatenate([P, P[:20], P[:n_augmented]])


# -- the direct fit -----------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("student", CLASSIFIERS, ids=lambda s: type(s).__name__)
def test_the_direct_fit_is_that_of_the_student_alone(student: Any, weight: Any):
    names = np.array(["no", "yes"])[Y]
    rows, targets = with_others(weight=weight)
    problem = make_problem(X, names, weight)
    direct = learn(clone(student), rows, targets, problem, DIRECT, None)
    alone = clone(student).fit(X, names, weight)
    np.testing.assert_array_equal(direct.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(direct.predict(X), alone.predict(X))


@pytest.mark.parametrize("student", [LogisticRegression(), DecisionTreeClassifier(random_state=0)])
def test_the_direct_fit_of_any_classifier(student: Any):
    rows, targets = with_others(weight=WEIGHT)
    direct = learn(clone(student), rows, targets, make_problem(X, Y, WEIGHT), DIRECT, None)
    alone = clone(student).fit(X, Y, WEIGHT)
    np.testing.assert_allclose(direct.predict_proba(X), alone.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize(
    "student",
    [
        TreeStudentRegressor(max_leaf_nodes=4, refine=False, random_state=0),
        LinearStudentRegressor(),
        LinearRegression(),
        DecisionTreeRegressor(max_depth=3, random_state=0),
    ],
    ids=lambda s: type(s).__name__,
)
def test_the_direct_fit_of_regressors(student: Any):
    X, y = make_values(150)
    problem = check_problem(X, y, WEIGHT, None, task="regression")
    rows = build_transfer_set(X, X_unlabeled=X[:10], sample_weight=WEIGHT)
    direct = learn(clone(student), rows, np.zeros(160), problem, DIRECT, None)
    np.testing.assert_array_equal(direct.predict(X), clone(student).fit(X, y, WEIGHT).predict(X))


# -- learning from the teacher ------------------------------------------------------------------


def arguments_of_fit(monkeypatch: Any, choices: Any, problem: Any, **options: Any) -> Any:
    """Learn, and return what reached `fit_student`."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(
        _learning, "fit_student", lambda student, X, y, **rest: seen.update(X=X, y=y, **rest)
    )
    rows, targets = with_others(**options)
    learn(LinearStudentClassifier(), rows, targets, problem, choices, "the teacher")
    return seen, rows, targets


def test_only_real_rows_have_labels_and_a_weight_for_them(monkeypatch: Any):
    choices = make_choices(hard_label_weight=0.7, temperature=2.0, sampler=JitterSampler())
    seen, rows, targets = arguments_of_fit(monkeypatch, choices, make_problem(X, Y))
    assert seen["X"] is rows.X
    np.testing.assert_array_equal(seen["y"][:150], Y)
    np.testing.assert_array_equal(seen["hard_label_weight"], [0.7] * 150 + [0.0] * 50)
    np.testing.assert_array_equal(seen["labeled"], [True] * 150 + [False] * 50)
    np.testing.assert_array_equal(seen["soft_targets"], targets)
    np.testing.assert_array_equal(seen["weight"], rows.weight)
    assert (seen["temperature"], seen["teacher"]) == (2.0, "the teacher")


def test_a_candidate_without_augmented_rows_does_not_see_them(monkeypatch: Any):
    seen, rows, targets = arguments_of_fit(monkeypatch, make_choices(), make_problem(X, Y))
    np.testing.assert_array_equal(seen["X"], rows.X[:170])
    np.testing.assert_array_equal(seen["soft_targets"], targets[:170])
    np.testing.assert_array_equal(seen["weight"], rows.weight[:170])
    assert len(seen["labeled"]) == 170


def test_rows_without_labels(monkeypatch: Any):
    problem = make_problem(X, None, targets=P)
    choices = make_choices(hard_label_weight=0.0)
    seen, _, targets = arguments_of_fit(monkeypatch, choices, problem)
    assert not seen["labeled"].any()
    assert not seen["hard_label_weight"].any()
    np.testing.assert_array_equal(seen["y"], targets[:170].argmax(axis=1))


# -- the loss -----------------------------------------------------------------------------------


def test_losses_are_those_of_scikit_learn():
    names = np.array(["b", "a", "c"])[np.arange(150) % 3]
    student = LinearStudentClassifier().fit(X, names)
    losses = row_losses(student, make_problem(X, names))
    assert losses.shape == (150,)
    assert losses.mean() == pytest.approx(log_loss(names, student.predict_proba(X)))
    weighted = np.average(losses, weights=WEIGHT)
    expected = log_loss(names, student.predict_proba(X), sample_weight=WEIGHT)
    assert weighted == pytest.approx(expected)
    part = take_problem(make_problem(X, names), np.arange(7, 30))
    np.testing.assert_array_equal(row_losses(student, part), losses[7:30])


def test_losses_of_values_are_squared_errors():
    X, y = make_values(50)
    problem = check_problem(X, y, None, None, task="regression")
    student = LinearRegression().fit(X, y)
    np.testing.assert_array_equal(row_losses(student, problem), (student.predict(X) - y) ** 2)


def test_a_class_that_the_student_has_not_seen_costs_much_but_not_everything():
    labels = np.r_[np.tile([0, 2], 70), [1] * 10]
    student = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X[:140], labels[:140])
    losses = row_losses(student, make_problem(X, labels))
    assert np.isfinite(losses).all()
    assert (losses[140:] > 10).all()
    P = student.predict_proba(X[:140])
    floor = np.maximum(P[np.arange(140), labels[:140] // 2], np.exp(-losses.max()))
    np.testing.assert_allclose(losses[:140], -np.log(floor))


def test_students_without_probabilities_are_scored_by_their_errors():
    student = LinearSVC().fit(X, Y)
    losses = row_losses(student, make_problem(X, Y))
    assert set(losses) == {0.0, 1.0}
    assert losses.mean() == pytest.approx(1.0 - student.score(X, Y))


def test_targets_that_are_the_labels_are_the_direct_fit():
    rows = build_transfer_set(X)
    problem, student = make_problem(X, Y), LinearStudentClassifier(alpha=1.0)
    sure = one_hot(Y, 2)
    taught = learn(clone(student), rows, sure, problem, make_choices(), None)
    direct = learn(clone(student), rows, sure, problem, DIRECT, None)
    np.testing.assert_allclose(taught.predict_proba(X), direct.predict_proba(X), atol=1e-6)
