"""The measures and the table that the commands print."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, r2_score
from sklearn.preprocessing import scale

from skdistill.cli._measure import (
    aligned_proba,
    format_table,
    measure_classifier,
    measure_regressor,
)

X, Y = scale(load_iris().data), load_iris().target


def test_a_classifier_is_measured_against_truth_and_teacher():
    classes = np.array(["a", "b", "c"])
    y = classes[Y]
    teacher = LogisticRegression().fit(X, y).predict_proba(X)
    model = LogisticRegression(C=1e-3).fit(X, y)
    row = measure_classifier(model.predict_proba, X, y, classes, teacher)
    assert row["accuracy"] == model.score(X, y)
    assert row["log_loss"] == pytest.approx(log_loss(y, model.predict_proba(X)))
    same = model.predict(X) == classes[teacher.argmax(axis=1)]
    assert row["agreement"] == pytest.approx(same.mean())
    assert row["us_per_row"] > 0


def test_a_class_that_a_student_never_saw_gets_no_probability():
    classes = np.array([0, 1, 2, 7])
    model = LogisticRegression().fit(X, np.where(Y == 0, 1, 7))
    P = aligned_proba(model, classes)(X)
    np.testing.assert_array_equal(P[:, [1, 3]], model.predict_proba(X))
    np.testing.assert_array_equal(P[:, [0, 2]], 0)
    whole = LogisticRegression().fit(X, Y)
    assert aligned_proba(whole, np.arange(3)) == whole.predict_proba


def test_a_regressor_is_measured_against_truth_and_teacher():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X[:, :3], y)
    teacher = LinearRegression().fit(X, y).predict(X)
    row = measure_regressor(lambda rows: model.predict(rows[:, :3]), X, y, teacher)
    prediction = model.predict(X[:, :3])
    assert row["r2"] == pytest.approx(model.score(X[:, :3], y))
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean((prediction - y) ** 2)))
    assert row["fidelity_r2"] == pytest.approx(r2_score(teacher, prediction))


def test_the_table_has_the_columns_that_any_row_has():
    table = format_table(
        {
            "teacher": {"accuracy": 0.9, "bytes": 1234567, "unknown": 1},
            "a longer name": {"accuracy": 0.12345, "bytes": None, "us_per_row": 1.26},
        }
    )
    assert table.split("\n") == [
        "               accuracy      bytes  µs/row",
        "-" * 42,
        "teacher          0.9000  1,234,567       -",
        "a longer name    0.1235          -     1.3",
    ]
    assert "nan" in format_table({"teacher": {"r2": float("nan")}})
