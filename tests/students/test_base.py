"""What all students promise: checked input, any labels, any container, nothing half done."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdistill.students import (
    LinearStudentClassifier,
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

# Trees with fixed settings: else they are chosen on the true labels, which then act by themselves.
FIXED = {"min_samples_leaf": 5, "shrinkage": 1, "ccp_alpha": 0, "random_state": 0}
CLASSIFIERS = [TreeStudentClassifier(**FIXED), LinearStudentClassifier(alpha=1.0)]
REGRESSORS = [TreeStudentRegressor(**FIXED), LinearStudentRegressor(alpha=1.0)]
every_classifier = pytest.mark.parametrize("student", CLASSIFIERS, ids=repr)
every_regressor = pytest.mark.parametrize("student", REGRESSORS, ids=repr)


def make(n=60, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    P = rng.dirichlet(np.exp(X @ rng.normal(size=3)).mean() * np.ones(n_classes), size=n)
    return X, np.arange(n) % n_classes, P


def mixed_frame(n=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=n),
            "town": rng.choice(["A", "B", "C"], size=n).astype(object),
            "rooms": rng.integers(0, 9, size=n),
        }
    )
    frame.loc[::7, "age"] = np.nan
    frame.loc[::9, "town"] = None
    y = np.where(frame["town"].eq("A") ^ (frame["rooms"] > 4), "yes", "no")
    return frame, y


class TestTargets:
    @every_classifier
    @pytest.mark.parametrize(
        "labels", [["b", "a", "c"], [True, False], [7, -1, 3], [1.0, 0.0], np.array([2, 1], "u1")]
    )
    def test_labels_of_any_kind_come_back_as_they_were(self, student, labels):
        labels = np.asarray(labels)
        X, codes, P = make(n_classes=len(labels))
        y = np.sort(labels)[codes]
        student = clone(student).fit(X, y, soft_targets=P, hard_label_weight=0.5)
        assert_array_equal(student.classes_, np.sort(labels))
        assert student.predict(X).dtype == y.dtype
        assert set(student.predict(X)) <= set(y)

    @every_classifier
    def test_classes_that_y_lacks_are_learned_from_the_teacher(self, student):
        X, _, P = make()
        student = clone(student).fit(X, np.full(60, "a"), soft_targets=P, classes=["a", "b", "c"])
        proba = student.predict_proba(X)
        assert_allclose(proba.sum(axis=1), 1.0)
        assert_allclose(proba.mean(axis=0), P.mean(axis=0), atol=1e-6)

    @every_classifier
    def test_probabilities_of_zero_and_one(self, student):
        X, y, _ = make()
        P = np.eye(3)[y]
        soft = clone(student).fit(X, y, soft_targets=P, temperature=3.0)
        assert np.isfinite(soft.predict_proba(X)).all()
        hard_only = clone(student).fit(X, y, soft_targets=P, hard_label_weight=1.0)
        assert_allclose(hard_only.predict_proba(X), clone(student).fit(X, y).predict_proba(X))

    @every_classifier
    def test_hard_label_weight_by_row(self, student):
        X, y, P = make()
        w = np.linspace(0, 1, len(y))
        by_row = clone(student).fit(X, y, soft_targets=P, hard_label_weight=w)
        mixed = (1 - w)[:, None] * P + w[:, None] * np.eye(3)[y]
        at_once = clone(student).fit(X, y, soft_targets=mixed)
        if isinstance(student, LinearStudentClassifier):
            assert_allclose(by_row.coef_, at_once.coef_, rtol=1e-6)
        else:
            assert_array_equal(by_row.tree_.threshold, at_once.tree_.threshold)

    @every_regressor
    def test_values_mix(self, student):
        X, _, P = make()
        y, teacher = P[:, 0], P[:, 1]
        mixed = clone(student).fit(X, y, soft_targets=teacher, hard_label_weight=0.25)
        expected = clone(student).fit(X, 0.25 * y + 0.75 * teacher)
        assert_allclose(mixed.predict(X), expected.predict(X), rtol=1e-12)


class TestContainers:
    @every_classifier
    def test_frames_of_pandas_polars_and_objects_agree(self, student):
        frame, y = mixed_frame()
        fitted = clone(student).fit(frame, y)
        expected = fitted.predict_proba(frame)
        assert fitted.score(frame, y) > 0.6
        cells = {name: [None if pd.isna(v) else v for v in frame[name]] for name in frame}
        for other in (pl.DataFrame(cells), frame.to_numpy(dtype=object)):
            assert_array_equal(clone(student).fit(other, y).predict_proba(other), expected)

    @every_classifier
    def test_levels_never_seen_and_new_missing_values(self, student):
        frame, y = mixed_frame()
        fitted = clone(student).fit(frame, y)
        frame["town"] = "elsewhere"
        frame["rooms"] = np.nan
        proba = fitted.predict_proba(frame)
        assert np.isfinite(proba).all()
        assert_allclose(proba.sum(axis=1), 1.0)

    @every_classifier
    def test_names_are_checked(self, student):
        frame, y = mixed_frame()
        fitted = clone(student).fit(frame, y)
        assert_array_equal(fitted.feature_names_in_, frame.columns)
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(frame.rename(columns={"age": "years"}))

    @pytest.mark.parametrize("student", CLASSIFIERS + REGRESSORS, ids=repr)
    def test_fewer_rows_than_columns_and_constant_columns(self, student):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.normal(size=(8, 20)), np.full(8, 5.0), np.zeros(8)])
        fitted = clone(student).fit(X, np.arange(8) % 2)
        assert np.isfinite(fitted.predict(X)).all()

    @pytest.mark.parametrize("student", CLASSIFIERS + REGRESSORS, ids=repr)
    def test_rows_of_zero_weight_do_not_act(self, student):
        frame, y = mixed_frame()
        y = (y == "yes").astype(int)
        weight = np.ones(len(y))
        weight[frame["town"].eq("B")] = 0.0
        kept = weight > 0
        weighted = clone(student).fit(frame, y, sample_weight=weight)
        dropped = clone(student).fit(frame[kept], y[kept])
        assert_allclose(weighted.predict(frame), dropped.predict(frame), rtol=1e-9)

    def test_pickles_are_small_and_whole(self):
        frame, y = mixed_frame()
        for student in CLASSIFIERS:
            fitted = clone(student).fit(frame, y)
            copy = pickle.loads(pickle.dumps(fitted))
            assert_array_equal(copy.predict_proba(frame), fitted.predict_proba(frame))
            assert fitted.nbytes_ < 4000


class TestErrors:
    @every_classifier
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"temperature": 0.5}, "temperature must be a finite number >= 1"),
            ({"temperature": np.nan}, "temperature must be a finite number"),
            ({"hard_label_weight": 1.5}, "hard_label_weight must be a finite number"),
            ({"hard_label_weight": np.full(60, -0.1)}, r"hard_label_weight must be .* in \[0, 1\]"),
            ({"hard_label_weight": np.zeros(3)}, "one for each of the 60 rows"),
            ({"soft_targets": np.full((60, 3), np.nan)}, "soft_targets contains NaN"),
            ({"soft_targets": np.ones((60, 3))}, "row 0 sums to 3"),
            ({"soft_targets": np.full((60, 2), 0.5)}, "2 columns where there are 3 classes"),
            ({"soft_targets": np.full((5, 3), 1 / 3)}, "5 rows where there are 60 samples"),
            ({"soft_targets": None, "temperature": 2.0}, "no effect without them"),
            ({"soft_targets": None, "hard_label_weight": 0.5}, "no effect without them"),
            ({"classes": [2, 1, 0]}, "classes must be sorted"),
            ({"classes": [0, 1]}, r"y has labels \[2\] that classes does not list"),
            ({"sample_weight": np.zeros(60)}, "zero everywhere|one non-zero"),
            ({"y": np.zeros(60)}, "y has one class"),
            ({"y": None}, "requires y"),
            ({"y": np.full(60, np.nan)}, "y contains NaN"),
        ],
    )
    def test_bad_input_is_named_and_changes_nothing(self, student, change, message):
        X, y, P = make()
        student = clone(student).fit(X, y)
        before, proba = dict(vars(student)), student.predict_proba(X)
        arguments = {"y": y, "soft_targets": P} | change
        with pytest.raises(ValueError, match=message):
            student.fit(X[:, :2], **arguments)
        assert vars(student) == before
        assert_array_equal(student.predict_proba(X), proba)

    @every_classifier
    def test_a_first_fit_that_fails_leaves_the_student_unfitted(self, student):
        X, _, _ = make()
        student = clone(student)
        with pytest.raises(ValueError, match="y has one class"):
            student.fit(X, np.zeros(60))
        with pytest.raises(NotFittedError):
            student.predict(X)

    @every_regressor
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"soft_targets": np.zeros(5)}, "5 values where there are 60 samples"),
            ({"soft_targets": np.full(60, np.inf)}, "soft_targets contains infinity"),
            ({"hard_label_weight": 0.5}, "no effect without them"),
            ({"y": None}, "requires y"),
        ],
    )
    def test_bad_values_are_named(self, student, change, message):
        X, y, _ = make()
        with pytest.raises(ValueError, match=message):
            clone(student).fit(X, **({"y": y.astype(float)} | change))

    @pytest.mark.parametrize("student", CLASSIFIERS + REGRESSORS, ids=repr)
    def test_rows_can_be_checked_without_a_fit(self, student):
        student = clone(student)
        student.check_rows(mixed_frame()[0])
        assert not hasattr(student, "n_features_in_")
        with pytest.raises(ValueError, match="infinity"):
            student.check_rows(np.array([[np.inf]]))

    @pytest.mark.parametrize("student", CLASSIFIERS + REGRESSORS, ids=repr)
    def test_an_empty_frame_is_refused(self, student):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            clone(student).fit(pd.DataFrame({"x": []}), [])
