"""A teacher that is wrong does no harm: the default student is then the direct fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flow_parts import make_rows, make_values
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import TeacherNotUsedWarning
from skdistill.students import (
    LinearStudentClassifier,
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)
from skdistill.teachers import CallableTeacher

X, Y = make_rows(300)
NEW_X, NEW_Y = make_rows(4000, seed=1)
VALUES_X, VALUES = make_values(300)
NEW_VALUES_X, NEW_VALUES = make_values(4000, seed=1)

CLASSIFIERS = {
    "linear": LinearStudentClassifier(alpha=1.0),
    "tree": TreeStudentClassifier(max_leaf_nodes=4, refine=False),
}
REGRESSORS = {
    "linear": LinearStudentRegressor(alpha=1.0),
    "tree": TreeStudentRegressor(max_leaf_nodes=4, refine=False),
}
OF_CLASSIFIERS = [("linear", "frozen"), ("tree", "unfitted"), ("tree", "called")]
OF_REGRESSORS = [("linear", "frozen"), ("tree", "unfitted")]

# What a memorising teacher may cost, in nats or as a share of the squared error: it is right on
# average, so that validation may prefer it, within its noise, to the direct fit.
MARGIN = 0.02


def noise(X: Any) -> np.ndarray:
    """Tell each row a number in [0, 1] that says nothing, always the same."""
    return np.abs(np.sin(1e4 * np.asarray(X).sum(axis=1)))


class RandomClassifier(ClassifierMixin, BaseEstimator):
    def fit(self, X: Any, y: Any) -> RandomClassifier:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.column_stack([1.0 - noise(X), noise(X)])

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SwappedClassifier(ClassifierMixin, BaseEstimator):
    """Says the opposite of what it knows."""

    def fit(self, X: Any, y: Any) -> SwappedClassifier:
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.model_.predict_proba(X)[:, ::-1]

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class RandomRegressor(RegressorMixin, BaseEstimator):
    def fit(self, X: Any, y: Any) -> RandomRegressor:
        self.scale_ = np.std(y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return self.scale_ * (4.0 * noise(X) - 2.0)


class SwappedRegressor(RegressorMixin, BaseEstimator):
    def fit(self, X: Any, y: Any) -> SwappedRegressor:
        self.model_ = Ridge().fit(X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return -self.model_.predict(X)


WRONG_CLASSIFIERS = {
    "constant": DummyClassifier(strategy="prior"),
    "random": RandomClassifier(),
    "adversarial": SwappedClassifier(),
}
WRONG_REGRESSORS = {
    "constant": DummyRegressor(),
    "random": RandomRegressor(),
    "adversarial": SwappedRegressor(),
}


def given_as(kind: str, teacher: Any, X: Any, y: Any) -> Any:
    """Return the teacher as something that can be refitted, is frozen, or is only called."""
    if kind == "unfitted":
        return teacher
    fitted = clone(teacher).fit(X, y)
    if kind == "frozen":
        return FrozenEstimator(fitted)
    if hasattr(fitted, "predict_proba"):
        return CallableTeacher(fitted.predict_proba, output="probabilities", classes=[0, 1])
    return CallableTeacher(fitted.predict, output="predictions")


@pytest.mark.parametrize(("student", "kind"), OF_CLASSIFIERS)
@pytest.mark.parametrize("name", WRONG_CLASSIFIERS)
def test_a_classifier_that_is_wrong_is_not_used(name: str, student: str, kind: str):
    teacher = given_as(kind, WRONG_CLASSIFIERS[name], X, Y)
    distilled = DistilledClassifier(teacher, student=CLASSIFIERS[student], random_state=0)
    with pytest.warns(TeacherNotUsedWarning, match=r"teacher \S+ was not used"):
        distilled.fit(X, Y)
    direct = clone(distilled.student_).fit(X, Y)
    np.testing.assert_array_equal(distilled.predict_proba(NEW_X), direct.predict_proba(NEW_X))
    record = distilled.distillation_
    assert not record.used_teacher
    assert (record.augment, record.n_augmented) == (None, 0)


@pytest.mark.parametrize(("student", "kind"), OF_REGRESSORS)
@pytest.mark.parametrize("name", WRONG_REGRESSORS)
def test_a_regressor_that_is_wrong_is_not_used(name: str, student: str, kind: str):
    teacher = given_as(kind, WRONG_REGRESSORS[name], VALUES_X, VALUES)
    distilled = DistilledRegressor(teacher, student=REGRESSORS[student], random_state=0)
    with pytest.warns(TeacherNotUsedWarning, match=r"teacher \S+ was not used"):
        distilled.fit(VALUES_X, VALUES)
    direct = clone(distilled.student_).fit(VALUES_X, VALUES)
    np.testing.assert_array_equal(distilled.predict(NEW_VALUES_X), direct.predict(NEW_VALUES_X))


# A nearest neighbour tells each row's own label back: out of fold it is noisy, in sample it is y.
MAY_WARN = [
    "ignore::skdistill.exceptions.TeacherNotUsedWarning",
    "ignore::skdistill.exceptions.OverconfidentTeacherWarning",
]


@pytest.mark.filterwarnings(*MAY_WARN)
@pytest.mark.parametrize(("student", "kind"), OF_CLASSIFIERS)
def test_a_classifier_that_has_memorised_its_rows_costs_little(student: str, kind: str):
    teacher = given_as(kind, KNeighborsClassifier(1), X, Y)
    distilled = DistilledClassifier(teacher, student=CLASSIFIERS[student], random_state=0)
    distilled.fit(X, Y)
    direct = clone(distilled.student_).fit(X, Y)
    loss, other = (log_loss(NEW_Y, m.predict_proba(NEW_X)) for m in (distilled, direct))
    assert loss < other + MARGIN


@pytest.mark.filterwarnings(*MAY_WARN)
@pytest.mark.parametrize(("student", "kind"), OF_REGRESSORS)
def test_a_regressor_that_has_memorised_its_rows_costs_little(student: str, kind: str):
    teacher = given_as(kind, KNeighborsRegressor(1), VALUES_X, VALUES)
    distilled = DistilledRegressor(teacher, student=REGRESSORS[student], random_state=0)
    distilled.fit(VALUES_X, VALUES)
    direct = clone(distilled.student_).fit(VALUES_X, VALUES)
    loss, other = (
        mean_squared_error(NEW_VALUES, m.predict(NEW_VALUES_X)) for m in (distilled, direct)
    )
    assert loss < other * (1.0 + MARGIN)


def test_a_good_teacher_is_used_without_a_warning():
    # Otherwise never using a teacher would pass all of the above.
    few, labels = X[:80], Y[:80]
    teacher = FrozenEstimator(LogisticRegression().fit(NEW_X, NEW_Y))
    student = RandomForestClassifier(10, min_samples_leaf=5, random_state=0)
    distilled = DistilledClassifier(teacher, student=student, random_state=0).fit(few, labels)
    assert distilled.distillation_.used_teacher
    direct = clone(student).fit(few, labels)
    fresh, truth = make_rows(2000, seed=2)
    loss, other = (log_loss(truth, m.predict_proba(fresh)) for m in (distilled, direct))
    assert loss < other - 0.02


def test_settings_that_are_given_are_obeyed_also_with_a_poor_teacher():
    # No search takes back what the user asked for: the teacher's word at this weight.
    distilled = DistilledClassifier(
        DummyClassifier(strategy="prior"),
        student=CLASSIFIERS["linear"],
        hard_label_weight=0.3,
        random_state=0,
    ).fit(X, Y)
    assert distilled.distillation_.used_teacher
    assert distilled.distillation_.hard_label_weight == 0.3
