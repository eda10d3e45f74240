"""Bad input gets an error that names the argument and says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import TeacherError
from skdistill.teachers import CallableTeacher

X, y = load_iris(return_X_y=True)
FITTED = DecisionTreeClassifier(max_depth=3, min_samples_leaf=10, random_state=0).fit(X, y)
FROZEN = FrozenEstimator(FITTED)
P = FITTED.predict_proba(X)


def says(rows_to_output: Any, **options: Any) -> CallableTeacher:
    return CallableTeacher(rows_to_output, output="probabilities", **options)


def broken(rows: Any) -> Any:
    raise RuntimeError("the model server is down")


BAD_TEACHERS = {
    "nothing": (None, ValueError, "teacher is None.*give a teacher"),
    "unfitted and frozen": (
        FrozenEstimator(LogisticRegression()),
        ValueError,
        "unfitted teacher declared frozen; fit it first",
    ),
    "no probabilities": (LinearSVC().fit(X, y), TypeError, "no predict_proba.*CallableTeacher"),
    "bare function": (FITTED.predict_proba, TypeError, "CallableTeacher"),
    "a class": (LogisticRegression, TypeError, "give an instance"),
    "not a model": (42, TypeError, "not understood"),
    "a regressor": (Ridge().fit(X, y), ValueError, "is a regressor"),
    "other classes": (
        LogisticRegression(max_iter=1000).fit(X, np.array(["a", "b", "c"])[y]),
        ValueError,
        r"y has labels \[0, 1, 2\] that teacher LogisticRegression does not know",
    ),
    "too few columns": (says(lambda rows: np.full((len(rows), 2), 0.5)), ValueError, "2 columns"),
    "NaN": (says(lambda rows: np.full((len(rows), 3), np.nan)), ValueError, "NaN or infinite"),
    "infinite": (says(lambda rows: np.full((len(rows), 3), np.inf)), ValueError, "NaN or infinite"),
    "negative": (
        says(lambda rows: np.tile([-0.5, 1.0, 0.5], (len(rows), 1))),
        ValueError,
        "negative values.*output='logits'",
    ),
    "not summing": (says(lambda rows: np.full((len(rows), 3), 0.5)), ValueError, "sums to 1.5"),
    "too few rows": (says(lambda rows: np.full((5, 3), 1 / 3)), ValueError, "5 rows where"),
    "other order": (
        says(lambda rows: FITTED.predict_proba(rows)[:, [1, 2, 0]]),
        ValueError,
        "another order.*classes=",
    ),
    "raising": (says(broken), TeacherError, "failed.*the model server is down"),
}


@pytest.mark.parametrize("case", BAD_TEACHERS)
def test_bad_teacher(case: str) -> None:
    teacher, error, message = BAD_TEACHERS[case]
    distilled = DistilledClassifier(teacher, teacher_labels="auto", augment=None)
    with pytest.raises(error, match=message):
        distilled.fit(X, y)
    assert not [name for name in vars(distilled) if name.endswith("_")]


BAD_PARAMETERS = {
    "temperature below one": ({"temperature": 0.5}, ValueError, "temperature must be .*>= 1.*0.5"),
    "temperature NaN": ({"temperature": float("nan")}, ValueError, "temperature must be"),
    "temperature text": ({"temperature": "hot"}, TypeError, "temperature must be a number"),
    "weight above one": (
        {"hard_label_weight": 1.5},
        ValueError,
        "hard_label_weight .*<= 1",
    ),
    "weight negative": ({"hard_label_weight": -0.1}, ValueError, "hard_label_weight must be"),
    "unknown student": (
        {"student": "forest"},
        ValueError,
        r"student must be one of \['tree', 'linear', .*, 'boosting', 'pruned'\], got 'forest'",
    ),
    "student class": ({"student": LogisticRegression}, TypeError, "give an instance"),
    "student regressor": ({"student": Ridge()}, ValueError, "student must be a classifier"),
    "unknown labels": ({"teacher_labels": "oof"}, ValueError, "teacher_labels must be one of"),
    "cross-fit a frozen one": (
        {"teacher_labels": "cross_fit"},
        ValueError,
        "teacher_labels='cross_fit' needs a teacher that can be refitted",
    ),
    "unknown sampler": ({"augment": "noise"}, ValueError, "augment.*munge"),
    "no rows to add": ({"size_factor": 0.0}, ValueError, "size_factor must be"),
    "no room": ({"max_size": 0}, ValueError, "max_size must be an integer >= 1"),
    "calibrate in sample": (
        {"calibrate_teacher": True},
        ValueError,
        "calibrate_teacher=True needs out-of-fold labels",
    ),
    "calibrate maybe": ({"calibrate_teacher": "yes"}, ValueError, "calibrate_teacher must be True"),
    "budget negative": ({"search_budget": -1}, ValueError, "search_budget must be .* >= 0"),
    "budget of one": ({"search_budget": 1}, ValueError, "search_budget=1 leaves nothing"),
    "budget half": ({"search_budget": 0.5}, TypeError, "search_budget must be"),
    "verbose": ({"verbose": -1}, ValueError, "verbose must be"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameter(case: str) -> None:
    params, error, message = BAD_PARAMETERS[case]
    with pytest.raises(error, match=message):
        DistilledClassifier(FROZEN, **params).fit(X, y)


BAD_TARGETS = {
    "NaN": (np.where(np.eye(150, 3) > 0, np.nan, P), "NaN or infinite"),
    "negative": (P - 0.5, "negative"),
    "not summing": (P * 0.5, "sums to 0.5"),
    "rows": (P[:10], "10 rows where there are 150 samples"),
    "columns": (P[:, :2], "2 columns where there are 3 classes"),
    "order": (P[:, [1, 2, 0]], "another order"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_soft_targets(case: str) -> None:
    targets, message = BAD_TARGETS[case]
    with pytest.raises(ValueError, match=f"soft_targets.*{message}"):
        DistilledClassifier().fit(X, y, soft_targets=targets)


def test_soft_targets_of_two_classes_without_labels() -> None:
    one_column = P[:, 0]
    for targets in (one_column, one_column[:, None], np.column_stack([1 - one_column, one_column])):
        distilled = DistilledClassifier(random_state=0).fit(X, soft_targets=targets)
        assert distilled.classes_.tolist() == [0, 1]
        np.testing.assert_allclose(
            distilled.predict_proba(X)[:, 1].mean(), one_column.mean(), atol=1e-9
        )
    with pytest.raises(ValueError, match=r"soft_targets must be probabilities of shape"):
        DistilledClassifier().fit(X, soft_targets=0.5)


@pytest.mark.parametrize("weight", [-np.ones(150), np.ones(3)])
def test_bad_weights_of_fidelity(weight: Any) -> None:
    settings = {"search_budget": 0, "random_state": 0}
    regressor = DistilledRegressor(Ridge().fit(X, y), **settings).fit(X, y)
    for distilled in (DistilledClassifier(FROZEN, **settings).fit(X, y), regressor):
        with pytest.raises(ValueError, match="sample_weight"):
            distilled.fidelity(X, weight)
        assert distilled.fidelity(X, [2.0] * 150) == pytest.approx(distilled.fidelity(X))


def test_parameters_of_a_fitted_teacher_cannot_be_set() -> None:
    depth = FITTED.max_depth
    for teacher in (FITTED, FROZEN):
        nested = "teacher__max_depth" if teacher is FITTED else "teacher__estimator__max_depth"
        with pytest.raises(ValueError, match="would change a teacher that is fitted"):
            DistilledClassifier(teacher).set_params(**{nested: 1})
    with pytest.raises(ValueError, match="would change a teacher that is fitted"):
        GridSearchCV(DistilledClassifier(FITTED), {"teacher__max_depth": [1]}, cv=2).fit(X, y)
    assert FITTED.max_depth == depth
    unfitted = DistilledClassifier(DecisionTreeClassifier()).set_params(teacher__max_depth=2)
    assert unfitted.teacher.max_depth == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augment": "munge"}, "augment='munge' needs a teacher"),
        ({"teacher_labels": "in_sample"}, "teacher_labels='in_sample' has no effect"),
        ({"calibrate_teacher": True}, "needs out-of-fold labels"),
    ],
)
def test_parameters_that_cannot_act_on_precomputed_targets(params: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DistilledClassifier(**params).fit(X, y, soft_targets=P)


def test_unlabeled_rows() -> None:
    with pytest.raises(ValueError, match="X_unlabeled needs a teacher"):
        DistilledClassifier().fit(X, y, soft_targets=P, X_unlabeled=X)
    with pytest.raises(ValueError, match="X_unlabeled has 2 columns, but X has 4"):
        DistilledClassifier(FROZEN).fit(X, y, X_unlabeled=X[:, :2])


def test_labels() -> None:
    distilled = DistilledClassifier(LogisticRegression())
    with pytest.raises(ValueError, match=r"not fitted: .*y to be passed, but the target y is None"):
        distilled.fit(X)
    with pytest.raises(ValueError, match=r"hard_label_weight=0.5 requires y.*hard_label_weight=0"):
        DistilledClassifier(FROZEN, hard_label_weight=0.5).fit(X)
    with pytest.raises(ValueError, match="y has one class"):
        distilled.fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DistilledClassifier(FROZEN).fit(X, y[:100])
    with pytest.raises(ValueError, match="y contains NaN"):
        DistilledClassifier(FROZEN).fit(X, np.where(y == 1, np.nan, y))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        DistilledClassifier(FROZEN).fit(X, y + 0.5)


def test_fewer_rows_than_folds() -> None:
    few = np.r_[0:2, 50:52]
    distilled = DistilledClassifier(LogisticRegression(), teacher_labels="cross_fit", cv=5)
    with pytest.raises(
        ValueError, match="cv=5 needs at least 5 rows, got n_samples=4; use a smaller cv"
    ):
        distilled.fit(X[few], y[few])
    fallback = DistilledClassifier(LogisticRegression(), student="linear").fit(X[few], y[few])
    assert fallback.distillation_.teacher_labels == "in_sample"
    assert "too few rows" in fallback.distillation_.reasons["teacher_labels"]


def test_feature_names_that_differ_between_teacher_and_X() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    teacher = DecisionTreeClassifier(random_state=0).fit(frame, y)
    with pytest.raises(ValueError, match=r"columns of X.*X lacks \['d'\]"):
        DistilledClassifier(teacher).fit(frame.rename(columns={"d": "e"}), y)
    with pytest.raises(ValueError, match="order differs"):
        DistilledClassifier(teacher).fit(frame[["b", "a", "c", "d"]], y)
    distilled = DistilledClassifier(teacher, search_budget=0, random_state=0).fit(frame, y)
    with pytest.raises(ValueError, match="feature names"):
        distilled.predict(frame.rename(columns={"d": "e"}))


def test_student_that_cannot_take_X_fails_before_the_teacher_is_asked() -> None:
    asked = []

    class Costly(ClassifierMixin, BaseEstimator):
        def fit(self, X: Any, y: Any) -> Costly:
            asked.append(len(X))
            return self

        def predict_proba(self, X: Any) -> Any:
            raise AssertionError

        def predict(self, X: Any) -> Any:
            raise AssertionError

    with pytest.raises(ValueError, match="infinity"):
        DistilledClassifier(Costly()).fit(np.where(X > 7, np.inf, X), y)
    with pytest.raises(TypeError, match="dates into numbers"):
        DistilledClassifier(Costly()).fit(
            pd.DataFrame({"day": pd.date_range("2024", periods=150)}), y
        )
    assert asked == []


def test_tables_that_need_a_word() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(X, schema=["a", "b", "c", "d"])
    with pytest.raises(TypeError, match=r"LazyFrame.*collect\(\)"):
        DistilledClassifier(LogisticRegression()).fit(frame.lazy(), y)
    rows = [[float(i % 7), "red" if i % 2 else "blue"] for i in range(40)]
    labels = [i % 2 for i in range(40)]
    P = np.column_stack([1.0 - np.array(labels), labels])
    student = DistilledClassifier().fit(rows, labels, soft_targets=P).student_
    # Numbers beside texts stay numbers: one never seen is no new category.
    np.testing.assert_array_equal(student.predict([[3.5, "red"], [3.5, "blue"]]), [1, 0])


def test_parameters_of_a_student_that_is_only_named() -> None:
    with pytest.raises(ValueError, match=r"student='tree' is a name.*give an instance"):
        DistilledClassifier(FROZEN).set_params(student__max_leaf_nodes=8)


def test_unfitted_estimator_says_so() -> None:
    with pytest.raises(NotFittedError):
        DistilledClassifier(FROZEN).predict(X)
    with pytest.raises(NotFittedError):
        DistilledClassifier(FROZEN).fidelity(X)


def test_regression() -> None:
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="is a classifier"):
        DistilledRegressor(FITTED).fit(X, y)
    with pytest.raises(ValueError, match="5 values where there are 442 samples"):
        DistilledRegressor().fit(X, y, soft_targets=y[:5])
    with pytest.raises(ValueError, match="soft_targets contains NaN"):
        DistilledRegressor().fit(X, y, soft_targets=np.full(len(y), np.nan))
    teacher = CallableTeacher(lambda rows: rows[:, 0] * np.nan, output="predictions")
    with pytest.raises(ValueError, match="NaN or infinite"):
        DistilledRegressor(teacher).fit(X, y)
    with pytest.raises(ValueError, match="student must be a regressor"):
        DistilledRegressor(Ridge().fit(X, y), student=LogisticRegression()).fit(X, y)
