"""A teacher that is an ONNX model, run by ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._columns import column_names
from skdistill._compat import num_samples, take_rows
from skdistill._optional import comes_from, import_optional
from skdistill.exceptions import TeacherError
from skdistill.teachers._declared import DeclaredTeacher
from skdistill.teachers._fingerprint import fingerprint
from skdistill.teachers._onnx_graph import class_labels, content_key, further_files, read_model
from skdistill.teachers._onnx_inputs import Inputs

# What converters call the output of probabilities, where there are other real numbers beside it.
_PROBABILITIES = ("probabilities", "output_probability", "probability")

_LABEL_TYPES = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)")
_SCORE_TYPES = ("tensor(float)", "tensor(double)", "tensor(float16)")


def is_onnx(model: Any) -> bool:
    """Tell whether `model` is the path of an ``.onnx`` file, or a session of ONNX Runtime."""
    if isinstance(model, str | os.PathLike):
        return os.fspath(model).endswith(".onnx")
    return comes_from(model, "onnxruntime") and type(model).__name__ == "InferenceSession"


class OnnxTeacher(DeclaredTeacher):
    """An ONNX model, as a file, as bytes or loaded.

    What the model returns and its class labels are read from its graph, as scikit-learn's
    converter (skl2onnx), those of LightGBM, XGBoost and CatBoost (onnxmltools) and
    :func:`skdistill.export.to_onnx` write it, with ``ZipMap`` or without. ONNX Runtime runs the
    graph on the CPU and nothing else: a file cannot bring code along.

    Parameters
    ----------
    model : str, path, bytes or onnxruntime.InferenceSession
        A file, what is in one, or a session, of which nothing is known but its inputs and outputs.
    output : {"probabilities", "logits", "predictions"} or None, default=None
        What the model returns, as for `CallableTeacher`. None finds it out: a model with labels
        and real numbers gives labels and probabilities; one with labels alone gives predictions;
        of one with real numbers alone, as PyTorch exports it, it is not known, but regression
        takes them for predictions.
    classes : array-like of shape (n_classes,) or None, default=None
        Labels of the columns of probabilities, in their order. None takes those that the graph
        lists, and the sorted labels of y if it lists none.

    Attributes
    ----------
    nbytes : int or None
        Bytes of the model with all its files; None for a session.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is missing; the extra ``onnx`` installs them.
    TypeError, ValueError, FileNotFoundError
        If it is no ONNX model or none that ONNX Runtime can run, has inputs that rows of a table
        do not fit to, or several outputs that could be meant.

    Notes
    -----
    A model has one input for the table, or one for each column, which is found by name. Numbers
    are converted to the type of the input, mostly single precision. Missing strings are
    refused where the model does not tell what stands for them, as only models of this package do.

    It cannot be refitted, and labels the rows it was trained on itself.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.export import to_onnx
    >>> from skdistill.students import TreeStudentClassifier
    >>> from skdistill.teachers import OnnxTeacher
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_onnx(TreeStudentClassifier().fit(X, y), Path(folder) / "tree.onnx")
    ...     teacher = OnnxTeacher(path)
    >>> teacher.output, teacher.classes
    ('probabilities', array([0, 1, 2]))
    >>> teacher.predict_proba(X[:1], [0, 1, 2]).shape
    (1, 3)
    """

    session: Any
    nbytes: int | None
    _graph: Any
    _key: str | None
    _inputs: Inputs

    def __init__(
        self,
        model: Any,
        *,
        output: str | None = None,
        classes: Sequence[Any] | np.ndarray | None = None,
    ) -> None:
        self._open(model)
        outputs = self.session.get_outputs()
        labels = [o.name for o in outputs if o.type in _LABEL_TYPES]
        score = _find_score(outputs)
        # Without labels beside them, real numbers may be anything.
        self._is_clear = output is not None or bool(labels)
        if output is None:
            output = "probabilities" if labels and score else "predictions"
        super().__init__(output=output, classes=classes)
        wanted = labels[0] if output == "predictions" and labels else score
        if wanted is None:
            raise ValueError(
                f"model {self.name} returns labels alone, which are no {output}; "
                "give output='predictions'."
            )
        self._output_name = wanted
        if self._labels is None and labels and self._graph is not None:
            self._labels = class_labels(self._graph, [wanted, labels[0]])
        self._graph = None  # large, and read

    def _open(self, model: Any) -> None:
        """Load a model, and read what is in it."""
        runtime = import_optional("onnxruntime", extra="onnx", purpose="OnnxTeacher")
        self.model, self._key, self._graph, self.nbytes = model, None, None, None
        if isinstance(model, runtime.InferenceSession):
            self.session, self.name = model, "onnxruntime.InferenceSession"
        else:
            content, path = _read(model)
            self.name = "ONNX model" if path is None else path.name
            self._graph = read_model(content)
            files = further_files(self._graph, None if path is None else path.parent)
            self._key = content_key(content, files)
            self.nbytes = len(content) + sum(file.stat().st_size for file in files)
            # Weights in further files are found from the path alone.
            self.model = content if path is None else os.fspath(path)
            self.session = _start(runtime, self.model, self.name)
        metadata = self.session.get_modelmeta().custom_metadata_map
        self._inputs = Inputs(self.session.get_inputs(), metadata)

    @property
    def feature_names(self) -> list[str] | None:
        """Columns of the table, where the model says them and takes them all as one input."""
        return None if self._inputs.by_column else self._inputs.features

    @property
    def input_columns(self) -> list[str]:
        """Columns that are inputs of their own, and are looked up by name."""
        return self._inputs.needed

    def check_features(self, X: Any) -> None:
        """Check that X has the columns that the inputs are named by (see `Teacher`)."""
        super().check_features(X)
        names = column_names(X)
        missing = [] if names is None else [n for n in self.input_columns if n not in names]
        if missing:
            raise ValueError(
                f"X lacks {missing}, which teacher {self.name} takes as inputs; give X with the "
                f"columns {self.input_columns}."
            )

    def check_task(self, task: str) -> None:
        """Check that the outputs fit the task (see `Teacher.check_task`)."""
        if task == "classification" and not self._is_clear:
            raise ValueError(
                f"teacher {self.name} returns numbers, and does not tell what they are; say so: "
                "skdistill.teachers.OnnxTeacher(model, output='logits'), or "
                "output='probabilities' or 'predictions'."
            )
        super().check_task(task)

    def fingerprint(self) -> str:
        """Compute a key of the file's content."""
        if self._key is None:
            raise TeacherError(
                f"teacher {self.name} does not tell what it computes, so that its labels cannot be "
                "cached. Use memory=None, or give the path of the model."
            )
        return fingerprint((self._key, self.output, self._labels), self.name)

    def _values(self, X: Any) -> np.ndarray:
        n_rows, n_fixed = num_samples(X), self._inputs.n_fixed
        if n_fixed is None or n_fixed == n_rows:
            return self._run(X)
        # The last batch is filled up with its own last row.
        last = max(n_rows - 1, 0)
        batches = [np.arange(start, start + n_fixed) for start in range(0, n_rows, n_fixed)]
        found = [self._run(take_rows(X, np.minimum(rows, last))) for rows in batches]
        return np.concatenate(found)[:n_rows]

    def _run(self, X: Any) -> np.ndarray:
        (values,) = self.session.run([self._output_name], self._inputs.feed(X))
        if not isinstance(values, list):
            return np.asarray(values)
        # ZipMap: a dictionary for each row. Without known labels columns are sorted by them.
        labels = sorted(values[0]) if self._labels is None else self._labels.tolist()
        return np.array([[row[label] for label in labels] for row in values], dtype=np.float64)

    def __getstate__(self) -> dict[str, Any]:
        if self._key is None:
            raise TypeError(
                "an InferenceSession cannot be pickled, and with it the teacher; give the path of "
                "the model."
            )
        loaded = ("session", "_inputs", "_graph")
        return {name: value for name, value in vars(self).items() if name not in loaded}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._open(state["model"])
        if self._key != state["_key"]:
            raise TeacherError(
                f"the file of teacher {self.name}, {self.model!r}, has changed since it was "
                "pickled, so that its labels and outputs may be others; restore the file, or make "
                "a new OnnxTeacher of it."
            )
        self._graph = None
        vars(self).update(state)


