"""Models in the forms that run without Python, ready to be measured: C, and ONNX Runtime.

C is compiled as an ordinary shared library and called through ctypes, with arrays for rows and
results that were made beforehand. Categories are given as their codes, which a service asks
``P_level`` for when it reads a row. An empty function with the same arguments, called in the same
way, tells what of the time is the call. ONNX Runtime is given tensors, and looks strings up itself.

LightGBM gets both forms by the same way as the students, where its rows are numbers alone.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.deploy_forms import N_SINGLES, Ready
from benchmarks.deploy_models import Models, form_of_lightgbm
from benchmarks.processes import Start
from benchmarks.tasks import Row, SkippedError
from benchmarks.timing import Calls
from skdistill import __version__, export
from skdistill._optional import import_optional
from skdistill.export._c.build import FLAGS, CompilerError, find_compiler
from skdistill.export._c.header import write_header
from skdistill.export._c.source import write_source
from skdistill.export._form import Form
from skdistill.export._onnx.inputs import Columns
from skdistill.export.onnx import build_model
from skdistill.students import BaseStudent

__all__ = ["ready_c", "ready_c_int16", "ready_onnx"]

# What rows and results are given as.
ADDRESS = ctypes.c_void_p

EMPTY = "void empty(const double *row, double *proba) { (void)row; (void)proba; }\n"

_LOAD = """
import ctypes
library = ctypes.CDLL({path!r})
row = (ctypes.c_double * {n_features})(*map(float, {row!r}))
proba = (ctypes.c_double * {n_classes})()
library.student_predict_proba(row, proba)
"""

_RUN = """
import sys
import numpy as np
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    {path!r}, options, providers=["CPUExecutionProvider"]
)
row = {row!r}
feed = {{name: np.array(value, dtype) for name, (dtype, value) in row.items()}}
session.run(["probabilities"], feed)
"""


def ready_c(model: Any, models: Models, folder: Path) -> Ready:
    """Make C in double precision ready."""
    return _built(model, models, folder)


def ready_c_int16(model: Any, models: Models, folder: Path) -> Ready:
    """Make C with shared thresholds and 16-bit values ready."""
    return _built(model, models, folder, quantize="int16")


def _built(model: Any, models: Models, folder: Path, **options: Any) -> Ready:
    """Write C, compile it, and call it with ctypes arrays."""
    details = _write_c(model, models, folder, **options)
    path = _compile(folder, "student")
    library = ctypes.CDLL(str(path))
    rows, batch = (_numbers(library, X) for X in (models.X_test, models.X_batch))
    said = np.empty((len(batch), len(models.classes)))
    singles = [_buffers(batch[i], said[i]) for i in range(N_SINGLES)]
    every = _declare(library.student_predict_proba_batch, ADDRESS, ctypes.c_size_t, ADDRESS)

    def predict() -> np.ndarray:
        every(rows.ctypes.data, len(rows), said.ctypes.data)
        return said[: len(rows)].copy()

    (folder / "empty.c").write_text(EMPTY, encoding="ascii")
    empty = ctypes.CDLL(str(_compile(folder, "empty")))
    start = _LOAD.format(
        path=str(path),
        n_features=rows.shape[1],
        n_classes=said.shape[1],
        row=[str(value) for value in rows[0]],
    )
    return Ready(
        single=Calls(_declare(library.student_predict_proba, ADDRESS, ADDRESS), singles),
        batch=Calls(every, [(batch.ctypes.data, len(batch), said.ctypes.data)]),
        predict=predict,
        n_bytes=path.stat().st_size,
        start=Start(start, plain=True),
        bare=Calls(_declare(empty.empty, ADDRESS, ADDRESS), singles),
        details=details,
    )


def _write_c(model: Any, models: Models, folder: Path, **options: Any) -> Row:
    """Write ``student.c`` and ``student.h``; return what is known of their size."""
    if isinstance(model, BaseStudent):
        report = export.to_c(model, folder / "student.c", X=models.X_test, **options)
        table_bytes = report.table_bytes
    else:
        form = _form(model, models)
        code = write_source(form, "student", "student.h", texts=False)
        header = write_header(form, "student", single=False, costs=[], version=__version__)
        (folder / "student.c").write_text(code.text, encoding="utf-8")
        (folder / "student.h").write_text(header, encoding="utf-8")
        table_bytes = code.table_bytes
    return {"table_bytes": table_bytes, "source_bytes": (folder / "student.c").stat().st_size}


def _form(model: Any, models: Models) -> Form:
    """Return the form of the teacher LightGBM, where it reads numbers alone."""
    if not models.as_arrays:
        raise SkippedError("scikit-learn's encoder in front of the teacher is not compiled")
    return form_of_lightgbm(model, models.X_test.shape[1])


def _compile(folder: Path, name: str) -> Path:
    """Compile a source into a shared library without symbols that nobody calls."""
    try:
        command = find_compiler()
    except CompilerError as error:
        raise SkippedError(str(error)) from error
    path = folder / f"{name}.so"
    command = [*command, *FLAGS, "-s", "-o", str(path), str(folder / f"{name}.c"), "-lm"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (the user's compiler)
    return path


def _declare(function: Any, *kinds: Any) -> Any:
    """Declare what a function without a result takes."""
    function.argtypes, function.restype = kinds, None
    return function


def _buffers(*arrays: np.ndarray) -> tuple[Any, ...]:
    """Return ctypes arrays of the same memory, which they keep, such as a service has."""
    return tuple((ctypes.c_double * len(a)).from_buffer(a.data) for a in arrays)


def _numbers(library: ctypes.CDLL, X: Any) -> np.ndarray:
    """Return rows as C reads them: numbers, and codes of categories."""
    if isinstance(X, np.ndarray):
        return np.ascontiguousarray(X, dtype=np.float64)
    rows = np.empty(X.shape)
    level = None
    for j, name in enumerate(X.columns):
        column = X[name]
        if pd.api.types.is_numeric_dtype(column):
            rows[:, j] = column.to_numpy(float)
            continue
        level = library.student_level
        level.argtypes, level.restype = [ctypes.c_int, ctypes.c_char_p], ctypes.c_double
        codes = {text: level(j, text.encode()) for text in column.dropna().unique()}
        rows[:, j] = column.map(codes).to_numpy(float)
    return rows


def ready_onnx(model: Any, models: Models, folder: Path) -> Ready:
    """Make ONNX Runtime ready; for a student or LightGBM."""
    runtime = import_optional("onnxruntime", extra="onnx", purpose="The deploy suite")
    path = folder / "student.onnx"
    if isinstance(model, BaseStudent):
        export.to_onnx(model, path, X=models.X_test)
    else:
        form = _form(model, models)
        path.write_bytes(build_model(form, Columns(form), "float64"))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(feed: dict[str, np.ndarray]) -> np.ndarray:
        return session.run(["probabilities"], feed)[0]

    metadata = session.get_modelmeta().custom_metadata_map
    test, batch = (_feed(metadata, X) for X in (models.X_test, models.X_batch))
    singles = [{name: cells[i : i + 1] for name, cells in batch.items()} for i in range(N_SINGLES)]
    row = {name: (str(cells.dtype), cells.tolist()) for name, cells in singles[0].items()}
    return Ready(
        single=Calls(run, [(feed,) for feed in singles]),
        batch=Calls(run, [(batch,)]),
        predict=lambda: run(test),
        n_bytes=path.stat().st_size,
        start=Start(_RUN.format(path=str(path), row=row)),
    )


def _feed(metadata: dict[str, str], X: Any) -> dict[str, np.ndarray]:
    """Return what a session is fed: one tensor of numbers, or one for each column it looks at."""
    inputs, missing = (json.loads(metadata[name]) for name in ("inputs", "missing"))
    if not inputs:
        return {"X": np.asarray(X, dtype=np.float64)}
    feed = {}
    for name, column in inputs.items():
        if name in missing:
            cells = X[column].astype(object).fillna(missing[name])
            feed[name] = cells.to_numpy()[:, None]
        else:
            feed[name] = X[column].to_numpy(float)[:, None]
    return feed
