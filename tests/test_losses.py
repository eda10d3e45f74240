"""The loss against high precision, finite differences and its own definition."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from skdistill.losses import DistillationLoss, log_softmax, softmax
from skdistill.targets import mix_targets, one_hot, raise_zeros, soften

few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
TEMPERATURES = [1.0, 1.5, 4.0, 50.0]
WEIGHTS = [0.0, 0.3, 1.0, "rows"]


def make_problem(seed, *, n=6, k=4, spread=2.0):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(k, 0.5), n)
    P[0] = one_hot(np.array([1]), k)[0]  # a row without doubt, as forests vote
    return P, rng.integers(k, size=n), rng.normal(0, spread, (n, k)), rng.random(n)


def make_loss(P, codes, w_rows, temperature, weight):
    w = w_rows if weight == "rows" else weight
    return DistillationLoss(P, codes, temperature=temperature, hard_label_weight=w)


@few
@given(seeds, st.sampled_from([1e-3, 1.0, 30.0, 1e3, 1e6]))
def test_softmax_and_its_logarithm_are_those_of_scipy(seed, size):
    Z = np.random.default_rng(seed).normal(0, size, (5, 3))
    kept = Z.copy()
    assert_allclose(softmax(Z), special.softmax(Z, axis=1), rtol=1e-13, atol=0)
    assert_allclose(log_softmax(Z), special.log_softmax(Z, axis=1), rtol=1e-13, atol=1e-15)
    assert_array_equal(Z, kept)


def exact_loss(p, code, z, T, w):
    """The definition of the module's docstring, in 60 digits."""
    with mpmath.workdps(60):
        p, z = [mpmath.mpf(float(v)) for v in p], [mpmath.mpf(float(v)) for v in z]
        T, w = mpmath.mpf(T), mpmath.mpf(w)
        powers = [v ** (1 / T) if v > 0 else mpmath.mpf(0) for v in p]
        soft = [v / mpmath.fsum(powers) for v in powers]
        norm_T = mpmath.log(mpmath.fsum(mpmath.exp(v / T) for v in z))
        norm = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z))
        pairs = zip(soft, z, strict=True)
        kl = mpmath.fsum(s * (mpmath.log(s) - v / T + norm_T) for s, v in pairs if s > 0)
        return float((1 - w) * T**2 * kl + w * (norm - z[code]))


