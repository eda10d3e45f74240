"""What an estimator answers by the student that its search has found."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdistill._compat import check_sample_weight, clone_keeping
from skdistill._learning import answer
from skdistill._problem import as_table
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.search._grid import list_families
from skdistill.students import make_student
from skdistill.teachers import Teacher, find_task, keep_fitted


def _classifies(search: Any) -> bool:
    if find_task(search.teacher) != "classification":
        raise AttributeError("The teacher is a regressor: there is no predict_proba.")
    return True


class FoundStudent(MetaEstimatorMixin, BaseEstimator):
    """An estimator of either task, as its teacher is, that answers by the fitted `student_`."""

    teacher: Any
    students: Any
    student_: Any
    teacher_: Teacher
    classes_: np.ndarray

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the student.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels, or values for regression.
        """
        check_is_fitted(self, "student_")
        return np.asarray(self.student_.predict(as_table(X)))

    @available_if(_classifies)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities with the student; regressors have no such method.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        check_is_fitted(self, "student_")
        return answer(self.student_, as_table(X), self.classes_)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, or R2 for regression.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            True labels or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
        """
        prediction = self.predict(X)
        measure = accuracy_score if hasattr(self, "classes_") else r2_score
        return float(measure(y, prediction, sample_weight=sample_weight))

    def fidelity(self, X: Any, sample_weight: Any = None) -> dict[str, float]:
        """Compare the student with the teacher, as it was given, on rows of your choice.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, n_features)
            Rows, best such that neither has seen; no labels are needed.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        fidelity : dict
            As of :class:`~skdistill.DistilledClassifier`, or its counterpart for regression.
        """
        check_is_fitted(self, "student_")
        X = as_table(X)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        if not hasattr(self, "classes_"):
            return regression_fidelity(self.teacher_.predict(X), self.predict(X), weight)
        teacher = self.teacher_.predict_proba(X, self.classes_)
        return classification_fidelity(teacher, self.predict_proba(X), weight)

    def __sklearn_clone__(self) -> Any:
        """Clone everything but a fitted teacher, which both copies share."""
        return clone_keeping(self, teacher=keep_fitted(self.teacher))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            task = find_task(self.teacher)
        except (TypeError, ValueError):
            return tags
        tags.target_tags.required = True
        if task == "classification":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        try:
            families = [family for family, _ in list_families(self.students)]
            members = [get_tags(make_student(family, task=task)) for family in families]
        except (TypeError, ValueError):
            return tags
        given = getattr(self.teacher, "__sklearn_tags__", None)
        teacher = members[0] if given is None else given()
        for name in ("allow_nan", "sparse"):
            taken = any(getattr(member.input_tags, name) for member in members)
            setattr(tags.input_tags, name, taken and getattr(teacher.input_tags, name))
        return tags
