"""Pooled opinions, against definitions and grids."""

import itertools

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.metrics import log_loss

from skdistill.losses import softmax
from skdistill.teachers import _weighing
from skdistill.teachers._pooling import complete, pool_logs, spread
from skdistill.teachers._weighing import weigh_logs, weigh_proba, weigh_values

RNG = np.random.default_rng(0)
HALVES = np.array([0.5, 0.5])
SOME = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]], dtype=bool)
GRID = [np.array([a, b, 20 - a - b]) / 20 for a in range(21) for b in range(21 - a)]


def draw(n_members=3, n_rows=40, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n_members, n_rows, n_classes))
    return softmax(Z.reshape(-1, n_classes)).reshape(Z.shape)


def noisy_opinions(noise, n_rows=400, n_classes=3, seed=0):
    """Members see the logits of the true class through noise of different strength."""
    rng = np.random.default_rng(seed)
    Z = 1.5 * rng.normal(size=(n_rows, n_classes))
    codes = (softmax(Z).cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    seen = np.stack([softmax(Z + s * rng.normal(size=Z.shape)) for s in noise])
    return seen, codes


def test_all_known_is_a_geometric_mean():
    P, w = draw(), np.array([0.2, 0.5, 0.3])
    product = np.prod(P ** w[:, None, None], axis=0)
    expected = product / product.sum(axis=1, keepdims=True)
    known = np.ones((3, 4), dtype=bool)
    np.testing.assert_allclose(pool_logs(complete(P, known, w), w), expected, atol=1e-12)


def test_members_abstain_on_what_they_do_not_know():
    # The second tells 0 from 1 as the first does, and nothing of 2: the first alone decides.
    P = np.array([[[0.1, 0.1, 0.8]], [[0.5, 0.5, 0.0]]])
    known = np.array([[True, True, True], [True, True, False]])
    for w in ([0.5, 0.5], [0.1, 0.9]):
        pooled = pool_logs(complete(P, known, np.array(w)), np.array(w))
        np.testing.assert_allclose(pooled, P[0], atol=1e-12)
    # Odds of 0 against 1 are pooled among those who know both.
    P[1, 0] = [0.8, 0.2, 0.0]
    pooled = pool_logs(complete(P, known, HALVES), HALVES)[0]
    assert pooled[0] / pooled[1] == pytest.approx(2.0)
    # Whoever does not know a class may not veto it.
    assert pooled[2] > 0.7


@pytest.mark.parametrize("weights", [np.full(3, 1 / 3), np.array([0.1, 0.2, 0.7])])
def test_completion_minimises_its_sum_of_squares(weights):
    P, known = draw(3, 5, 4, seed=1), SOME
    logs, completed = np.log(P), complete(P, known, weights)
    for i in range(5):
        # Unknowns: the classes, and an offset for each member.
        rows, right = [], []
        for m, k in itertools.product(range(3), range(4)):
            if known[m, k]:
                row = np.zeros(7)
                row[k], row[4 + m] = 1.0, -1.0
                rows.append(row * np.sqrt(weights[m]))
                right.append(logs[m, i, k] * np.sqrt(weights[m]))
        z, c = np.split(np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0], [4])
        for m in range(3):
            expected = np.where(known[m], logs[m, i] + c[m], z)
            np.testing.assert_allclose(
                completed[m, i] - completed[m, i, 0], expected - expected[0], atol=1e-10
            )
        np.testing.assert_allclose(
            pool_logs(completed, weights)[i], softmax(z[None])[0], atol=1e-10
        )
    np.testing.assert_allclose(np.exp(completed).sum(axis=2), 1.0)


def test_a_member_without_weight_says_nothing_of_classes_that_others_know():
    P, known = draw(3, 5, 4, seed=1), SOME.copy()
    weights = np.array([0.4, 0.6, 0.0])
    completed = complete(P, known, weights)
    alone = complete(P[:2], known[:2], weights[:2])
    np.testing.assert_allclose(completed[:2], alone, atol=1e-10)
    # Nothing changes where a weight vanishes.
    almost = complete(P, known, np.array([0.4, 0.6, 1e-8]))
    np.testing.assert_allclose(completed[:2], almost[:2], atol=1e-6)
    # A class that it alone knows gets what it says, compared to the others.
    known[:2, 3] = False
    completed = complete(P, known, weights)
    almost = complete(P, known, np.array([0.4, 0.6, 1e-8]))
    np.testing.assert_allclose(completed[:2], almost[:2], atol=1e-6)
    pooled = pool_logs(completed, weights)
    without = pool_logs(complete(P[:2, :, :3], known[:2, :3], weights[:2]), weights[:2])
    odds = pooled[:, :3] / pooled[:, :3].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(odds, without, atol=1e-10)


