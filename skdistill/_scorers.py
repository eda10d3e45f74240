"""Metrics by scikit-learn's names, for predictions that are known already.

Most are evaluated for many sets of row weights at once: a resampling costs little then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, log_loss, make_scorer, roc_auc_score

# The names of scikit-learn's scorers that must be told the classes: a replicate may lack one.
_AUC = {
    "roc_auc_ovr": {"multi_class": "ovr"},
    "roc_auc_ovo": {"multi_class": "ovo"},
    "roc_auc_ovr_weighted": {"multi_class": "ovr", "average": "weighted"},
    "roc_auc_ovo_weighted": {"multi_class": "ovo", "average": "weighted"},
}


class Answers(BaseEstimator):
    """A model that answers by row number, so that any scorer can be called on known predictions.

    ``Answers.of(classes, values)`` makes one; X of its methods are row numbers of shape (n,).
    """

    values_: np.ndarray

    @staticmethod
    def of(classes: np.ndarray | None, values: Any) -> Answers:
        """Make one.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,) or None
            The sorted classes; None for regression.
        values : array-like of shape (n_rows, n_classes) or (n_rows,)
            Probabilities, columns as in `classes`; for regression, predicted values.

        Returns
        -------
        answers : Answers
        """
        answers = _Values() if classes is None else _Probabilities()
        answers.values_ = np.asarray(values, dtype=np.float64)
        if classes is not None:
            answers.classes_ = np.asarray(classes)
        return answers

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Probabilities(ClassifierMixin, Answers):
    classes_: np.ndarray

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.asarray(self.values_[X])

    def predict(self, X: Any) -> np.ndarray:
        return np.asarray(self.classes_[self.values_[X].argmax(axis=1)])


class _Values(RegressorMixin, Answers):
    def predict(self, X: Any) -> np.ndarray:
        return np.asarray(self.values_[X])


@dataclass(frozen=True)
class Metric:
    """A metric by name, greater is better: ``metric(model, X, y, sample_weight=None)``."""

    name: str
    classes: np.ndarray | None
    scorer: Callable[..., float]

    def __call__(self, model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        if sample_weight is None:
            return float(self.scorer(model, X, y))
        return float(self.scorer(model, X, y, sample_weight=sample_weight))

    def by_weights(self, answers: Answers, y: np.ndarray) -> Callable[[np.ndarray], float] | None:
        """Prepare known answers to be scored under other weights of the rows.

        Parameters
        ----------
        answers : Answers
            Row i of it answers for row i of `y`.
        y : ndarray of shape (n_rows,)
            True labels or values.

        Returns
        -------
        score : callable or None
            From weights of shape (n_rows,), not all zero, to the metric; not a number where that
            is undefined. None where only the scorer knows the metric.
        """
        values = answers.values_
        if self.classes is None:
            return _mean_of_values(self.name, values, y)
        codes = np.searchsorted(self.classes, y)
        if self.name == "accuracy":
            return _mean(np.asarray(values.argmax(axis=1) == codes, dtype=np.float64))
        if self.name == "neg_log_loss":
            least = np.finfo(np.float64).eps
            P = np.clip(values, least, 1.0 - least)
            return _mean(np.log(P[np.arange(len(y)), codes]))
        if self.name == "roc_auc" and len(self.classes) == 2:
            return _area(values[:, 1], codes == 1)
        if self.name == "roc_auc_ovr":
            areas = [_area(values[:, k], codes == k) for k in range(len(self.classes))]
            return lambda weight: float(np.mean([area(weight) for area in areas]))
        return None


def _mean(contributions: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda weight: float(weight @ contributions / weight.sum())


def _mean_of_values(
    name: str, values: np.ndarray, y: np.ndarray
) -> Callable[[np.ndarray], float] | None:
    if name == "neg_mean_absolute_error":
        return _mean(-np.abs(values - y))
    if name == "neg_mean_squared_error":
        return _mean(-((values - y) ** 2))
    if name == "neg_root_mean_squared_error":
        square = _mean((values - y) ** 2)
        return lambda weight: -math.sqrt(square(weight))
    return None


def _area(scores: np.ndarray, positive: np.ndarray) -> Callable[[np.ndarray], float]:
    """Prepare the area under the ROC curve: the rows are put in order once."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # of rows that tie
    truth = positive[order]

    def area(weight: np.ndarray) -> float:
        w = weight[order]
        above, below = (np.add.reduceat(np.where(part, w, 0.0), starts) for part in (truth, ~truth))
        pairs = above.sum() * below.sum()
        if not pairs:
            return math.nan
        return float(above @ (np.cumsum(below) - 0.5 * below) / pairs)

    return area


def make_metric(name: Any, classes: np.ndarray | None) -> Metric:
    """Make a metric of its name.

    Parameters
    ----------
    name : str
        "auto" is ``neg_log_loss`` for classification and ``neg_root_mean_squared_error`` for
        regression: both are proper. Others as in :func:`sklearn.metrics.get_scorer`.
    classes : ndarray of shape (n_classes,) or None
        The sorted classes; None for regression.

    Returns
    -------
    metric : Metric

    Raises
    ------
    ValueError
        If there is no metric of this name.
    """
    if isinstance(name, str) and name == "auto":
        name = "neg_root_mean_squared_error" if classes is None else "neg_log_loss"
    try:
        if not isinstance(name, str):
            raise ValueError("not a name")
        scorer = get_scorer(name)
    except ValueError:
        raise ValueError(
            f"metric={name!r} is unknown; give 'auto' or one of the names of "
            "sklearn.metrics.get_scorer_names(), such as 'neg_log_loss', 'roc_auc' or 'r2'."
        ) from None
    if classes is not None and name == "neg_log_loss":
        scorer = make_scorer(
            log_loss, greater_is_better=False, response_method="predict_proba", labels=classes
        )
    elif classes is not None and name in _AUC:
        scorer = make_scorer(
            roc_auc_score, response_method="predict_proba", labels=classes, **_AUC[name]
        )
    return Metric(name, classes, scorer)
