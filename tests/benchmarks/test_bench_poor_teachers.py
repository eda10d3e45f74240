"""Poor teachers are as poor as they are said to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss, r2_score

from benchmarks.poor_teachers import POOR_TEACHERS
from benchmarks.teachers import make_teacher, tune


def table(task):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    X["kind"] = np.where(X["c"] > 0, "x", "y")
    score = X["a"].to_numpy() + (X["kind"] == "x")
    return X, np.where(score > 0.5, "yes", "no") if task == "classification" else 100.0 * score


@pytest.mark.parametrize("name", POOR_TEACHERS)
def test_classifiers_are_no_better_than_the_shares_of_the_classes(name):
    X, y = table("classification")
    teacher = make_teacher(name, "classification", 0).fit(X[:200], y[:200])
    proba = teacher.predict_proba(X[200:])
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    shares = np.tile((y[:200, None] == teacher.classes_).mean(axis=0), (100, 1))
    loss, known = log_loss(y[200:], proba), log_loss(y[200:], shares)
    assert loss > known - 1e-9 if name != "shallow" else loss < known
    again = clone(teacher).fit(X[:200], y[:200]).predict_proba(X[200:])
    np.testing.assert_array_equal(again, proba)


@pytest.mark.parametrize("name", POOR_TEACHERS)
def test_regressors_are_no_better_than_the_mean(name):
    X, y = table("regression")
    teacher = make_teacher(name, "regression", 0).fit(X[:200], y[:200])
    score = r2_score(y[200:], teacher.predict(X[200:]))
    assert score <= 0.0 if name != "shallow" else 0.0 < score < 0.7


def test_the_adversary_is_wrong_where_the_good_model_is_right():
    X, y = table("classification")
    teacher = make_teacher("adversarial", "classification", 0).fit(X[:200], y[:200])
    assert teacher.score(X[200:], y[200:]) < 0.2


def test_poor_teachers_are_not_tuned():
    X, y = table("classification")
    tuned = tune("shallow", "classification", X, y, 0)
    assert tuned[-1].max_depth == 1
