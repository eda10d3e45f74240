"""Where training ends: only where held-out rows clearly say so."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.students._mlp.fit import Recipe, Task, fit_network
from skdistill.students._mlp.stopping import clearly_best, stop_early
from skdistill.students._mlp.targets import ValueTargets
from skdistill.students._real_rows import RealRows

RECIPE = Recipe(
    hidden=(16,),
    start=np.zeros(1),
    alpha=0.0,
    learning_rate=0.01,
    batch_size=50,
    n_steps=1000,
    last_step=1000,
    polish_steps=100,
    n_restarts=2,
)


def make_rows(noise, n_samples=300, seed=0):
    """A line in one of ten columns, with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 10)).astype(np.float32)
    y = X[:, 0] + noise * rng.normal(size=n_samples)
    task = Task(X, ValueTargets(y[:, None].astype(np.float32)), np.ones(n_samples))
    return task, RealRows(np.arange(n_samples), y, np.ones(n_samples))


def choose_stop(task, recipe, real):
    rng = np.random.default_rng(0)
    return stop_early(task, recipe, real=real, predict=lambda scores: scores[:, 0], rng=rng)


def test_noise_ends_training_early_and_that_is_better():
    task, real = make_rows(noise=2.0)
    early = choose_stop(task, RECIPE, real)
    assert early.last_step <= 500
    assert early.polish_steps == 0
    assert (early.n_steps, early.n_restarts) == (1000, 2)  # the rate falls as before
    fresh, truth = make_rows(noise=2.0, seed=1)
    losses = [
        truth.score(
            fit_network(task, recipe, np.random.default_rng(1))[0].forward(fresh.X)[-1][:, 0]
        )
        for recipe in (early, RECIPE)
    ]
    assert losses[0] < 0.8 * losses[1]


def test_what_is_still_learned_is_learned_to_the_end():
    task, real = make_rows(noise=0.0)
    assert choose_stop(task, RECIPE, real) is RECIPE


def test_polishing_can_end_early():
    """Adam does not move; curvature learns the line at once, and then the noise."""
    task, real = make_rows(noise=1.0)
    still = replace(RECIPE, learning_rate=1e-12, n_steps=10, last_step=10)
    early = choose_stop(task, still, real)
    assert (early.last_step, early.polish_steps) == (10, 10)


def test_few_true_labels_end_nothing():
    task, real = make_rows(noise=2.0)
    assert choose_stop(task, RECIPE, real.take(np.arange(59))) is RECIPE


def test_true_labels_decide_not_targets():
    """Clean targets need all steps; where the true labels say the contrary, each is too much."""
    task, real = make_rows(noise=0.0)
    wrong = replace(real.take(np.arange(100)), truth=-real.truth[:100])
    early = choose_stop(task, replace(RECIPE, learning_rate=1e-3), wrong)
    assert (early.last_step, early.polish_steps) == (100, 0)


def test_unit_of_weights_does_not_matter():
    task, real = make_rows(noise=2.0)
    huge = replace(real, weight=real.weight * 2.0**1000)
    assert choose_stop(task, RECIPE, real) == choose_stop(task, RECIPE, huge)


def losses_of(*means, noise=0.0, n_rows=50):
    rng = np.random.default_rng(0)
    return {(k, 0): mean + noise * rng.normal(size=n_rows) for k, mean in enumerate(means)}


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        (losses_of(3.0, 1.0, 2.0), 1),
        (losses_of(3.0, 1.0, 1.0), 2),
        (losses_of(3.0, 2.0, 1.0), 2),
        (losses_of(3.0, 1.0, 1.02, noise=1.0), 2),
        (losses_of(1.0, 1.2, 3.0, noise=0.1), 0),
        (losses_of(1.0), 0),
        (losses_of(1.0, np.nan, np.nan), 2),
    ],
)
def test_an_earlier_end_must_be_clearly_better(losses, best):
    assert clearly_best(losses, np.ones(50)) == (best, 0)


def test_weights_decide():
    losses = {(1, 0): np.array([0.0, 0.0, 9.0, 8.0]), (2, 0): np.array([1.0, 2.0, 1.0, 2.0])}
    assert clearly_best(losses, np.array([1.0, 1.0, 0.0, 0.0])) == (1, 0)
    assert clearly_best(losses, np.array([0.0, 0.0, 1.0, 1.0])) == (2, 0)


@given(seed=st.integers(0, 1000), n_ends=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_chosen_end_is_never_worse_on_the_rows_held_out(seed, n_ends):
    rng = np.random.default_rng(seed)
    losses = {(k, 0): rng.random(20) for k in range(n_ends)}
    weight = rng.random(20) + 0.1
    chosen = losses[clearly_best(losses, weight)]
    assert weight @ chosen <= weight @ losses[n_ends - 1, 0]
