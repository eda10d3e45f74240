"""A teacher that is a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from skdistill.teachers._declared import DeclaredTeacher
from skdistill.teachers._fingerprint import fingerprint


class CallableTeacher(DeclaredTeacher):
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
        super().__init__(output=output, classes=classes)
        self.function = function
        self.name = getattr(function, "__qualname__", type(function).__name__)

    def fingerprint(self) -> str:
        """Compute a key of the function's code and of the values it uses."""
        # The code of a method, or of an object's `__call__`, is not part of the object's state.
        code = getattr(self.function, "__func__", type(self.function).__call__)
        code = code if isinstance(code, FunctionType) else None  # written in C
        key = fingerprint(self.function, self.name)
        return fingerprint((key, code, self.output, self._labels), self.name)

    def _values(self, X: Any) -> Any:
        return self.function(X)
