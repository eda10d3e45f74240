"""Students as one readable Python module without dependencies."""

from __future__ import annotations

import re
import sys
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._output import check_path, write_files
from skdistill.export._form import Form, LeafModels, Network, Sum
from skdistill.export._lowering import LOGITS, MARGIN, lower, unwrap
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.export._python.code import Code
from skdistill.export._python.reader import RowReader
from skdistill.export._python.sums import write_network, write_sum
from skdistill.export._python.text import INDENT, literal, wrapped
from skdistill.export._python.trees import write_leaf_models, write_trees
from skdistill.students._scores import LARGEST

# Largest difference from the student besides rounding: sums are added up in another order.
TOLERANCE = 1e-12


def to_python(student: Any, path: str | PathLike[str], *, X: Any = None) -> Path:
    """Write a student as a Python module that needs neither NumPy nor this library.

    The module has ``predict_proba(row)``, ``predict(row)``, ``predict_proba_batch(rows)`` and
    ``predict_batch(rows)``; that of a regressor has no probabilities. A row is a list or tuple
    with all columns, or a dict by their names, in which those that the student does not look at may
    be absent; anything else that has ``keys()``, as a Series, is read by names too, and any other
    sequence by position. None and NaN are missing. As in the student, infinite numbers raise
    ValueError, and strings in place of numbers raise TypeError. ``FEATURES`` and ``CLASSES`` are
    the names of a row's values and the labels of the probabilities. Python 3.8 or newer runs it.

    Before it is written the module is run on rows at and beside all thresholds of the student, with
    missing values and levels never seen, and must agree with the student: in probabilities to
    1e-12, in values to 1e-12 of their spread. Where sums have terms far larger than that (times in
    seconds, say), rounding may add 1.4e-14 of the terms.

    Parameters
    ----------
    student : estimator
        A fitted student, or a distilled estimator with one.
    path : str or path-like
        The file, which ends in ``.py``; one that is there is replaced. Its folder must exist.
    X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features), default=None
        Rows on which the module must agree as well, of which 1000 at most are taken. None samples
        rows around the thresholds.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    NotFittedError
        If the student is not fitted.
    TypeError
        If it is none of the built-in students.
    ExportError
        If it has classes or levels that are neither strings, numbers nor booleans, or levels that
        are whole numbers of 2**53 or more.
    ValueError, FileNotFoundError
        If `path` has another ending or its folder does not exist.
    ParityError
        If some prediction differs from the student's; nothing is written.

    Examples
    --------
    >>> import runpy, tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.export import to_python
    >>> from skdistill.students import TreeStudentClassifier
    >>> iris = load_iris(as_frame=True)
    >>> student = TreeStudentClassifier(max_leaf_nodes=4, random_state=0)
    >>> student = student.fit(iris.data, iris.target)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     module = runpy.run_path(to_python(student, Path(folder, "iris.py")))
    >>> module["predict"]([5.1, 3.5, 1.4, 0.2])
    0
    >>> module["predict"]({"petal length (cm)": 5.1, "petal width (cm)": 1.9})
    2
    """
    student, path = unwrap(student), check_path(path, suffix=".py")
    form = lower(student)
    source = write_source(form)
    rows = probe_rows(form, X)
    check_parity(student, rows, run_source(source, rows), tolerance=TOLERANCE, target="Python")
    write_files({path: source.encode("utf-8")})
    return path


def write_source(form: Form) -> str:
    """Write a form as the source of a Python module; the same for the same form."""
    code, reader = _write_scorer(form), RowReader(form)
    classes = [] if form.classes is None else [literal(label) for label in form.classes]
    parts = [
        _header(form),
        _imports(code, form.link),
        *([f"CLASSES = {wrapped(classes)}"] if classes else []),
        "\n".join(reader.constants()),
        *(["\n".join(code.constants)] if code.constants else []),
        "\n" + "\n\n\n".join([*_public(form, code, reader), reader.source(), *code.functions]),
    ]
    return "\n\n".join(parts) + "\n"


def run_source(source: str, rows: np.ndarray) -> np.ndarray:
    """Compute the outputs of rows, (n_rows, n_classes) or (n_rows,), by a module's source."""
    with warnings.catch_warnings():
        # What the compiler finds odd would be odd for whoever imports the module.
        warnings.simplefilter("error")
        compiled = compile(source, "<python form>", "exec", dont_inherit=True)
    module: dict[str, Any] = {"__name__": "python_form"}
    exec(compiled, module)  # noqa: S102  (all of the user's data in it are literals)
    predict = module.get("predict_proba", module["predict"])
    return np.array([predict(row) for row in rows.tolist()], dtype=np.float64)


