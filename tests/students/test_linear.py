"""The linear student: known optima, exact soft targets, columns of any scale."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from skdistill.losses import DistillationLoss, softmax
from skdistill.students import LinearStudentClassifier, LinearStudentRegressor
from skdistill.students._linear.fit import Columns, Penalty, Solver, fit_logistic
from skdistill.students._linear.logistic import LogisticObjective
from skdistill.students._linear.strength import SOFT_SHARE, STRENGTHS


def make(n=150, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    P = softmax(X @ rng.normal(size=(4, n_classes)) + np.sin(3 * X) @ np.ones((4, n_classes)))
    return X, rng.integers(0, n_classes, n), P


def best_logistic(X, y, alpha, weight=None):
    """The optimum by Newton's method, which gets closer to it than L-BFGS does."""
    model = LogisticRegression(C=1 / alpha, solver="newton-cg", tol=1e-12, max_iter=10_000)
    return model.fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_hard_labels_have_the_optimum_of_logistic_regression(load, alpha):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    expected = best_logistic(X, y, alpha)
    for standardize in (False, True):  # the columns have unit deviation already
        student = LinearStudentClassifier(alpha=alpha, standardize=standardize, tol=1e-9)
        student.fit(X, y)
        assert student.coef_.shape == expected.coef_.shape
        assert_allclose(student.coef_, expected.coef_, atol=1e-5)
        assert_allclose(student.predict_proba(X), expected.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_soft_targets_are_those_of_expanded_rows(n_classes, container):
    X, y, P = make(n_classes=n_classes)
    w = 0.3
    mixed = (1 - w) * P + w * np.eye(n_classes)[y]
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    student = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-10)
    student.fit(container(X), y, sample_weight=weight, soft_targets=P, hard_label_weight=w)
    rows, codes = np.nonzero(mixed)
    expected = best_logistic(X[rows], codes, 1.0, (weight[:, None] * mixed)[rows, codes])
    assert_allclose(student.coef_, expected.coef_, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    n_classes=st.integers(2, 4),
    temperature=st.sampled_from([1.0, 2.5, 8.0]),
    w=st.sampled_from([0.0, 0.4, 1.0]),
    seed=st.integers(0, 100),
)
def test_gradient_is_that_of_finite_differences(n_classes, temperature, w, seed):
    X, y, P = make(n=20, n_classes=n_classes, seed=seed)
    loss = DistillationLoss(P, y, temperature=temperature, hard_label_weight=w)
    rng = np.random.default_rng(seed)
    objective = LogisticObjective(X, loss, rng.uniform(0.1, 3, 20), rng.uniform(0, 1, 4))
    point = objective.start() + rng.normal(size=objective.start().size)
    error = check_grad(lambda p: objective(p)[0], lambda p: objective(p)[1], point)
    assert error < 1e-5 * max(1.0, np.linalg.norm(objective(point)[1]))


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("alpha", [3.0, 10.0])
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_absolute_values_have_the_optimum_of_scikit_learn(load, alpha, l1_ratio):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    expected = elastic(alpha, l1_ratio).fit(X, y)
    for standardize in (False, True):
        student = LinearStudentClassifier(
            alpha=alpha, l1_ratio=l1_ratio, standardize=standardize, tol=1e-9
        ).fit(X, y)
        assert_allclose(student.coef_, expected.coef_, atol=1e-4)
        assert_array_equal(student.coef_ == 0, expected.coef_ == 0)
        assert student.n_parameters_ == np.count_nonzero(expected.coef_) + len(expected.intercept_)
    sparse = LinearStudentClassifier(alpha=alpha, l1_ratio=l1_ratio, tol=1e-9)
    sparse.fit(sp.csr_matrix(X), y)
    assert_allclose(sparse.coef_, expected.coef_, atol=1e-4)


def elastic(alpha, l1_ratio):
    """The same penalty in scikit-learn, whose name for it changed."""
    options = {"C": 1 / alpha, "l1_ratio": l1_ratio, "tol": 1e-8, "max_iter": 20_000}
    if "deprecated" not in str(LogisticRegression().penalty):
        options["penalty"] = "elasticnet"
    return LogisticRegression(solver="saga", random_state=0, **options)


