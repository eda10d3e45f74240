"""Fidelity and gap closed against independent references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from skdistill.metrics import (
    agreement,
    brier_distance,
    classification_fidelity,
    gap_closed,
    kl_divergence,
    regression_fidelity,
)

few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
numbers = st.floats(-1e6, 1e6)


def make_pair(seed, n=20, k=3):
    rng = np.random.default_rng(seed)
    P, Q = rng.dirichlet(np.ones(k), (2, n))
    return P, Q, rng.integers(0, 3, n) + (np.arange(n) == 0)


@few
@given(seeds)
def test_fidelity_of_a_classifier_is_that_of_the_references(seed):
    P, Q, weight = make_pair(seed)
    fidelity = classification_fidelity(P, Q, weight)
    same = accuracy_score(P.argmax(1), Q.argmax(1), sample_weight=weight)
    assert fidelity["agreement"] == pytest.approx(same)
    divergence = np.average(stats.entropy(P, Q, axis=1), weights=weight)
    assert fidelity["kl"] == pytest.approx(divergence, rel=1e-10)
    squares = np.average(np.linalg.norm(P - Q, axis=1) ** 2, weights=weight)
    assert fidelity["brier"] == pytest.approx(squares)


@few
@given(seeds)
def test_weights_count_as_repeats(seed):
    P, Q, weight = make_pair(seed)
    repeated = classification_fidelity(P.repeat(weight, axis=0), Q.repeat(weight, axis=0))
    assert classification_fidelity(P, Q, weight) == pytest.approx(repeated)
    x, z = P[:, 0], Q[:, 0]
    repeated = regression_fidelity(x.repeat(weight), z.repeat(weight))
    assert regression_fidelity(x, z, weight) == pytest.approx(repeated, nan_ok=True)


def test_a_perfect_student():
    P, _, _ = make_pair(0)
    assert classification_fidelity(P, P) == {"agreement": 1.0, "kl": 0.0, "brier": 0.0}
    assert regression_fidelity(P[:, 0], P[:, 0]) == {"r2": 1.0, "rmse": 0.0}


def test_divergence_at_the_ends():
    sure, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert kl_divergence(sure, wrong) == pytest.approx(-np.log(1e-15))
    assert kl_divergence(sure, wrong, eps=1e-3) == pytest.approx(-np.log(1e-3))
    assert kl_divergence(sure, sure) == 0.0
    # Against one-hot labels it is the log loss.
    _, Q, _ = make_pair(1)
    codes = np.arange(20) % 3
    assert kl_divergence(np.eye(3)[codes], Q) == pytest.approx(log_loss(codes, Q))
    assert brier_distance(sure, wrong) == 2.0
    assert agreement(sure, wrong) == 0.0


@few
@given(seeds)
def test_fidelity_of_a_regressor_is_that_of_sklearn(seed):
    rng = np.random.default_rng(seed)
    teacher, student, weight = rng.normal(5, 2, (3, 30))
    weight = np.abs(weight)
    fidelity = regression_fidelity(teacher, student, weight)
    assert fidelity["r2"] == pytest.approx(r2_score(teacher, student, sample_weight=weight))
    rmse = root_mean_squared_error(teacher, student, sample_weight=weight)
    assert fidelity["rmse"] == pytest.approx(rmse)


@few
@given(st.floats(-1e3, 1e3), st.integers(1, 40), seeds)
def test_a_constant_teacher_has_no_r2(value, n, seed):
    # Its computed variance is often some 1e-34 and not 0.
    rng = np.random.default_rng(seed)
    teacher, student, weight = np.full(n, value), rng.normal(size=n), rng.random(n) + 0.1
    for w in (None, weight):
        assert np.isnan(regression_fidelity(teacher, student, w)["r2"])
    changed, w = np.r_[teacher, value + 1.0], np.r_[weight, 0.0]
    assert np.isnan(regression_fidelity(changed, np.r_[student, 0.0], w)["r2"])


@few
@given(numbers, numbers, numbers)
def test_gap_closed(distilled, direct, teacher):
    share = gap_closed(distilled, direct, teacher)
    if teacher == direct:
        assert np.isnan(share)
    else:
        assert share == (distilled - direct) / (teacher - direct)
        assert gap_closed(teacher, direct, teacher) == 1.0
        assert gap_closed(direct, direct, teacher) == 0.0


def test_gap_closed_is_the_same_for_scores_and_losses():
    score = gap_closed(0.7, 0.6, 0.9)
    assert gap_closed(1 - 0.7, 1 - 0.6, 1 - 0.9) == pytest.approx(score)
