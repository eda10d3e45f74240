"""How far a student's score falls short of its teacher's, and how sure that is.

A score by any metric of scikit-learn is compared on the same rows for both, by a paired bootstrap;
a rate of disagreement gets an exact bound.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, log_loss, make_scorer, roc_auc_score
from sklearn.utils import check_random_state

from skdistill._validation import check_integer, check_real

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
    """A metric by name, greater is better: ``metric(model, X, y, sample_weight=None)``.

    Metrics that are a mean over rows, or a function of one, say what each row contributes: these
    are resampled at once instead of one call after the other.
    """

    name: str
    classes: np.ndarray | None
    scorer: Callable[..., float]

    def __call__(self, model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        if sample_weight is None:
            return float(self.scorer(model, X, y))
        return float(self.scorer(model, X, y, sample_weight=sample_weight))

    def contributions(self, answers: Answers, y: np.ndarray) -> np.ndarray | None:
        """Return what each row adds to the mean; None where the metric is no mean over rows."""
        values = answers.values_
        if self.classes is None:
            if self.name == "neg_mean_absolute_error":
                return -np.abs(values - y)
            if self.name in ("neg_mean_squared_error", "neg_root_mean_squared_error"):
                return -((values - y) ** 2)
            return None
        codes = np.searchsorted(self.classes, y)
        if self.name == "accuracy":
            return np.asarray(values.argmax(axis=1) == codes, dtype=np.float64)
        if self.name == "neg_log_loss":
            least = np.finfo(np.float64).eps
            P = np.clip(values, least, 1.0 - least)
            return np.asarray(np.log(P[np.arange(len(y)), codes]))
        return None

    def finish(self, mean: np.ndarray) -> np.ndarray:
        """Return the metric that a mean of contributions stands for."""
        return -np.sqrt(-mean) if self.name == "neg_root_mean_squared_error" else mean


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


@dataclass(frozen=True)
class Interval:
    """By how much a student's score is below its teacher's; greater is worse.

    Parameters
    ----------
    estimate : float
        The teacher's score minus the student's.
    low, high : float
        Two-sided confidence interval.
    standard_error : float
        Of the estimate.
    teacher, student : float
        Their scores.
    upper : float
        One-sided bound: the shortfall is below it with the confidence asked for.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    teacher: float
    student: float
    upper: float


def paired_interval(
    scorer: Metric,
    y: np.ndarray,
    student: Answers,
    teacher: Answers,
    *,
    folds: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    confidence: float = 0.95,
    n_resamples: int = 200,
    random_state: Any = 0,
) -> Interval:
    """Bound by how much the student's score is below the teacher's on the same rows.

    Parameters
    ----------
    scorer : Metric
        Of :func:`make_metric`.
    y : ndarray of shape (n_rows,)
        True labels or values.
    student, teacher : Answers
        What they predict for these rows.
    folds : ndarray of int of shape (n_rows,), default=None
        The fold of each row, where each fold had models of its own: the metric is taken within
        each and averaged by rows. None: all rows are one fold.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
    confidence : float, default=0.95
        Of the two-sided interval, and of the one-sided bound.
    n_resamples : int, default=200
        Replicates; 200 are enough for a standard error [1]_.
    random_state : int, RandomState instance or None, default=0
        Draws the replicates.

    Returns
    -------
    interval : Interval
        Its bounds are infinite where fewer than half of the replicates have a defined score.

    Raises
    ------
    ValueError
        If the metric is not defined on these rows, or an argument is invalid.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 6.
    """
    confidence = check_real(confidence, "confidence", minimum=0.0, maximum=1.0, strict=True)
    n_resamples = check_integer(n_resamples, "n_resamples", minimum=2)
    rng = check_random_state(random_state)
    y = np.asarray(y)
    folds = np.zeros(len(y), dtype=int) if folds is None else np.asarray(folds)
    means = [scorer.contributions(answers, y) for answers in (teacher, student)]

    def score(rows: np.ndarray) -> tuple[float, float]:
        return _score_pair(scorer, y, student, teacher, rows, sample_weight)

    total, scores, replicates = 0.0, np.zeros(2), np.zeros(n_resamples)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        pair = score(rows)
        if not np.isfinite(pair).all():
            continue  # one class alone, say
        share = float(len(rows) if sample_weight is None else sample_weight[rows].sum())
        differences = _resample(
            scorer, score, means, rows, weight=sample_weight, n_resamples=n_resamples, rng=rng
        )
        total += share
        scores += share * np.array(pair)
        replicates += share * differences
    if not total:
        raise ValueError(
            f"metric={scorer.name!r} is not defined on these rows: "
            f"{_why(scorer, y, student, sample_weight)}; give more rows, or another metric."
        )
    of_teacher, of_student = (scores / total).tolist()
    estimate = of_teacher - of_student
    defined = replicates[np.isfinite(replicates)] / total
    error = float(defined.std(ddof=1)) if 2 * len(defined) >= n_resamples else math.inf
    two_sided = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    one_sided = float(stats.norm.ppf(confidence)) * error if error else 0.0
    return Interval(
        estimate=estimate,
        low=estimate - two_sided,
        high=estimate + two_sided,
        standard_error=error,
        teacher=of_teacher,
        student=of_student,
        upper=estimate + one_sided,
    )


