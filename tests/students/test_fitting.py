"""One function fits every kind of student, and one makes it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skdistill import students
from skdistill.losses import softmax
from skdistill.students import (
    STUDENT_NAMES,
    LinearStudentClassifier,
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
    fit_student,
    make_student,
)

CLASSES = np.array([0, 1, 2])


def make(n=90, seed=0):
    rng = check_random_state(seed)
    X = rng.normal(size=(n, 3))
    return X, rng.randint(3, size=n), softmax(2 * X), rng.uniform(0.5, 2, n)


class TestFit:
    @pytest.mark.parametrize("routing", [False, True])
    @pytest.mark.parametrize("student", [TreeStudentClassifier(), LinearStudentClassifier()])
    def test_built_in_students_get_everything(self, student, routing):
        X, y, P, weight = make()
        options = {"temperature": 3.0, "hard_label_weight": 0.3}
        student = student.set_params(**({"random_state": 0} if "Tree" in repr(student) else {}))
        expected = student.fit(
            X, y, sample_weight=weight, soft_targets=P, classes=CLASSES, **options
        ).predict_proba(X)
        for estimator in (make_student(student, task="classification"), make_pipeline(student)):
            with config_context(enable_metadata_routing=routing):
                fitted = fit_student(
                    estimator, X, y, classes=CLASSES, soft_targets=P, weight=weight, **options
                )
            assert fitted is estimator
            assert_allclose(fitted.predict_proba(X), expected)

    def test_other_classifiers_learn_the_mixture(self):
        X, y, P, weight = make()
        model = fit_student(
            LogisticRegression(tol=1e-8),
            X,
            y,
            classes=CLASSES,
            soft_targets=P,
            weight=weight,
            hard_label_weight=np.linspace(0, 1, len(X)),
        )
        built_in = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-9).fit(
            X, y, weight, soft_targets=P, hard_label_weight=np.linspace(0, 1, len(X))
        )
        assert_allclose(model.coef_, built_in.coef_, atol=1e-5)

    def test_without_soft_targets_it_is_a_plain_fit(self):
        X, y, _, weight = make()
        options = {"classes": CLASSES, "soft_targets": None, "weight": weight}
        expected = LogisticRegression().fit(X, y, weight).coef_
        assert_allclose(
            fit_student(LogisticRegression(), X, y, **options).coef_, expected, rtol=1e-5
        )
        tree = fit_student(TreeStudentClassifier(random_state=0), X, y, **options)
        alone = TreeStudentClassifier(random_state=0).fit(X, y, weight)
        assert_allclose(tree.predict_proba(X), alone.predict_proba(X))
        options["weight"] = np.ones(len(X))
        assert fit_student(KNeighborsClassifier(1), X, y, **options).score(X, y) == 1.0

    @pytest.mark.parametrize(
        "estimator",
        [
            # With fixed settings, which students else choose on the true values alone.
            LinearStudentRegressor(alpha=1.0),
            LinearRegression(),
            TreeStudentRegressor(min_samples_leaf=5, shrinkage=1, ccp_alpha=0, random_state=0),
        ],
        ids=repr,
    )
    def test_regressors_learn_the_mixed_values(self, estimator):
        X, y, P, weight = make()
        options = {"classes": None, "soft_targets": P[:, 0], "weight": weight}
        for model in (estimator, make_pipeline(StandardScaler(), estimator)):
            fit_student(model, X, y, hard_label_weight=0.25, **options)
            mixed = model.predict(X)
            options_hard = options | {"soft_targets": None}
            fit_student(model, X, 0.25 * y + 0.75 * P[:, 0], **options_hard)
            assert_allclose(mixed, model.predict(X))

    def test_regressors_without_weights(self):
        X, y, P, weight = make()
        options = {"classes": None, "soft_targets": P[:, 0]}
        model = fit_student(KNeighborsRegressor(1), X, y, weight=np.full(len(X), 0.5), **options)
        assert_allclose(model.predict(X), P[:, 0])
        with pytest.raises(ValueError, match=r"KNeighborsRegressor .* give rows of equal weight"):
            fit_student(KNeighborsRegressor(), X, y, weight=weight, **options)

    def test_temperature_is_refused_where_it_would_flatten(self):
        X, y, P, weight = make()
        options = {"soft_targets": P, "weight": weight, "temperature": 2.0}
        with pytest.raises(ValueError, match="temperature must be 1 for student RandomForest"):
            fit_student(RandomForestClassifier(), X, y, classes=CLASSES, **options)
        with pytest.raises(ValueError, match=r"temperature must be 1 for regression, got 2\.0"):
            fit_student(LinearStudentRegressor(), X, y, classes=None, **options)


class TestMake:
    @pytest.mark.parametrize("name", STUDENT_NAMES)
    def test_names_give_default_students(self, name):
        for task, kind in (("classification", "Classifier"), ("regression", "Regressor")):
            student = make_student(name, task=task)
            assert student.get_params() == type(student)().get_params()
            assert type(student).__name__.lower() == f"{name}student{kind}".lower()
            assert type(student).__name__ in students.__all__

    def test_estimators_are_cloned(self):
        given = make_pipeline(PCA(2), TreeStudentClassifier(max_leaf_nodes=3))
        made = make_student(given, task="classification")
        assert made is not given
        assert made[-1].max_leaf_nodes == 3

    @pytest.mark.parametrize(
        ("student", "error", "message"),
        [
            ("forest", ValueError, r"student must be one of \['tree', 'linear', .*'forest'"),
            (TreeStudentClassifier, TypeError, r"give an instance: TreeStudentClassifier\(\)"),
            (3, TypeError, r"student must be an estimator or one of \['tree'"),
            (None, TypeError, "got None"),
            (TreeStudentRegressor(), ValueError, "must be a classifier for classification, got T"),
            (make_pipeline(LinearRegression()), ValueError, "got LinearRegression; give a class"),
        ],
    )
    def test_what_is_no_student_is_told(self, student, error, message):
        with pytest.raises(error, match=message):
            make_student(student, task="classification")

    def test_the_other_task_is_told(self):
        with pytest.raises(ValueError, match=r"regressor for regression, .* DistilledClassifier"):
            make_student(LogisticRegression(), task="regression")
        with pytest.raises(ValueError, match="task must be one of"):
            make_student("tree", task="ranking")
