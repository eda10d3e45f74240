"""Every student's form means what the student predicts."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xgboost as xgb
from form_evaluator import evaluate_rows
from random_students import FAMILIES, TABLES, TASKS, make_student, make_table, make_target
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skdistill import DistilledClassifier
from skdistill.exceptions import ExportError
from skdistill.export import to_onnx, to_python
from skdistill.export._lowering import lower, unwrap
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.students import (
    AdditiveStudentClassifier,
    BoostingStudentClassifier,
    BoostingStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    PrunedStudentClassifier,
    PrunedStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

ROWS_LIMIT = 400


def check_form(student, X=None):
    """Compare the form with the student, on every edge."""
    form = lower(student)
    rows = probe_rows(form, X)
    rows = rows[:: max(1, len(rows) // ROWS_LIMIT)]
    outputs = evaluate_rows(form, rows)
    check_parity(student, rows, outputs, tolerance=1e-13, target="lowered")
    return form


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("n_classes", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_form_predicts_what_the_student_does(family, n_classes, table):
    student = make_student(family, n_classes, table)
    form = check_form(student, make_table(table))
    assert form.name == type(student).__name__
    assert len(form.inputs) == student.n_features_in_
    if n_classes:
        assert form.classes == tuple(student.classes_.tolist())
    else:
        assert form.classes is None


@pytest.mark.parametrize("backend", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("n_classes", TASKS)
def test_both_backends_of_boosting(backend, n_classes):
    X = make_table("frame", seed=3)
    y = make_target(X, n_classes, seed=3)
    student = BoostingStudentClassifier if n_classes else BoostingStudentRegressor
    check_form(student(backend=backend, max_total_leaves=40, random_state=0).fit(X, y), X)


@pytest.mark.parametrize("kind", ["forest", "xgboost", "lightgbm"])
@pytest.mark.parametrize("n_classes", TASKS)
def test_pruned_from_trees_of_any_library(kind, n_classes):
    X = make_table("numbers", seed=4)
    y = make_target(X, n_classes, seed=4)
    if n_classes:
        y = np.unique(y, return_inverse=True)[1]
    teachers = {
        "forest": (RandomForestClassifier, RandomForestRegressor, {}),
        "xgboost": (xgb.XGBClassifier, xgb.XGBRegressor, {"n_jobs": 1}),
        "lightgbm": (lgb.LGBMClassifier, lgb.LGBMRegressor, {"n_jobs": 1, "verbosity": -1}),
    }
    classifier, regressor, settings = teachers[kind]
    make = classifier if n_classes else regressor
    teacher = make(n_estimators=8, max_depth=4, random_state=0, **settings).fit(X, y)
    soft = teacher.predict_proba(X) if n_classes else teacher.predict(X).astype(float)
    make = PrunedStudentClassifier if n_classes else PrunedStudentRegressor
    student = make(max_total_leaves=30, random_state=0)
    check_form(student.fit(X, y, soft_targets=soft, teacher=teacher), X)


def test_pruned_from_a_teacher_that_splits_sets_of_levels():
    X = make_table("frame", seed=5).iloc[:, [0, 7]]
    X.columns = ["a", "b"]
    y = make_target(X, 2, seed=5)
    teacher = lgb.LGBMClassifier(
        n_estimators=8, num_leaves=6, min_data_per_group=5, cat_smooth=1.0, n_jobs=1, verbosity=-1
    ).fit(X, y)
    student = PrunedStudentClassifier(max_total_leaves=30, random_state=0)
    student.fit(X, y, soft_targets=teacher.predict_proba(X), teacher=teacher)
    check_form(student, X)


@pytest.mark.parametrize("family", FAMILIES)
def test_integer_categories_are_looked_up_by_value(family):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"code": pd.Categorical(rng.choice([3, 10, 2**40, -7], 200)), "x": 0.0})
    X["x"] = rng.normal(size=200)
    y = (X["code"].isin([10, -7]) ^ (rng.random(200) < 0.1)).astype(int)
    student = make_student(family, 2, "numbers")
    student = type(student)(**student.get_params()).fit(X, y)
    form = check_form(student)
    assert form.inputs[0].levels is None  # numbers, not strings
    rows = np.array([[10, 0.0], [10.5, 0.0], [None, 0.0], [2**40, 0.0], [-8, 0.0]], dtype=object)
    check_parity(student, rows, evaluate_rows(form, rows), tolerance=1e-13, target="lowered")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_column_without_a_value(family):
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.normal(size=150), np.full(150, np.nan)])
    student = make_student(family, 2, "numbers")
    student = type(student)(**student.get_params()).fit(X, (X[:, 0] > 0.1).astype(int))
    form = check_form(student)
    rows = np.array([[0.0, None], [0.0, 5.0], [None, None]], dtype=object)
    check_parity(student, rows, evaluate_rows(form, rows), tolerance=1e-13, target="lowered")


def test_a_single_leaf():
    X, y = np.zeros((30, 2)), np.repeat([0, 1, 2], 10)
    for student in (TreeStudentClassifier(), TreeStudentRegressor(), PrunedStudentRegressor()):
        check_form(student.fit(X, y))


def test_columns_that_no_split_reads_take_any_value():
    X = make_table("numbers")
    student = TreeStudentClassifier(max_leaf_nodes=2).fit(X, (X[:, 1] > 0).astype(int))
    form = lower(student)
    assert [column.used for column in form.inputs] == [False, True, False, False]


@pytest.mark.parametrize("make", [LinearStudentClassifier, LinearStudentRegressor])
def test_linear_students_of_sparse_rows(make):
    rng = np.random.default_rng(2)
    X = sp.random(200, 12, density=0.3, format="csr", random_state=0)
    y = (X @ rng.normal(size=12) > 0).astype(int)
    student = make(alpha=0.01).fit(X, y)
    check_form(student, X)


def test_boosting_students_of_sparse_rows():
    X = sp.random(300, 6, density=0.4, format="csr", random_state=0)
    y = (X.toarray()[:, 0] > 0.2).astype(int)
    settings = {"max_total_leaves": 20, "random_state": 0}
    check_form(BoostingStudentClassifier(**settings).fit(X, y), X)
    student = BoostingStudentClassifier(backend="xgboost", **settings).fit(X, y)
    with pytest.raises(ExportError, match=r"X\.toarray\(\)"):
        lower(student)


def test_pairs_of_an_additive_student():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    student = AdditiveStudentClassifier(n_pairs=1, max_bins=8, alpha=1e-3, random_state=0).fit(X, y)
    form = check_form(student, X)
    assert max(len(table.axes) for table in form.scorer.tables) == 2


def test_distilled_estimators_are_unwrapped():
    X = make_table("numbers")
    y = (X[:, 0] > 0).astype(int)
    teacher = RandomForestClassifier(5, random_state=0).fit(X, y)
    distilled = DistilledClassifier(teacher, student="linear", augment=None, cv=2, random_state=0)
    distilled.fit(X, y)
    assert unwrap(distilled) is distilled.student_
    student = make_student("tree", 2, "numbers")
    assert unwrap(student) is student


class OwnTree(TreeStudentClassifier):
    """What may predict something else than the tree it holds."""

    def predict(self, X):
        return super().predict(X)[::-1]


def test_derived_classes_are_refused(tmp_path):
    X = make_table("numbers")
    student = OwnTree().fit(X, X[:, 0] > 0)
    with pytest.raises(TypeError, match=r"OwnTree, and must be one of .* may predict something"):
        unwrap(student)
    for export, name in ((to_python, "own.py"), (to_onnx, "own.onnx")):
        with pytest.raises(TypeError, match="OwnTree"):
            export(student, tmp_path / name)


def whole_numbers(first):
    codes = np.arange(160) % 4
    X = pd.DataFrame({"size": np.sin(np.arange(160)), "id": pd.Categorical(first + codes)})
    return X, codes % 2


@pytest.mark.parametrize("family", ["tree", "linear", "additive", "boosting"])
@pytest.mark.parametrize("first", [2**60, -(2**60), 2**53])
def test_levels_that_floats_do_not_hold_are_refused(family, first):
    X, y = whole_numbers(first)
    student = clone(make_student(family, 2, "numbers")).fit(X, y)
    with pytest.raises(ExportError, match=r"'id' has the level .*turn the column into strings"):
        lower(student)
    as_strings = X.assign(id=X["id"].astype(str))
    check_form(clone(student).fit(as_strings, y), as_strings)


@pytest.mark.parametrize("family", ["tree", "linear", "additive", "boosting"])
def test_the_largest_levels_that_floats_hold(family):
    for first in (2**53 - 4, 1 - 2**53):
        X, y = whole_numbers(first)
        check_form(clone(make_student(family, 2, "numbers")).fit(X, y), X)


def test_what_is_no_student_is_refused():
    with pytest.raises(TypeError, match="LogisticRegression"):
        unwrap(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(NotFittedError):
        unwrap(TreeStudentClassifier())
