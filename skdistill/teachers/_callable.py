"""A teacher that is a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from scipy.special import expit

from skdistill._compat import num_samples
from skdistill._validation import check_choice
from skdistill.losses import softmax
from skdistill.targets import one_hot
from skdistill.teachers._alignment import check_labels, describe_mismatch, find_labels
from skdistill.teachers._base import Teacher
from skdistill.teachers._fingerprint import fingerprint

OUTPUTS = ("probabilities", "logits", "predictions")


class CallableTeacher(Teacher):
    """A teacher given as a function of the rows.

    Parameters
    ----------
    function : callable
        Takes X as it is passed to `fit`, and returns an array-like with one row for each sample.
    output : {"probabilities", "logits", "predictions"}
        What the function returns. It has no default: logits that are taken for probabilities, or
        the reverse, would go unnoticed.

        - "probabilities": shape (n_samples, n_classes), rows that sum to one. A single column is
          the probability of the second class.
        - "logits": shape (n_samples, n_classes), turned into probabilities by softmax. A single
          column is the log-odds of the second class.
        - "predictions": shape (n_samples,). Numbers in regression; labels in classification, which
          become one-hot soft targets.
    classes : array-like of shape (n_classes,) or None, default=None
        Labels of the columns, in the order of the columns. None takes the order of the sorted
        labels of y. For "predictions" it is the labels the function can return.

    See Also
    --------
    EnsembleTeacher : The mean of several teachers.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.teachers import CallableTeacher
    >>> def log_odds(X):
    ...     return X[:, 0] - 1.0
    >>> teacher = CallableTeacher(log_odds, output="logits", classes=["no", "yes"])
    >>> teacher.predict_proba(np.array([[1.0], [3.0]]), classes=["no", "yes"]).round(3)
    array([[0.5  , 0.5  ],
           [0.119, 0.881]])
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        output: str,
        classes: Sequence[Any] | np.ndarray | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {type(function).__name__}.")
        self.function = function
        self.output = check_choice(output, "output", OUTPUTS)
        self._labels = None if classes is None else check_labels(classes)
        self.name = getattr(function, "__qualname__", type(function).__name__)

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of the columns as given."""
        return self._labels

    @property
    def has_implicit_order(self) -> bool:
        """Whether `classes` was left out although the function returns columns."""
        return self._labels is None and self.output != "predictions"

    def check_task(self, task: str) -> None:
        """Check that the output fits the task (see `Teacher.check_task`)."""
        if task == "classification":
            return
        if self.output != "predictions":
            raise ValueError(
                f"teacher {self.name} returns {self.output}, which regression cannot use; "
                "give CallableTeacher(f, output='predictions') with one number for each row."
            )
        if self._labels is not None:
            raise ValueError(f"teacher {self.name} has classes, which regression does not have.")

    def fingerprint(self) -> str:
        """Compute a key of the function's code and of the values it uses."""
        # The code of a method, or of an object's `__call__`, is not part of the object's state.
        code = getattr(self.function, "__func__", type(self.function).__call__)
        code = code if isinstance(code, FunctionType) else None  # written in C
        key = fingerprint(self.function, self.name)
        return fingerprint((key, code, self.output, self._labels), self.name)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> Any:
        columns = classes if self._labels is None else self._labels
        values = self.function(X)
        if self.output == "predictions":
            return self._one_hot(np.asarray(values), columns, num_samples(X))
        return self._link(values) if self.output == "logits" else values

    def _predict(self, X: Any) -> Any:
        return self.function(X)

    def _one_hot(self, labels: np.ndarray, columns: np.ndarray, n_rows: int) -> np.ndarray:
        if labels.size != n_rows or labels.ndim > 2:
            raise ValueError(
                f"one label for each row is expected, got shape {labels.shape}; for a column for "
                "each class use output='probabilities' or 'logits'."
            )
        codes = find_labels(labels.reshape(-1), columns)
        if (codes < 0).any():
            strange = np.unique(labels.reshape(-1)[codes < 0])
            raise ValueError(
                f"it predicts {strange[:8].tolist()}, which is not among the classes "
                f"{columns.tolist()}.{describe_mismatch(strange, columns)}"
            )
        return one_hot(codes, len(columns))

    def _link(self, values: Any) -> np.ndarray:
        Z = np.asarray(values, dtype=np.float64)
        if Z.ndim == 2 and Z.shape[1] == 1:
            Z = Z[:, 0]
        # Minus infinity is a probability of zero; a row needs one finite logit.
        top = Z.max(axis=1) if Z.ndim == 2 and Z.size else Z
        if not np.isfinite(top).all():
            raise ValueError("its logits contain NaN or infinite values.")
        return expit(Z) if Z.ndim == 1 else softmax(Z)
