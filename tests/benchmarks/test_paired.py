"""Outcomes, gap closed and intervals follow their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from result_rows import crashed, row

from benchmarks.paired import (
    by_student,
    count_outcomes,
    median_gap,
    median_interval,
    pair,
)


def cell(ours, direct, teacher=(), *, task="classification", **fields):
    """Pair made rows of one set, a loss a seed."""
    rows = []
    for method, losses in (("ours", ours), ("direct", direct), ("teacher", teacher)):
        extra = fields if method == "ours" else {}
        rows += [
            row(method, loss=loss, seed=seed, task=task, **extra)
            for seed, loss in enumerate(losses)
        ]
    (found,) = pair(rows)
    return found


@pytest.mark.parametrize(
    ("ours", "outcome"), [(0.38, "win"), (0.399, "tie"), (0.401, "tie"), (0.42, "loss")]
)
def test_half_a_per_cent_is_a_tie(ours, outcome):
    assert cell([ours], [0.4]).outcome == outcome


def test_rows_of_other_data_are_no_pair():
    ours, direct = row("ours", loss=0.3), row("direct", loss=0.4)
    assert len(pair([ours, direct])) == 1
    assert pair([{**ours, "data_hash": "other"}, direct]) == []


def test_band_is_the_larger_error_of_seeds_and_rows():
    over_seeds = cell([0.38, 0.40], [0.40, 0.40])
    assert over_seeds.band == pytest.approx(1.64 * 0.01)
    over_rows = cell([0.38, 0.40], [0.40, 0.40], loss_se=0.02)
    # Test rows of two seeds overlap, so that two are no surer than one.
    assert over_rows.band == pytest.approx(1.64 * 0.02)
    assert over_rows.outcome == "tie"
    assert cell([0.3, 0.3], [0.4, 0.4], loss_se=0.001).band == pytest.approx(0.005 * 0.4)


def test_errors_of_squares_become_errors_of_their_roots():
    found = cell([1.9], [2.0], task="regression", loss_se=0.39)
    assert found.band == pytest.approx(1.64 * 0.39 / (1.9 + 2.0))


def test_gap_closed_is_of_averaged_losses():
    found = cell([0.35, 0.33], [0.40, 0.38], [0.30, 0.28])
    assert found.gap == pytest.approx(0.5)
    assert found.gaps.mean() == pytest.approx(0.5)
    assert found.relative == pytest.approx(-0.05 / 0.39)


@pytest.mark.parametrize("teacher", [(), (0.399, 0.399), (0.45, 0.45), (0.2, 0.6)])
def test_no_gap_without_a_better_teacher(teacher):
    found = cell([0.35, 0.35], [0.40, 0.40], teacher)
    assert not found.has_gap
    assert math.isnan(found.gap)
    assert math.isnan(median_gap([found]).median)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0.05, 2)] * 3), min_size=1, max_size=4),
    st.sampled_from([0.01, 3.0, 1000.0]),
)
def test_units_of_the_target_do_not_matter(losses, factor):
    ours, direct, teacher = map(np.array, zip(*losses, strict=True))
    before = cell(ours, direct, teacher, task="regression")
    after = cell(factor * ours, factor * direct, factor * teacher, task="regression")
    assert before.difference * factor == pytest.approx(after.difference, abs=1e-9 * factor)
    margin = abs(before.difference) - before.band
    if abs(margin) > 1e-9:
        assert before.outcome == after.outcome
    if before.has_gap and after.has_gap:
        assert before.gap == pytest.approx(after.gap)


def test_only_seeds_of_both_are_paired():
    rows = [row(seed=0), row(seed=1), row("direct", seed=1, loss=0.5), crashed("direct", seed=0)]
    (found,) = pair(rows)
    assert found.seeds == (1,)
    assert found.outcome == "win"
    assert pair(rows[:1]) == []


def test_pairs_are_of_one_teacher_and_size():
    rows = [row(teacher=name, size=size) for name in "ab" for size in ("8", "16")]
    rows += [row("direct", teacher="", size="8"), row("direct", teacher="b", size="16", loss=1.0)]
    found = pair(rows)
    assert [(one.teacher, one.size) for one in found] == [("a", "8"), ("b", "8"), ("b", "16")]
    assert list(by_student(reversed(found))) == [("tree", "8"), ("tree", "16")]
    assert count_outcomes(found) == (1, 2, 0)


def test_other_measures_and_baselines():
    rows = [
        row(loss=0.3),
        row("figs", loss=0.6),
        row(loss=0.1, task="regression", dataset="concrete"),
    ]
    (found,) = pair(rows, baseline="figs", measure="accuracy")
    assert found.loss == pytest.approx(0.15)
    assert found.baseline_loss == pytest.approx(0.3)
    (back,) = pair(rows, "figs", baseline="ours")
    assert back.outcome == "loss"


def test_interval_holds_the_median_and_is_the_same_again():
    rng = np.random.default_rng(0)
    groups = [rng.normal(size=3) + 0.2 * index for index in range(7)]
    found = median_interval(groups)
    assert found == median_interval(groups)
    assert found.median == pytest.approx(np.median([group.mean() for group in groups]))
    assert found.low < found.median < found.high


def test_interval_of_sets_alone_is_that_of_the_binomial():
    # With one seed a set, P(bootstrap median <= k-th of n) = P(Binomial(n, k/n) > n/2).
    n = 11
    found = median_interval([np.array([float(value)]) for value in range(1, n + 1)])
    cumulative = np.array(
        [
            sum(math.comb(n, j) * (k / n) ** j * (1 - k / n) ** (n - j) for j in range(6, n + 1))
            for k in range(1, n + 1)
        ]
    )
    assert found.low == 1 + np.searchsorted(cumulative, 0.025)
    assert found.high == 1 + np.searchsorted(cumulative, 0.975)


def test_interval_shows_the_spread_of_seeds():
    calm = median_interval([np.full(4, 0.5)] * 5)
    assert (calm.low, calm.high) == (0.5, 0.5)
    wild = median_interval([np.array([0.0, 1.0, 0.0, 1.0])] * 5)
    assert wild.low < 0.5 < wild.high


def test_few_sets_have_no_interval():
    assert math.isnan(median_interval([]).median)
    two = median_interval([np.array([1.0]), np.array([2.0])])
    assert two.median == 1.5
    assert math.isnan(two.low)
