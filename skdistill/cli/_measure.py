"""Measure models on held-out rows, and print the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from skdistill._compat import num_samples
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.report._footprint import microseconds_per_row, pickled_bytes, teacher_bytes

COLUMNS = {
    "accuracy": ("accuracy", "{:.4f}"),
    "log_loss": ("log loss", "{:.4f}"),
    "agreement": ("fidelity", "{:.4f}"),
    "r2": ("R²", "{:.4f}"),
    "rmse": ("RMSE", "{:.5g}"),
    "fidelity_r2": ("fidelity", "{:.4f}"),
    "bytes": ("bytes", "{:,}"),
    "us_per_row": ("µs/row", "{:.1f}"),
}


def aligned_proba(model: Any, classes: np.ndarray) -> Callable[[Any], np.ndarray]:
    """Give a classifier a column for each of `classes`, zeros for those it never saw."""
    columns = np.searchsorted(classes, model.classes_)
    if len(columns) == len(classes):
        return model.predict_proba

    def predict_proba(X: Any) -> np.ndarray:
        aligned = np.zeros((num_samples(X), len(classes)))
        aligned[:, columns] = model.predict_proba(X)
        return aligned

    return predict_proba


def measure_classifier(
    predict_proba: Callable[[Any], np.ndarray],
    X: Any,
    y: np.ndarray,
    classes: np.ndarray,
    teacher_proba: np.ndarray,
) -> dict[str, Any]:
    """Measure accuracy, log loss, fidelity and speed on held-out rows."""
    P = predict_proba(X)
    return {
        "accuracy": float(accuracy_score(y, classes[P.argmax(axis=1)])),
        "log_loss": float(log_loss(y, P, labels=classes)),
        **classification_fidelity(teacher_proba, P),
        "us_per_row": microseconds_per_row(predict_proba, X),
    }


def measure_regressor(
    predict: Callable[[Any], np.ndarray], X: Any, y: np.ndarray, teacher: np.ndarray
) -> dict[str, Any]:
    """Measure R², RMSE, fidelity and speed on held-out rows."""
    prediction = predict(X)
    fidelity = regression_fidelity(teacher, prediction)
    return {
        "r2": float(r2_score(y, prediction)),
        "rmse": float(root_mean_squared_error(y, prediction)),
        "fidelity_r2": fidelity["r2"],
        "fidelity_rmse": fidelity["rmse"],
        "us_per_row": microseconds_per_row(predict, X),
    }


def measure_models(distiller: Any, direct: Any, X: Any, y: np.ndarray) -> dict[str, dict[str, Any]]:
    """Measure the teacher, the direct fit and the distilled student on held-out rows."""
    teacher, models = distiller.teacher_, {"direct": direct, "distilled": distiller.student_}
    if hasattr(distiller, "classes_"):
        classes = distiller.classes_

        def teach(rows: Any) -> np.ndarray:
            return teacher.predict_proba(rows, classes)

        proba = teach(X)
        rows = {"teacher": measure_classifier(teach, X, y, classes, proba)}
        for name, model in models.items():
            rows[name] = measure_classifier(aligned_proba(model, classes), X, y, classes, proba)
    else:
        values = teacher.predict(X)
        rows = {"teacher": measure_regressor(teacher.predict, X, y, values)}
        for name, model in models.items():
            rows[name] = measure_regressor(model.predict, X, y, values)
    rows["distilled"]["against_direct"] = compare_losses(distiller, direct, X, y)
    rows["teacher"]["bytes"] = teacher_bytes(teacher)
    for name, model in models.items():
        rows[name]["bytes"] = pickled_bytes(model)
    return rows


def compare_losses(distiller: Any, direct: Any, X: Any, y: np.ndarray) -> dict[str, float]:
    """Compare the two students row by row: mean difference of the loss, and its standard error."""
    if hasattr(distiller, "classes_"):
        classes = distiller.classes_
        codes = np.searchsorted(classes, y)
        losses = [
            -np.log(np.clip(aligned_proba(model, classes)(X)[np.arange(len(y)), codes], 1e-15, 1))
            for model in (distiller.student_, direct)
        ]
    else:
        losses = [(model.predict(X) - y) ** 2 for model in (distiller.student_, direct)]
    difference = losses[0] - losses[1]
    error = difference.std(ddof=1) / np.sqrt(len(y)) if len(y) > 1 else float("nan")
    return {"difference": float(difference.mean()), "standard_error": float(error)}


def format_table(rows: dict[str, dict[str, Any]]) -> str:
    """Lay out one line for each model, with the columns that any of them has."""
    keys = [key for key in COLUMNS if any(key in row for row in rows.values())]
    lines = [["", *(COLUMNS[key][0] for key in keys)]]
    for name, row in rows.items():
        cells = ["-" if row.get(key) is None else COLUMNS[key][1].format(row[key]) for key in keys]
        lines.append([name, *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys) + 1)]
    text = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        text.append("  ".join([line[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])
