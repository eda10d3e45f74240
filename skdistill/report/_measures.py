"""Teacher and student side by side on all measures, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from skdistill.metrics import expected_calibration_error
from skdistill.report._evidence import Evidence

# Replicates of the bootstrap, and the rows that all of them draw together at most.
MOST_REPLICATES, LEAST_REPLICATES, MOST_DRAWN = 200, 50, 4_000_000

Z = float(norm.ppf(0.975))

# The logarithm of a probability is of at least this, as in scikit-learn's log loss.
LEAST = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Measure:
    """One measure: ``value(answers, weight)``; NaN where it is not defined."""

    name: str
    better: str  # "higher" or "lower"
    value: Callable[[np.ndarray, np.ndarray], float]


def list_measures(evidence: Evidence) -> list[Measure]:
    """List the measures of the task."""
    if evidence.classes is None:
        return _regression_measures(evidence.y)
    return _classification_measures(evidence.codes, len(evidence.classes))


def _classification_measures(codes: np.ndarray, n_classes: int) -> list[Measure]:
    rows = np.arange(len(codes))
    truth = np.eye(n_classes)[codes]

    def accuracy(P: np.ndarray, w: np.ndarray) -> float:
        return float(np.average(P.argmax(axis=1) == codes, weights=w))

    def log_loss(P: np.ndarray, w: np.ndarray) -> float:
        return float(np.average(-np.log(np.clip(P[rows, codes], LEAST, 1)), weights=w))

    def brier(P: np.ndarray, w: np.ndarray) -> float:
        # With two classes as is usual the square of one of the two differences.
        scale = 2.0 if n_classes == 2 else 1.0
        return float(np.average(((P - truth) ** 2).sum(axis=1) / scale, weights=w))

    def auc(P: np.ndarray, w: np.ndarray) -> float:
        return _roc_auc(P, codes, w, n_classes)

    def ece(P: np.ndarray, w: np.ndarray) -> float:
        return expected_calibration_error(P, codes, w)

    name = "ROC AUC" if n_classes == 2 else "ROC AUC (one against the rest)"
    return [
        Measure("accuracy", "higher", accuracy),
        Measure("log loss", "lower", log_loss),
        Measure("Brier score", "lower", brier),
        Measure(name, "higher", auc),
        Measure("calibration error", "lower", ece),
    ]


def _roc_auc(P: np.ndarray, codes: np.ndarray, w: np.ndarray, n_classes: int) -> float:
    """Average the areas of the classes that some rows are of and others are not."""
    counted = w > 0
    P, codes, w = P[counted], codes[counted], w[counted]
    areas = []
    for code in [1] if n_classes == 2 else range(n_classes):
        positive = codes == code
        if positive.any() and not positive.all():
            areas.append(roc_auc_score(positive, P[:, code], sample_weight=w))
    return float(np.mean(areas)) if areas else float("nan")


def _regression_measures(y: np.ndarray) -> list[Measure]:
    def rmse(p: np.ndarray, w: np.ndarray) -> float:
        return float(np.average((p - y) ** 2, weights=w) ** 0.5)

    def mae(p: np.ndarray, w: np.ndarray) -> float:
        return float(np.average(np.abs(p - y), weights=w))

    def r2(p: np.ndarray, w: np.ndarray) -> float:
        spread = np.average((y - np.average(y, weights=w)) ** 2, weights=w)
        error = np.average((p - y) ** 2, weights=w)
        return float(1 - error / spread) if spread > 0 else float("nan")

    return [
        Measure("RMSE", "lower", rmse),
        Measure("MAE", "lower", mae),
        Measure("R²", "higher", r2),
    ]


def compare_measures(evidence: Evidence, rng: np.random.RandomState) -> list[dict[str, Any]]:
    """Compute each measure of each model, and the student's difference to the teacher.

    Intervals are ``value ± 1.96`` standard errors of a bootstrap in which all models see the same
    replicates of the rows; at least half of the replicates must define the measure.

    Returns
    -------
    rows : list of dict
        With the keys "measure", "better", and for each model and for "difference" (student minus
        teacher) a dict of "value", "low" and "high".
    """
    measures, answers = list_measures(evidence), evidence.answers
    n_rows = len(evidence.y)
    weight = np.ones(n_rows) if evidence.weight is None else evidence.weight
    # One replicate: a value for each measure and model.
    replicates = np.array(
        [
            [[m.value(values, w) for values in answers.values()] for m in measures]
            for w in _replicates(weight, rng)
        ]
    )
    table = []
    for i, measure in enumerate(measures):
        row: dict[str, Any] = {"measure": measure.name, "better": measure.better}
        found = {name: measure.value(values, weight) for name, values in answers.items()}
        for j, name in enumerate(answers):
            row[name] = _interval(found[name], replicates[:, i, j])
        row["difference"] = _interval(
            found["student"] - found["teacher"],
            replicates[:, i, list(answers).index("student")]
            - replicates[:, i, list(answers).index("teacher")],
        )
        table.append(row)
    return table


def _replicates(weight: np.ndarray, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield the weights of the rows in each replicate."""
    n_rows = len(weight)
    for _ in range(int(np.clip(MOST_DRAWN // n_rows, LEAST_REPLICATES, MOST_REPLICATES))):
        counts = np.bincount(rng.randint(n_rows, size=n_rows), minlength=n_rows)
        drawn = weight * counts
        if drawn.any():
            yield drawn


def _interval(value: float, replicates: np.ndarray) -> dict[str, float]:
    defined = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(defined) < max(2, len(replicates) / 2):
        return {"value": value, "low": float("nan"), "high": float("nan")}
    error = Z * float(defined.std(ddof=1))
    return {"value": value, "low": value - error, "high": value + error}