def _write_scorer(form: Form) -> Code:
    code, scorer = Code(form.inputs), form.scorer
    if isinstance(scorer, Sum):
        write_sum(scorer, code)
    elif isinstance(scorer, Network):
        write_network(scorer, code)
    elif isinstance(scorer, LeafModels):
        write_leaf_models(scorer, code)
    else:
        write_trees(scorer, code)
    for link, function, source in ((MARGIN, "_two", _TWO), (LOGITS, "_softmax", _SOFTMAX)):
        if form.link == link:
            code.outputs = f"{function}({code.outputs})"
            code.function(source)
    return code


def _header(form: Form) -> str:
    version = sys.modules["skdistill"].__version__
    name = re.sub(r"\W", "_", form.name, flags=re.ASCII)  # nothing in it can end the docstring
    outputs = "a value" if form.classes is None else f"{len(form.classes)} classes"
    proba = "" if form.classes is None else _PROBA_USAGE
    return _HEADER.format(
        name=name, version=version, n_inputs=len(form.inputs), outputs=outputs, proba=proba
    ).strip("\n")


def _imports(code: Code, link: str) -> str:
    source = "\n".join([*code.body, *code.functions])
    bisect = [name for name in ("bisect_left", "bisect_right") if f"{name}(" in source]
    lines = [f"from bisect import {', '.join(bisect)}"] if bisect else []
    exp = "exp, " if link in (MARGIN, LOGITS) else ""
    lines.append(f"from math import {exp}hypot, inf, nan")
    return "\n".join([*lines, *(["from operator import mul"] if "(mul, " in source else [])])


def _public(form: Form, code: Code, reader: RowReader) -> list[str]:
    """Write the functions that a user calls."""
    first, about = (
        "predict_proba",
        "Return the probabilities of the classes, in the order of CLASSES.",
    )
    if form.classes is None:
        first, about = "predict", "Return the predicted value."
    lines = [*reader.unpack("_read(row)"), *code.body]
    if code.outputs:
        lines.append(f"return {code.outputs}")
    body = "\n".join(INDENT + line for line in lines)
    functions = [f'def {first}(row):\n{INDENT}"""{about}"""\n{body}']
    if form.classes is not None:
        functions += [_PREDICT.strip("\n"), _batch("predict_proba")]
    return [*functions, _batch("predict")]


def _batch(name: str) -> str:
    return (
        f'def {name}_batch(rows):\n{INDENT}"""Return what {name} returns for each of the rows."""\n'
        f"{INDENT}return [{name}(row) for row in rows]"
    )


_HEADER = '''
"""Predictions of {name}: {n_inputs} features, {outputs}. Written by skdistill {version}.
{proba}
    predict(row)                what is predicted for one row
    predict_batch(rows)         a list of predictions

A row is a list or tuple with a value for each of FEATURES, or a dict by their names, in which
features that the model does not look at may be absent. Values are numbers, strings for
categories, and None or NaN where they are missing, which is why code here compares values with
themselves: NaN differs from itself.
"""
'''

_PROBA_USAGE = """
    predict_proba(row)          probabilities in the order of CLASSES
    predict_proba_batch(rows)   a list of them"""

_PREDICT = '''
def predict(row):
    """Return the most probable class."""
    probabilities = predict_proba(row)
    return CLASSES[probabilities.index(max(probabilities))]
'''

_TWO = '''
def _two(z):
    """Return the probabilities of two classes; z is the margin of the second."""
    e = exp(-abs(z))
    less, more = e / (1.0 + e), 1.0 / (1.0 + e)
    return (less, more) if z > 0.0 else (more, less)
'''

_SOFTMAX = '''
def _softmax(z):
    """Return the probabilities of classes, as a softmax of their scores."""
    top = max(z)
    if not -LARGEST <= top <= LARGEST:  # of infinite ones the difference is no number
        z = [min(max(score, -LARGEST), LARGEST) for score in z]
        top = max(z)
    e = [exp(score - top) for score in z]
    total = sum(e)
    return tuple([score / total for score in e])
'''.replace("LARGEST", repr(LARGEST))
