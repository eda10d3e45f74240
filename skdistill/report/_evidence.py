"""What all models answer to the test rows: what the parts of the report start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._columns import column_names
from skdistill._compat import check_sample_weight, num_samples
from skdistill._problem import as_table
from skdistill.plotting._answers import class_text, model_answers, paired_answers


@dataclass(frozen=True, eq=False)
class Evidence:
    """Test rows, their labels, and what each model answers.

    Attributes
    ----------
    X : array-like or DataFrame
        The rows.
    y : ndarray of shape (n_samples,)
        True labels or values.
    classes : ndarray of shape (n_classes,) or None
        Sorted labels; None for regression.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    answers : dict of str to ndarray
        Probabilities or values of "teacher", "student" and perhaps "direct".
    """

    X: Any
    y: np.ndarray
    classes: np.ndarray | None
    weight: np.ndarray | None
    answers: dict[str, np.ndarray]

    @property
    def teacher(self) -> np.ndarray:
        """What the teacher answers."""
        return self.answers["teacher"]

    @property
    def student(self) -> np.ndarray:
        """What the student answers."""
        return self.answers["student"]

    @property
    def codes(self) -> np.ndarray:
        """Index of the true class of each row."""
        return np.searchsorted(np.asarray(self.classes), self.y)

    @property
    def class_names(self) -> list[str]:
        """Labels as text."""
        return [] if self.classes is None else [class_text(label) for label in self.classes]

    @property
    def columns(self) -> list[str]:
        """Names of the columns of X, or "x0", "x1", ... ."""
        names = column_names(self.X)
        if names is None:
            shape = self.X.shape if hasattr(self.X, "shape") else np.shape(self.X)
            names = [f"x{j}" for j in range(int(shape[-1]) if len(shape) == 2 else 0)]
        return names

    def distance(self) -> np.ndarray:
        """Tell how far apart teacher and student are on each row.

        Half of the summed differences of the probabilities (total variation, 0 to 1), or the
        absolute difference of the values.
        """
        difference = np.abs(self.teacher - self.student)
        return difference if self.classes is None else difference.sum(axis=1) / 2


def collect(estimator: Any, X: Any, y: Any, direct: Any, sample_weight: Any) -> Evidence:
    """Check the test rows, and ask all models about them.

    Raises
    ------
    ValueError
        If X and y do not fit each other, y holds labels that the student does not know or values
        that are no numbers, or there is no teacher.
    """
    X = as_table(X)
    classes = getattr(estimator, "classes_", None)
    y = np.asarray(y)
    n_rows = num_samples(X)
    if y.shape != (n_rows,):
        raise ValueError(
            f"y_test must be one label for each of the {n_rows} rows of X_test, got shape "
            f"{y.shape}."
        )
    if n_rows < 2:
        raise ValueError(f"X_test must have at least two rows, got {n_rows}.")
    if classes is None:
        y = _as_values(y)
    else:
        unknown = sorted({class_text(label) for label in y[~np.isin(y, classes)]})
        if unknown:
            raise ValueError(
                f"y_test holds the labels {unknown[:8]}, which the student does not know; leave "
                "such rows out."
            )
    weight = None
    if sample_weight is not None:
        weight = np.asarray(check_sample_weight(sample_weight, X), dtype=np.float64)
    teacher, student = paired_answers(estimator, X)
    answers = {"teacher": teacher, "student": student}
    if direct is not None:
        model = getattr(direct, "student_", direct)
        answers["direct"] = model_answers(model, X, classes)
    return Evidence(X, y, classes, weight, answers)


def _as_values(y: np.ndarray) -> np.ndarray:
    try:
        values = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y_test must hold numbers ({error}).") from error
    if not np.isfinite(values).all():
        raise ValueError("y_test contains NaN or infinite values; leave such rows out.")
    return values
