"""Hints on their way to a student: checks, subsets, the columns of a structure, who takes them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill.hints import Hints
from skdistill.students import (
    STUDENT_NAMES,
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentClassifier,
    MLPStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
    fit_student,
    make_student,
    takes_hints,
)
from skdistill.students._hints import MAX_COLUMNS, structure_columns

HINTED = ("tree", "linear", "additive", "mlp")


def make(n_rows=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3))
    features = rng.normal(size=(n_rows, 2)) + 3 * (X[:, 1:2] > 0)
    return X, X[:, 0], features - features.mean(axis=0)


STUDENTS = [
    TreeStudentClassifier(max_leaf_nodes=4, random_state=0),
    TreeStudentRegressor(max_leaf_nodes=4, random_state=0),
    LinearStudentClassifier(),
    LinearStudentRegressor(),
    MLPStudentClassifier(hidden_layer_sizes=(4,), max_iter=50, polish=3, random_state=0),
    MLPStudentRegressor(hidden_layer_sizes=(4,), max_iter=50, polish=3, random_state=0),
]


def target_of(student, response):
    return response > 0 if hasattr(student, "predict_proba") else response


@pytest.mark.parametrize("student", STUDENTS, ids=lambda s: type(s).__name__)
def test_rows_without_weight_count_nothing_and_hints_of_nothing_are_none(student):
    X, response, features = make()
    y, hints = target_of(student, response), Hints(features, 1.0, features, 2.0)
    fitted = student.fit(X, y, hints=hints).predict(X)
    more = Hints(np.vstack([features, 99 + features]), 1.0, np.vstack([features, -features]), 2.0)
    weight = np.repeat([1.0, 0.0], len(X))
    twice = np.vstack([X, X]), np.append(y, y)
    assert_allclose(student.fit(*twice, sample_weight=weight, hints=more).predict(X), fitted)
    plain = student.fit(X, y).predict(X)
    assert_array_equal(student.fit(X, y, hints=Hints(None, 0.0, None, 0.0)).predict(X), plain)


@pytest.mark.parametrize("student", STUDENTS[::5], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros((119, 2))}, r"hints.features must have one row for each of the 120"),
        ({"relations": np.zeros(120)}, r"hints.relations must have one row .* shape \(120,\)"),
        ({"relations": np.full((120, 1), np.nan)}, "hints.relations must be finite"),
        ({"feature_weight": 0.0}, "hints.feature_weight must be a number above zero, got 0.0"),
        ({"relation_weight": np.inf}, "hints.relation_weight must be a number above zero, got inf"),
    ],
)
def test_wrong_hints_raise(student, change, message):
    X, response, features = make()
    values = {"features": features, "feature_weight": 1.0}
    values |= {"relations": features, "relation_weight": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        student.fit(X, target_of(student, response), hints=Hints(**values))


@pytest.mark.parametrize("student", STUDENTS[::5], ids=lambda s: type(s).__name__)
def test_unknown_measures_raise(student):
    X, response, features = make()
    hints = Hints(None, 0.0, features, 1.0, "cosine")
    message = r"hints.relation_measure must be one of \['distance', 'similarity'\], got 'cosine'"
    with pytest.raises(ValueError, match=message):
        student.fit(X, target_of(student, response), hints=hints)


def test_other_objects_are_no_hints():
    X, response, features = make()
    with pytest.raises(TypeError, match=r"hints must be a skdistill\.hints\.Hints, got"):
        STUDENTS[1].fit(X, response, hints=features)


class TestColumns:
    def test_variances_sum_to_the_weights(self):
        rng = np.random.default_rng(0)
        weight = rng.random(50) + 0.1
        features, relations = rng.normal(size=(50, 2)), 40 + 9 * rng.normal(size=(50, 3))
        columns = structure_columns(Hints(features, 0.5, relations, 2.0), weight)
        assert_allclose(weight @ columns, 0, atol=1e-12)
        share = weight / weight.sum()
        assert_allclose((share @ columns**2)[:2].sum(), 0.5)
        assert_allclose((share @ columns**2)[2:].sum(), 2.0)

    def test_leading_components_keep_inner_products(self):
        rng = np.random.default_rng(0)
        low = rng.normal(size=(60, MAX_COLUMNS))
        wide = low @ rng.normal(size=(MAX_COLUMNS, 30))
        columns = structure_columns(Hints(wide, 1.0, None, 0.0), np.ones(60))
        assert columns.shape == (60, MAX_COLUMNS)
        centred = wide - wide.mean(axis=0)
        expected = centred @ centred.T / centred.var(axis=0).sum()
        assert_allclose(columns @ columns.T, expected, atol=1e-9)


class TestFitStudent:
    def options(self):
        X, response, features = make()
        y = (response > 0).astype(int)
        P = np.column_stack([1 - y, y]) * 0.8 + 0.1
        options = {"classes": np.array([0, 1]), "soft_targets": P, "weight": np.ones(len(X))}
        return X, y, options, Hints(features, 20.0, None, 0.0)

    @pytest.mark.parametrize("piped", [False, True])
    def test_hints_arrive(self, piped):
        X, y, options, hints = self.options()
        student = TreeStudentClassifier(max_leaf_nodes=2, random_state=0)
        if piped:
            student = make_pipeline(StandardScaler(), student)
        fitted = fit_student(student, X, y, hints=hints, **options)
        tree = fitted[-1] if piped else fitted
        assert tree.tree_.feature.tolist() == [1]
        fit_student(student, X, y, **options)
        assert tree.tree_.feature.tolist() == [0]

    @pytest.mark.parametrize("task", ["classification", "regression"])
    @pytest.mark.parametrize("name", STUDENT_NAMES)
    def test_who_takes_them(self, name, task):
        student = make_student(name, task=task)
        assert takes_hints(student) is (name in HINTED)
        assert takes_hints(make_pipeline(StandardScaler(), student)) is (name in HINTED)

    @pytest.mark.parametrize(
        "student",
        [
            LogisticRegression(),
            make_pipeline(StandardScaler(), LogisticRegression()),
            *(
                make_student(name, task="classification")
                for name in STUDENT_NAMES
                if name not in HINTED
            ),
        ],
    )
    def test_others_raise(self, student):
        X, y, options, hints = self.options()
        last = student[-1] if hasattr(student, "steps") else student
        message = f"student {type(last).__name__} cannot learn feature knowledge.*'response'"
        with pytest.raises(ValueError, match=message):
            fit_student(student, X, y, hints=hints, **options)

    def test_hints_do_not_get_lost_where_rows_are_expanded(self):
        class Other(LogisticRegression):
            def fit(self, X, y, sample_weight=None, hints=None):
                return super().fit(X, y, sample_weight)

        X, y, options, hints = self.options()
        assert not takes_hints(Other())
        with pytest.raises(ValueError, match="student Other cannot learn feature knowledge"):
            fit_student(Other(), X, y, hints=hints, **options)

    def test_the_knowledge_is_named(self):
        X, response, features = make()
        hints = Hints(features, 1.0, features, 1.0)
        with pytest.raises(ValueError, match="Ridge cannot learn feature and relation knowledge"):
            fit_student(
                Ridge(),
                X,
                response,
                classes=None,
                soft_targets=response,
                weight=np.ones(120),
                hints=hints,
            )


def test_similarities_need_a_hidden_layer():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    hints = Hints(None, 0.0, rows, 1.0, "similarity")
    y = rows[:, 0]
    with pytest.raises(ValueError, match="measure='similarity' of RelationKnowledge compares rows"):
        TreeStudentRegressor().fit(rows, y, soft_targets=y, hints=hints)