@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("p", "z"),
    [
        ([0.2, 0.3, 0.5], [0.1, -2.0, 3.0]),
        ([0.0, 1.0, 0.0], [1000.0, -1000.0, 0.0]),
        ([0.0, 1.0, 0.0], [-1000.0, 1000.0, -1000.0]),
        ([1e-300, 0.5, 0.5], [1000.0, -1000.0, 0.0]),
        ([1e-12, 1 - 1e-12, 0.0], [-1000.0, 1000.0, 1000.0]),
        ([0.5, 0.5, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_value_in_high_precision_at_extremes(p, z, T, w):
    loss = DistillationLoss(np.array([p]), np.array([2]), temperature=T, hard_label_weight=w)
    value = loss(np.array([z]))[0]
    if T != 1.0:
        p = raise_zeros(np.array([p]))[0].tolist()
    # T**2 enlarges the rounding of the divergence, whatever is left of it.
    assert_allclose(value, exact_loss(p, 2, z, T, w), rtol=1e-12, atol=1e-15 * T**2)
    for derivative in loss.gradient(np.array([z])), loss.hessian_diagonal(np.array([z])):
        assert np.isfinite(derivative).all()


@few
@given(seeds, st.sampled_from(TEMPERATURES), st.sampled_from(WEIGHTS))
def test_gradient_and_curvature_by_finite_differences(seed, T, weight):
    P, codes, Z, w_rows = make_problem(seed)
    loss = make_loss(P, codes, w_rows, T, weight)
    gradient, curvature, step = loss.gradient(Z), loss.hessian_diagonal(Z), 1e-5
    for k in range(Z.shape[1]):
        move = step * (np.arange(Z.shape[1]) == k)
        slope = (loss(Z + move) - loss(Z - move)) / (2 * step)
        bend = (loss.gradient(Z + move) - loss.gradient(Z - move))[:, k] / (2 * step)
        # Differences of values that T**2 enlarges: their rounding sets what can be seen.
        assert_allclose(gradient[:, k], slope, rtol=1e-6, atol=1e-8 + 1e-10 * T**2)
        assert_allclose(curvature[:, k], bend, rtol=1e-6, atol=1e-9 * T)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-13 * T)


@few
@given(seeds, st.sampled_from(WEIGHTS))
def test_at_temperature_one_it_is_cross_entropy_to_the_mixture_up_to_a_constant(seed, weight):
    P, codes, Z, w_rows = make_problem(seed)
    loss = make_loss(P, codes, w_rows, 1.0, weight)
    other = np.random.default_rng(seed).normal(size=Z.shape)

    def cross_entropy(logits):
        return -(loss.mixed * special.log_softmax(logits, axis=1)).sum(axis=1)

    difference = cross_entropy(Z) - cross_entropy(other)
    assert_allclose(loss(Z) - loss(other), difference, rtol=1e-10, atol=1e-12)


@few
@given(seeds, st.sampled_from(TEMPERATURES))
def test_the_teachers_own_logits_are_the_minimum(seed, T):
    P, _, Z, _ = make_problem(seed)
    P = np.clip(P, 1e-6, None)
    P /= P.sum(axis=1, keepdims=True)
    loss = DistillationLoss(P, None, temperature=T)
    # Logits are known up to a constant of each row.
    own = np.log(P) + Z[:, :1]
    assert_allclose(loss(own), 0, atol=1e-14 * T**2)
    assert_allclose(loss.gradient(own), 0, atol=1e-14 * T)
    assert (loss(Z) >= -1e-14 * T**2).all()


def test_the_factor_keeps_the_size_of_the_gradient():
    """Hinton et al. 2015: at high temperature the gradient tends to (z_s - z_t) / K."""
    P, _, Z, _ = make_problem(0)
    P = np.clip(P, 1e-3, None)
    P /= P.sum(axis=1, keepdims=True)
    logits = np.log(P)
    centred = [V - V.mean(axis=1, keepdims=True) for V in (Z, logits)]
    limit = (centred[0] - centred[1]) / Z.shape[1]
    assert_allclose(DistillationLoss(P, None, temperature=1e5).gradient(Z), limit, atol=1e-3)


@pytest.mark.parametrize("T", [1.0, 3.0])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_rows_are_independent_and_can_be_taken(T, weight):
    P, codes, Z, w_rows = make_problem(1)
    loss = make_loss(P, codes, w_rows, T, weight)
    rows = np.array([4, 0, 4])
    part = loss.take(rows)
    assert_array_equal(part(Z[rows]), loss(Z)[rows])
    assert_array_equal(part.gradient(Z[rows]), loss.gradient(Z)[rows])
    assert_array_equal(part.hessian_diagonal(Z[rows]), loss.hessian_diagonal(Z)[rows])
    assert_array_equal(part.mixed, mix_targets(P, codes, loss.weight)[rows])


def test_rows_of_no_hard_weight_do_not_look_at_their_label():
    P, codes, Z, w_rows = make_problem(2)
    w_rows[:3] = 0.0
    other = np.where(np.arange(6) < 3, (codes + 1) % 4, codes)
    for T in (1.0, 2.0):
        one, two = (make_loss(P, labels, w_rows, T, "rows") for labels in (codes, other))
        assert_array_equal(one(Z), two(Z))
        assert_array_equal(one.gradient(Z), two.gradient(Z))


def test_temperature_never_acts_on_the_hard_labels():
    P, codes, Z, _ = make_problem(3)
    plain = DistillationLoss(P, codes, hard_label_weight=1.0)
    hot = DistillationLoss(P, codes, temperature=7.0, hard_label_weight=1.0)
    assert_allclose(hot(Z), plain(Z), rtol=1e-14)
    assert_allclose(hot.gradient(Z), plain.gradient(Z), rtol=1e-12, atol=1e-15)


def test_weights_need_labels_and_inputs_stay_as_they_are():
    P, codes, Z, _ = make_problem(4)
    with pytest.raises(ValueError, match=r"hard_label_weight is above 0.*give y"):
        DistillationLoss(P, None, hard_label_weight=0.1)
    kept = P.copy(), codes.copy(), Z.copy()
    loss = DistillationLoss(P, codes, temperature=2.0, hard_label_weight=0.5)
    loss(Z), loss.gradient(Z), loss.hessian_diagonal(Z)
    for before, after in zip(kept, (P, codes, Z), strict=True):
        assert_array_equal(before, after)
    assert_array_equal(loss.soft_targets, P)
    assert_allclose(soften(P, 2.0).sum(axis=1), 1)
