"""Students as compiled scorers in this process."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if

from skdistill.export._c.build import CompilerError, Scorer
from skdistill.export._c.cache import load_compiled
from skdistill.export._c.form import sort_levels
from skdistill.export._c.header import write_header
from skdistill.export._c.rows import RowReader
from skdistill.export._c.source import write_source
from skdistill.export._lowering import lower, unwrap
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.students._base import BaseStudent

# Rows of sparse matrices are made dense so many at a time.
ROWS_AT_A_TIME = 8192

# How far the compiled form may be from the student, times the scale of the row.
TOLERANCE = 1e-12

PREFIX = "student"


def _classifies(compiled: CompiledStudent) -> bool:
    """Tell whether it is a classifier; AttributeError, which becomes the cause, if not."""
    if compiled._n_classes is None:
        raise AttributeError(
            f"{type(compiled.student_).__name__} is a regressor and has no predict_proba."
        )
    return True


class CompiledStudent:
    """A fitted student that predicts by compiled C; made by :func:`compile`.

    It can be pickled, copied and given to the workers of joblib, which load the same library or
    compile it again. Any number of threads may predict at the same time, and do: none holds
    Python's lock while C runs.

    Parameters
    ----------
    student : estimator
        A fitted student.

    Attributes
    ----------
    student_ : estimator
        A copy of the student, which stays what it was if the student is fitted again.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, of a classifier.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if the student has them.
    is_compiled_ : bool
        False where there is no compiler: then the student itself predicts.

    Notes
    -----
    Most of the time of ``predict_proba(X)`` with one row goes into checking X. A loop that knows
    its rows to be right calls the C `function` itself, on arrays of its own for each thread.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.export import compile
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> compiled = compile(TreeStudentClassifier(random_state=0).fit(X, y))
    >>> compiled.predict(X[:2])
    array([0, 0])
    >>> if compiled.is_compiled_:
    ...     row, proba = compiled.buffers()
    ...     row[:] = 5.1, 3.5, 1.4, 0.2
    ...     compiled.function(row, proba)
    """

    classes_: np.ndarray
    n_features_in_: int

    def __init__(self, student: BaseStudent) -> None:
        student = deepcopy(student)
        form = sort_levels(lower(student))
        self.student_ = student
        self._reader = RowReader(student, form)
        source = write_source(form, PREFIX, f"{PREFIX}.h", texts=False)
        header = write_header(form, PREFIX, single=False, costs=(), version="")
        self._files = {f"{PREFIX}.h": header, f"{PREFIX}.c": source.text}
        self._prepare()

    def _prepare(self) -> None:
        """Load the library; all else of the state is plain data."""
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(self.student_, name):
                setattr(self, name, getattr(self.student_, name))
        self._n_classes = len(self.classes_) if hasattr(self.student_, "classes_") else None
        self._scorer: Scorer | None = None
        try:
            library = load_compiled(self._files)
            self._scorer = Scorer(library, PREFIX, self.n_features_in_, self._n_classes)
        except CompilerError as error:
            warnings.warn(
                f"{type(self.student_).__name__} is not compiled: {error}. It predicts by NumPy.",
                UserWarning,
                stacklevel=4,
            )

    @property
    def is_compiled_(self) -> bool:
        """Whether C predicts, and not the student."""
        return self._scorer is not None

    @property
    def function(self) -> Callable[..., Any]:
        """The C function of one row, as ctypes calls it.

        That of a classifier is called with a row and an array for the probabilities; that of a
        regressor with a row, and returns the value. Arguments are arrays as made by `buffers`, or
        addresses of float64 memory. Nothing is checked, neither lengths nor contents; categories
        are codes, and a row must not share memory with the probabilities. Get it once, before a
        loop. Raises RuntimeError where nothing is compiled.
        """
        if self._scorer is None:
            raise RuntimeError(
                f"{type(self.student_).__name__} is not compiled, as a warning told; use "
                "predict or predict_proba."
            )
        classifier = self._n_classes is not None
        function = self._scorer.function("predict_proba" if classifier else "predict")
        function.argtypes = [ctypes.c_void_p] * (1 + classifier)
        function.restype = None if classifier else ctypes.c_double
        return function

    def buffers(self) -> tuple[Any, Any]:
        """Return new ctypes arrays of double, for a row and for what is predicted of it.

        Returns
        -------
        row, out : arrays of `n_features_in_`, and of n_classes numbers (one of a regressor)
        """
        return (
            (ctypes.c_double * self.n_features_in_)(),
            (ctypes.c_double * (self._n_classes or 1))(),
        )

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class, or the value.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows like those that the student was fitted to; checked as the student does.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels with the dtype of `classes_`, or float64.
        """
        if self._n_classes is None:
            return self._outputs(X)
        return np.asarray(self.classes_[self._outputs(X).argmax(axis=1)])

    @available_if(_classifies)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities; regressors have no such method.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows like those that the student was fitted to; checked as the student does.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), dtype float64
            Columns in the order of `classes_`.
        """
        return self._outputs(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier, or R2 of a regressor, as the student's `score`.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their true labels or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
        """
        measure = r2_score if self._n_classes is None else accuracy_score
        return float(measure(y, self.predict(X), sample_weight=sample_weight))

    def _outputs(self, X: Any) -> np.ndarray:
        student: Any = self.student_
        if self._scorer is None:
            return student.predict(X) if self._n_classes is None else student.predict_proba(X)
        if not student._is_beyond_question(X):
            X = student._check_X(X, reset=False)
        if sp.issparse(X):  # a few rows at a time, as they are made dense
            parts = range(0, X.shape[0], ROWS_AT_A_TIME)
            return np.concatenate(
                [self._scorer.outputs(self._reader.read(X[i : i + ROWS_AT_A_TIME])) for i in parts]
            )
        return self._scorer.outputs(self._reader.read(X))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.student_!r})"

    def __sklearn_tags__(self) -> Any:
        return self.student_.__sklearn_tags__()

    def __sklearn_clone__(self) -> CompiledStudent:
        return self  # nothing can be fitted or set

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("student_", "_reader", "_files")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare()


