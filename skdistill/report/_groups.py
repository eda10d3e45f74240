"""How good both models are for each group of rows, and whether the student widens the gaps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from skdistill._columns import read_column
from skdistill._intervals import paired_interval
from skdistill._scorers import Answers, Metric
from skdistill.report._evidence import Evidence

# Smaller groups are listed, and say nothing of gaps.
SMALLEST = 20

MOST_GROUPS = 20

# Fewer than for the verdict: there are many groups.
N_RESAMPLES = 100


def compare_groups(
    evidence: Evidence, groups: Any, metric: Metric, seed: int
) -> list[dict[str, Any]]:
    """Compare both models on each group of rows.

    Parameters
    ----------
    evidence : Evidence
        Rows and answers.
    groups : None, str, list of str, or array-like of shape (n_samples,)
        See `read_groups`.
    metric : Metric
        By which the groups are compared.
    seed : int
        Draws the bootstrap.

    Returns
    -------
    tables : list of dict
        With the keys "name", "rows" (of dict), "teacher_gap" and "student_gap" (between the best
        and the worst group with at least 20 rows, None with fewer than two such), "verdict".
    """
    tables = []
    for name, texts in read_groups(groups, evidence).items():
        labels, counts = np.unique(texts, return_counts=True)
        largest = labels[np.argsort(-counts, kind="stable")][:MOST_GROUPS]
        rows = [_group(evidence, str(label), texts == label, metric, seed) for label in largest]
        tables.append({"name": name, "rows": rows, "n_groups": len(labels), **_gaps(rows)})
    return tables


def _group(
    evidence: Evidence, label: str, inside: np.ndarray, metric: Metric, seed: int
) -> dict[str, Any]:
    """Measure both models on the rows of a group."""
    row: dict[str, Any] = {"group": label, "n": int(inside.sum())}
    nothing = dict.fromkeys(["teacher", "student", "shortfall", "low", "high"])
    weight = None if evidence.weight is None else evidence.weight[inside]
    if row["n"] < 2 or (weight is not None and not weight.any()):
        return {**row, **nothing}
    models = [
        Answers.of(evidence.classes, values[inside])
        for values in (evidence.student, evidence.teacher)
    ]
    try:
        found = paired_interval(
            metric,
            evidence.y[inside],
            *models,
            sample_weight=weight,
            n_resamples=N_RESAMPLES,
            random_state=seed,
        )
    except ValueError:  # such as an area under the curve of one class alone
        return {**row, **nothing}
    return {
        **row,
        "teacher": found.teacher,
        "student": found.student,
        "shortfall": found.estimate,
        "low": found.low,
        "high": found.high,
    }


def _gaps(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the gaps between the best and the worst group of both models.

    The student widens or narrows them where, between the teacher's best and worst group, the
    difference of the shortfalls is beyond chance; otherwise it inherits them.
    """
    large = [row for row in rows if row["n"] >= SMALLEST and row["teacher"] is not None]
    if len(large) < 2:
        return {"teacher_gap": None, "student_gap": None, "verdict": "too few rows to tell"}
    gaps = {
        f"{name}_gap": max(row[name] for row in large) - min(row[name] for row in large)
        for name in ("teacher", "student")
    }
    best = max(large, key=lambda row: row["student"])
    worst = min(large, key=lambda row: row["student"])
    change = gaps["student_gap"] - gaps["teacher_gap"]
    # Half of a two-sided interval is 1.96 standard errors; groups are independent.
    error = float(np.hypot(best["high"] - best["shortfall"], worst["high"] - worst["shortfall"]))
    verdict = "inherits"
    if abs(change) > error:
        verdict = "widens" if change > 0 else "narrows"
    return {**gaps, "change": change, "margin": error, "verdict": verdict}


def read_groups(groups: Any, evidence: Evidence) -> dict[str, np.ndarray]:
    """Return the text of the group of each row, for each grouping.

    Parameters
    ----------
    groups : None, str, list of str, or array-like of shape (n_samples,)
        Names of columns of X, or the groups themselves.
    evidence : Evidence
        The rows.

    Raises
    ------
    ValueError
        If there is no such column, or not one group for each row.
    """
    if groups is None:
        return {}
    names = [groups] if isinstance(groups, str) else groups
    columns = evidence.columns
    n_rows = len(evidence.y)
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        if all(name in columns for name in names):
            return {name: _column_groups(evidence.X, columns.index(name)) for name in names}
        if isinstance(groups, str) or len(names) != n_rows:
            missing = [name for name in names if name not in columns]
            raise ValueError(
                f"groups={missing[:8]} are no columns of X_test; give names among {columns[:8]}, "
                "or an array of one group for each row."
            )
    values = np.asarray(names, dtype=object)
    if values.shape != (n_rows,):
        raise ValueError(
            f"groups must be one group for each of the {n_rows} rows of X_test, or names of its "
            f"columns, got shape {values.shape}."
        )
    name = getattr(groups, "name", None)
    return {str(name) if name is not None else "groups": _texts(values.tolist())}


def _column_groups(X: Any, j: int) -> np.ndarray:
    """Return the levels of a category, the values of few numbers, or four ranges of many."""
    column = read_column(X, j)
    if not isinstance(column, np.ndarray):
        return _texts([None if c < 0 else column.levels[c] for c in column.codes])
    present = column[~np.isnan(column)]
    values = np.unique(present)
    if len(values) <= 8:
        return _texts([None if np.isnan(v) else f"{v:g}" for v in column])
    cuts = np.unique(np.quantile(present, [0.25, 0.5, 0.75]))
    names = [f"up to {cuts[0]:.4g}"]
    names += [f"{a:.4g} to {b:.4g}" for a, b in pairwise(cuts)]
    names += [f"above {cuts[-1]:.4g}"]
    where = np.searchsorted(cuts, column)
    return _texts([None if np.isnan(v) else names[k] for v, k in zip(column, where, strict=True)])


def _texts(values: list[Any]) -> np.ndarray:
    """Write groups as text; what is missing is a group of its own."""
    texts = [str(value) for value in values]
    missing = {"None", "nan", "NaT", "<NA>"}
    return np.array(["(missing)" if text in missing else text for text in texts], dtype=object)
