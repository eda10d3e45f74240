"""The bound of a search is about another fit than those of its folds."""

from __future__ import annotations

import numpy as np
import pytest
from contest_parts import METRIC, Rounds, hold, make_splits, make_trial

from skdistill._scorers import make_metric
from skdistill.search._refits import excess_variance
from skdistill.search._rounds import HeldOut

NAMES = "abcd"


class Refits(Rounds):
    """Each fit is better or worse by chance."""

    def __init__(self, spread, seed):
        super().__init__(dict.fromkeys(NAMES, 1.0), seed=seed)
        self.spread = spread

    def draw(self):
        return abs(self.rng.normal(1.0, self.spread))

    def run(self, trials, split, *, first):
        self.noises = {name: self.draw() for name in NAMES}
        return super().run(trials, split, first=first)


def make_trials():
    return [make_trial(name, n) for n, name in enumerate(NAMES, start=1)]


# Noise of fitting as small as is usual (about a tenth of the variance of the rows of a fold), as
# large as that of the rows, and far larger.
@pytest.mark.parametrize(("spread", "most"), [(0.016, 3), (0.05, 3), (0.15, 8)])
def test_the_bound_is_that_of_another_fit(spread, most):
    """Of 60 promises three may be broken; some more, where fits differ far more than rows."""
    misses = 0
    for seed in range(60):
        rounds = Refits(spread, seed)
        contest = hold(make_trials(), rounds, tolerance=(5.0, False))
        misses += contest.chosen.interval.upper < rounds.draw() ** 2 - 1.0
    assert misses <= most


@pytest.mark.parametrize("n_folds", [3, 5, 10])
def test_with_fits_alike_the_variance_is_that_of_nadeau_and_bengio(n_folds):
    factors = []
    for seed in range(20):
        contest = hold(make_trials(), Rounds(dict.fromkeys(NAMES, 1.1), seed=seed), n_folds=n_folds)
        n_rows = len(np.concatenate(contest.chosen.values))
        rows_alone = 2 * (1 + 1.1**4) / n_rows  # of the difference of two mean squares
        factors.append(contest.chosen.interval.standard_error**2 / rows_alone)
    # 1 / J + n_test / n_train over 1 / J is 2 where the J others of the folds verify. More, as
    # folds that differ by chance count.
    assert 1.8 < np.median(factors) < 2.8


def test_one_fold_or_folds_without_the_metric_show_no_more_than_their_size():
    trial, rounds = make_trial("a", 1), Rounds({"a": 1.0})
    part = rounds.run([trial], None, first=False)
    assert excess_variance([trial], [part], METRIC, make_splits(5)[:1]) == pytest.approx(1.25)
    y = np.zeros(10, dtype=int)
    one_class = HeldOut(y, y, None, np.full((10, 2), 0.5))
    trial.values[:] = [np.full((10, 2), 0.5)] * 4
    metric = make_metric("roc_auc", np.array([0, 1]))
    assert excess_variance([trial], [one_class] * 4, metric, make_splits(5)[1:]) == 2.0
