"""Shortfalls with their intervals, by any metric."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from skdistill._intervals import allowed, disagreement_bound, paired_interval, parse_tolerance
from skdistill._scorers import Answers, make_metric


def draw(n_rows=500, n_classes=3, seed=0):
    rng = np.random.RandomState(seed)
    y = rng.randint(n_classes, size=n_rows)
    good = rng.dirichlet(np.ones(n_classes), size=n_rows) + 1.0 * np.eye(n_classes)[y]
    bad = rng.dirichlet(np.ones(n_classes), size=n_rows) + 0.2 * np.eye(n_classes)[y]
    classes = np.array(["a", "b", "c", "d"][:n_classes])
    good, bad = (P / P.sum(axis=1, keepdims=True) for P in (good, bad))
    return classes, classes[y], good, bad


@pytest.mark.parametrize("name", ["auto", "roc_auc_ovr", "f1_macro"])
def test_interval_of_a_difference(name):
    classes, y, good, bad = draw()
    metric = make_metric(name, classes)
    student, teacher = Answers.of(classes, bad), Answers.of(classes, good)
    interval = paired_interval(metric, y, student, teacher, n_resamples=60)
    assert interval.estimate == pytest.approx(interval.teacher - interval.student)
    assert 0 < interval.low < interval.estimate < interval.upper < interval.high
    back = paired_interval(metric, y, teacher, student, n_resamples=60)
    assert back.high < 0


def test_standard_error_is_that_of_a_mean():
    classes, y, good, bad = draw(2000)
    metric = make_metric("neg_log_loss", classes)
    student, teacher = Answers.of(classes, bad), Answers.of(classes, good)
    interval = paired_interval(metric, y, student, teacher, n_resamples=400)
    codes = np.searchsorted(classes, y)
    gaps = np.log(good[np.arange(2000), codes]) - np.log(bad[np.arange(2000), codes])
    assert interval.standard_error == pytest.approx(gaps.std() / math.sqrt(2000), rel=0.15)
    z = stats.norm.ppf(0.95)
    assert interval.upper == pytest.approx(interval.estimate + z * interval.standard_error)


def test_one_sided_bound_covers():
    """Of 200 samples, about 5 % may have a bound below the truth."""
    rng = np.random.RandomState(0)
    metric, misses = make_metric("neg_mean_squared_error", None), 0
    for seed in range(200):
        y = rng.randn(300)
        student = Answers.of(None, y + 1.1 * rng.randn(300))  # mean square 1.21 against 1
        teacher = Answers.of(None, y + rng.randn(300))
        misses += paired_interval(metric, y, student, teacher, random_state=seed).upper < 0.21
    assert misses <= 20


def test_folds_are_averaged_by_rows_and_undefined_ones_left_out():
    classes, y, good, bad = draw(400, n_classes=2)
    metric = make_metric("roc_auc", classes)
    student, teacher = Answers.of(classes, bad), Answers.of(classes, good)
    folds = np.repeat([0, 1, 1, 1], 100)
    interval = paired_interval(metric, y, student, teacher, folds=folds, n_resamples=20)
    first, second = np.arange(100), np.arange(100, 400)
    expected = 0.25 * metric(teacher, first, y[first]) + 0.75 * metric(teacher, second, y[second])
    assert interval.teacher == pytest.approx(expected)
    y = np.where(folds == 0, "a", y)
    interval = paired_interval(metric, y, student, teacher, folds=folds, n_resamples=20)
    assert interval.teacher == pytest.approx(metric(teacher, second, y[second]))
    with pytest.raises(ValueError, match="metric='roc_auc' is not defined"):
        paired_interval(metric, np.full(400, "a"), student, teacher, n_resamples=20)


def test_weights_count():
    classes, y, good, bad = draw(n_classes=2)
    weight = np.r_[np.zeros(250), np.ones(250)]
    for name in ("neg_log_loss", "roc_auc"):
        metric = make_metric(name, classes)
        interval = paired_interval(
            metric,
            y,
            Answers.of(classes, bad),
            Answers.of(classes, good),
            sample_weight=weight,
            n_resamples=20,
        )
        half = Answers.of(classes, good[250:])
        assert interval.teacher == pytest.approx(metric(half, np.arange(250), y[250:]))


def test_mostly_undefined_replicates_bound_nothing():
    y = np.array([0] * 200 + [1])
    classes = np.array([0, 1])
    P = np.full((201, 2), 0.5)
    metric = make_metric("roc_auc", classes)
    answers = Answers.of(classes, P)
    rare = paired_interval(metric, y, answers, answers, n_resamples=20, random_state=0)
    assert rare.upper == 0 or math.isinf(rare.upper)
    y = np.array([0, 1])
    answers = Answers.of(classes, P[:2])
    tiny = paired_interval(metric, y, answers, answers, n_resamples=20, random_state=3)
    assert tiny.estimate == 0


def test_disagreement_bound():
    assert disagreement_bound(5, 5) == 1.0
    bound = disagreement_bound(3, 50)
    assert stats.binom.cdf(3, 50, bound) == pytest.approx(0.05)


def test_tolerance():
    assert allowed(parse_tolerance("5%"), -0.4) == pytest.approx(0.02)
    assert allowed(parse_tolerance(0.01), -0.4) == 0.01
    for value in ("5", "-1%", "x%", "nan%"):
        with pytest.raises(ValueError, match="tolerance="):
            parse_tolerance(value)
    with pytest.raises(ValueError, match="slack"):
        parse_tolerance(-0.1, "slack")


@pytest.mark.parametrize("n_rows", [40, 400])
def test_rows_that_all_agree_are_no_proof(n_rows):
    """One row of another label changes the accuracy by 1 / n, which is then the standard error."""
    metric = make_metric("accuracy", np.array([0, 1]))
    y = np.arange(n_rows) % 2
    P = np.column_stack([0.9 - 0.8 * y, 0.1 + 0.8 * y])
    other = np.clip(P * 1.05, 0.0, 1.0)
    folds = np.arange(n_rows) % 4
    for given in (None, folds):
        gap = paired_interval(
            metric, y, Answers.of(metric.classes, other), Answers.of(metric.classes, P), folds=given
        )
        assert gap.estimate == 0.0
        assert gap.standard_error == pytest.approx(1.0 / n_rows)
        assert gap.upper > 1.6 / n_rows


def test_values_that_are_all_the_same_promise_nothing():
    metric = make_metric("neg_mean_squared_error", None)
    same = Answers.of(None, np.full(20, 0.5))
    assert paired_interval(metric, np.zeros(20), same, same).upper == np.inf
