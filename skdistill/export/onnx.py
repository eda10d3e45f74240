"""Students as ONNX models, preprocessing included."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from skdistill._optional import import_optional
from skdistill._output import check_path, write_files
from skdistill._validation import check_choice
from skdistill.exceptions import ExportError
from skdistill.export._form import Form
from skdistill.export._lowering import lower, unwrap
from skdistill.export._onnx.graph import Graph
from skdistill.export._onnx.inputs import OUTPUTS, Columns, check_text
from skdistill.export._onnx.scorers import add_outputs
from skdistill.export._onnx.single import check_single
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.export._single import check_cast

# Largest difference to the student besides rounding.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}

# So many rows are also run alone, which ONNX Runtime does by other code than many at once.
N_ROWS_ALONE = 50


def to_onnx(
    student: Any,
    path: str | Path,
    *,
    dtype: str = "float64",
    X: Any = None,
) -> Path:
    """Write a student as an ONNX model that takes rows of the raw table.

    Nothing is written unless ONNX Runtime computes with the model what the student predicts, on
    rows of `X` or sampled ones, and on rows at every threshold and next to it, with each level,
    one never seen, and missing values.

    Parameters
    ----------
    student : estimator
        One of the built-in students, or a distilled estimator with such a ``student_``; fitted.
    path : str or Path
        File to write, which ends in ``.onnx``, in an existing folder.
    dtype : {"float64", "float32"}, default="float64"
        Of all numbers that go in and come out. "float64" sends every row the student's way, and
        agrees with it to 1e-9. "float32" makes smaller models, agrees to 1e-5, and rounds
        thresholds down so that every float32 row goes the student's way. Both are of
        probabilities, or of values in units of their spread; where sums have far larger terms,
        rounding may add 1.4e-14 or 4.8e-7 of these.
    X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features), default=None
        Rows like those of `fit`, to compare on. With ``dtype="float32"`` also what is refused if
        a number, once it is cast, is on the other side of a threshold, or changes a probability,
        or a value relative to its size or the spread of all, by more than 1e-5. None samples rows
        between the thresholds; what the cast does to your rows is then not checked.

    Returns
    -------
    path : Path
        Of the file.

    Raises
    ------
    ExportError
        If the student cannot be written: float32 cannot tell two thresholds apart, or would send
        rows of `X` another way or change their predictions, levels are whole numbers of 2**53 or
        more, two levels of a category are the same string, or a string is not valid Unicode.
        The message names the feature.
    ValueError, FileNotFoundError
        If `path` has another ending or its folder does not exist.
    ParityError
        If ONNX Runtime computes something else than the student.
    ImportError
        If onnx or onnxruntime is missing; the extra ``onnx`` installs them.

    Notes
    -----
    A student that looks at numbers alone has one input ``X`` of shape (N, n_features). Otherwise
    each column that it looks at is an input of shape (N, 1) under its own name, with other
    characters than ASCII letters and digits replaced by underscores. A missing number is NaN.
    Categories are strings: levels that were numbers or booleans as ``str`` writes them, and
    missing values as ``""``, or ``"<missing>"`` where ``""`` is a level. None does not exist
    there: ONNX Runtime for Python takes it for the string "None". Where ``""`` is no level, a real
    empty string counts as missing too, though the student takes it for a level never seen: give
    another string for it. The model checks nothing: infinite numbers, which the student refuses,
    are compared and multiplied as they are.

    Classifiers have the outputs ``label``, strings or int64 (booleans are 0 and 1) of shape (N,),
    and ``probabilities`` of shape (N, n_classes); regressors have ``variable`` of shape (N, 1).
    The model's metadata has, as JSON, ``student`` (the class), ``skdistill_version``,
    ``features`` (the columns of the table), ``inputs`` (the feature for each input) and
    ``missing`` (the string for missing values of each input of strings).

    Models use the operator sets ai.onnx 13 and ai.onnx.ml 3 in IR version 8, and run in ONNX
    Runtime 1.14 and later. It returns sums of tree leaves in single precision; models here only
    take the indices of leaves from it, which are exact, and look up what the leaves hold, in
    double precision. The same student gives the same bytes.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import onnxruntime
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.export import to_onnx
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> student = TreeStudentClassifier(max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_onnx(student, Path(folder) / "iris.onnx", X=X)
    ...     session = onnxruntime.InferenceSession(path)
    >>> label, probabilities = session.run(None, {"X": X})
    >>> bool(np.array_equal(probabilities, student.predict_proba(X)))
    True
    """
    check_choice(dtype, "dtype", TOLERANCE)
    path = check_path(path, suffix=".onnx")
    runtime = import_optional("onnxruntime", extra="onnx", purpose="Export to ONNX")
    bare = unwrap(student)
    form = lower(bare)
    if dtype == "float32":
        check_single(form, X)
        check_cast(bare, form, X)
    columns = Columns(form)
    model = build_model(form, columns, dtype)
    rows = probe_rows(form, X, single=dtype == "float32")
    alone = np.unique(np.linspace(0, len(rows) - 1, N_ROWS_ALONE).astype(int))
    outputs = run_model(runtime, model, columns, rows, dtype, alone)
    rows = np.concatenate([rows, rows[alone]])
    tolerance = TOLERANCE[dtype]
    single = dtype == "float32"
    check_parity(bare, rows, outputs, tolerance=tolerance, target="ONNX", single=single)
    write_files({path: model})
    return path


def build_model(form: Form, columns: Columns, dtype: str) -> bytes:
    """Write a form as a checked ONNX model.

    Parameters
    ----------
    form : Form
        Of the student.
    columns : Columns
        The inputs for this form.
    dtype : {"float64", "float32"}

    Returns
    -------
    model : bytes
    """
    graph = Graph(dtype, taken=[*OUTPUTS, *columns.names.values()])
    columns.declare(graph)
    outputs = add_outputs(graph, columns, form)
    if form.classes is None:
        graph.add_output(outputs, "variable", graph.type, ["N", 1])
    else:
        labels = _make_labels(form.classes)
        best = graph.add("ArgMax", outputs, axis=1, keepdims=0)
        label = graph.add("Gather", graph.constant(labels), best)
        kind = "STRING" if labels.dtype == object else "INT64"
        graph.add_output(label, "label", graph.onnx.TensorProto.DataType.Value(kind), ["N"])
        graph.add_output(outputs, "probabilities", graph.type, ["N", len(form.classes)])
    # The package itself is on a higher layer than its parts, which cannot import from it.
    version = sys.modules["skdistill"].__version__
    names = [column.name for column in form.inputs]
    metadata = {
        "student": form.name,
        "skdistill_version": version,
        "features": names,
        "inputs": {name: names[j] for j, name in columns.names.items()},
        "missing": {columns.names[j]: text for j, text in columns.missing.items()},
    }
    return graph.to_bytes(form.name, version, metadata)


def run_model(
    runtime: ModuleType,
    model: bytes,
    columns: Columns,
    rows: np.ndarray,
    dtype: str,
    alone: np.ndarray,
) -> np.ndarray:
    """Compute probabilities or values, of all rows at once and then of some one at a time.

    Parameters
    ----------
    runtime : module
        ONNX Runtime.
    model : bytes
    columns : Columns
        The inputs of the model.
    rows : ndarray of shape (n_rows, n_features), dtype object
    dtype : {"float64", "float32"}
    alone : ndarray of shape (n_alone,), dtype int
        Which rows are run alone.

    Returns
    -------
    outputs : ndarray of shape (n_rows + n_alone, n_classes) or (n_rows + n_alone,)
    """
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    parts = [rows, *(rows[[i]] for i in alone)]
    found = [session.run(None, columns.feed(part, np.dtype(dtype)))[-1] for part in parts]
    outputs = np.concatenate(found)
    return outputs if columns.form.classes is not None else outputs[:, 0]


def _make_labels(classes: tuple[Any, ...]) -> np.ndarray:
    """Return class labels as an array of strings or int64."""
    if all(isinstance(label, str) for label in classes):
        for label in classes:
            check_text(label, "class label")
        return np.array(classes, dtype=object)
    numbers = [label for label in classes if isinstance(label, bool | int | float)]
    limits = np.iinfo(np.int64)
    if len(numbers) == len(classes) and all(
        label == int(label) and limits.min <= label <= limits.max for label in numbers
    ):
        return np.array([int(label) for label in numbers], dtype=np.int64)
    raise ExportError(
        f"Class labels must be strings, or whole numbers of 64 bits, got {classes!r}; relabel the "
        "classes before fitting."
    )
