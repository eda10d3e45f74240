"""Hints shape the penalty of a linear student, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge

from skdistill.hints import Hints
from skdistill.students import LinearStudentClassifier, LinearStudentRegressor
from skdistill.students._linear.fit import Columns
from skdistill.students._linear.hints import shape_penalty

N_COLUMNS = 30


def make(n_rows: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Few rows of many columns: response and features depend on the first three."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_COLUMNS))
    features = X[:, :3] @ rng.normal(size=(3, 2)) + 0.1 * rng.normal(size=(n_rows, 2))
    return X, X[:, :3].sum(axis=1) + rng.normal(size=n_rows), features


def student_of(kind: str, **options: Any) -> Any:
    made = LinearStudentClassifier if kind == "classifier" else LinearStudentRegressor
    return made(**{"alpha": 20.0, **options})


def target_of(kind: str, response: np.ndarray) -> np.ndarray:
    return response > 0 if kind == "classifier" else response


KINDS = pytest.mark.parametrize("kind", ["classifier", "regressor"])


@KINDS
@pytest.mark.parametrize("knowledge", ["feature", "relation"])
def test_columns_of_the_hints_are_pulled_less_and_others_more(kind: str, knowledge: str) -> None:
    X, response, features = make()
    shares = []
    for weight in (None, 0.01, 0.1, 1.0):
        given = None
        if weight is not None:
            of_features = Hints(features, weight, None, 0.0)
            given = of_features if knowledge == "feature" else Hints(None, 0.0, features, weight)
        fitted = student_of(kind).fit(X, target_of(kind, response), hints=given)
        size = np.abs(np.ravel(fitted.coef_))
        shares.append(size[:3].sum() / size.sum())
    assert np.all(np.diff(shares) > 0.01)
    assert shares[-1] > 0.8 > shares[0]


@KINDS
def test_hints_of_the_right_columns_help_on_new_rows(kind: str) -> None:
    X, response, features = make()
    new, truth = np.random.default_rng(1).normal(size=(2000, N_COLUMNS)), slice(0, 3)
    y_new = target_of(kind, new[:, truth].sum(axis=1))
    plain, hinted = (
        student_of(kind).fit(X, target_of(kind, response), hints=given).score(new, y_new)
        for given in (None, Hints(features, 0.1, None, 0.0))
    )
    assert hinted > plain + 0.02


@pytest.mark.parametrize("n_features", [1, 2])
@pytest.mark.parametrize("feature_weight", [0.1, 2.0])
def test_the_optimum_is_that_of_a_prior_of_the_hints(
    feature_weight: float, n_features: int
) -> None:
    """Scikit-learn on columns in units of the prior, computed here by normal equations."""
    X, response, features = make()
    weight = np.random.default_rng(2).uniform(0.2, 3.0, len(X))
    share = weight / weight.sum()
    X = (X - share @ X) * np.linspace(0.5, 2.0, N_COLUMNS)
    features, relations = features[:, :n_features], X[:, 5:6] + 2.0 * X[:, 6:7]
    hints = Hints(features, feature_weight, relations, 0.3)
    alpha = 20.0
    further = []
    for values, total in ((features, feature_weight), (relations, 0.3)):
        centred = values - share @ values
        further.append(centred * np.sqrt(total / (share @ centred**2).sum()))
    gram = X.T @ (weight[:, None] * X)
    moments = X.T @ (weight[:, None] * np.hstack(further))
    coef = np.linalg.solve(gram + alpha * np.eye(N_COLUMNS), moments)
    squares, reach = (coef**2).sum(axis=1), share @ X**2
    equal = 0.1 / (0.1 + feature_weight + 0.3)
    variance = equal + (1.0 - equal) * squares * reach.sum() / (squares @ reach)
    assert_allclose(variance @ reach, reach.sum())
    root = np.sqrt(variance)
    options = {"alpha": alpha, "standardize": False}
    ridge = Ridge(alpha=alpha).fit(X * root, response, sample_weight=weight)
    fitted = LinearStudentRegressor(**options).fit(X, response, weight, hints=hints)
    assert_allclose(fitted.coef_, ridge.coef_ * root, rtol=1e-7)
    logistic = LogisticRegression(C=1 / alpha, tol=1e-9, max_iter=5000)
    logistic.fit(X * root, response > 0, weight)
    classifier = LinearStudentClassifier(**options, tol=1e-9, max_iter=5000)
    classifier.fit(X, response > 0, weight, hints=hints)
    assert_allclose(classifier.coef_, logistic.coef_ * root, atol=1e-6)


@KINDS
@pytest.mark.parametrize("sparse", [False, True])
def test_empty_columns_change_nothing(kind: str, sparse: bool) -> None:
    X, response, features = make()
    wide = np.hstack([X, np.zeros((len(X), 200))])
    y, hints = target_of(kind, response), Hints(features, 1.0, None, 0.0)
    student = student_of(kind)
    rows = [sp.csr_matrix(rows) if sparse else rows for rows in (X, wide)]
    plain, other = (np.ravel(student.fit(given, y, hints=hints).coef_) for given in rows)
    assert_allclose(other[:N_COLUMNS], plain, rtol=1e-3, atol=1e-5)
    assert not other[N_COLUMNS:].any()


def test_columns_that_are_nearly_the_same_do_not_win_the_variance() -> None:
    X, _, features = make(n_rows=300)
    X[:, 9] = X[:, 8] + 1e-2 * X[:, 9]
    weight = np.ones(len(X))
    columns = Columns.measure(X, weight, N_COLUMNS)
    shaped = shape_penalty(columns, Hints(features, 0.1, None, 0.0), weight, 1e-4)
    variance = (columns.units / shaped.units) ** 2
    assert variance[:3].min() > 1.5
    assert variance[3:].max() < 0.6


@KINDS
def test_hints_choose_which_coefficients_are_zero(kind: str) -> None:
    X, response, features = make()
    student = student_of(kind, alpha=4.0 if kind == "classifier" else 10.0, l1_ratio=1.0)
    used = [
        np.flatnonzero(np.ravel(student.fit(X, target_of(kind, response), hints=given).coef_))
        for given in (None, Hints(features, 0.1, None, 0.0))
    ]
    assert {0, 1, 2} < set(used[0])
    assert set(used[1]) == {0, 1, 2}


@KINDS
def test_the_strength_is_chosen_without_hints(kind: str) -> None:
    X, response, features = make(n_rows=200)
    y, student = target_of(kind, response), student_of(kind, alpha="auto")
    chosen = [
        student.fit(X, y, hints=given).alpha_ for given in (None, Hints(features, 5.0, None, 0.0))
    ]
    assert chosen[0] == chosen[1]


@KINDS
def test_sparse_rows_are_as_dense_ones(kind: str) -> None:
    X, response, features = make()
    X[np.abs(X) < 0.5] = 0.0
    y, hints = target_of(kind, response), Hints(features, 1.0, features**2, 0.5)
    options = {"tol": 1e-9} if kind == "classifier" else {}
    student = student_of(kind, standardize=False, **options)
    dense = student.fit(X, y, hints=hints).coef_
    found = student.fit(sp.csr_matrix(X), y, hints=hints).coef_
    assert_allclose(found, dense, atol=5e-3)  # reach of a sparse column: its mean square, uncentred


@KINDS
def test_units_of_measurement_do_not_count(kind: str) -> None:
    X, response, features = make()
    y, hints = target_of(kind, response), Hints(features, 1.0, None, 0.0)
    student = student_of(kind)
    plain = student.fit(X, y, hints=hints).predict(X)
    other = X * np.logspace(-6, 6, N_COLUMNS)
    assert_allclose(student.fit(other, y, hints=hints).predict(other), plain, atol=1e-5)


@KINDS
def test_hints_that_tell_nothing_change_nothing(kind: str) -> None:
    X, response, _ = make()
    X[:, 4] = 7.0
    y, student = target_of(kind, response), student_of(kind)
    plain = student.fit(X, y).coef_
    constant = np.ones((len(X), 2))
    assert_array_equal(student.fit(X, y, hints=Hints(constant, 1.0, None, 0.0)).coef_, plain)
    alone, beside = (
        student.fit(X, y, hints=Hints(given, 5.0, X[:, :2], 0.1)).coef_
        for given in (None, constant)
    )
    assert_array_equal(alone, beside)
    assert np.abs(alone - plain).max() > 1e-3


@KINDS
def test_huge_weights_of_hints_are_no_error(kind: str) -> None:
    X, response, features = make()
    hints = Hints(features, 1e17, None, 0.0)
    coef = student_of(kind).fit(X, target_of(kind, response), hints=hints).coef_
    assert np.isfinite(coef).all()
    assert np.abs(np.ravel(coef)[:3]).min() > 0.05


def test_columns_that_tell_nothing_of_the_hints_leave_the_penalty() -> None:
    weight = np.ones(4)
    columns = Columns.measure(np.full((4, 2), 3.0), weight, 2)
    hints = Hints(np.arange(4.0)[:, None], 1.0, None, 0.0)
    assert shape_penalty(columns, hints, weight, 1.0) is columns


@KINDS
def test_without_a_penalty_hints_raise(kind: str) -> None:
    X, response, features = make()
    hints = Hints(features, 1.0, None, 0.0)
    with pytest.raises(ValueError, match=r"alpha=0\.0 leaves a linear student no penalty"):
        student_of(kind, alpha=0.0).fit(X, target_of(kind, response), hints=hints)
