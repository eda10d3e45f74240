"""Where student and teacher disagree: how often on fresh rows, on which rows, in which regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdistill._compat import num_samples, take_rows
from skdistill._intervals import disagreement_bound
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.plotting._answers import paired_answers
from skdistill.report._evidence import Evidence
from skdistill.students import TreeStudentRegressor, export_text
from skdistill.transfer import MungeSampler

N_FRESH = 3_000
N_ROWS = 10
N_COLUMNS = 8

# Values further apart than this share of the teacher's standard deviation disagree.
FAR = 0.1

ASSUMPTION = (
    "It holds for rows that come about as these do: each is a test row with some of its values "
    "moved to those of its nearest neighbour (MUNGE). Of rows of other kinds it says nothing."
)


def measure_fidelity(evidence: Evidence) -> dict[str, float]:
    """Compare the student with the teacher on the test rows."""
    measure = regression_fidelity if evidence.classes is None else classification_fidelity
    return measure(evidence.teacher, evidence.student, evidence.weight)


def bound_disagreement(estimator: Any, evidence: Evidence, seed: int) -> dict[str, Any]:
    """Bound how often student and teacher disagree on fresh rows made of the test rows.

    Returns
    -------
    bound : dict
        With the keys "n_rows", "n_disagreements", "upper" (None where no rows can be made),
        "confidence", "meaning" and "assumption".
    """
    meaning = "other classes are the likeliest"
    if evidence.classes is None:
        meaning = "values are further apart than a tenth of the teacher's standard deviation"
    bound = {"n_rows": 0, "n_disagreements": 0, "upper": None, "confidence": 0.95}
    try:
        fresh = MungeSampler().fit(evidence.X).sample(N_FRESH, seed)
    except (TypeError, ValueError) as error:
        return {**bound, "meaning": meaning, "assumption": f"No rows could be made: {error}"}
    teacher, student = paired_answers(estimator, fresh)
    if evidence.classes is None:
        apart = np.abs(teacher - student) > FAR * evidence.teacher.std()
    else:
        apart = teacher.argmax(axis=1) != student.argmax(axis=1)
    count, n_rows = int(apart.sum()), len(apart)
    bound = {"n_rows": n_rows, "n_disagreements": count, "confidence": 0.95}
    return {
        **bound,
        "upper": disagreement_bound(count, n_rows),
        "meaning": meaning,
        "assumption": ASSUMPTION,
    }


def confusion(evidence: Evidence) -> list[list[int]] | None:
    """Count rows by the teacher's class (rows of the table) and the student's (columns)."""
    if evidence.classes is None:
        return None
    n = len(evidence.classes)
    pair = evidence.teacher.argmax(axis=1) * n + evidence.student.argmax(axis=1)
    return np.bincount(pair, minlength=n * n).reshape(n, n).tolist()


def worst_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """List the rows of most disagreement, worst first."""
    distance = evidence.distance()
    order = np.argsort(-distance, kind="stable")[:N_ROWS]
    columns = evidence.columns[:N_COLUMNS]
    found = []
    for i in order[distance[order] > 0]:
        row = {"row": int(i), "distance": float(distance[i])}
        cells = zip(columns, _cells(evidence.X, int(i), len(columns)), strict=True)
        found.append({**row, **_answers(evidence, i), "values": dict(cells)})
    return found


def _answers(evidence: Evidence, i: int) -> dict[str, Any]:
    """Return the truth and what both models say of a row."""
    if evidence.classes is None:
        pair = float(evidence.teacher[i]), float(evidence.student[i])
        return {"truth": float(evidence.y[i]), "teacher": pair[0], "student": pair[1]}
    names = evidence.class_names
    said = {"truth": names[int(evidence.codes[i])]}
    for name in ("teacher", "student"):
        proba = evidence.answers[name][i]
        said[name] = f"{names[int(proba.argmax())]} ({proba.max():.3f})"
    return said


def _cells(X: Any, i: int, n_columns: int) -> list[Any]:
    """Return the first values of a row, as text where they are no numbers."""
    row = take_rows(X, np.array([i]))
    if sparse.issparse(row):
        row = row.toarray()
    if hasattr(row, "iloc"):
        values = row.iloc[0, :n_columns].tolist()
    elif hasattr(row, "row"):
        values = list(row.row(0))[:n_columns]
    else:
        values = np.asarray(row)[0].tolist()[:n_columns]
    return [value if isinstance(value, int | float | str) else str(value) for value in values]


def regions(evidence: Evidence) -> str | None:
    """Describe by the rules of a small tree where student and teacher are far apart.

    Returns
    -------
    text : str or None
        Rules whose leaves hold the mean distance; None where they are nowhere apart, there are
        fewer than 50 rows, or no tree reads them.
    """
    distance = evidence.distance()
    n_rows = num_samples(evidence.X)
    if n_rows < 50 or not np.ptp(distance) > 0:
        return None
    least = max(10, n_rows // 50)
    tree = TreeStudentRegressor(max_leaf_nodes=6, min_samples_leaf=least, random_state=0)
    try:
        tree.fit(evidence.X, distance, sample_weight=evidence.weight)
    except (TypeError, ValueError):  # columns that only the student's own Pipeline reads
        return None
    return export_text(tree) if tree.n_leaves_ > 1 else None
