"""Teachers that do not say what they return: the user declares it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from skdistill._compat import num_samples
from skdistill._validation import check_choice
from skdistill.losses import softmax
from skdistill.targets import one_hot
from skdistill.teachers._alignment import check_labels, describe_mismatch, find_labels
from skdistill.teachers._base import Teacher

OUTPUTS = ("probabilities", "logits", "predictions")


class DeclaredTeacher(Teacher):
    """What is common to functions and neural networks: values whose meaning is declared.

    A subclass returns the values in `_values`.

    Parameters
    ----------
    output : {"probabilities", "logits", "predictions"}
        What the values are; see `CallableTeacher`.
    classes : array-like of shape (n_classes,) or None
        Labels of the columns, in their order.
    """

    def __init__(self, *, output: str, classes: Sequence[Any] | np.ndarray | None) -> None:
        self.output = check_choice(output, "output", OUTPUTS)
        self._labels = None if classes is None else check_labels(classes)

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of the columns as given."""
        return self._labels

    @property
    def has_implicit_order(self) -> bool:
        """Whether `classes` was left out although there are columns."""
        return self._labels is None and self.output != "predictions"

    def check_task(self, task: str) -> None:
        """Check that the output fits the task (see `Teacher.check_task`)."""
        if task == "classification":
            return
        if self.output != "predictions":
            raise ValueError(
                f"teacher {self.name} returns {self.output}, which regression cannot use; "
                f"give {type(self).__name__}(f, output='predictions') with one number for each row."
            )
        if self._labels is not None:
            raise ValueError(f"teacher {self.name} has classes, which regression does not have.")

    @abstractmethod
    def _values(self, X: Any) -> Any:
        """Compute one row of values for each row of X."""

    def _predict_proba(self, X: Any, classes: np.ndarray) -> Any:
        columns = classes if self._labels is None else self._labels
        values = self._values(X)
        if self.output == "predictions":
            return _one_hot(np.asarray(values), columns, num_samples(X))
        return _link(values) if self.output == "logits" else values

    def _predict(self, X: Any) -> Any:
        return self._values(X)


def _one_hot(labels: np.ndarray, columns: np.ndarray, n_rows: int) -> np.ndarray:
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


def _link(values: Any) -> np.ndarray:
    Z = np.asarray(values, dtype=np.float64)
    if Z.ndim == 2 and Z.shape[1] == 1:
        Z = Z[:, 0]
    # Minus infinity is a probability of zero; a row needs one finite logit.
    top = Z.max(axis=1) if Z.ndim == 2 and Z.size else Z
    if not np.isfinite(top).all():
        raise ValueError("its logits contain NaN or infinite values.")
    return expit(Z) if Z.ndim == 1 else softmax(Z)
