"""Distilled estimators inside scikit-learn: clone, searches, caches, weights, routing, seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledClassifier
from skdistill.students import STUDENT_NAMES, TreeStudentClassifier


@pytest.fixture(scope="module")
def cancer() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def forest(cancer: Any) -> RandomForestClassifier:
    return RandomForestClassifier(20, random_state=0).fit(*cancer)


def test_clone_keeps_a_fitted_teacher_and_unfits_nothing(cancer: Any, forest: Any) -> None:
    X, y = cancer
    distilled = DistilledClassifier(forest, search_budget=0, random_state=0).fit(X, y)
    copy = clone(distilled)
    assert copy.teacher is forest
    assert not hasattr(copy, "student_")
    nested = clone(make_pipeline(StandardScaler(), distilled))
    assert nested[-1].teacher is forest
    unfitted = RandomForestClassifier(5)
    assert clone(DistilledClassifier(unfitted)).teacher is not unfitted
    several = clone(DistilledClassifier([forest, unfitted]))
    assert several.teacher[0] is forest


def test_grid_search_over_everything_with_a_fitted_teacher(
    cancer: Any, forest: Any, tmp_path: Any
) -> None:
    X, y = cancer
    grid = {
        "temperature": [1.0, 3.0],
        "hard_label_weight": [0.0, 0.5],
        "augment": [None, "munge"],
        "student": [TreeStudentClassifier(refine=False, min_samples_leaf=5, shrinkage=0.0)],
        "student__max_leaf_nodes": [4, 8],
    }
    base = DistilledClassifier(
        forest, random_state=0, cv=2, memory=str(tmp_path), size_factor=1.0, search_budget=0
    )
    search = GridSearchCV(base, grid, cv=2, scoring="neg_log_loss").fit(X, y)
    assert search.best_estimator_.teacher is forest
    assert len(set(search.cv_results_["mean_test_score"])) > 4
    assert search.best_estimator_.student_.n_leaves_ in (4, 8)
    names = GridSearchCV(base, {"student": ["tree", "linear"]}, cv=2).fit(X, y)
    assert names.best_params_["student"] in ("tree", "linear")


def test_memory_answers_the_second_fit(cancer: Any, forest: Any, tmp_path: Any) -> None:
    X, y = cancer
    distilled = DistilledClassifier(
        forest, memory=str(tmp_path), random_state=0, cv=3, search_budget=0
    )
    first = distilled.fit(X, y).distillation_
    assert (first.teacher_rows_scored, first.teacher_fits) == (len(X) * 6, 3)
    second = distilled.set_params(student="linear", temperature=2.0).fit(X, y).distillation_
    assert (second.teacher_rows_scored, second.teacher_fits) == (0, 0)


def test_cross_validation_calibration_and_routing(cancer: Any, forest: Any) -> None:
    import sklearn

    X, y = cancer
    distilled = DistilledClassifier(forest, random_state=0, augment=None, cv=2, search_budget=0)
    assert cross_validate(distilled, X, y, cv=2)["test_score"].min() > 0.8
    calibrated = CalibratedClassifierCV(distilled, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.9
    weight = np.where(y == 1, 1.0, 0.0) + 1e-3
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(distilled).set_params(teacher=LogisticRegression())
        routed.set_fit_request(sample_weight=True)
        routed.set_score_request(sample_weight=True)
        scores = cross_validate(
            routed,
            X,
            y,
            cv=2,
            params={"sample_weight": weight},
            return_estimator=True,
        )
        piped = make_pipeline("passthrough", routed).fit(X, y, sample_weight=weight)
    shares = [np.mean(fitted.predict(X) == 1) for fitted in [piped, *scores["estimator"]]]
    assert min(shares) > 0.8  # the weighted class is predicted far more often than its .63


def test_sample_weight_reaches_teacher_and_student(cancer: Any) -> None:
    X, y = cancer
    kept = np.arange(len(X)) % 3 > 0
    distilled = DistilledClassifier(
        LogisticRegression(),
        teacher_labels="in_sample",
        augment=None,
        search_budget=0,
        random_state=0,
    )
    weighted = clone(distilled).fit(X, y, sample_weight=kept.astype(float))
    removed = clone(distilled).fit(X[kept], y[kept])
    # As near as the solver of the teacher comes to its optimum.
    np.testing.assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("student", STUDENT_NAMES)
def test_same_seed_same_result_for_any_number_of_jobs(student: str, cancer: Any) -> None:
    X, y = cancer
    teacher = RandomForestClassifier(5)  # has no seed of its own
    settings = {
        "student": student,
        "random_state": 3,
        "cv": 2,
        "size_factor": 1.0,
        "search_budget": 0,
    }
    one = DistilledClassifier(teacher, **settings).fit(X, y).predict_proba(X)
    two = DistilledClassifier(teacher, n_jobs=2, **settings).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(one, two)
    other = DistilledClassifier(teacher, **{**settings, "random_state": 4}).fit(X, y)
    assert not np.array_equal(one, other.predict_proba(X))
