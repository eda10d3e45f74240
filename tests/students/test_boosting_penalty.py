"""Penalties of boosting students, chosen on real rows, and leaves that are fitted together."""

import numpy as np
from boosting_parts import BACKENDS, draw_labels, make_soft
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder

from skdistill.students import BoostingStudentClassifier, BoostingStudentRegressor
from skdistill.students._boosting.penalty import SOFT_SHARE, USUAL


def make_noisy(n_samples=300, seed=0):
    """Rows whose labels hardly depend on them: trees that follow them closely overfit."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 10))
    return X, (X[:, 0] + 3.0 * rng.normal(size=n_samples) > 0).astype(int)


@BACKENDS
def test_noise_is_penalised_more_and_predicted_better_for_it(backend):
    X, y = make_noisy()
    X_new, y_new = make_noisy(4000, seed=1)
    how = {"max_total_leaves": 200, "backend": backend, "random_state": 0}
    chosen = BoostingStudentClassifier(**how).fit(X, y)
    assert chosen.reg_lambda_ >= 30.0
    weak = BoostingStudentClassifier(**how, reg_lambda=1.0).fit(X, y)
    losses = [log_loss(y_new, m.predict_proba(X_new)) for m in (chosen, weak)]
    assert losses[0] < losses[1] - 0.03


@BACKENDS
def test_what_can_be_learned_is_hardly_penalised(backend):
    X = load_diabetes().data
    student = BoostingStudentRegressor(backend=backend, max_total_leaves=40, random_state=0)
    student.fit(X, 10.0 * X[:, 0] + X[:, 2])
    assert student.n_rounds_ == 5
    assert student.reg_lambda_ <= 3.0


@BACKENDS
def test_leaves_fitted_together_predict_better_than_small_steps(backend):
    X, y = make_friedman1(800, noise=0.5, random_state=0)
    X_new, y_new = make_friedman1(4000, noise=0.5, random_state=1)
    errors = [
        np.mean((student.fit(X, y).predict(X_new) - y_new) ** 2)
        for student in (
            BoostingStudentRegressor(backend=backend, random_state=0),
            BoostingStudentRegressor(backend=backend, random_state=0, learning_rate=0.37),
        )
    ]
    assert errors[0] < 0.9 * errors[1]


def leaf_indicators(student, X):
    """A column for each leaf."""
    return OneHotEncoder(sparse_output=False).fit_transform(student.trees_.apply(X))


@BACKENDS
def test_values_have_the_optimum_of_ridge_regression_on_the_leaves(backend):
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    student = BoostingStudentRegressor(reg_lambda=7.0, backend=backend, random_state=0)
    student.fit(X, y, sample_weight=weight)
    B = leaf_indicators(student, X)
    expected = Ridge(7.0, solver="svd").fit(B, y, sample_weight=weight / weight.mean())
    np.testing.assert_allclose(student.predict(X), expected.predict(B), rtol=1e-4)
    assert student.reg_lambda_ == 7.0


@BACKENDS
def test_classes_have_the_optimum_of_logistic_regression_on_the_leaves(backend):
    X, P = make_soft(2)
    y = draw_labels(P)
    student = BoostingStudentClassifier(reg_lambda=5.0, backend=backend, random_state=0)
    student.fit(X, y)
    B = leaf_indicators(student, X)
    expected = LogisticRegression(C=1 / 5.0, solver="newton-cg", tol=1e-10).fit(B, y)
    Q = student.predict_proba(X)
    np.testing.assert_allclose(Q, expected.predict_proba(B), atol=2e-3)


def test_few_real_rows_choose_nothing():
    X, y = make_noisy(300)
    soft = np.column_stack([1.0 - y, y]) * 0.6 + 0.2
    labeled = np.arange(len(X)) < 50
    student = BoostingStudentClassifier(random_state=0)
    student.fit(X, y, soft_targets=soft, labeled=labeled)
    assert student.reg_lambda_ == USUAL.final


def test_true_labels_decide_not_the_teacher():
    X, _ = make_noisy(400)
    taught = (X[:, 0] > 0).astype(int)
    soft = np.eye(2)[taught] * 0.9 + 0.05
    student = BoostingStudentClassifier(random_state=0)
    penalties = []
    for y in (taught, np.random.default_rng(0).permutation(taught)):
        student.fit(X, y, soft_targets=soft, labeled=np.full(400, True))
        penalties.append(student.reg_lambda_)
    assert 10.0 * penalties[0] < penalties[1]
    # Their noise asks for a larger penalty than what the teacher says.
    direct = clone(student).fit(X, y)
    assert direct.reg_lambda_ == penalties[1] / SOFT_SHARE
