"""What every estimator that ends in one bare student has in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_memory

from skdistill._compat import seed_estimator
from skdistill._learning import answer
from skdistill._problem import Settings, as_table
from skdistill._validation import check_integer
from skdistill.students import BaseStudent, make_student


def student_has(method: str) -> Any:
    """Offer a method where the student has it, or will have it once it is fitted."""

    def check(self: Any) -> bool:
        student = getattr(self, "student_", None)
        if student is None:
            student = make_student(self.student, task=self._task)
        return hasattr(student, method)

    return available_if(check)


def make_settings(
    estimator: Any, rng: np.random.RandomState, *, search_budget: int = 0
) -> Settings:
    """Check the parameters of an estimator that say how to run."""
    cv = estimator.cv
    return Settings(
        cv=list(cv) if isinstance(cv, Iterator) else cv,
        memory=check_memory(estimator.memory),
        n_jobs=estimator.n_jobs,
        seed=int(rng.randint(np.iinfo(np.int32).max)),
        verbose=check_integer(estimator.verbose, "verbose", minimum=0),
        search_budget=search_budget,
    )


def copy_columns(estimator: Any, student: Any) -> None:
    """Let it know of the columns what its fitted student does, and forget an earlier fit's."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(student, name):
            setattr(estimator, name, getattr(student, name))
        elif hasattr(estimator, name):
            delattr(estimator, name)


class StudentHolder(MetaEstimatorMixin, BaseEstimator):
    """An estimator with a parameter `student`, which answers by the fitted `student_`."""

    _task: str
    student: Any
    student_: Any

    def _make_student(self, rng: np.random.RandomState) -> Any:
        return seed_estimator(make_student(self.student, task=self._task), rng)

    def _check_rows(self, X: Any, student: Any) -> Any:
        """Let a built-in student check X first: a bad X must not cost teacher time."""
        X = as_table(X)
        if isinstance(student, BaseStudent):
            student.check_rows(X)
        return X

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the student.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels, or values for regression.
        """
        check_is_fitted(self)
        return self.student_.predict(as_table(X))

    def set_params(self, **params: Any) -> Any:
        """Set parameters, also of the student.

        Parameters
        ----------
        **params : dict
            Values by name, as in ``student__max_leaf_nodes=8``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a name is unknown, or if `student` is a name and has no parameters.
        """
        student = params.get("student", self.student)
        nested = sorted(name for name in params if name.startswith("student__"))
        if nested and isinstance(student, str):
            raise ValueError(
                f"student={student!r} is a name, which has no parameters to set by {nested}; give "
                "an instance as student, such as skdistill.students.TreeStudentClassifier()."
            )
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        members = self._members()
        tags.input_tags.allow_nan = all(member.input_tags.allow_nan for member in members)
        tags.input_tags.sparse = all(member.input_tags.sparse for member in members)
        return tags

    def _members(self) -> list[Any]:
        """List the tags of the models that get X."""
        try:
            return [get_tags(make_student(self.student, task=self._task))]
        except (TypeError, ValueError):
            return []


class ProbabilityHolder(StudentHolder):
    """One whose student gives class probabilities."""

    classes_: np.ndarray

    @student_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities with the student.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        check_is_fitted(self)
        return answer(self.student_, as_table(X), self.classes_)
