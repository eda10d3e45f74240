import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
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


def geometric_mean(*proba, weights):
    logs = sum(w * np.log(np.maximum(P, 1e-6)) for w, P in zip(weights, proba, strict=True))
    return np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)


def test_log_scale_is_a_geometric_mean():
    teacher = EnsembleTeacher([TREE, LOGISTIC], weights=[1, 3], scale="log")
    expected = geometric_mean(
        TREE.predict_proba(X), LOGISTIC.predict_proba(X), weights=[0.25, 0.75]
    )
    np.testing.assert_allclose(teacher.predict_proba(X, [2, 0, 1]), expected[:, [2, 0, 1]])
    arithmetic = EnsembleTeacher([TREE, LOGISTIC], weights=[1, 3])
    assert teacher.fingerprint() != arithmetic.fingerprint()
    copy = teacher.refit(X[::2], Y[::2])
    assert copy.scale == "log"
    np.testing.assert_array_equal(copy.weights, [0.25, 0.75])
    with pytest.raises(ValueError, match=r"scale='log'.*which regression does not have"):
        as_teacher(EnsembleTeacher([LinearRegression()], scale="log"), task="regression")


def test_on_the_log_scale_a_member_abstains_on_a_class_it_lacks():
    some = Y < 2
    binary = LogisticRegression().fit(X[some], Y[some])
    teacher = EnsembleTeacher([binary, LOGISTIC], scale="log")
    P, known, every = (
        teacher.predict_proba(X, [0, 1, 2]),
        *(member.predict_proba(X) for member in (binary, LOGISTIC)),
    )
    # The odds of the two classes that both know are pooled.
    odds = np.sqrt(known[:, 0] / known[:, 1] * every[:, 0] / every[:, 1])
    shown = P[:, 2] < 0.9
    np.testing.assert_allclose((P[:, 0] / P[:, 1])[shown], odds[shown], rtol=1e-3)
    # No veto: the third class is as likely as its only judge finds it, give or take.
    assert (P.argmax(axis=1) == 2)[every[:, 2] > 0.9].all()


def test_a_member_without_weight_changes_nothing():
    """Members lack classes, so that others fill in what they do not know."""
    pairs = [LogisticRegression().fit(X[some], Y[some]) for some in (Y < 2, Y > 0)]
    classes = np.array([0, 1, 2])
    labels, d = EnsembleTeacher(
        [*pairs, TREE], weights=[2, 1, 0], scale="log"
    ).label_with_disagreement(X, classes)
    expected = EnsembleTeacher(pairs, weights=[2, 1], scale="log")
    np.testing.assert_allclose(labels, expected.predict_proba(X, classes), atol=1e-12)
    np.testing.assert_allclose(d, expected.label_with_disagreement(X, classes)[1], atol=1e-12)


