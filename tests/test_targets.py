"""Soft targets: properties of softening and mixing, and known optima of the calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.metrics import log_loss

from skdistill.targets import (
    correct_targets,
    entropy,
    fit_temperature,
    mix_targets,
    one_hot,
    raise_zeros,
    soften,
)

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def make_proba(seed, n=5, k=4):
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def draw(P, rng):
    """Draw a label for each row from its probabilities."""
    return (P.cumsum(axis=1) < rng.random((len(P), 1))).sum(axis=1).clip(max=P.shape[1] - 1)


@few
@given(seeds, st.floats(0.2, 20))
def test_soften_inverts_itself_and_keeps_the_order(seed, T):
    P = make_proba(seed)
    soft = soften(P, T)
    assert_allclose(soft.sum(axis=1), 1, rtol=1e-14)
    assert_allclose(soften(soft, 1 / T), P, rtol=1e-9, atol=1e-12)
    assert_array_equal(soft.argsort(axis=1), P.argsort(axis=1))
    change = entropy(soft) - entropy(P)
    assert (change >= -1e-12).all() if T >= 1 else (change <= 1e-12).all()


@few
@given(seeds, st.floats(1, 5), st.floats(1, 5))
def test_temperatures_multiply(seed, first, second):
    P = make_proba(seed)
    assert_allclose(soften(soften(P, first), second), soften(P, first * second), rtol=1e-10)


def test_soften_at_its_limits():
    P = np.array([[0.7, 0.2, 0.1], [0.0, 0.4, 0.6], [0.0, 1.0, 0.0]])
    kept = P.copy()
    assert soften(P, 1.0) is P
    assert_allclose(soften(P, 1e9)[0], 1 / 3)
    assert_allclose(soften(P, 1e9)[1], [0, 0.5, 0.5])  # what is impossible stays so
    assert_array_equal(soften(P, 50.0)[2], P[2])
    assert_allclose(soften(P, 1e-3), one_hot(np.array([0, 2, 1]), 3), atol=1e-12)
    tiny = soften(np.array([[1e-300, 1.0]]), 2.0)
    assert_allclose(tiny, [[1e-150, 1.0]])
    assert_array_equal(P, kept)


@few
@given(seeds, st.floats(0, 1))
def test_mixtures_are_probabilities_and_meet_the_formula(seed, weight):
    rng = np.random.default_rng(seed)
    P, codes = make_proba(seed), rng.integers(4, size=5)
    for w in (weight, rng.random(5)):
        mixed = mix_targets(P, codes, w)
        rows = np.broadcast_to(w, 5)[:, None]
        assert_allclose(mixed, (1 - rows) * P + rows * np.eye(4)[codes], rtol=1e-14, atol=1e-16)
        assert_allclose(mixed.sum(axis=1), 1, rtol=1e-14)


def test_mixing_at_its_ends():
    P, codes = make_proba(0), np.arange(5) % 4
    assert mix_targets(P, None, 0.0) is P
    assert mix_targets(P, None, np.zeros(5)) is P
    assert_array_equal(mix_targets(P, codes, 1.0), one_hot(codes, 4))
    with pytest.raises(ValueError, match=r"hard_label_weight is above 0.*give y"):
        mix_targets(P, None, np.array([0, 0, 0, 0, 0.1]))


@few
@given(seeds, st.floats(1e-6, 1e6))
def test_corrected_probabilities_lie_between_teacher_and_truth(seed, c):
    rng = np.random.default_rng(seed)
    P, codes = rng.dirichlet(np.full(4, 0.3), 30), rng.integers(4, size=30)
    P[:3] = np.eye(4)[[0, 1, 1]]
    corrected, truth = correct_targets(P, codes, c), np.eye(4)[codes]
    assert (corrected >= 0).all()
    assert_allclose(corrected.sum(axis=1), 1, rtol=1e-14)
    assert (np.abs(corrected - P) <= np.abs(truth - P) + 1e-15).all()
    assert ((corrected - P) * (truth - P) >= 0).all()
    # The odds among the wrong classes stay.
    wrong = truth == 0
    first, second = (np.max(Q, axis=1, where=wrong, initial=0)[:, None] for Q in (P, corrected))
    assert_allclose(corrected * wrong * first, P * wrong * second, atol=1e-15)


@few
@given(seeds, st.floats(1e-6, 1e3))
def test_correction_meets_the_formula_of_the_paper(seed, c):
    rng = np.random.default_rng(seed)
    p, y = rng.random(20), rng.integers(2, size=20)
    expected = p + c / (c + (y - p) ** 2) * (y - p)
    corrected = correct_targets(np.column_stack([1 - p, p]), y, c)
    assert_allclose(corrected, np.column_stack([1 - expected, expected]), rtol=1e-9, atol=1e-12)


def test_correction_of_three_classes_by_hand():
    P = np.array([[0.5, 0.3, 0.2]])
    part = 0.1 / (0.1 + 0.5 * (0.5**2 + 0.3**2 + 0.2**2))
    expected = [[0.5 + part * 0.5, 0.3 - part * 0.3, 0.2 - part * 0.2]]
    assert_allclose(correct_targets(P, np.array([0]), 0.1), expected, rtol=1e-14)


def test_correction_at_its_ends():
    P, codes = np.vstack([make_proba(0), np.eye(4)]), np.arange(9) % 4
    kept = P.copy()
    assert correct_targets(P, codes, 0) is P
    for huge in (np.inf, 1e300):
        assert_array_equal(correct_targets(P, codes, huge), one_hot(codes, 4))
    assert_allclose(correct_targets(P, codes, 5e-324), P, atol=1e-15)
    assert_allclose(correct_targets(P, codes, 1e12), one_hot(codes, 4), atol=1e-10)
    sure = np.eye(4)[codes]
    assert_array_equal(correct_targets(sure, codes, 0.1), sure)
    assert_array_equal(P, kept)
    x = np.array([1.0, 2.0, 4.0])
    assert correct_targets(x, x + 1, 0) is x
    assert_array_equal(correct_targets(x, x[::-1], np.inf), x[::-1])
    assert_array_equal(correct_targets(x, x, 0.1), x)
    for c in (-0.1, np.nan):
        with pytest.raises(ValueError, match="c must be"):
            correct_targets(P, codes, c)


@few
@given(seeds, st.floats(1e-4, 10), st.floats(1.5, 20))
def test_where_teacher_and_truth_agree_the_correction_is_a_larger_part(seed, c, more):
    P, codes = make_proba(seed, n=40), np.arange(40) % 4
    truth = one_hot(codes, 4)

    def part(c):
        moved, whole = correct_targets(P, codes, c) - P, truth - P
        return (moved * whole).sum(axis=1) / (whole**2).sum(axis=1)

    far = ((truth - P) ** 2).sum(axis=1)
    assert (np.diff(part(c)[far.argsort()]) <= 1e-12).all()
    assert (part(c * more) >= part(c)).all()


def test_correction_sharpens_a_perfect_teacher_as_documented():
    P, codes = np.array([[0.9, 0.1]] * 10), np.arange(10) // 9
    assert correct_targets(P, codes, 0.1).mean(axis=0)[0] == pytest.approx(0.97, abs=0.005)
    assert mix_targets(P, codes, 0.5).mean(axis=0)[0] == pytest.approx(0.9)


@few
@given(seeds, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_corrected_values_do_not_depend_on_the_unit(seed, c, scale, shift):
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, 30))
    corrected = correct_targets(p, y, c)
    moved = correct_targets(p * scale + shift, y * scale + shift, c)
    assert_allclose(moved, corrected * scale + shift, rtol=1e-8, atol=1e-8 * scale)
    residual = y - p
    expected = p + c / (c + residual**2 / np.mean(residual**2)) * residual
    assert_allclose(corrected, expected, rtol=1e-12, atol=1e-12)


def test_corrected_values_bear_outliers_weights_and_huge_numbers():
    p, y = np.zeros(100), np.full(100, 0.1)
    y[0] = 1000.0
    corrected = correct_targets(p, y, 0.01)
    assert corrected[0] < 0.2  # noise of one label
    assert_allclose(corrected[1:], 0.1, rtol=1e-4)
    rng = np.random.default_rng(0)
    p, y, repeats = *rng.normal(size=(2, 30)), rng.integers(1, 4, 30)
    repeated = correct_targets(p.repeat(repeats), y.repeat(repeats), 0.3)
    assert_allclose(correct_targets(p, y, 0.3, repeats).repeat(repeats), repeated, rtol=1e-12)
    huge = correct_targets(p * 1e300, y * 1e300, 0.3)
    assert_allclose(huge / 1e300, correct_targets(p, y, 0.3), rtol=1e-12)


@pytest.mark.parametrize("T", [0.5, 1.0, 3.0])
def test_fit_temperature_finds_the_one_that_made_the_labels(T):
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(3), 40_000)
    assert fit_temperature(P, draw(soften(P, T), rng)) == pytest.approx(T, rel=0.05)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_fit_temperature_is_no_worse_than_a_grid(seed):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(3, 0.4), 60)
    P = np.clip(P, 1e-6, None)
    P /= P.sum(axis=1, keepdims=True)
    codes = draw(soften(P, rng.uniform(0.5, 4)), rng)

    def loss(T):
        return log_loss(codes, soften(P, T), labels=[0, 1, 2])

    grid = np.geomspace(0.25, 20, 60)
    assert loss(fit_temperature(P, codes)) <= min(map(loss, grid)) + 1e-8


def test_fit_temperature_takes_weights_as_repeats():
    rng = np.random.default_rng(1)
    P, repeats = rng.dirichlet(np.ones(3), 80), rng.integers(0, 4, 80)
    codes = draw(soften(P, 2.0), rng)
    repeated = fit_temperature(P.repeat(repeats, axis=0), codes.repeat(repeats))
    assert fit_temperature(P, codes, repeats.astype(float)) == pytest.approx(repeated, rel=1e-3)
    assert fit_temperature(P, codes, np.ones(80)) == fit_temperature(P, codes)


def test_fit_temperature_stays_in_its_bounds_and_bears_zeros():
    sure = np.tile([[0.999, 0.001]], (10, 1))
    assert fit_temperature(sure, np.zeros(10, int)) == pytest.approx(0.25, rel=1e-3)
    assert fit_temperature(sure, np.arange(10) % 2) == pytest.approx(20, rel=1e-3)
    # One impossible label among many that are right does not flatten all the others.
    P = np.vstack([np.tile([[0.9, 0.1]], (999, 1)), [[1.0, 0.0]]])
    codes = np.r_[np.arange(999) % 10 == 0, True].astype(int)
    assert 0.9 < fit_temperature(P, codes) < 1.2


def test_entropy_is_that_of_scipy():
    P = np.vstack([make_proba(3), np.eye(4)[:1], np.full((1, 4), 0.25)])
    assert_allclose(entropy(P), stats.entropy(P, axis=1), rtol=1e-13, atol=1e-15)


def test_zeros_are_raised_and_nothing_else():
    P = np.array([[0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [0.0, 1e-6, 1 - 1e-6]])
    raised = raise_zeros(P)
    assert (raised > 0).all()
    assert_allclose(raised.sum(axis=1), 1, rtol=1e-15)
    assert_array_equal(raised[1], P[1])
    assert_array_equal(raised.argsort(axis=1, kind="stable"), P.argsort(axis=1, kind="stable"))
    assert_allclose(raised[0, 0], 1e-4, rtol=1e-3)
    assert_allclose(raised[2, 0], 5e-7, rtol=1e-3)
