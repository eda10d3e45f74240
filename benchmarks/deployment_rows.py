"""Rows of the suite `deploy`: their order and what models and forms are called."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.results import is_ok, student_label, student_order
from benchmarks.tasks import Row

__all__ = ["FORM_LABELS", "is_estimator", "model_label", "ordered"]

# Forms in the order of the tables; the first three are estimators.
FORM_LABELS = {
    "teacher": "estimator",
    "ours": "estimator",
    "scikit-learn": "scikit-learn's own",
    "compiled": "compiled in process",
    "python": "Python module",
    "c": "C",
    "c_int16": "C, int16",
    "onnx": "ONNX Runtime",
}
ESTIMATORS = ("teacher", "ours", "scikit-learn")

# The teacher that the students learn from comes first.
FIRST_TEACHER = "lightgbm500"


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Sort computed rows by data set as they come, then teachers and students, then forms.

    Parameters
    ----------
    rows : iterable of dict
        Rows of the suite; those without a result are left out.

    Returns
    -------
    rows : list of dict
        Students from simple to rich.
    """
    rows = [row for row in rows if is_ok(row)]
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    forms = list(FORM_LABELS)
    return sorted(
        rows,
        key=lambda row: (
            sets.index(row["dataset"]),
            bool(row["student"]),
            row["teacher"] != FIRST_TEACHER,
            student_order((row["student"], row["size"])),
            forms.index(row["method"]),
        ),
    )


def is_estimator(row: Row) -> bool:
    """Tell whether a model was deployed as it is."""
    return row["method"] in ESTIMATORS


def model_label(row: Row) -> str:
    """Name a model: a student with its size, or a teacher."""
    return student_label(row["student"], row["size"]) or f"teacher {row['teacher']}"
