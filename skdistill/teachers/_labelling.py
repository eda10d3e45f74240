"""Label rows with a teacher, in chunks that a cache can answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Memory

from skdistill._compat import num_samples, take_rows
from skdistill._validation import check_integer
from skdistill.teachers._base import Teacher

# Large enough that the overhead of a call does not count, small enough that little is lost when
# labelling by a slow teacher is interrupted.
CHUNK_ROWS = 4096


def label_rows(
    teacher: Teacher,
    X: Any,
    *,
    classes: np.ndarray | None,
    memory: Memory,
    chunk_rows: int = CHUNK_ROWS,
    report: Callable[[str], None] | None = None,
) -> tuple[np.ndarray, int]:
    """Label rows with soft targets, or with numbers.

    Rows are given to the teacher in chunks. With a cache each chunk is stored once it is labelled:
    labelling that was interrupted goes on where it stopped.

    Parameters
    ----------
    teacher : Teacher
        A fitted one.
    X : array-like of shape (n_samples, n_features)
        Rows, in the form the teacher takes.
    classes : ndarray of shape (n_classes,) or None
        Labels of the columns; None for regression.
    memory : joblib.Memory
        The cache; ``Memory(None)`` does not cache.
    chunk_rows : int, default=4096
        Rows given to the teacher in one call.
    report : callable or None
        Gets a line of progress after each chunk, where there are several.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
        Probabilities, or predictions if `classes` is None.
    n_scored : int
        Rows the teacher was asked for. Those answered by the cache do not count.

    Raises
    ------
    TeacherError
        If the teacher fails, or there is a cache and the teacher cannot be hashed.

    Examples
    --------
    >>> import numpy as np
    >>> from joblib import Memory
    >>> from skdistill.teachers import CallableTeacher, label_rows
    >>> teacher = CallableTeacher(lambda X: X[:, 0] ** 2, output="predictions")
    >>> label_rows(teacher, np.array([[2.0], [3.0]]), classes=None, memory=Memory(None))
    (array([4., 9.]), 2)
    """
    chunk_rows = check_integer(chunk_rows, "chunk_rows", minimum=1)
    n_rows, n_scored = num_samples(X), 0

    def score(rows: Any) -> np.ndarray:
        nonlocal n_scored
        labels = teacher.predict(rows) if classes is None else teacher.predict_proba(rows, classes)
        n_scored += len(labels)
        return labels

    cached = memory.cache(_label_chunk, ignore=["score"])
    key = "" if memory.location is None else teacher.fingerprint()
    targets = np.empty(0 if classes is None else (0, len(classes)))
    for start in range(0, n_rows, chunk_rows):
        stop = min(start + chunk_rows, n_rows)
        whole = start == 0 and stop == n_rows
        rows = X if whole else take_rows(X, np.arange(start, stop))
        labels = cached(score, key, rows, classes)
        if start == 0:
            targets = np.empty((n_rows, *labels.shape[1:]))
        targets[start:stop] = labels
        if report is not None and not whole:
            report(f"the teacher {teacher.name} has labelled {stop} of {n_rows} rows")
    return targets, n_scored


def _label_chunk(
    score: Callable[[Any], np.ndarray], key: str, rows: Any, classes: np.ndarray | None
) -> np.ndarray:
    """Label one chunk; `key` and `classes` are there for the cache."""
    return score(rows)
