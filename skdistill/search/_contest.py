"""The course of a search: all candidates, the survivors, the choice and its verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._scorers import Metric
from skdistill._trials import Splits
from skdistill.search._choice import (
    N_QUICK,
    choose_best,
    choose_within,
    describe,
    frontier,
    is_within,
    select_survivors,
)
from skdistill.search._cost import count_bytes, measure_latency
from skdistill.search._refits import refit_variances
from skdistill.search._rounds import INTERRUPTED, HeldOut, Rounds, Trial, verifying_splits
from skdistill.search._verdict import unmet_budget, write_verdict

# Held-out rows of other folds than the first on which survivors are compared with the teacher.
VERIFYING_ROWS = 8_000

N_RESAMPLES = 200

# Of what is said of all survivors together.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Budget:
    """What a student may cost."""

    max_bytes: int | None
    max_latency_us: float | None

    def allows(self, trial: Trial) -> bool:
        """Tell whether a student is within it, as far as it was measured."""
        small = self.max_bytes is None or trial.n_bytes <= self.max_bytes
        slow = self.max_latency_us is not None and (trial.latency_us or 0.0) > self.max_latency_us
        return small and not slow


class Contest:
    """Fit candidates round by round, and choose.

    Parameters
    ----------
    trials : list of Trial
        All candidates.
    metric : Metric
        What counts.
    tolerance : tuple or None
        Of :func:`~skdistill._intervals.parse_tolerance`.
    budget : Budget
        Hard demands.
    refittable : bool
        Whether the teacher is refitted without the held-out rows.
    """

    chosen: Trial

    def __init__(
        self,
        trials: list[Trial],
        metric: Metric,
        tolerance: tuple[float, bool] | None,
        budget: Budget,
        *,
        refittable: bool,
    ) -> None:
        self.trials, self.metric, self.tolerance = trials, metric, tolerance
        self.budget, self.refittable = budget, refittable
        self.survivors: list[Trial] = []
        self.n_folds = 1
        self.verified = False
        self.within_tolerance: bool | None = None
        self._chosen: Trial | None = None
        self._order: list[Trial] = []

    def run(self, rounds: Rounds, splits: Splits) -> None:
        """Compare all on the first fold, and the survivors on others; choose.

        Parameters
        ----------
        rounds : Rounds
            Fits them.
        splits : list of (train, test)
            Folds.

        Raises
        ------
        ValueError
            If nothing can be compared, or nothing is within the budget.
        """
        if not splits:
            raise ValueError(
                "the folds of cv have too few rows (of some class) to compare students on; give "
                "more rows, or other folds as cv."
            )
        report = rounds.settings.report
        report(f"search: {len(self.trials)} candidates on fold 1")
        held_out = rounds.run(self.trials, splits[0], first=True)
        able = [trial for trial in self.trials if trial.failure is None]
        if not able:
            raise ValueError(f"No student could be fitted: {self.trials[0].failure}")
        self._score(able, held_out, N_QUICK)
        if self.budget.max_latency_us is not None:
            for trial in able:
                _time(trial, trial.student, rounds.problem.X)
        allowed = [trial for trial in able if self.budget.allows(trial)]
        if not allowed:
            self.survivors = able
            message = unmet_budget(able, self.budget.max_bytes, self.budget.max_latency_us)
            raise ValueError(message)
        self.survivors = select_survivors(allowed, held_out, self.metric, self.tolerance)
        if any(trial.failure == INTERRUPTED for trial in self.trials):
            _warn_interrupted(stacklevel=5)
        else:
            held_out = self._verify(rounds, splits, held_out)
        for trial in self.survivors:
            if trial.latency_us is None:
                _time(trial, trial.student, rounds.problem.X)
        self._choose(held_out)

    def _verify(self, rounds: Rounds, splits: Splits, first: HeldOut) -> HeldOut:
        """Compare the survivors on the other folds; an interrupt leaves what the first told."""
        earlier = [list(trial.values) for trial in self.survivors]
        try:
            parts = []
            verifying = verifying_splits(splits, VERIFYING_ROWS)
            for trial in self.survivors:
                trial.values.clear()
            for number, split in enumerate(verifying):
                rounds.settings.report(
                    f"search: {len(self.survivors)} survivors on rows not used before, fold "
                    f"{number + 1} of {len(verifying)}"
                )
                parts.append(rounds.run(self.survivors, split, first=False))
            held_out = HeldOut.join(parts)
        except KeyboardInterrupt:
            for trial, values in zip(self.survivors, earlier, strict=True):
                trial.values[:] = values
            _warn_interrupted(stacklevel=6)
            return first
        self.survivors = [t for t in self.survivors if len(t.values) == len(parts)]
        if not self.survivors:
            raise ValueError("No student could be fitted to all folds.")
        variances = refit_variances(self.survivors, parts, self.metric, verifying)
        self._score(self.survivors, held_out, N_RESAMPLES, variances)
        self.n_folds, self.verified = len(parts), len(splits) > 1
        return held_out

    def _score(
        self,
        trials: Sequence[Trial],
        held_out: HeldOut,
        n: int,
        variances: Sequence[float] | None = None,
    ) -> None:
        # The bounds hold for all of them together, as one is chosen by what these rows say.
        confidence = 1 - (1 - CONFIDENCE) / len(trials)
        for trial, variance in zip(trials, variances or [0.0] * len(trials), strict=True):
            gap = held_out.compare(self.metric, np.concatenate(trial.values), n=n)
            trial.interval, trial.score = gap.widen(variance, confidence), gap.student

    def _choose(self, held_out: HeldOut) -> None:
        """Order the survivors by how much they are wanted; the first is chosen."""
        within = [t for t in self.survivors if self.budget.allows(t)] or self.survivors
        if self.tolerance is None:
            chosen = choose_best(within, held_out, self.metric)
        else:
            found = choose_within(within, self.tolerance)
            self.within_tolerance = found is not None and self.verified
            chosen = found or max(within, key=lambda t: (t.score, -t.n_bytes))
        smaller = [t for t in within if t.n_bytes < chosen.n_bytes]
        self._order = [chosen, *sorted(smaller, key=lambda t: -t.score)]
        self.chosen = self._chosen = chosen

    def fit_chosen(self, fit: Callable[[Trial], Any], X: Any) -> Any:
        """Fit the chosen one to all rows; where it then is too large, the next smaller one.

        Parameters
        ----------
        fit : callable
            Fits the student of a trial.
        X : array-like
            Rows to time it on.

        Returns
        -------
        student : BaseStudent
            Fitted.

        Raises
        ------
        ValueError
            If each of them is beyond the budget when fitted to all rows.
        """
        for trial in self._order:
            student = fit(trial)
            trial.n_bytes = count_bytes(student)
            _time(trial, student, X)
            if self.budget.allows(trial):
                if self.tolerance is not None:
                    self.within_tolerance = self.verified and is_within(trial, self.tolerance)
                self.chosen = self._chosen = trial
                return student
        self._chosen = None
        raise ValueError(
            unmet_budget(self._order, self.budget.max_bytes, self.budget.max_latency_us)
        )

    def verdict(self) -> str:
        """Say what was chosen, and how it compares with the teacher."""
        return write_verdict(
            self.chosen,
            self.tolerance,
            metric=self.metric.name,
            within=self.within_tolerance,
            refittable=self.refittable,
            verified=self.verified,
            n_rivals=len(self.survivors) - 1,
        )

    def candidates(self) -> list[dict[str, Any]]:
        """Describe all candidates, smallest first."""
        return [self._describe(trial) for trial in sorted(self.trials, key=lambda t: t.n_bytes)]

    def frontier(self) -> list[dict[str, Any]]:
        """Describe the survivors that no smaller one is as good as, and the chosen one."""
        edge = frontier(self.survivors)
        if self._chosen is not None and self._chosen not in edge:
            edge = sorted([*edge, self._chosen], key=lambda t: t.n_bytes)
        return [self._describe(trial) for trial in edge]

    def _describe(self, trial: Trial) -> dict[str, Any]:
        verified = self.verified and trial in self.survivors
        return describe(
            trial,
            chosen=trial is self._chosen,
            tolerance=self.tolerance,
            n_folds=self.n_folds if verified else 1,
            verified=verified,
        )


def _warn_interrupted(*, stacklevel: int) -> None:
    warnings.warn(
        "The search was interrupted: the choice rests on what its first fold told.",
        UserWarning,
        stacklevel=stacklevel,
    )


def _time(trial: Trial, student: Any, X: Any) -> None:
    trial.latency_us, trial.is_compiled = measure_latency(student, X)
