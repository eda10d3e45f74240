"""What a fitted student costs where it is used: bytes of its tables, time of a row."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill._compat import num_samples, take_rows
from skdistill.export._c.form import sort_levels
from skdistill.export._c.source import write_source
from skdistill.export._compile import CompiledStudent
from skdistill.export._lowering import lower
from skdistill.students import BaseStudent

N_ROWS = 200
N_REPEATS = 5


def count_bytes(student: BaseStudent) -> int:
    """Count the bytes of read-only tables that :func:`skdistill.export.to_c` writes in double.

    Parameters
    ----------
    student : BaseStudent
        Fitted.

    Returns
    -------
    n_bytes : int
    """
    return write_source(sort_levels(lower(student)), "student", "student.h").table_bytes


def measure_latency(student: BaseStudent, X: Any) -> tuple[float, bool]:
    """Measure how long one row takes in the compiled form, called from Python.

    Parameters
    ----------
    student : BaseStudent
        Fitted.
    X : array-like
        Rows, of which 200 are taken.

    Returns
    -------
    latency_us : float
        Microseconds of a row: the best of five passes over the rows, so that other work on the
        machine disturbs little. The call itself is in it, a microsecond or so.
    is_compiled : bool
        False where there is no compiler: then it is that of one row by NumPy.
    """
    X = take_rows(X, np.arange(min(N_ROWS, num_samples(X))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        compiled = CompiledStudent(student)
    if not compiled.is_compiled_:
        predict: Any = getattr(student, "predict_proba", student.predict)
        rows = [take_rows(X, np.array([i])) for i in range(min(20, num_samples(X)))]
        return _best_time(lambda: [predict(row) for row in rows]) / len(rows), False
    checked: Any = student
    table = np.ascontiguousarray(compiled._reader.read(checked._check_X(X, reset=False)))
    addresses = [table.ctypes.data + i * table.strides[0] for i in range(len(table))]
    function, out = compiled.function, compiled.buffers()[1]
    if hasattr(student, "classes_"):
        return _best_time(lambda: [function(row, out) for row in addresses]) / len(table), True
    return _best_time(lambda: [function(row) for row in addresses]) / len(table), True


def _best_time(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)
