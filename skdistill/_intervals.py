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
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from skdistill._scorers import Answers, Metric
from skdistill._validation import check_integer, check_real

# Share of the score below which a standard error is rounding.
ROUNDING = 1e-12

# Rows that are tried with another label, where no row tells student and teacher apart.
N_CHANGED = 10


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

    @classmethod
    def around(cls, scores: tuple[float, float], error: float, confidence: float) -> Interval:
        """Make the interval of two scores, the teacher's first, with a standard error."""
        estimate = scores[0] - scores[1]
        two_sided = float(stats.norm.ppf(0.5 + confidence / 2)) * error
        one_sided = float(stats.norm.ppf(confidence)) * error if error else 0.0
        return cls(
            estimate=estimate,
            low=estimate - two_sided,
            high=estimate + two_sided,
            standard_error=error,
            teacher=scores[0],
            student=scores[1],
            upper=estimate + one_sided,
        )

    def widen(self, variance: float, confidence: float) -> Interval:
        """Return the interval with a further variance, independent of what is in it."""
        error = math.hypot(self.standard_error, math.sqrt(variance))
        return Interval.around((self.teacher, self.student), error, confidence)


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
        Of :func:`~skdistill._scorers.make_metric`.
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
        Its bounds are infinite where fewer than half of the replicates have a defined score. Where
        no row tells student and teacher apart, which is no proof that none would, the standard
        error is what one row of another label changes in the student's score.

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
    total, scores, replicates = 0.0, np.zeros(2), np.zeros(n_resamples)
    scored: list[tuple[float, np.ndarray]] = []
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        pair = _score_pair(scorer, y, student, teacher, rows, sample_weight)
        if not np.isfinite(pair).all():
            continue  # one class alone, say
        share = float(len(rows) if sample_weight is None else sample_weight[rows].sum())
        total += share
        scores += share * np.array(pair)
        replicate = _prepare(scorer, y, student, teacher, rows, sample_weight)
        draws = (rng.randint(len(rows), size=len(rows)) for _ in range(n_resamples))
        replicates += share * np.array([replicate(drawn) for drawn in draws])
        scored.append((share, rows))
    if not total:
        raise ValueError(
            f"metric={scorer.name!r} is not defined on these rows: "
            f"{_why(scorer, y, student, sample_weight)}; give more rows, or another metric."
        )
    of_teacher, of_student = (scores / total).tolist()
    defined = replicates[np.isfinite(replicates)] / total
    error = float(defined.std(ddof=1)) if 2 * len(defined) >= n_resamples else math.inf
    if error <= ROUNDING * abs(of_student):
        error = max(
            share / total * _one_row(scorer, y, student, rows, sample_weight, rng)
            for share, rows in scored
        )
    return Interval.around((of_teacher, of_student), error, confidence)


def _one_row(
    scorer: Metric,
    y: np.ndarray,
    student: Answers,
    rows: np.ndarray,
    weight: np.ndarray | None,
    rng: np.random.RandomState,
) -> float:
    """Return by how much another label of one row can change the score; infinite without one."""
    labels = y if scorer.classes is None else scorer.classes
    changes = []
    for row in rng.choice(rows, min(len(rows), N_CHANGED), replace=False):
        others = labels[labels != y[row]]
        if len(others):
            changed = y.copy()
            changed[row] = rng.choice(others)
            pair = [
                _score_pair(scorer, truth, student, student, rows, weight)[0]
                for truth in (y, changed)
            ]
            changes.append(abs(pair[0] - pair[1]))
    found = [change for change in changes if np.isfinite(change)]
    return max(found, default=math.inf)


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


def _prepare(
    scorer: Metric,
    y: np.ndarray,
    student: Answers,
    teacher: Answers,
    rows: np.ndarray,
    weight: np.ndarray | None,
) -> Callable[[np.ndarray], float]:
    """Return the shortfall as a function of the rows that are drawn, places in `rows`."""
    of_teacher, of_student = (
        scorer.by_weights(Answers.of(scorer.classes, answers.values_[rows]), y[rows])
        for answers in (teacher, student)
    )

    def replicate(drawn: np.ndarray) -> float:
        if of_teacher is None or of_student is None:
            pair = _score_pair(scorer, y, student, teacher, rows[drawn], weight)
            return pair[0] - pair[1]
        w = np.bincount(drawn, minlength=len(rows)).astype(np.float64)
        if weight is not None:
            w *= weight[rows]
        return of_teacher(w) - of_student(w) if w.any() else math.nan

    return replicate


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
