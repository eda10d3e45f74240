"""Linear leaves: the optimum of an independent solver, tame outside the training range."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge

from skdistill.losses import softmax
from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.students._tree.linear_leaves import Inputs, fit_linear_leaves


def make(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1]
    return X, np.where(X[:, 0] > 0, X[:, 1] - 5 * X[:, 2], -X[:, 1]) + 0.1 * rng.normal(size=n)


def standardised(X, weight):
    inputs, spread = Inputs.of(X, weight)
    return inputs(X) / spread


def test_values_are_those_of_ridge_regression():
    X, y = make()
    leaf, weight = (X[:, 0] > 0).astype(int), np.linspace(0.5, 2, len(X))
    means = np.array([[np.average(y[leaf == i], weights=weight[leaf == i])] for i in (0, 1)])
    options = {"penalty": 7.0, "cross_entropy": False}
    leaves = fit_linear_leaves(X, leaf, means, y[:, None], weight, **options)
    Xs = standardised(X, weight)
    for i in (0, 1):
        rows = leaf == i
        ridge = Ridge(alpha=7.0).fit(Xs[rows], y[rows], sample_weight=weight[rows])
        assert_allclose(leaves.scores(X, leaf)[rows, 0], ridge.predict(Xs[rows]), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_those_of_logistic_regression(n_classes):
    X, _ = make()
    P = softmax(
        standardised(X, np.ones(len(X))) @ np.random.default_rng(1).normal(size=(3, n_classes))
    )
    leaves = fit_linear_leaves(
        X,
        np.zeros(len(X), dtype=int),
        P.mean(axis=0)[None],
        P,
        np.ones(len(X)),
        penalty=2.0,
        cross_entropy=True,
    )
    scores = leaves.scores(X, np.zeros(len(X), dtype=int))
    proba = softmax(np.column_stack([np.zeros(len(X)), scores]) if n_classes == 2 else scores)
    # Soft targets are weighted rows of each class.
    Xs, codes = (
        np.repeat(standardised(X, np.ones(len(X))), n_classes, axis=0),
        np.tile(np.arange(n_classes), len(X)),
    )
    logistic = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(Xs, codes, P.ravel())
    assert_allclose(proba, logistic.predict_proba(Xs[::n_classes]), atol=1e-3)


def test_two_linear_leaves_meet_what_constants_cannot():
    X, y = make(1000)
    linear = TreeStudentRegressor(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    constant = TreeStudentRegressor(max_leaf_nodes=2, random_state=0).fit(X, y)
    # The first split may not be the best for slopes, but slopes help anywhere.
    assert linear.score(X, y) > constant.score(X, y) + 0.1
    assert linear.n_parameters_ == 1 + 2 + 2 * 3
    assert linear.shrinkage_ < 100


def test_great_shrinkage_leaves_the_constants():
    X, y = make()
    options = {"max_leaf_nodes": 4, "min_samples_leaf": 20, "random_state": 0, "ccp_alpha": 0}
    linear = TreeStudentRegressor(leaf="linear", shrinkage=1e12, **options).fit(X, y)
    constant = TreeStudentRegressor(shrinkage=0, **options).fit(X, y)
    assert_allclose(linear.predict(X), constant.predict(X), rtol=1e-6)
    codes = (y > 0).astype(int) + (y > 5)
    linear = TreeStudentClassifier(leaf="linear", shrinkage=1e12, **options).fit(X, codes)
    constant = TreeStudentClassifier(shrinkage=0, **options).fit(X, codes)
    assert_allclose(linear.predict_proba(X), constant.predict_proba(X), atol=1e-4)


def test_predictions_level_off_outside_the_training_range():
    X, y = make()
    student = TreeStudentRegressor(max_leaf_nodes=4, leaf="linear", random_state=0).fit(X, y)
    for far in (1e3, 1e300):
        assert np.abs(student.predict(np.sign(X) * far)).max() < 4 * np.abs(y).max()
    # An outlier in training bends nothing.
    X[0, 1] = 1e9
    bent = TreeStudentRegressor(max_leaf_nodes=4, leaf="linear", random_state=0).fit(X, y)
    assert bent.score(X[1:], y[1:]) > student.score(X[1:], y[1:]) - 0.05


def test_the_unit_of_target_and_columns_does_not_matter():
    X, y = make()
    student = TreeStudentRegressor(max_leaf_nodes=4, leaf="linear", random_state=0)
    expected = student.fit(X, y).predict(X)
    for scale in (1e-9, 1e9):
        assert_allclose(
            student.fit(X * scale, y * scale).predict(X * scale) / scale,
            expected,
            rtol=1e-4,
            atol=1e-3,
        )


def test_missing_values_categories_and_constant_columns():
    X, y = make()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.loc[::7, "b"] = np.nan
    frame["town"] = np.where(X[:, 2] > 0, "up", "down")
    frame["same"] = 1.0
    frame["none"] = np.nan
    student = TreeStudentRegressor(max_leaf_nodes=4, leaf="linear", random_state=0).fit(frame, y)
    assert student.score(frame, y) > 0.5
    filled = frame.assign(b=frame["b"].fillna(student.leaves_.inputs.centre[1]))
    same_leaf = student.apply(frame) == student.apply(filled)
    assert_allclose(student.predict(frame)[same_leaf], student.predict(filled)[same_leaf])
    assert np.isfinite(student.predict(frame.assign(town="elsewhere"))).all()


def test_soft_targets_and_a_temperature_leave_probabilities_unflattened():
    X, _ = make(600)
    P = softmax(standardised(X, np.ones(600)) @ np.array([[2.0, 0, -2], [0, 3, 0], [1, 0, 1]]))
    student = TreeStudentClassifier(max_leaf_nodes=2, leaf="linear", shrinkage=0.1, random_state=0)
    for temperature in (1.0, 5.0):
        student.fit(X, P.argmax(axis=1), soft_targets=P, temperature=temperature)
        assert np.abs(student.predict_proba(X) - P).mean() < 0.02


def test_a_column_of_next_to_no_spread_counts_as_constant():
    X, y = make()
    X[:, 1] *= 1e-312
    options = {"penalty": 1.0, "cross_entropy": False}
    means, leaf = np.array([[y.mean()]]), np.zeros(len(X), dtype=int)
    leaves = fit_linear_leaves(X, leaf, means, y[:, None], np.ones(len(X)), **options)
    assert np.isfinite(leaves.slope).all()
    assert np.isfinite(leaves.scores(X, leaf)).all()


def test_quantiles_do_not_depend_on_the_unit_of_the_weights():
    X, _ = make(n=300)  # a hundredth of the weight is reached exactly
    low, high = (getattr(Inputs.of(X, np.ones(300))[0], side) for side in ("low", "high"))
    for unit in (1e-3, 0.1, 0.7):
        inputs, _ = Inputs.of(X, np.full(300, unit))
        assert_array_equal(inputs.low, low)
        assert_array_equal(inputs.high, high)
