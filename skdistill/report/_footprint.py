"""What an estimator costs in Python: bytes of its pickle, time of a row in a batch."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill._compat import num_samples, take_rows
from skdistill.teachers import EnsembleTeacher, OnnxTeacher, Teacher

BATCH = 500  # rows of one timed call


def pickled_bytes(model: Any) -> int | None:
    """Count the bytes of a pickled model; None where it cannot be pickled."""
    try:
        return len(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


def teacher_bytes(teacher: Teacher) -> int | None:
    """Count the bytes of what a teacher wraps, by file or pickle; None where nobody knows."""
    if isinstance(teacher, EnsembleTeacher):
        parts = [teacher_bytes(member) for member in teacher.members]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None
    if isinstance(teacher, OnnxTeacher):
        return teacher.nbytes
    models = teacher.fitted_models  # none of a function
    return pickled_bytes(models[0]) if models else None


def microseconds_per_row(predict: Callable[[Any], Any], X: Any) -> float:
    """Time batches of 500 rows, the best of three after one to warm up."""
    rows = take_rows(X, np.arange(BATCH) % num_samples(X))
    times = []
    for _ in range(4):
        start = time.perf_counter()
        predict(rows)
        times.append(time.perf_counter() - start)
    return 1e6 * min(times[1:]) / BATCH
