"""The built-in student in what a user hands over to be saved or exported."""

from __future__ import annotations

from itertools import chain
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skdistill.students import _BUILTIN, STUDENT_NAMES, BaseStudent


def unwrap(estimator: Any) -> BaseStudent:
    """Return the fitted student of a distilled estimator, or the student itself.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If it is none of the built-in students; a subclass of one may predict something else.
    """
    student = getattr(estimator, "student_", estimator)  # also of a compiled one
    check_is_fitted(student)
    kind = type(student)
    if kind in chain.from_iterable(_BUILTIN.values()):
        return student
    why = "scikit-learn's own estimators and Pipelines stay in Python, by joblib."
    if isinstance(student, BaseStudent):
        why = "a class derived from one of them may predict something else."
    raise TypeError(
        f"student is a {kind.__name__}, and must be one of the built-in students "
        f"({', '.join(STUDENT_NAMES)}) or a distilled estimator with such a student_; {why}"
    )
