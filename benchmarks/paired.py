"""Pairs of methods over seeds: differences, noise bands, wins, gap closed, intervals.

A *cell* is one data set, teacher, student and size. A method is compared with a baseline on the
same splits, so that what a split does to both cancels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.results import (
    NO_SEARCH,
    is_ok,
    metric,
    reference,
    student_label,
    student_order,
)
from benchmarks.tasks import Key, Row, key_of

__all__ = [
    "Cell",
    "Interval",
    "against_ours",
    "by_student",
    "count_outcomes",
    "loss_of",
    "median_gap",
    "median_interval",
    "median_small_gap",
    "pair",
]

RELATIVE_BAND = 0.005  # half a per cent of the baseline's loss is no difference worth a claim
STANDARD_ERRORS = 1.64  # two-sided 90 %
N_DRAWS = 2000
LEVEL = 0.95

# Measures that are better when larger, and what they are subtracted from to give a loss.
COMPLEMENTS = ("accuracy", "auc", "r2")


@dataclass(frozen=True)
class Cell:
    """A method and its baseline on one data set, over the seeds that have both.

    Attributes
    ----------
    dataset, task, teacher, student, size, method, baseline : str
        What is compared.
    seeds : tuple of int
        The splits, in ascending order.
    losses, baseline_losses, teacher_losses : tuple of float
        One a seed; the teacher's are NaN where it has no row.
    row_errors : tuple of float
        Standard errors of the difference over the test rows, one a seed; NaN where unknown.
    """

    dataset: str
    task: str
    teacher: str
    student: str
    size: str
    method: str
    baseline: str
    seeds: tuple[int, ...]
    losses: tuple[float, ...]
    baseline_losses: tuple[float, ...]
    teacher_losses: tuple[float, ...] = field(repr=False)
    row_errors: tuple[float, ...] = field(repr=False)

    @property
    def label(self) -> str:
        """Student and size."""
        return student_label(self.student, self.size)

    @property
    def loss(self) -> float:
        """Mean loss of the method over the seeds."""
        return float(np.mean(self.losses))

    @property
    def baseline_loss(self) -> float:
        """Mean loss of the baseline over the seeds."""
        return float(np.mean(self.baseline_losses))

    @property
    def teacher_loss(self) -> float:
        """Mean loss of the teacher over the seeds; NaN unless it has all of them."""
        return float(np.mean(self.teacher_losses))

    @property
    def difference(self) -> float:
        """Mean paired difference; negative where the method is better."""
        return self.loss - self.baseline_loss

    @property
    def relative(self) -> float:
        """Difference as a share of the baseline's loss."""
        return self.difference / self.baseline_loss if self.baseline_loss else math.nan

    @property
    def band(self) -> float:
        """Differences up to here are noise.

        The larger of half a per cent of the baseline's loss and 1.64 standard errors. The
        standard error is the larger of that over seeds and that over test rows, which does not
        shrink with the seeds: their test rows overlap.
        """
        errors = np.asarray(self.row_errors)
        over_rows = 0.0 if np.isnan(errors).any() else float(errors.mean())
        over_seeds = _standard_error(np.subtract(self.losses, self.baseline_losses))
        return max(
            RELATIVE_BAND * abs(self.baseline_loss), STANDARD_ERRORS * max(over_rows, over_seeds)
        )

    @property
    def outcome(self) -> str:
        """Outcome for the method: ``"win"``, ``"tie"`` or ``"loss"``."""
        if abs(self.difference) <= self.band:
            return "tie"
        return "win" if self.difference < 0 else "loss"

    @property
    def has_gap(self) -> bool:
        """Whether the teacher is better than the baseline by more than noise."""
        gaps = np.subtract(self.baseline_losses, self.teacher_losses)
        band = max(RELATIVE_BAND * abs(self.baseline_loss), STANDARD_ERRORS * _standard_error(gaps))
        return bool(gaps.mean() > band)

    @property
    def has_small_gap(self) -> bool:
        """Whether the teacher is better by more than half a per cent, be it by chance."""
        return self.baseline_loss - self.teacher_loss > RELATIVE_BAND * abs(self.baseline_loss)

    @property
    def gaps(self) -> np.ndarray:
        """Gap closed by seed, in units of the mean gap; their mean is the gap closed.

        The mean gap is the unit because that of a single split may be next to nothing.
        """
        unit = self.baseline_loss - self.teacher_loss
        return np.subtract(self.baseline_losses, self.losses) / unit

    @property
    def gap(self) -> float:
        """Gap closed: 0 is the baseline, 1 the teacher; NaN where there is no gap to close."""
        return float(self.gaps.mean()) if self.has_gap else math.nan


@dataclass(frozen=True)
class Interval:
    """A median with its bootstrap interval; all NaN where there is nothing to take it of."""

    median: float
    low: float
    high: float


def loss_of(row: Row, measure: str | None = None) -> float:
    """Return what is to be small: the log loss or RMSE, or the loss of the measure named."""
    if measure is None:
        measure = "log_loss" if row["task"] == "classification" else "rmse"
    value = metric(row, measure)
    return 1.0 - value if measure in COMPLEMENTS else value


