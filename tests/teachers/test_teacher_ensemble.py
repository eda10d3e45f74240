import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill.exceptions import TeacherError
from skdistill.teachers import CallableTeacher, EnsembleTeacher, as_teacher

X, Y = load_iris(return_X_y=True)
TREE = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, Y)
LOGISTIC = LogisticRegression(max_iter=500).fit(X, Y)


@pytest.mark.parametrize("weights", [None, [1, 3], [0.0, 2.0]])
def test_weighted_mean(weights):
    teacher = EnsembleTeacher([TREE, LOGISTIC], weights=weights)
    expected = np.average(
        [TREE.predict_proba(X), LOGISTIC.predict_proba(X)], axis=0, weights=weights
    )
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), expected, atol=1e-12)
    np.testing.assert_allclose(
        teacher.predict_proba(X, [2, 0, 1]), expected[:, [2, 0, 1]], atol=1e-12
    )
    assert teacher.name == "DecisionTreeClassifier + LogisticRegression"
    assert clone(teacher) is teacher


def test_a_list_is_an_ensemble_and_nests():
    teacher = as_teacher([TREE, (LOGISTIC, TREE)], task="classification")
    expected = 0.75 * TREE.predict_proba(X) + 0.25 * LOGISTIC.predict_proba(X)
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), expected, atol=1e-12)


def test_a_member_may_lack_a_class():
    some = Y < 2
    binary = DecisionTreeClassifier().fit(X[some], Y[some])
    teacher = EnsembleTeacher([binary, LOGISTIC])
    assert teacher.classes.tolist() == [0, 1, 2]
    proba = teacher.predict_proba(X, [0, 1, 2])
    np.testing.assert_allclose(proba[:, 2], LOGISTIC.predict_proba(X)[:, 2] / 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_members_without_labels():
    unlabelled = CallableTeacher(LOGISTIC.predict_proba, output="probabilities")
    teacher = EnsembleTeacher([unlabelled, unlabelled])
    assert teacher.classes is None
    assert teacher.has_implicit_order
    assert teacher.predict_proba(X, ["a", "b", "c"]).shape == (150, 3)
    mixed = EnsembleTeacher([unlabelled, TREE])
    assert mixed.classes.tolist() == [0, 1, 2]
    assert mixed.has_implicit_order


def test_regression():
    y = X[:, 2]
    members = [LinearRegression().fit(X, y), DecisionTreeRegressor(max_depth=1).fit(X, y)]
    teacher = as_teacher(EnsembleTeacher(members, weights=[3, 1]), task="regression")
    expected = 0.75 * members[0].predict(X) + 0.25 * members[1].predict(X)
    np.testing.assert_allclose(teacher.predict(X), expected)
    with pytest.raises(ValueError, match="is a classifier, which cannot teach regression"):
        as_teacher([*members, TREE], task="regression")


def test_refit_fits_fresh_members():
    unfitted = DecisionTreeClassifier(max_features=1)
    teacher = EnsembleTeacher([unfitted, unfitted, TREE], weights=[1, 1, 2])
    assert not teacher.is_fitted
    assert teacher.classes is None
    assert teacher.refittable
    first, again = (teacher.refit(X[::2], Y[::2], random_state=0) for _ in range(2))
    assert first.is_fitted
    assert first.fingerprint() == again.fingerprint()
    np.testing.assert_array_equal(first.weights, [0.25, 0.25, 0.5])
    keys = {member.fingerprint() for member in first.members}
    assert len(keys) == 3  # equal members get different seeds
    assert not EnsembleTeacher([TREE, FrozenEstimator(TREE)]).refittable


def test_only_what_is_not_fitted_is_fitted():
    function = CallableTeacher(TREE.predict_proba, output="probabilities", classes=TREE.classes_)
    members = [TREE, FrozenEstimator(TREE), function, DecisionTreeClassifier(max_depth=1)]
    teacher = as_teacher(members, task="classification")
    assert not teacher.is_fitted
    fitted = teacher.fit_missing(X, Y, random_state=0)
    assert fitted.is_fitted
    assert [new is old for new, old in zip(fitted.members, teacher.members, strict=True)] == [
        True,
        True,
        True,
        False,
    ]
    assert fitted.members[0].estimator is TREE
    with pytest.raises(ValueError, match="unfitted teacher declared frozen"):
        as_teacher([TREE, FrozenEstimator(DecisionTreeClassifier())], task="classification")


def test_fingerprint_sees_members_and_weights():
    keys = {
        EnsembleTeacher(members, weights=weights).fingerprint()
        for members in ([TREE, LOGISTIC], [LOGISTIC, TREE], [TREE])
        for weights in (None, range(1, len(members) + 1))
    }
    assert len(keys) == 5  # a single member has weight one in any case


@pytest.mark.parametrize("weights", [[-1, 2], [0, 0], [np.nan, 1], [np.inf, 1]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match="weights must be finite, at least 0 and not all 0"):
        EnsembleTeacher([TREE, LOGISTIC], weights=weights)


def test_bad_parameters():
    with pytest.raises(ValueError, match="one number for each of the 2 teachers"):
        EnsembleTeacher([TREE, LOGISTIC], weights=[1])
    with pytest.raises(ValueError, match="at least one teacher"):
        as_teacher([], task="classification")
    with pytest.raises(ValueError, match="must be a list"):
        EnsembleTeacher(TREE)


def test_a_failing_member_is_named():
    def broken(X):
        raise RuntimeError("no memory left")

    teacher = EnsembleTeacher([TREE, CallableTeacher(broken, output="probabilities")])
    with pytest.raises(
        TeacherError, match=r"broken failed in predict_proba on 150 rows: no memory"
    ):
        teacher.predict_proba(X, [0, 1, 2])