def _score_pair(
    scorer: Metric,
    y: np.ndarray,
    student: Answers,
    teacher: Answers,
    rows: np.ndarray,
    weight: np.ndarray | None,
) -> tuple[float, float]:
    """Score the teacher and the student on some rows; not a number where that is undefined."""
    w = None if weight is None else weight[rows]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return scorer(teacher, rows, y[rows], w), scorer(student, rows, y[rows], w)
    except ValueError:
        return math.nan, math.nan


def _why(scorer: Metric, y: np.ndarray, student: Answers, weight: np.ndarray | None) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            scorer(student, np.arange(len(y)), y, weight)
    except ValueError as error:
        return str(error)
    return "its value is not a number"


def _resample(
    scorer: Metric,
    score: Callable[[np.ndarray], tuple[float, float]],
    means: list[np.ndarray | None],
    rows: np.ndarray,
    *,
    weight: np.ndarray | None,
    n_resamples: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Return the shortfall in each replicate of the rows."""
    differences = np.empty(n_resamples)
    for i in range(n_resamples):
        drawn = rows[rng.randint(len(rows), size=len(rows))]
        if means[0] is None or means[1] is None:
            pair = score(drawn)
            differences[i] = pair[0] - pair[1]
            continue
        w = None if weight is None else weight[drawn]
        if w is not None and not w.sum():
            differences[i] = math.nan
            continue
        of_teacher, of_student = (
            scorer.finish(np.average(m[drawn], weights=w)) for m in means if m is not None
        )
        differences[i] = of_teacher - of_student
    return differences


def disagreement_bound(n_disagreements: int, n_rows: int, *, confidence: float = 0.95) -> float:
    """Bound a rate of disagreement from above, exactly [1]_.

    Parameters
    ----------
    n_disagreements, n_rows : int
        How many of how many rows disagree.
    confidence : float, default=0.95
        One-sided.

    Returns
    -------
    bound : float
        The rate is below it with that confidence.

    References
    ----------
    .. [1] Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
       of the binomial", Biometrika, 1934.

    Examples
    --------
    >>> round(disagreement_bound(0, 100), 4)  # about 3 / 100
    0.0295
    """
    if n_disagreements >= n_rows:
        return 1.0
    return float(stats.beta.ppf(confidence, n_disagreements + 1, n_rows - n_disagreements))


def parse_tolerance(value: Any, name: str = "tolerance") -> tuple[float, bool]:
    """Read a tolerance.

    Parameters
    ----------
    value : float or str
        A number is in units of the metric; a string such as ``"2%"`` is a share of the size of
        the teacher's score.
    name : str, default="tolerance"
        What errors call it.

    Returns
    -------
    amount : float
        At least 0; a share for percentages.
    relative : bool
        Whether it is a share.

    Raises
    ------
    TypeError, ValueError
        If it is neither.

    Examples
    --------
    >>> parse_tolerance("2%")
    (0.02, True)
    >>> parse_tolerance(0.005)
    (0.005, False)
    """
    if not isinstance(value, str):
        return check_real(value, name, minimum=0.0), False
    text = value.strip()
    try:
        share = float(text[:-1]) if text.endswith("%") else math.nan
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise ValueError(
            f"{name}={value!r} cannot be read; give a number of at least 0, in units of the "
            "metric, or a share of the teacher's score such as '2%'."
        )
    return share / 100, True


def allowed(tolerance: tuple[float, bool], teacher_score: float) -> float:
    """Return how far below a teacher's score a student's may be."""
    amount, relative = tolerance
    return amount * abs(teacher_score) if relative else amount