@pytest.mark.parametrize("noise", [(0.3, 0.5, 2.0), (3.0, 0.1, 3.0)])
def test_weights_of_members_that_lack_classes_have_the_least_loss_of_a_grid(noise):
    P, codes = noisy_opinions(noise)
    known = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
    P = P * known[:, None, :]
    P = P / P.sum(axis=2, keepdims=True)
    sample_weight = np.random.default_rng(1).random(len(codes))

    def loss(w):
        pooled = pool_logs(complete(P, known, w), w)
        return log_loss(codes, pooled, sample_weight=sample_weight)

    weights = weigh_logs(P, known, codes, sample_weight)
    assert loss(weights) <= min(loss(w) for w in GRID) + 1e-5


def test_members_without_a_common_class_count_alike():
    P = np.array([[[0.8, 0.2, 0.0, 0.0]], [[0.0, 0.0, 0.8, 0.2]]])
    known = P[:, 0] > 0
    pooled = pool_logs(complete(P, known, HALVES), HALVES)[0]
    np.testing.assert_allclose(pooled, [0.4, 0.1, 0.4, 0.1], atol=1e-12)


def test_zero_is_no_veto():
    P = np.array([[[0.0, 1.0]], [[0.9, 0.1]]])
    pooled = pool_logs(complete(P, np.ones((2, 2), dtype=bool), HALVES), HALVES)
    assert 0 < pooled[0, 0] < 0.01


def test_spread_is_the_variance():
    P, w = draw(), np.array([0.2, 0.5, 0.3])
    for values in (P, P[:, :, 0]):
        mean = np.average(values, axis=0, weights=w)
        expected = np.average((values - mean) ** 2, axis=0, weights=w)
        expected = expected.sum(axis=1) if values.ndim == 3 else expected
        np.testing.assert_allclose(spread(values, w), expected)
    np.testing.assert_allclose(spread(np.stack([P[0]] * 3), w), 0.0, atol=1e-30)


@pytest.mark.parametrize("noise", [(0.3, 0.5, 2.0), (1.0, 1.0, 1.0), (3.0, 3.0, 0.1)])
@pytest.mark.parametrize("scale", ["probability", "log"])
def test_weights_have_the_least_log_loss_of_a_grid(noise, scale):
    P, codes = noisy_opinions(noise)
    sample_weight = np.random.default_rng(1).random(len(codes))
    logs = np.log(P)

    def loss(w):
        mean = np.tensordot(w, P, axes=1) if scale == "probability" else pool_logs(logs, w)
        mean /= mean.sum(axis=1, keepdims=True)
        return log_loss(codes, mean, sample_weight=sample_weight)

    if scale == "probability":
        weights = weigh_proba(P, codes, sample_weight)
    else:
        weights = weigh_logs(P, np.ones((3, 3), dtype=bool), codes, sample_weight)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    assert loss(weights) <= min(loss(w) for w in GRID) + 1e-7


def test_weights_have_the_least_squared_error_of_a_grid():
    y = 1e4 * RNG.normal(size=300)
    F = np.stack([y + s * RNG.normal(size=300) for s in (3e3, 5e3, 2e4)])
    sample_weight = RNG.random(300)

    def loss(w):
        return np.average((w @ F - y) ** 2, weights=sample_weight)

    weights = weigh_values(F, y, sample_weight)
    assert loss(weights) <= min(loss(w) for w in GRID)
    assert weights[0] > weights[1] > weights[2]
    perfect = np.stack([y, y + 1])
    np.testing.assert_allclose(weigh_values(perfect, y, sample_weight), [1.0, 0.0], atol=1e-6)


def test_slopes_agree_with_differences(monkeypatch):
    losses = []
    monkeypatch.setattr(_weighing, "_minimise", lambda loss, *others: losses.append(loss))
    P, codes = noisy_opinions((0.5, 1.0, 2.0), n_rows=50)
    weigh_proba(P, codes, np.ones(50))
    for known in (np.ones((3, 3), dtype=bool), SOME[:, :3]):
        weigh_logs(P, known, codes, np.ones(50))
    weigh_values(P[:, :, 0], P[0, :, 1], np.ones(50))
    at = np.array([0.2, 0.5, 0.3])
    for loss in losses:
        expected = approx_fprime(at, lambda w, loss=loss: loss(w)[0], 1e-7)
        np.testing.assert_allclose(loss(at)[1], expected, atol=1e-5)


def test_one_member_has_all_the_weight():
    P, codes = noisy_opinions((1.0,), n_rows=20)
    np.testing.assert_allclose(weigh_proba(P, codes, np.ones(20)), [1.0])
