"""A network learns features and relations: gradients, and what training makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad

from skdistill.hints import (
    MOST_ANGLE_ROWS,
    Hints,
    hint_loss,
    rkd_angle,
    rkd_distance,
    similarity_loss,
)
from skdistill.losses import softmax
from skdistill.students._mlp.fit import Recipe, Task, fit_network
from skdistill.students._mlp.hints import (
    DISTANCE_ROWS,
    Groups,
    HintedTargets,
    Relations,
)
from skdistill.students._mlp.network import Network, polish, train
from skdistill.students._mlp.targets import ProbabilityTargets, ValueTargets


def make(n_rows=40, n_features=5):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3))
    features = np.tanh(X @ rng.normal(size=(3, n_features)))
    return X, features - features.mean(axis=0), rng.random(n_rows) + 0.1


@pytest.mark.parametrize("hidden", [(4,), (5, 3)])
@pytest.mark.parametrize("kind", ["feature", "relation", "both"])
def test_gradient_is_that_of_the_losses(hidden, kind):
    X, features, weight = make()
    P = softmax(np.random.default_rng(1).normal(size=(len(X), 3)))
    targets, n_outputs = ProbabilityTargets(P), 3
    if kind != "relation":
        targets, n_outputs = HintedTargets(targets, features, 0.7), 3 + features.shape[1]
    groups = None
    if kind != "feature":
        groups = Groups.draw(Relations(features, 2.0), np.random.default_rng(2))
    network = Network([3, *hidden, n_outputs], dtype=np.float64)
    network.initialise(np.random.default_rng(3), np.zeros(3))

    def value(theta):
        network.theta[:] = theta
        layers = network.forward(X)
        return weight @ targets.losses(layers[-1]) + (groups.loss(layers[-2])[0] if groups else 0.0)

    def gradient(theta):
        network.theta[:] = theta
        layers = network.forward(X)
        delta = weight[:, None] * targets.gradient(layers[-1])
        network.backward(layers, delta, groups and groups.loss(layers[-2])[1])
        return network.slope.copy()

    theta = network.theta + 0.3 * np.random.default_rng(4).normal(size=network.theta.size)
    assert np.linalg.norm(gradient(theta)) > 0.1
    assert check_grad(value, gradient, theta) < 1e-5


def test_further_outputs_are_the_regressor_of_the_hint():
    X, features, weight = make()
    scores, values = X[:, :1], X[:, 1:2]
    coef, intercept = np.random.default_rng(1).normal(size=(3, 5)), np.arange(5.0)
    targets = HintedTargets(ValueTargets(values), features, 0.7)
    outputs = np.hstack([scores, X @ coef + intercept])
    own = weight @ (targets.losses(outputs) - ValueTargets(values).losses(scores)) / weight.sum()
    expected, by_hidden, by_coef, by_intercept = hint_loss(X, features, coef, intercept, weight)
    assert_allclose(own, 0.7 * expected)
    by_outputs = (weight / weight.sum())[:, None] * targets.gradient(outputs)[:, 1:]
    assert_allclose(by_outputs @ coef.T, 0.7 * by_hidden)
    assert_allclose(X.T @ by_outputs, 0.7 * by_coef)
    assert_allclose(by_outputs.sum(axis=0), 0.7 * by_intercept)
    part = targets.take(slice(5))
    assert_array_equal(part.losses(outputs[:5]), targets.losses(outputs)[:5])


def test_relations_weigh_angles_twice():
    X, features, _ = make()
    value, gradient = Relations(features, 3.0).loss(X)
    distance, angle = rkd_distance(X, features), rkd_angle(X, features)
    assert_allclose(value, 3.0 * (distance[0] + 2.0 * angle[0]))
    assert_allclose(gradient, 3.0 * (distance[1] + 2.0 * angle[1]))
    few = slice(MOST_ANGLE_ROWS)
    assert not np.allclose(gradient[few], 3.0 * distance[1][few])


def test_similarities_are_those_of_the_loss():
    X, features, _ = make()
    value, gradient = Relations(features, 3.0, "similarity").loss(X)
    some = slice(DISTANCE_ROWS)
    expected, by_rows = similarity_loss(X[some], features[some])
    scale = 3.0 * len(X[some])
    assert_allclose(value, scale * expected)
    assert_allclose(gradient[some], scale * by_rows)
    assert Relations(features, 3.0, "similarity").take(some).measure == "similarity"


def test_a_network_learns_similarities():
    X, features, _ = make(n_rows=300)
    task = Task(X.astype(np.float32), ValueTargets(np.zeros((300, 1), np.float32)), np.ones(300))
    recipe = Recipe((16,), np.zeros(1), 0.0, 0.01, 100, 300, 300, 0, 1)
    losses = [
        similarity_loss(
            fit_network(task.with_hints(hints), recipe, np.random.default_rng(0))[0]
            .forward(task.X)[-2]
            .astype(np.float64),
            features,
        )[0]
        for hints in (None, Hints(None, 0.0, features, 1.0, "similarity"))
    ]
    # Values of rectified units are never negative, so that no cosine of theirs is.
    assert losses[1] < 0.75 * losses[0]


def test_groups_are_different_rows_and_their_mean_counts():
    X, features, _ = make(n_rows=2000)
    relations = Relations(features, 1.0)
    groups = Groups.draw(relations, np.random.default_rng(0))
    rows = np.concatenate(groups.rows)
    assert len(np.unique(rows)) == len(rows) < 1000
    value, gradient = groups.loss(X)
    assert_allclose(value, np.mean([relations.take(part).loss(X[part])[0] for part in groups.rows]))
    assert not np.delete(gradient, rows, axis=0).any()


def relation_loss(network, X, embedding):
    hidden = network.forward(X)[-2].astype(np.float64)
    return rkd_distance(hidden, embedding)[0] + 2.0 * rkd_angle(hidden, embedding)[0]


@pytest.mark.parametrize("optimiser", ["adam", "l-bfgs"])
def test_either_optimiser_learns_relations(optimiser):
    X, features, _ = make(n_rows=300)
    X, relations = X.astype(np.float32), Relations(features.astype(np.float32), 1.0)
    rows = X, ValueTargets(np.zeros((300, 1), np.float32)), np.ones(300)
    network = Network([3, 16, 1])
    network.initialise(np.random.default_rng(0), np.zeros(1))
    before = relation_loss(network, X, features)
    if optimiser == "adam":
        how = {"learning_rate": 0.01, "batch_size": 100, "n_steps": 300, "last_step": 300}
        train(network, *rows, alpha=0.0, rng=np.random.default_rng(0), relations=relations, **how)
    else:
        groups = Groups.draw(relations, np.random.default_rng(0))
        polish(network, *rows, alpha=0.0, n_steps=50, groups=groups)
    assert relation_loss(network, X, features) < 0.3 * before


def test_batches_take_the_relations_of_their_own_rows():
    # With the relations of other rows there would be nothing to learn.
    X, features, _ = make(n_rows=600)
    task = Task(X.astype(np.float32), ValueTargets(np.zeros((600, 1), np.float32)), np.ones(600))
    recipe = Recipe((16,), np.zeros(1), 0.0, 0.01, 100, 300, 300, 0, 1)
    hints = Hints(None, 0.0, features, 1.0)
    mixed = replace(hints, relations=np.random.default_rng(1).permutation(features))
    losses = [
        relation_loss(
            fit_network(task.with_hints(given), recipe, np.random.default_rng(0))[0], X, features
        )
        for given in (hints, mixed, None)
    ]
    assert losses[0] < 0.5 * min(losses[1:])


def test_the_start_that_keeps_relations_best_is_kept():
    X, features, _ = make(n_rows=200)
    task = Task(X.astype(np.float32), ValueTargets(np.zeros((200, 1), np.float32)), np.ones(200))
    task = task.with_hints(Hints(None, 0.0, features, 1.0))
    recipe = Recipe((4,), np.zeros(1), 0.0, 0.01, 100, 20, 20, 0, 5)
    starts = {}
    kept, _ = fit_network(
        task,
        recipe,
        np.random.default_rng(0),
        lambda network, n_steps: starts.setdefault(id(network), network),
    )
    groups = Groups.draw(task.relations, np.random.default_rng(0))
    losses = {key: groups.loss(network.forward(task.X)[-2])[0] for key, network in starts.items()}
    assert len(losses) == 5
    assert id(kept) == min(losses, key=losses.get)


def test_a_part_of_a_task_has_the_hints_of_its_rows():
    X, features, weight = make()
    task = Task(X, ValueTargets(X[:, :1]), weight).with_hints(Hints(features, 1.0, 2 * features, 3))
    rows = np.array([3, 30, 7])
    part = task.take(rows)
    assert_allclose(part.targets.features, features[rows], rtol=1e-6)
    assert_allclose(part.relations.embedding, 2 * features[rows], rtol=1e-6)
    assert (part.targets.weight, part.relations.weight, part.n_features) == (1.0, 3, 5)
