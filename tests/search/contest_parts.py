"""Contests with made-up answers in place of fitted students."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import numpy as np

from skdistill._scorers import make_metric
from skdistill.search import _contest
from skdistill.search._contest import Budget, Contest
from skdistill.search._rounds import HeldOut, Trial

METRIC = make_metric("neg_mean_squared_error", None)
N_ROWS = 400


def make_trial(name, n_bytes, *, distilled=True, student=None):
    candidate = SimpleNamespace(
        name=name, distilled=distilled, student=student or object(), params={}
    )
    return Trial(candidate, n_bytes=n_bytes)


class Rounds:
    """Answers off by a given noise, the same for the teacher; weights and folds as given."""

    def __init__(self, noises, *, teacher=1.0, weight=None, seed=0):
        self.noises, self.teacher, self.weight = noises, teacher, weight
        self.rng = np.random.default_rng(seed)
        self.settings = SimpleNamespace(report=lambda message: None)
        self.problem = SimpleNamespace(X=None)

    def run(self, trials, split, *, first):
        y = self.rng.normal(size=N_ROWS)
        for trial in trials:
            error = self.rng.normal(size=N_ROWS) * self.noises[trial.candidate.name]
            trial.values.append(y + error)
        teacher = y + self.rng.normal(size=N_ROWS) * self.teacher
        return HeldOut(y, np.zeros(N_ROWS, dtype=int), self.weight, teacher)


def make_splits(n_folds):
    return [(np.arange((n_folds - 1) * N_ROWS), np.arange(N_ROWS))] * n_folds


def hold(trials, rounds, *, tolerance=None, n_folds=5, metric=METRIC):
    """Hold a contest; students cost nothing and are not timed."""
    contest = Contest(trials, metric, tolerance, Budget(None, None), refittable=True)
    with mock.patch.object(_contest, "measure_latency", return_value=(1.0, True)):
        contest.run(rounds, make_splits(n_folds))
    return contest