def halves(n_rows=600, seed=0):
    """A good and a poor teacher, fitted to the first half of the rows."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, 5))
    y = (rows[:, 0] + 0.5 * rng.normal(size=n_rows) > 0).astype(int)
    first = slice(0, n_rows // 2)
    good = LogisticRegression().fit(rows[first], y[first])
    # It has memorised what it was fitted to.
    memory = DecisionTreeClassifier(random_state=0).fit(rows[first], y[first])
    return rows, y, [good, memory]


@pytest.mark.parametrize("scale", ["probability", "log"])
def test_learned_weights_have_the_least_loss_on_the_rows_given(scale):
    rows, y, members = halves()
    held_out = slice(300, None)
    teacher = EnsembleTeacher(members, weights="auto", scale=scale)
    learned = teacher.learn_weights(rows[held_out], y[held_out])

    def loss(teacher):
        return log_loss(y[held_out], teacher.predict_proba(rows[held_out], [0, 1]))

    grid = [
        EnsembleTeacher(members, weights=[w, 1 - w], scale=scale) for w in np.linspace(0, 1, 41)
    ]
    assert loss(learned) <= min(map(loss, grid)) + 1e-4
    assert learned.weights[0] > 0.5
    # Rows that were memorised would mislead.
    assert teacher.learn_weights(rows[:300], y[:300]).weights[1] > 0.5
    # Rows without weight do not count.
    zero = (np.arange(600) >= 300).astype(float)
    again = teacher.learn_weights(rows, y, sample_weight=zero)
    np.testing.assert_allclose(again.weights, learned.weights, atol=1e-3)


def test_learned_weights_of_regressors():
    rows, _, _ = halves()
    y = rows[:, 0] + 0.1 * np.random.default_rng(1).normal(size=600)
    members = [
        LinearRegression().fit(rows[:300], y[:300]),
        DecisionTreeRegressor(random_state=0).fit(rows[:300], y[:300]),
    ]
    learned = EnsembleTeacher(members, weights="auto").learn_weights(rows[300:], y[300:])
    F = np.array([member.predict(rows[300:]) for member in members])
    errors = [np.mean(((w, 1 - w) @ F - y[300:]) ** 2) for w in np.linspace(0, 1, 101)]
    assert np.mean((learned.weights @ F - y[300:]) ** 2) <= min(errors) + 1e-9
    assert learned.weights[0] > 0.9


def test_weights_to_be_learned():
    teacher = as_teacher(EnsembleTeacher([TREE, LOGISTIC], weights="auto"), task="classification")
    assert not teacher.is_fitted
    assert teacher.has_fitted_members
    assert teacher.classes.tolist() == [0, 1, 2]
    with pytest.raises(NotFittedError, match=r"weights='auto'.*learn_weights"):
        teacher.predict_proba(X, [0, 1, 2])
    learned = teacher.learn_weights(X, Y)
    assert learned.is_fitted
    assert not teacher.is_fitted
    assert learned.fingerprint() != teacher.fingerprint()
    # A copy for other rows keeps them.
    np.testing.assert_allclose(learned.refit(X[::2], Y[::2]).weights, learned.weights)
    with pytest.raises(ValueError, match=r"y has labels \[7\] that teacher.*; give y in the"):
        teacher.learn_weights(X[:2], [0, 7])
    unfitted = EnsembleTeacher([DecisionTreeClassifier(), LOGISTIC], weights="auto")
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        unfitted.learn_weights(X, Y)


def test_disagreement_is_the_variance_over_members():
    teacher = EnsembleTeacher([TREE, LOGISTIC], weights=[1, 3], distrust=1.0)
    labels, d = teacher.label_with_disagreement(X, np.array([2, 0, 1]))
    np.testing.assert_allclose(labels, teacher.predict_proba(X, [2, 0, 1]))
    difference = TREE.predict_proba(X) - LOGISTIC.predict_proba(X)
    np.testing.assert_allclose(d, 0.25 * 0.75 * (difference**2).sum(axis=1))
    y = X[:, 2]
    members = [LinearRegression().fit(X, y), DecisionTreeRegressor(max_depth=1).fit(X, y)]
    teacher = EnsembleTeacher(members)
    values, d = teacher.label_with_disagreement(X, None)
    np.testing.assert_allclose(values, teacher.predict(X))
    np.testing.assert_allclose(d, (members[0].predict(X) - members[1].predict(X)) ** 2 / 4)


def test_to_abstain_is_not_to_disagree():
    def first(X):
        return np.tile([0.1, 0.1, 0.8], (len(X), 1))

    def second(X):
        return np.tile([0.5, 0.5], (len(X), 1))

    members = [
        CallableTeacher(first, output="probabilities", classes=[0, 1, 2]),
        CallableTeacher(second, output="probabilities", classes=[0, 1]),
    ]
    teacher = EnsembleTeacher(members, distrust=1.0)
    _, d = teacher.label_with_disagreement(X, np.array([0, 1, 2]))
    np.testing.assert_allclose(d, 0.0, atol=1e-12)


def test_parameters_that_cannot_act():
    with pytest.raises(ValueError, match="distrust=2 has no effect with a single teacher"):
        EnsembleTeacher([TREE], distrust=2)
    with pytest.raises(ValueError, match=r"distrust must be a finite number >= 0, got -1"):
        EnsembleTeacher([TREE, LOGISTIC], distrust=-1)
    with pytest.raises(ValueError, match="scale must be"):
        EnsembleTeacher([TREE, LOGISTIC], scale="logit")
    with pytest.raises(ValueError, match="weights must be"):
        EnsembleTeacher([TREE, LOGISTIC], weights="best")
    inner = EnsembleTeacher([TREE, LOGISTIC], weights="auto")
    with pytest.raises(ValueError, match="give its members to the outer EnsembleTeacher"):
        EnsembleTeacher([inner, TREE])
