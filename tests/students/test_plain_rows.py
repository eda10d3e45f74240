"""Plain arrays skip the checks they would pass: the same answers and errors, one row as many."""

from __future__ import annotations

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError

from skdistill import students
from skdistill.students import BaseStudent, _base

QUICK = {
    "Tree": [{"max_leaf_nodes": 6, "refine": False}, {"max_leaf_nodes": 3, "leaf": "linear"}],
    "Linear": [{"alpha": 1.0}],
    "Additive": [{"alpha": 1.0, "n_pairs": 2}],
    "MLP": [
        {"hidden_layer_sizes": (4, 3), "alpha": 1.0, "max_iter": 30, "input_transform": transform}
        for transform in ("standard", "quantile")
    ],
    "Boosting": [{"reg_lambda": 1.0}, {"reg_lambda": 1.0, "backend": "xgboost"}],
    "Pruned": [{"max_total_leaves": 12}],
}
STUDENTS = [
    getattr(students, f"{family}Student{kind}")(**settings)
    for family, all_settings in QUICK.items()
    for settings in all_settings
    for kind in ("Classifier", "Regressor")
]
every_student = pytest.mark.parametrize("student", STUDENTS, ids=repr)


def make(n_classes=3, n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 3] = rng.integers(0, 3, n)  # never missing
    return X, rng.integers(0, n_classes, n)


def fit(student, n_classes=3):
    X, y = make(n_classes)
    seed = {"random_state": 0} if "random_state" in student.get_params() else {}
    return clone(student).set_params(**seed).fit(X, y)


def output(student, X):
    return student.predict_proba(X) if is_classifier(student) else student.predict(X)


@pytest.mark.parametrize(
    ("student", "n_classes"),
    [(s, n) for s in STUDENTS for n in ((2, 3) if is_classifier(s) else (3,))],
    ids=repr,
)
def test_one_row_is_as_one_of_many(student, n_classes):
    student = fit(student, n_classes)
    X, _ = make(seed=1)
    X = np.vstack([X, X[:4] * 1e3, np.full((1, 4), np.nan)])
    many = output(student, X)
    one = np.concatenate([output(student, row[None]) for row in X])
    assert one.dtype == many.dtype
    assert_allclose(one, many, rtol=1e-12, atol=1e-15)
    if is_classifier(student):
        labels = np.concatenate([student.predict(row[None]) for row in X])
        assert_array_equal(student.predict(X), labels)


def outcome(student, X):
    """Return what a student answers, or the error it raises."""
    try:
        return output(student, X)
    except (TypeError, ValueError, NotFittedError) as error:
        return type(error), str(error)


ROW = np.array([[0.5, -1.0, np.nan, 2.0]])


def make_matrix():
    with warnings.catch_warnings():  # NumPy no longer likes them
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.matrix(np.zeros((2, 4)))


QUESTIONABLE = {
    "too wide": np.ones((1, 5)),
    "too narrow": np.ones((3, 3)),
    "no columns": np.ones((3, 0)),
    "no rows": np.ones((0, 4)),
    "one dimension": np.ones(4),
    "three dimensions": np.ones((1, 4, 1)),
    "infinite": np.array([[0.0, np.inf, 0.0, 0.0]]),
    "one infinite of many": np.vstack([np.zeros((50, 4)), [[0.0, 0.0, 0.0, -np.inf]]]),
    "infinite and missing": np.array([[np.nan, np.inf, 0.0, 0.0]]),
    "huge": np.full((2, 4), 1e300),
    "complex": ROW + 1j,
    "strings": np.array([["a", "b", "c", "d"]]),
    "objects": np.array([[0.5, "b", None, 2.0]], dtype=object),
    "object numbers": ROW.astype(object),
    "list": ROW.tolist(),
    "integers": np.ones((2, 4), dtype=np.int64),
    "single precision": ROW.astype(np.float32),
    "another byte order": ROW.astype(">f8"),
    "matrix": make_matrix(),
    "masked": np.ma.masked_invalid(ROW),
    "sparse": sp.csr_matrix(np.eye(4)),
    "frame": pd.DataFrame(ROW),
    "by columns": np.asfortranarray(np.tile(ROW, (5, 1))),
    "not contiguous": np.tile(ROW, (5, 2))[::2, :4],
    "read only": np.lib.stride_tricks.as_strided(ROW, ROW.shape, ROW.strides, writeable=False),
    "scalar": 3.0,
    "None": None,
}


@every_student
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_all_else_is_checked_as_ever(student, monkeypatch):
    student = fit(student)
    found = {name: outcome(student, X) for name, X in QUESTIONABLE.items()}
    monkeypatch.setattr(BaseStudent, "_is_beyond_question", lambda self, X: False)
    for name, X in QUESTIONABLE.items():
        expected = outcome(student, X)
        if isinstance(expected, tuple):
            assert found[name] == expected, name
        else:
            assert_array_equal(found[name], expected, err_msg=name)
    refused = {"too wide", "too narrow", "no rows", "one dimension", "three dimensions", "infinite"}
    refused |= {"one infinite of many", "infinite and missing", "complex"}
    assert all(isinstance(found[name], tuple) for name in refused)


@every_student
def test_a_plain_row_is_not_checked_twice(student, monkeypatch):
    student = fit(student)
    expected = output(student, ROW)
    for check in ("validate_data", "check_is_fitted"):
        monkeypatch.setattr(_base, check, None)
    assert_array_equal(output(student, ROW), expected)


def test_names_and_categories_are_looked_at():
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = fit(STUDENTS[0]).fit(frame, y)
    with pytest.warns(UserWarning, match="valid feature names"):
        named.predict_proba(ROW)
    cells = X.astype(object)
    cells[:, 3] = np.array(["low", "high", "none"])[X[:, 3].astype(int)]
    for student in STUDENTS:
        fitted = clone(student).fit(cells, y)
        # A number is a level never seen.
        row = np.array([[0.5, -1.0, np.nan, "another"]], dtype=object)
        assert_array_equal(output(fitted, ROW), output(fitted, row))


def test_unfitted_students_say_so():
    for student in STUDENTS:
        with pytest.raises(NotFittedError):
            output(clone(student), ROW)


@every_student
def test_what_is_prepared_is_not_kept(student):
    student = fit(student)
    stored, attributes = pickle.dumps(student, protocol=5), dict(vars(student))
    expected = output(student, ROW), output(student, np.tile(ROW, (3, 1)))
    assert vars(student) == attributes
    assert len(pickle.dumps(student, protocol=5)) == len(stored)
    for other in (pickle.loads(stored), copy.copy(student), copy.deepcopy(student)):
        assert_array_equal(output(other, ROW), expected[0])
        assert_array_equal(output(other, np.tile(ROW, (3, 1))), expected[1])
    X, y = make(seed=5)
    fresh = clone(student).fit(X, y)
    assert_array_equal(output(student.fit(X, y), ROW), output(fresh, ROW))


@every_student
def test_threads_may_ask_first_together(student):
    student = fit(student)
    rows = list(make(seed=2)[0][:, None])
    expected = [output(student, row) for row in rows]
    again = pickle.loads(pickle.dumps(student))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: output(again, row), rows))
    assert_array_equal(found, expected)