def _start(runtime: Any, model: Any, name: str) -> Any:
    """Load a model into ONNX Runtime."""
    try:
        return runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class in common but this one
        raise ValueError(f"model {name} cannot be run by ONNX Runtime: {error}") from error


def _find_score(outputs: list[Any]) -> str | None:
    """Find the output of probabilities or other real numbers; None if there is none."""
    scores = [o.name for o in outputs if o.type in _SCORE_TYPES or o.type.startswith("seq(map(")]
    named = [name for name in scores if name in _PROBABILITIES]
    found = scores if len(scores) == 1 else named
    if scores and len(found) != 1:
        raise ValueError(
            f"model has the outputs {scores}, of which none is plainly meant; give what runs it "
            "and picks one: CallableTeacher(f, output='probabilities')."
        )
    return found[0] if found else None


def _read(model: Any) -> tuple[bytes, Path | None]:
    """Return the content of a model, and the path of its file."""
    if isinstance(model, bytes | bytearray):
        return bytes(model), None
    if not isinstance(model, str | os.PathLike):
        raise TypeError(
            "model must be the path of an ONNX file, its content as bytes, or an InferenceSession, "
            f"got {type(model).__name__}."
        )
    path = Path(model).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"model {os.fspath(model)!r} is not there; give an ONNX file.")
    return path.read_bytes(), path
