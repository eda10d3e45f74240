"""The student itself: what it was made from, its size and speed, and what can be read in it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export import to_c
from skdistill.plotting._answers import class_text
from skdistill.report._evidence import Evidence
from skdistill.report._footprint import microseconds_per_row, pickled_bytes, teacher_bytes
from skdistill.students import export_text

MOST_POINTS, MOST_WEIGHTS, MOST_LEAVES_DRAWN = 200, 40, 16


def describe_cost(estimator: Any, evidence: Evidence) -> dict[str, Any]:
    """Measure bytes and time of teacher and student; None for what cannot be measured."""
    teacher, student = estimator.teacher_, estimator.student_
    if evidence.classes is None:
        calls = teacher.predict, student.predict
    else:
        calls = (lambda X: teacher.predict_proba(X, evidence.classes)), student.predict_proba
    bytes_teacher = teacher_bytes(teacher)
    bytes_student = pickled_bytes(student)
    ratio = bytes_teacher / bytes_student if bytes_teacher and bytes_student else None
    return {
        "teacher_bytes": bytes_teacher,
        "student_bytes": bytes_student,
        "student_c_table_bytes": _table_bytes(student),
        "times_smaller": ratio,
        "teacher_us_per_row": microseconds_per_row(calls[0], evidence.X),
        "student_us_per_row": microseconds_per_row(calls[1], evidence.X),
    }


def _table_bytes(student: Any) -> int | None:
    """Count the bytes of the tables of the C form; None where it cannot be written."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return int(to_c(student, Path(folder) / "student.c", check=False).table_bytes)
        except (ExportError, TypeError):
            return None


def describe_choice(estimator: Any) -> dict[str, Any]:
    """Tell what was chosen and why, from the record and from a search over sizes."""
    record = estimator.distillation_
    chosen = {
        "teacher": record.teacher,
        "student": record.student,
        "used_teacher": record.used_teacher,
        "hard_label_weight": record.hard_label_weight,
        "temperature": record.temperature,
        "teacher_labels": record.teacher_labels,
        "augment": record.augment,
        "calibrated": record.calibrated,
    }
    rows = {
        "real": record.n_real,
        "unlabeled": record.n_unlabeled,
        "augmented": record.n_augmented,
    }
    return {
        "settings": chosen,
        "rows": rows,
        "reasons": dict(record.reasons),
        "candidates": list(record.candidates),
        "search_verdict": getattr(estimator, "verdict_", None),
        "frontier": list(getattr(estimator, "frontier_", [])),
    }


def describe_student(student: Any) -> dict[str, Any]:
    """Return what can be read in the student: rules, points or weights."""
    described: dict[str, Any] = {"class": type(student).__name__}
    if hasattr(student, "n_parameters_"):
        described["n_parameters"] = int(student.n_parameters_)
    if hasattr(student, "tree_") and hasattr(student, "n_leaves_"):
        described["n_leaves"] = int(student.n_leaves_)
        described["rules"] = export_text(student)
    elif hasattr(student, "points_table"):
        points = student.points_table()
        described["points"], described["n_points"] = points[:MOST_POINTS], len(points)
    elif hasattr(student, "coef_names_"):
        described.update(_weights(student))
    return described


def _weights(student: Any) -> dict[str, Any]:
    """List the largest coefficients; a column for each class where there are more than two."""
    coef = np.atleast_2d(student.coef_)
    names = ["weight"]
    if len(coef) > 1:
        names = [f"weight of {class_text(label)}" for label in student.classes_]
    order = np.argsort(-np.abs(coef).max(axis=0), kind="stable")
    order = order[np.abs(coef[:, order]).max(axis=0) > 0]
    columns = [str(name) for name in student.coef_names_]
    weights = [
        {"column": columns[j], **dict(zip(names, coef[:, j].tolist(), strict=True))}
        for j in order[:MOST_WEIGHTS]
    ]
    intercept = np.atleast_1d(student.intercept_).tolist()
    weights.insert(0, {"column": "(intercept)", **dict(zip(names, intercept, strict=True))})
    return {"weights": weights, "n_weights": len(order) + 1}
