"""The built-in student in what a user hands over to be saved or exported."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skdistill.students import STUDENT_NAMES, BaseStudent


def unwrap(estimator: Any) -> BaseStudent:
    """Return the fitted student of a distilled estimator, or the student itself.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If it is none of the built-in students.
    """
    check_is_fitted(estimator)
    student = getattr(estimator, "student_", estimator)
    if not isinstance(student, BaseStudent):
        raise TypeError(
            f"student must be one of the built-in students ({', '.join(STUDENT_NAMES)}) or a "
            f"distilled estimator with such a student_, got {type(student).__name__}; "
            "scikit-learn's own estimators and Pipelines stay in Python, by joblib."
        )
    return student