def test_absolute_values_and_soft_targets_go_together():
    X, y, P = make()
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    student = LinearStudentClassifier(alpha=8.0, l1_ratio=0.7, standardize=False, tol=1e-9)
    student.fit(X, y, weight, soft_targets=P, temperature=2.0, hard_label_weight=0.3)
    loss = DistillationLoss(P, y, temperature=2.0, hard_label_weight=0.3)

    def total(coef, intercept):
        penalty = 0.3 / 2 * (coef**2).sum() + 0.7 * np.abs(coef).sum()
        return weight @ loss(X @ coef.T + intercept) + 8.0 * penalty

    best = total(student.coef_, student.intercept_)
    assert (student.coef_ == 0).any()
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(10):
            step = size * rng.normal(size=(3, 5))
            assert best < total(student.coef_ + step[:, :4], student.intercept_ + step[:, 4])


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_absolute_values_of_a_regression_are_those_of_elastic_net(container):
    X, y = load_diabetes(return_X_y=True)
    X = X * np.geomspace(1, 100, X.shape[1])
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    student = LinearStudentRegressor(alpha=500.0, l1_ratio=0.6, standardize=False)
    student.fit(container(X), y, sample_weight=weight)
    expected = ElasticNet(alpha=500.0 / weight.sum(), l1_ratio=0.6, tol=1e-10, max_iter=100_000)
    expected.fit(X, y, sample_weight=weight)
    assert (expected.coef_ == 0).any()
    assert_allclose(student.coef_, expected.coef_, rtol=1e-5, atol=1e-6)
    # Without any strength there is nothing to share.
    plain = LinearStudentRegressor(alpha=0.0, l1_ratio=0.6).fit(X, y)
    assert_allclose(plain.coef_, LinearStudentRegressor(alpha=0.0).fit(X, y).coef_)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_squares_of_huge_columns_do_not_overflow(container, l1_ratio):
    X, y, _ = make(n_classes=2)
    X = np.column_stack([X, 1e160 * np.random.default_rng(1).normal(size=len(X))])
    y = (X[:, 0] > 0).astype(int)
    student = LinearStudentClassifier(l1_ratio=l1_ratio).fit(container(X), y)
    assert student.score(container(X), y) > 0.9


def test_temperature_acts_and_the_students_own_logits_are_recovered():
    X, y, P = make()
    plain = LinearStudentClassifier(alpha=1.0).fit(X, y, soft_targets=P)
    hot = LinearStudentClassifier(alpha=1.0).fit(X, y, soft_targets=P, temperature=5.0)
    assert np.abs(hot.predict_proba(X) - plain.predict_proba(X)).max() > 0.01
    # A linear teacher is met at any temperature, neither flattened nor sharpened.
    P = softmax(X @ np.random.default_rng(1).normal(size=(4, 3)) * 2)
    for temperature in (1.0, 4.0, 20.0):
        student = LinearStudentClassifier(alpha=1e-8, tol=1e-10)
        student.fit(X, y, soft_targets=P, temperature=temperature)
        assert_allclose(student.predict_proba(X), P, atol=1e-4)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("alpha", [0.1, 10.0])
def test_values_have_the_optimum_of_ridge(container, alpha):
    X, y = load_diabetes(return_X_y=True)
    X = X * np.geomspace(1, 100, X.shape[1])
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    expected = Ridge(alpha=alpha, solver="svd").fit(X, y, sample_weight=weight)
    student = LinearStudentRegressor(alpha=alpha, standardize=False)
    student.fit(container(X), y, sample_weight=weight)
    assert_allclose(student.coef_, expected.coef_, rtol=1e-5, atol=1e-5)
    assert_allclose(student.predict(container(X)), expected.predict(X), rtol=1e-6)


@pytest.mark.parametrize("regression", [False, True])
def test_standardizing_makes_units_irrelevant(regression):
    X, y, P = make()
    scale, shift = np.array([1.0, 1e6, 1e-6, 3.0]), np.array([0.0, 1e7, 0.0, -1e3])
    kind = LinearStudentRegressor if regression else LinearStudentClassifier
    target = P[:, 0] if regression else y
    plain = kind(alpha=5.0).fit(X, target)
    scaled = kind(alpha=5.0).fit(X * scale + shift, target)
    assert_allclose(scaled.coef_ * scale, plain.coef_, rtol=1e-3, atol=1e-6)
    assert_allclose(scaled.predict(X * scale + shift), plain.predict(X), rtol=1e-6)


@pytest.mark.parametrize("kind", [LinearStudentClassifier, LinearStudentRegressor])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 1e-9, 1.0])
def test_degenerate_columns_are_safe(kind, standardize, alpha):
    X, y, _ = make(n_classes=2)
    X = np.column_stack([X, X[:, 0], np.full(len(X), 0.1), np.zeros(len(X)), X[:, 1] * 1e6])
    student = kind(alpha=alpha, standardize=standardize).fit(X, y)
    assert np.isfinite(student.coef_).all()
    assert student.coef_[..., 5:7].ravel() == pytest.approx(0.0, abs=1e-9)