def compile(student: Any, *, X: Any = None) -> CompiledStudent:
    """Compile a fitted student with the system's C compiler, to predict in this process.

    The compiler is that in the environment variable CC, or cc, gcc or clang. What it makes is kept
    in the user's cache folder, ``$XDG_CACHE_HOME/skdistill/compiled`` or that in ``~/.cache``, so
    that the next process need not compile; the folder must be the user's own, with mode 0700.
    Not kept is what is compiled for this very processor, with ``-march=native`` in CC.
    Predictions are compared with the student's as by :func:`to_c`.

    Parameters
    ----------
    student : estimator
        A fitted student of :mod:`skdistill.students`, or a distilled estimator that has one.
    X : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        Rows to compare on, of which 1000 at most are taken. None samples rows. Without a compiler
        it is not looked at.

    Returns
    -------
    compiled : CompiledStudent
        With ``predict`` and, of classifiers, ``predict_proba``. Where nothing can be compiled a
        UserWarning says so, and it predicts as the student does.

    Raises
    ------
    ParityError
        If the compiled code predicts something else than the student.
    ExportError
        If the student cannot be written in C.
    NotFittedError, TypeError
        If the student is not fitted, or none of this library's.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.export import compile
    >>> from skdistill.students import AdditiveStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = AdditiveStudentRegressor().fit(X, y)
    >>> abs(compile(student).predict(X) - student.predict(X)).max() < 1e-9
    np.True_
    """
    student = unwrap(student)
    compiled = CompiledStudent(student)
    if compiled._scorer is not None:
        rows = probe_rows(sort_levels(lower(student)), X)
        outputs = compiled._scorer.outputs(compiled._reader.read(rows))
        check_parity(student, rows, outputs, tolerance=TOLERANCE, target="compiled")
    return compiled
