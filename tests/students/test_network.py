"""The network itself: gradients, the optimum of training and polishing, restarts."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import check_grad

from skdistill.losses import DistillationLoss, softmax
from skdistill.students._mlp.fit import Recipe, Task, fit_network
from skdistill.students._mlp.network import Network, polish, train
from skdistill.students._mlp.targets import (
    ProbabilityTargets,
    TemperedTargets,
    ValueTargets,
    class_targets,
)
from skdistill.students._scores import mean_one, n_scores


def make_loss(n_classes, n_samples=12, temperature=1.0):
    """Rows, and the combined loss of soft targets and labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    P = softmax(1.5 * X @ rng.normal(size=(3, n_classes)))
    codes = rng.integers(n_classes, size=n_samples)
    return X, DistillationLoss(P, codes, temperature=temperature, hard_label_weight=0.3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("hidden", [(4,), (5, 3)])
def test_gradient_is_that_of_the_losses(n_classes, temperature, hidden):
    X, loss = make_loss(n_classes, temperature=temperature)
    targets = class_targets(loss)
    if temperature == 1.0:  # in double precision, which finite differences need
        targets = ProbabilityTargets(loss.mixed[:, -n_scores(n_classes) :])
    rng = np.random.default_rng(1)
    weight = rng.random(len(X))
    network = Network([3, *hidden, n_scores(n_classes)], dtype=np.float64)
    network.initialise(rng, np.zeros(n_scores(n_classes)))

    def value(theta):
        network.theta[:] = theta
        return weight @ targets.losses(network.forward(X)[-1])

    def gradient(theta):
        network.theta[:] = theta
        layers = network.forward(X)
        network.backward(layers, weight[:, None] * targets.gradient(layers[-1]))
        return network.slope.copy()

    theta = network.theta + 0.1 * rng.normal(size=network.theta.size)
    assert np.linalg.norm(gradient(theta)) > 0.1
    assert check_grad(value, gradient, theta) < 1e-5


@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_precision_targets_are_the_combined_loss(n_classes):
    _, loss = make_loss(n_classes)
    scores = np.random.default_rng(2).normal(size=(12, n_scores(n_classes)))
    plain, exact = class_targets(loss), TemperedTargets(loss)
    assert plain.probabilities.dtype == np.float32
    np.testing.assert_allclose(plain.gradient(scores), exact.gradient(scores), atol=1e-6)
    constant = plain.losses(scores) - exact.losses(scores)
    other = plain.losses(-scores) - exact.losses(-scores)
    np.testing.assert_allclose(constant, other, atol=1e-5)


def make_ridge():
    """Squares of a linear network, and their minimum, which has a closed form."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 3))
    y = X @ np.array([1.0, -2.0, 0.5]) + 0.3 + rng.normal(size=64)
    w = mean_one(rng.random(64) + 0.1)
    A = np.column_stack([X, np.ones(64)])
    penalty = np.diag([0.1, 0.1, 0.1, 0.0])
    best = np.linalg.solve(A.T @ (w[:, None] * A) / 64 + penalty, A.T @ (w * y) / 64)
    return X, ValueTargets(y[:, None]), w, best


def test_adam_without_hidden_layer_reaches_the_penalised_optimum():
    X, targets, w, best = make_ridge()
    network = Network([3, 1], dtype=np.float64)
    how = {"learning_rate": 0.05, "batch_size": 64, "n_steps": 1500, "last_step": 1500}
    train(network, X, targets, w, alpha=0.1, rng=np.random.default_rng(0), **how)
    np.testing.assert_allclose(network.theta, best, atol=1e-6)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-5), (np.float32, 1e-3)])
def test_polish_reaches_the_penalised_optimum(dtype, atol):
    X, targets, w, best = make_ridge()
    network = Network([3, 1], dtype=dtype)
    start, _ = polish(network, X.astype(dtype), targets, w, alpha=0.1, n_steps=0)
    assert not network.theta.any()
    value, n_made = polish(network, X.astype(dtype), targets, w, alpha=0.1, n_steps=50)
    assert 0 < n_made <= 50
    np.testing.assert_allclose(network.theta, best, atol=atol)
    again, _ = polish(network, X.astype(dtype), targets, w, alpha=0.1, n_steps=0)
    assert value == pytest.approx(again, rel=1e-6)
    assert value < start


def test_the_best_of_several_starts_is_kept():
    X, loss = make_loss(3, 200)
    task = Task(X.astype(np.float32), class_targets(loss), np.ones(200))
    recipe = Recipe(
        hidden=(2,),
        start=np.zeros(3),
        alpha=0.1,
        learning_rate=0.01,
        batch_size=50,
        n_steps=60,
        last_step=60,
        polish_steps=0,
        n_restarts=5,
    )

    def objective(network):
        return polish(
            network, task.X, task.targets, task.weight, alpha=recipe.alpha / 200, n_steps=0
        )[0]

    kept = objective(fit_network(task, recipe, np.random.default_rng(0))[0])
    rng, single, values = np.random.default_rng(0), {**vars(recipe), "n_restarts": 1}, []
    for _ in range(5):
        values.append(objective(fit_network(task, Recipe(**single), rng)[0]))
    assert kept == min(values)
    assert all(a != b for a, b in pairwise(values))


def test_a_stopped_training_is_the_beginning_of_the_whole_one():
    X, targets, w, _ = make_ridge()
    how = {"alpha": 0.1, "learning_rate": 0.05, "batch_size": 16, "n_steps": 40}
    network, seen = Network([3, 1], dtype=np.float64), []

    def watch(n_made):
        assert n_made == len(seen) + 1
        seen.append(network.theta.copy())

    rng = np.random.default_rng
    train(network, X, targets, w, last_step=40, rng=rng(0), watch=watch, **how)
    stopped = Network([3, 1], dtype=np.float64)
    train(stopped, X, targets, w, last_step=15, rng=rng(0), **how)
    np.testing.assert_array_equal(stopped.theta, seen[14])


def test_polishing_is_watched_at_each_iteration():
    X, targets, w, _ = make_ridge()
    network, values = Network([3, 1], dtype=np.float64), []

    def watch(n_made):
        assert n_made == len(values) + 1
        twin = Network([3, 1], dtype=np.float64)
        twin.theta[:] = network.theta
        values.append(polish(twin, X, targets, w, alpha=0.1, n_steps=0)[0])

    value, n_made = polish(network, X, targets, w, alpha=0.1, n_steps=5, watch=watch)
    assert n_made == len(values)
    assert all(b < a for a, b in pairwise(values))
    assert value == pytest.approx(values[-1])