def test_more_columns_than_rows():
    X = np.random.default_rng(0).normal(size=(10, 50))
    y = np.arange(10) % 2
    assert LinearStudentClassifier(alpha=0.01).fit(X, y).score(X, y) == 1.0
    assert LinearStudentRegressor(alpha=1e-6).fit(X, y).score(X, y) > 0.999


def test_sparse_and_dense_agree():
    X, y, P = make()
    X[X < 0.5] = 0.0
    dense = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-10)
    dense.fit(X, y, soft_targets=P)
    # Standardizing is void for sparse rows.
    sparse = LinearStudentClassifier(alpha=1.0, tol=1e-10)
    sparse.fit(sp.csr_array(X), y, soft_targets=P)
    assert_allclose(sparse.coef_, dense.coef_, atol=1e-6)
    assert_allclose(sparse.predict_proba(X), dense.predict_proba(sp.csc_matrix(X)), atol=1e-6)


def test_coefficients_have_names_and_are_counted():
    frame = pd.DataFrame({"x": [1.0, 2.0, np.nan, 4.0], "c": ["u", "v", "u", "v"]})
    student = LinearStudentClassifier().fit(frame, [0, 1, 0, 1])
    assert student.coef_names_ == ["x", "x is missing", "c=u", "c=v"]
    assert student.n_parameters_ == student.coef_.size + 1 == 5
    assert student.n_iter_ >= 1
    assert LinearStudentRegressor().fit(frame, [0.0, 1.0, 0.0, 1.0]).n_parameters_ == 5


def test_no_convergence_is_told_with_the_remedy():
    X, y, P = make()
    with pytest.warns(ConvergenceWarning, match="in 1 iterations .* Increase max_iter or alpha"):
        LinearStudentClassifier(max_iter=1).fit(X, y, soft_targets=P)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearStudentClassifier().fit(X, y, soft_targets=P)


def test_the_loss_is_convex_at_its_optimum():
    X, y, P = make()
    student = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-9)
    student.fit(X, y, soft_targets=P, temperature=3.0, hard_label_weight=0.2)
    loss = DistillationLoss(P, y, temperature=3.0, hard_label_weight=0.2)

    def total(coef):
        return loss(X @ coef.T + student.intercept_).sum() + 0.5 * (coef**2).sum()

    rng = np.random.default_rng(0)
    for _ in range(20):
        assert total(student.coef_) < total(student.coef_ + 1e-3 * rng.normal(size=(3, 4)))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, "alpha must be a finite number >= 0, got -1.0"),
        ({"alpha": "1"}, ValueError, "alpha must be 'auto' or a number, got '1'"),
        ({"alpha": None}, TypeError, "alpha must be a number"),
        ({"l1_ratio": 1.5}, ValueError, "l1_ratio must be a finite number >= 0 and <= 1, got 1.5"),
        ({"max_iter": 0}, ValueError, "max_iter must be an integer >= 1"),
        ({"tol": 0.0}, ValueError, "tol must be a finite number > 0"),
        ({"standardize": "yes"}, TypeError, "standardize must be True or False, got 'yes'"),
    ],
)
def test_bad_parameters(params, error, message):
    X, y, _ = make()
    with pytest.raises(error, match=message):
        LinearStudentClassifier(**params).fit(X, y)
    if params.keys() <= {"alpha", "l1_ratio"}:
        with pytest.raises(error, match=message):
            LinearStudentRegressor(**params).fit(X, y)


def test_refitting_gives_the_same():
    X, y, P = make()
    fits = [LinearStudentClassifier().fit(X, y, soft_targets=P).coef_ for _ in range(2)]
    assert_array_equal(*fits)


