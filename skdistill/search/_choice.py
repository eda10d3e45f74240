"""Which candidates survive the first round, and which one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._intervals import allowed
from skdistill._scorers import Metric
from skdistill.search._rounds import HeldOut, Trial

N_SURVIVORS = 6

# Replicates that tell whether one student is better than another.
N_QUICK = 30


def frontier(trials: Sequence[Trial]) -> list[Trial]:
    """List those that no other of at most their bytes is as good as, smallest first.

    Parameters
    ----------
    trials : sequence of Trial
        Scored.

    Returns
    -------
    frontier : list of Trial
    """
    best: list[Trial] = []
    order = sorted(trials, key=lambda t: (t.n_bytes, -t.score, t.candidate.distilled))
    for trial in order:
        if not best or trial.score > best[-1].score:
            best.append(trial)
    return best


def select_survivors(
    trials: Sequence[Trial],
    held_out: HeldOut,
    metric: Metric,
    tolerance: tuple[float, bool] | None,
) -> list[Trial]:
    """Drop candidates that another of no more bytes is better than, by more than chance tells.

    Parameters
    ----------
    trials : sequence of Trial
        Of the first round, scored and within the budget.
    held_out : HeldOut
        The rows that they were scored on.
    metric : Metric
        What the scores are.
    tolerance : tuple or None
        With one, those that are beyond it for sure need no verifying.

    Returns
    -------
    survivors : list of Trial
        At most six, smallest first; the best by score and the best direct fit are among them.
    """
    best = max(trials, key=lambda t: (t.score, not t.candidate.distilled, -t.n_bytes))
    direct = [t for t in trials if not t.candidate.distilled]
    musts = [best, *([max(direct, key=lambda t: t.score)] if direct else [])]
    kept: list[Trial] = []
    for trial in trials:
        rivals = [t for t in trials if t is not trial and t.n_bytes <= trial.n_bytes]
        rival = max(rivals, key=lambda t: t.score, default=None)
        if rival is None or rival.score <= trial.score or trial in musts:
            kept.append(trial)
            continue
        gap = held_out.compare(metric, trial.values[0], rival.values[0], n=N_QUICK)
        if gap.estimate <= gap.standard_error and not _has_better_twin(trial, trials):
            kept.append(trial)
    kept.sort(key=lambda t: t.n_bytes)
    edge = frontier(kept)
    if tolerance is not None:
        edge = [t for t in edge if _may_be_within(t, tolerance)] or edge
    others = sorted((t for t in kept if t not in edge), key=lambda t: -t.score)
    chosen = list(dict.fromkeys([*musts, *_spread(edge, N_SURVIVORS - len(musts)), *others]))
    return sorted(chosen[:N_SURVIVORS], key=lambda t: t.n_bytes)


def _has_better_twin(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Tell whether the same student fitted in the other way is better, or as good and direct."""
    for other in trials:
        if other is not trial and other.candidate.student is trial.candidate.student:
            tie = other.score == trial.score and trial.candidate.distilled
            return other.score > trial.score or tie
    return False


def _may_be_within(trial: Trial, tolerance: tuple[float, bool]) -> bool:
    """Tell whether the first round leaves a chance that the tolerance is met."""
    gap = trial.interval
    return gap is not None and 2 * gap.estimate - gap.upper <= allowed(tolerance, gap.teacher)


def _spread(trials: list[Trial], n: int) -> list[Trial]:
    """Take some, evenly over their order, the first and the last among them."""
    if len(trials) <= n:
        return trials
    return [trials[round(i * (len(trials) - 1) / (n - 1))] for i in range(n)]


def is_within(trial: Trial, tolerance: tuple[float, bool]) -> bool:
    """Tell whether the bound of the shortfall is within the tolerance."""
    interval = trial.interval
    return interval is not None and interval.upper <= allowed(tolerance, interval.teacher)


def choose_within(trials: Sequence[Trial], tolerance: tuple[float, bool]) -> Trial | None:
    """Return the smallest that is within the tolerance; None if there is none."""
    within = [trial for trial in trials if is_within(trial, tolerance)]
    return min(within, key=lambda t: (t.n_bytes, t.candidate.distilled, -t.score), default=None)


def choose_best(trials: Sequence[Trial], held_out: HeldOut, metric: Metric) -> Trial:
    """Return the smallest that is within one standard error of the best by score."""
    best = max(trials, key=lambda t: t.score)
    for trial in sorted(trials, key=lambda t: (t.n_bytes, t.candidate.distilled, -t.score)):
        if trial is best:
            break
        gap = held_out.compare(metric, _joined(trial), _joined(best), n=N_QUICK)
        if gap.estimate <= gap.standard_error:
            return trial
    return best


def _joined(trial: Trial) -> np.ndarray:
    return np.concatenate(trial.values)


def describe(
    trial: Trial,
    *,
    chosen: bool,
    tolerance: tuple[float, bool] | None,
    n_folds: int,
    verified: bool,
) -> dict[str, Any]:
    """Return what `candidates_` says of a candidate."""
    interval, failed = trial.interval, trial.failure is not None
    return {
        "student": type(trial.candidate.student).__name__,
        "params": dict(trial.candidate.params),
        "name": trial.candidate.name,
        "distilled": trial.candidate.distilled,
        "score": None if interval is None else interval.student,
        "teacher_score": None if interval is None else interval.teacher,
        "shortfall": None if interval is None else interval.estimate,
        "upper": None if interval is None else interval.upper,
        "n_folds": 0 if failed else n_folds,
        "verified": verified,
        "bytes": trial.n_bytes,
        "latency_us": trial.latency_us,
        "compiled": None if trial.latency_us is None else trial.is_compiled,
        "within_tolerance": None
        if tolerance is None or not verified
        else is_within(trial, tolerance),
        "chosen": chosen,
        "failure": trial.failure,
    }