def pair(
    rows: Iterable[Row],
    method: str = "ours",
    *,
    baseline: str = "direct",
    measure: str | None = None,
) -> list[Cell]:
    """Pair a method with its baseline.

    Parameters
    ----------
    rows : iterable of dict
        Result rows of one suite.
    method, baseline : str
        The two methods. A baseline without a teacher is found also where its row names none.
    measure : str or None
        What to compare; None takes log loss for classification and RMSE for regression.

    Returns
    -------
    cells : list of Cell
        In the order of students, then sets; those without a seed that has both are left out.
    """
    good = {
        key_of(row): row for row in rows if is_ok(row) and not math.isnan(loss_of(row, measure))
    }
    seeds: dict[Key, list[int]] = {}
    for key in good:
        if key.method == method and _baseline_of(good, key, baseline):
            seeds.setdefault(key._replace(seed=-1), []).append(key.seed)
    cells = [_cell(good, key, sorted(found), baseline, measure) for key, found in seeds.items()]
    return sorted(cells, key=lambda cell: (student_order((cell.student, cell.size)), cell.dataset))


def against_ours(rows: Sequence[Row], method: str) -> list[Cell]:
    """Pair a method with ours: one fit with ours of one fit, and that with ours by default."""
    baseline = "ours" if method == NO_SEARCH else reference(rows)
    return pair(rows, method, baseline=baseline)


def by_student(cells: Iterable[Cell]) -> dict[tuple[str, str], list[Cell]]:
    """Group cells by student and size, in their order."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.student, cell.size), []).append(cell)
    return dict(sorted(groups.items(), key=lambda item: student_order(item[0])))


def count_outcomes(cells: Iterable[Cell]) -> tuple[int, int, int]:
    """Count wins, ties and losses."""
    counts = Counter(cell.outcome for cell in cells)
    return counts["win"], counts["tie"], counts["loss"]


def median_gap(cells: Iterable[Cell]) -> Interval:
    """Return the median of the gap closed over the sets that have one."""
    return median_interval([cell.gaps for cell in cells if cell.has_gap])


def median_small_gap(cells: Iterable[Cell]) -> Interval:
    """Return the median of the gap closed also over sets whose gap may be due to chance."""
    return median_interval([cell.gaps for cell in cells if cell.has_small_gap])


def median_interval(groups: Sequence[np.ndarray], *, seed: int = 0) -> Interval:
    """Return the median of the groups' means with its bootstrap interval.

    Groups are drawn with replacement, and in each group drawn its values: data sets, then seeds.

    Parameters
    ----------
    groups : sequence of ndarray of shape (n_values,)
        One a data set, with a value a seed.
    seed : int, default=0
        Seed of the draws: the same values give the same interval.

    Returns
    -------
    interval : Interval
        95 %; its ends are NaN for fewer than three groups, of which no interval can be had.
    """
    if not groups:
        return Interval(math.nan, math.nan, math.nan)
    median = float(np.median([group.mean() for group in groups]))
    if len(groups) < 3:
        return Interval(median, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(groups), size=(N_DRAWS, len(groups)))
    means = np.empty(chosen.shape)
    for index, group in enumerate(groups):
        here = chosen == index
        draws = rng.integers(len(group), size=(int(here.sum()), len(group)))
        means[here] = group[draws].mean(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.median(means, axis=1), [tail, 1 - tail])
    return Interval(median, float(low), float(high))


def _baseline_of(good: dict[Key, Row], key: Key, baseline: str) -> Row | None:
    named = key._replace(method=baseline)
    return _same_data(good[key], good.get(named) or good.get(named._replace(teacher="")))


def _same_data(row: Row, other: Row | None) -> Row | None:
    """Return the other row unless it is of other data: a run may go on with another folder."""
    same = other is not None and other.get("data_hash") == row.get("data_hash")
    return other if same else None


def _cell(
    good: dict[Key, Row], key: Key, seeds: list[int], baseline: str, measure: str | None
) -> Cell:
    losses, baselines, teachers, errors = [], [], [], []
    for seed in seeds:
        here = key._replace(seed=seed)
        row, other = good[here], _baseline_of(good, here, baseline)
        teacher = _same_data(row, good.get(here._replace(student="", size="", method="teacher")))
        losses.append(loss_of(row, measure))
        baselines.append(math.nan if other is None else loss_of(other, measure))
        teachers.append(math.nan if teacher is None else loss_of(teacher, measure))
        # The rows' own error is that of the difference to the direct fit, in the main loss.
        known = baseline == "direct" and measure is None
        errors.append(_row_error(row, losses[-1] + baselines[-1]) if known else math.nan)
    return Cell(
        dataset=key.dataset,
        task=row["task"],
        teacher=key.teacher,
        student=key.student,
        size=key.size,
        method=key.method,
        baseline=baseline,
        seeds=tuple(seeds),
        losses=tuple(losses),
        baseline_losses=tuple(baselines),
        teacher_losses=tuple(teachers),
        row_errors=tuple(errors),
    )


def _row_error(row: Row, total: float) -> float:
    """Return the standard error over test rows, in units of the loss.

    That of regression is stored for squared errors: a² - b² = (a - b)(a + b) makes it one of RMSE.
    """
    error = metric(row, "loss_se")
    return error if row["task"] == "classification" else error / total if total else math.nan


def _standard_error(values: np.ndarray) -> float:
    """Return the standard error of the mean; 0 for a single value, which shows no spread."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0