def make_dull(n, n_columns=40, seed=0, noise=3.0):
    """Many columns that matter a little, and much noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns))
    return X, X @ np.full(n_columns, 0.1) + noise * rng.normal(size=n)


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_auto_is_near_the_best_strength(regression, container):
    kind = LinearStudentRegressor if regression else LinearStudentClassifier
    (X, y), (X_new, y_new) = make_dull(200), make_dull(5000, seed=1)
    if not regression:
        y, y_new = y > 0, y_new > 0

    def loss(alpha):
        student = kind(alpha=alpha).fit(container(X), y)
        if regression:
            return np.mean((student.predict(X_new) - y_new) ** 2), student.alpha_
        return log_loss(y_new, student.predict_proba(X_new)), student.alpha_

    reached, alpha = loss("auto")
    losses = {a: loss(a)[0] for a in STRENGTHS}
    assert alpha in STRENGTHS
    assert alpha >= 10.0
    assert reached < min(losses.values()) + 0.2 * (losses[1.0] - min(losses.values()))


def test_auto_takes_a_weak_penalty_for_what_can_be_learned():
    X, _ = make_dull(500, 3)
    assert LinearStudentRegressor().fit(X, X.sum(axis=1)).alpha_ == min(STRENGTHS)
    sure = LinearStudentClassifier().fit(X, X.sum(axis=1) > 0)
    assert sure.alpha_ <= 0.1
    assert isinstance(sure.alpha_, float)


@pytest.mark.parametrize("regression", [False, True])
def test_true_labels_choose_the_strength_not_the_teacher(regression):
    kind = LinearStudentRegressor if regression else LinearStudentClassifier
    X, noisy = make_dull(600)
    clear = X @ np.full(X.shape[1], 0.1)
    y, soft = noisy, clear
    if not regression:
        y, soft = noisy > 0, softmax(np.column_stack([-5 * clear, 5 * clear]))
    labeled = np.arange(600) < 200
    student = kind().fit(X, y, soft_targets=soft, labeled=labeled)
    alone = kind().fit(X[labeled], y[labeled])
    assert student.alpha_ == SOFT_SHARE * alone.alpha_
    assert alone.alpha_ >= 10.0
    assert kind(alpha=3.0).fit(X, y, soft_targets=soft).alpha_ == 3.0


@pytest.mark.parametrize("kind", [LinearStudentClassifier, LinearStudentRegressor])
def test_few_true_labels_choose_nothing(kind):
    X, y = make_dull(59)
    assert kind().fit(X, y > 0).alpha_ == 1.0


@settings(max_examples=10, deadline=None)
@given(factor=st.sampled_from([1e-3, 0.5, 1.0]), l1_ratio=st.sampled_from([0.0, 0.5]))
def test_shares_as_weights_scale_the_strength(factor, l1_ratio):
    X, y = make_dull(150, 5)
    for kind, target in [(LinearStudentClassifier, y > 0), (LinearStudentRegressor, y)]:
        plain = kind(l1_ratio=l1_ratio).fit(X, target)
        shares = kind(l1_ratio=l1_ratio).fit(X, target, np.full(len(X), factor))
        assert shares.alpha_ == pytest.approx(factor * plain.alpha_)
        assert_allclose(shares.predict(X), plain.predict(X), rtol=1e-3)


def test_auto_leaves_out_columns_of_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 30))
    y = 1e4 * (X[:, 0] - X[:, 1] + rng.normal(size=400))
    for student in (LinearStudentRegressor(l1_ratio=1.0), LinearStudentClassifier(l1_ratio=1.0)):
        target = y if isinstance(student, LinearStudentRegressor) else y > 0
        coef = student.fit(X, target).coef_.ravel()
        assert (coef[:2] != 0).all()
        assert (coef[2:] == 0).mean() > 0.3


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 50), l1_ratio=st.sampled_from([0.0, 0.3]))
def test_a_warm_start_reaches_the_same_optimum(seed, l1_ratio):
    X, y, P = make(n=60, n_classes=3, seed=seed)
    loss, weight = DistillationLoss(P, y), np.random.default_rng(seed).uniform(0.5, 2, 60)
    columns = Columns.measure(5.0 + 3.0 * X, weight, 4)
    solver = Solver(max_iter=2000, tol=1e-9)
    cold = fit_logistic(columns, loss, weight, Penalty(2.0, l1_ratio), solver)
    other = fit_logistic(columns, loss, weight, Penalty(50.0, l1_ratio), solver)
    warm = fit_logistic(columns, loss, weight, Penalty(2.0, l1_ratio), solver, other)
    assert_allclose(warm.coef, cold.coef, atol=1e-5)
    again = fit_logistic(columns, loss, weight, Penalty(2.0, l1_ratio), solver, cold)
    assert again.n_iter <= 3 < cold.n_iter


def test_scores_beyond_all_numbers_are_certain():
    X = np.array([[-0.2], [-0.1], [0.1], [0.2]])
    student = LinearStudentClassifier(alpha=0.01).fit(X, [0, 0, 1, 1])
    far = np.array([[1.7e308], [-1.7e308], [1.7e308]])
    assert_array_equal(student.predict_proba(far)[:2], [[0.0, 1.0], [1.0, 0.0]])
    assert_array_equal(student.predict_proba(far[:1]), [[0.0, 1.0]])
