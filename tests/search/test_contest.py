"""Who survives and who is chosen, with made-up answers in place of fitted students."""

from __future__ import annotations

import numpy as np
import pytest
from contest_parts import METRIC, N_ROWS, Rounds, hold, make_trial
from scipy import stats

from skdistill._scorers import make_metric
from skdistill.search._choice import choose_best, select_survivors
from skdistill.search._rounds import HeldOut


def test_the_bound_decides_and_not_the_estimate():
    trials = [make_trial("a", 10)]
    contest = hold(trials, Rounds({"a": 1.0}), tolerance=(0.2, False), n_folds=2)
    interval = contest.chosen.interval
    assert interval.estimate < 0.2 < interval.upper
    assert contest.within_tolerance is False
    wide = hold([make_trial("a", 10)], Rounds({"a": 1.0}), tolerance=(0.5, False), n_folds=2)
    assert wide.within_tolerance is True


@pytest.mark.parametrize("n_trials", [1, 4])
@pytest.mark.parametrize("tolerance", [None, (5.0, False)])
def test_bounds_hold_for_all_survivors_together(n_trials, tolerance):
    names = [f"t{i}" for i in range(n_trials)]
    noises = {name: 1.5 - 0.1 * i for i, name in enumerate(names)}
    trials = [make_trial(name, 10 * (i + 1)) for i, name in enumerate(names)]
    contest = hold(trials, Rounds(noises), tolerance=tolerance)
    assert len(contest.survivors) == n_trials
    z = stats.norm.ppf(1 - 0.05 / n_trials)
    for trial in contest.survivors:
        gap = trial.interval
        assert gap.upper == pytest.approx(gap.estimate + z * gap.standard_error)


def test_the_smallest_within_is_chosen_also_below_one_that_is_not():
    noises = {"small": 1.0, "middle": 2.0, "large": 0.8}
    trials = [make_trial(name, n) for n, name in enumerate(noises, start=1)]
    contest = hold(trials, Rounds(noises), tolerance=(0.5, False))
    assert contest.chosen.candidate.name == "small"
    assert contest.within_tolerance is True


def test_without_one_within_the_best_is_chosen_and_the_verdict_says_how():
    noises = {"small": 2.0, "large": 1.5}
    trials = [make_trial(name, n) for n, name in enumerate(noises, start=1)]
    contest = hold(trials, Rounds(noises), tolerance=(0.01, False))
    assert contest.chosen.candidate.name == "large"
    assert contest.within_tolerance is False
    assert "chosen by its score from 2" in contest.verdict()


def test_the_best_direct_fit_survives_though_it_is_beaten():
    noises = {f"t{i}": 1.0 - 0.05 * i for i in range(8)} | {"direct": 3.0}
    trials = [make_trial(name, 10 + i) for i, name in enumerate(noises)]
    trials[-1].candidate.distilled = False
    rounds = Rounds(noises)
    held_out = rounds.run(trials, None, first=True)
    for trial in trials:
        trial.interval = held_out.compare(METRIC, trial.values[0], n=30)
        trial.score = trial.interval.student
    names = {t.candidate.name for t in select_survivors(trials, held_out, METRIC, None)}
    assert "direct" in names
    assert len(names) <= 6


def test_the_smallest_within_one_standard_error_of_the_best():
    noises = {"poor": 2.0, "small": 1.0, "large": 0.999}
    trials = [make_trial(name, n) for n, name in enumerate(noises, start=1)]
    rounds = Rounds(noises)
    held_out = rounds.run(trials, None, first=True)
    y = held_out.y
    trials[1].values[0] = y + 1.0  # worse than the best by less than the noise
    trials[2].values[0] = y + np.where(np.arange(N_ROWS) % 2, 1.05, 0.9465)
    for trial in trials:
        trial.score = held_out.compare(METRIC, trial.values[0], n=30).student
    assert trials[2].score > trials[1].score
    assert choose_best(trials, held_out, METRIC).candidate.name == "small"
    trials[2].values[0] = y + 0.9
    trials[2].score = held_out.compare(METRIC, trials[2].values[0], n=30).student
    assert choose_best(trials, held_out, METRIC).candidate.name == "large"


def test_folds_stay_apart_when_they_are_joined():
    """Areas are taken within folds: across them the scores of two models do not compare."""
    metric = make_metric("roc_auc", np.array([0, 1]))
    y = np.array([0, 1] * 20)
    P = np.column_stack([1 - 0.4 * y, 0.4 * y])
    parts = [
        HeldOut(y, np.zeros(40, dtype=int), None, P + shift * np.array([-1.0, 1.0]))
        for shift in (0.0, 0.5)
    ]
    joined = HeldOut.join(parts)
    assert joined.folds.tolist() == [0] * 40 + [1] * 40
    gap = joined.compare(metric, joined.teacher, n=5)
    assert gap.teacher == pytest.approx(1.0)
    assert (
        HeldOut(joined.y, 0 * joined.folds, None, joined.teacher)
        .compare(metric, joined.teacher, n=5)
        .teacher
        < 1.0
    )


def test_weights_count_when_answers_are_compared():
    rounds = Rounds({"a": 1.0}, weight=np.where(np.arange(N_ROWS) < 100, 1.0, 0.0))
    trial = make_trial("a", 1)
    held_out = rounds.run([trial], None, first=True)
    gap = held_out.compare(METRIC, trial.values[0], n=5)
    assert gap.student == pytest.approx(-np.mean((trial.values[0] - held_out.y)[:100] ** 2))
    joined = HeldOut.join([held_out, held_out])
    assert joined.weight.sum() == 200


def test_students_that_agree_on_all_few_rows_are_not_promised():
    """No row of 48 tells student and teacher apart: a hundredth can hide behind that."""
    metric = make_metric("accuracy", np.array([0, 1]))

    class Agreeing(Rounds):
        def run(self, trials, split, *, first):
            y = np.arange(12) % 2
            P = np.column_stack([1.0 - y, y]) * 0.8 + 0.1
            for trial in trials:
                trial.values.append(P)
            return HeldOut(y, np.zeros(12, dtype=int), None, P)

    trial = make_trial("a", 1)
    contest = hold([trial], Agreeing({"a": 1.0}), tolerance=(0.01, False), metric=metric)
    assert contest.within_tolerance is False
    assert 1.5 / 48 < trial.interval.upper < 5 / 48
