"""Fidelity, gap closed and calibration against independent references."""

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
    calibration_report,
    classification_fidelity,
    expected_calibration_error,
    gap_closed,
    kl_divergence,
    regression_fidelity,
)
from skdistill.targets import fit_temperature, soften

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


def binned_error(P, codes, n_bins):
    """Compute the error bin by bin, for distinct confidences and a number of rows that divides."""
    order = np.argsort(P.max(axis=1))
    errors = []
    for rows in np.split(order, n_bins):
        right = np.mean(P[rows].argmax(axis=1) == codes[rows])
        errors.append(abs(right - P[rows].max(axis=1).mean()))
    return np.mean(errors)


@few
@given(seeds, st.sampled_from([1, 2, 5, 15]))
def test_calibration_error_is_that_of_the_reference(seed, n_bins):
    rng = np.random.default_rng(seed)
    P, codes = rng.dirichlet(np.ones(4), 60), rng.integers(4, size=60)
    error = expected_calibration_error(P, codes, n_bins=n_bins)
    assert error == pytest.approx(binned_error(P, codes, n_bins), abs=1e-12)
    # Bins can only hide differences that cancel.
    assert error >= expected_calibration_error(P, codes, n_bins=1) - 1e-12
    assert 0 <= error <= 1


def test_calibration_error_of_known_cases():
    codes = np.arange(40) % 2
    sure = np.eye(2)[codes]
    assert expected_calibration_error(sure, codes) == 0.0
    assert expected_calibration_error(sure[:, ::-1], codes) == 1.0
    # Calibrated exactly, at four confidences.
    P = np.repeat([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], 10, axis=0)
    truth = np.r_[np.arange(10) < 1, np.arange(10) < 2, np.arange(10) < 6, np.arange(10) < 7]
    assert expected_calibration_error(P, truth.astype(int)) == pytest.approx(0.0, abs=1e-12)
    # 0.9 + 0.5 in the upper half and 0.6 - 1 in the lower one, which cancel in part in one bin.
    P = np.array([[0.95, 0.05], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    truth = np.array([1, 0, 0, 1])
    assert expected_calibration_error(P, truth, n_bins=2) == pytest.approx((0.425 + 0.4) / 2)
    assert expected_calibration_error(P, truth, n_bins=1) == pytest.approx(0.0125)
    one = expected_calibration_error(P[:1], truth[:1])
    assert one == pytest.approx(0.95)


@few
@given(seeds, st.integers(1, 20))
def test_calibration_error_takes_weights_as_repeats_and_rows_in_any_order(seed, n_bins):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(3), 12)[rng.integers(12, size=50)]  # with equal confidences
    codes, weight = rng.integers(3, size=50), rng.integers(0, 4, 50)
    weight[0] += 1
    error = expected_calibration_error(P, codes, weight, n_bins=n_bins)
    repeated = P.repeat(weight, axis=0), codes.repeat(weight)
    assert error == pytest.approx(expected_calibration_error(*repeated, n_bins=n_bins))
    order = rng.permutation(50)
    shuffled = expected_calibration_error(P[order], codes[order], weight[order], n_bins=n_bins)
    assert shuffled == pytest.approx(error)


def test_calibration_error_of_a_calibrated_model_is_about_what_is_documented():
    rng = np.random.default_rng(0)
    for n in (500, 5000):
        errors = []
        for _ in range(30):
            p = rng.uniform(0.75, 0.85, n)
            codes = (rng.random(n) > p).astype(int)
            errors.append(expected_calibration_error(np.column_stack([p, 1 - p]), codes))
        assert np.mean(errors) == pytest.approx((15 / n) ** 0.5 / 3, rel=0.15)


def test_calibration_report():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(3), 5000)
    codes = (P.cumsum(axis=1) < rng.random((5000, 1))).sum(axis=1)
    weight = rng.random(5000)
    sharp = soften(P, 0.4)
    after = soften(sharp, fit_temperature(sharp, codes, weight))
    report = calibration_report(sharp, after, codes, weight)
    assert list(report) == ["log_loss_before", "log_loss_after", "ece_before", "ece_after"]
    for name, proba in (("before", sharp), ("after", after)):
        loss = log_loss(codes, proba, sample_weight=weight)
        assert report[f"log_loss_{name}"] == pytest.approx(loss)
        error = expected_calibration_error(proba, codes, weight)
        assert report[f"ece_{name}"] == error
    assert report["log_loss_after"] < report["log_loss_before"] - 0.1
    assert report["ece_before"] > 0.15
    assert report["ece_after"] < 0.03
