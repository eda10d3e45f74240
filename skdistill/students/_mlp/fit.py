"""How a network is fitted: restarts by Adam, the best one polished; some settings chosen before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from skdistill.hints import Hints
from skdistill.students._mlp.hints import Groups, HintedTargets, Relations
from skdistill.students._mlp.network import Network, polish, train
from skdistill.students._mlp.targets import Targets
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import mean_one

# Adam steps, at most, of the short fits that settings are chosen by.
TRIAL_STEPS = 2000

# With fewer real rows a choice would be a draw.
LEAST_REAL_ROWS = 60

# Held-out rows that decide: more folds are scored until there are as many.
ENOUGH_HELD_OUT = 3000
N_FOLDS = 3

# Rows that the polishing may pass through, all iterations together: its cost is bounded, and of
# many rows, which Adam alone fits well, little is asked.
POLISH_ROWS = 4_000_000
LEAST_POLISH_STEPS = 10


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    start : ndarray of shape (n_scores,)
        Scores of the best constant prediction.
    alpha : float
        Penalty, for the sum of the rows' losses.
    learning_rate : float
        Rate of Adam's first step.
    batch_size, n_steps, last_step, polish_steps, n_restarts : int
        Rows of a step of Adam, steps after which its rate is zero, steps it makes, iterations of
        L-BFGS at most, and how often Adam starts anew.
    """

    hidden: tuple[int, ...]
    start: np.ndarray
    alpha: float
    learning_rate: float
    batch_size: int
    n_steps: int
    last_step: int
    polish_steps: int
    n_restarts: int


@dataclass(frozen=True)
class Task:
    """Inputs (n_samples, n_inputs) of single precision, targets, and weights with mean one.

    Relations are what the last hidden layer should keep besides, if there are any.
    """

    X: np.ndarray
    targets: Targets
    weight: np.ndarray
    relations: Relations | None = None

    def take(self, rows: np.ndarray) -> Task:
        """Return the task of some rows."""
        relations = self.relations and self.relations.take(rows)
        return Task(self.X[rows], self.targets.take(rows), mean_one(self.weight[rows]), relations)

    @property
    def n_features(self) -> int:
        """Number of the teacher's features: outputs behind the scores meet them."""
        return self.targets.n_features if isinstance(self.targets, HintedTargets) else 0

    def with_hints(self, hints: Hints | None) -> Task:
        """Return the task of further outputs and relations besides the targets."""
        targets, relations = self.targets, self.relations
        if hints is not None and hints.features is not None:
            features = hints.features.astype(np.float32)
            targets = HintedTargets(targets, features, hints.feature_weight)
        if hints is not None and hints.relations is not None:
            relations = Relations(hints.relations.astype(np.float32), hints.relation_weight)
        return replace(self, targets=targets, relations=relations)


# Called with the network, and the steps of Adam and of L-BFGS it has made: those of the latter are
# left out before there is one.
Observer = Callable[..., None]


def fit_network(
    task: Task, recipe: Recipe, rng: np.random.Generator, observe: Observer | None = None
) -> tuple[Network, int]:
    """Train several networks by Adam, and polish the one with the least objective.

    Parameters
    ----------
    task : Task
        Rows to fit to.
    recipe : Recipe
        How.
    rng : Generator
        Draws the first weights and the order of the rows.
    observe : callable, optional
        Called after every step.

    Returns
    -------
    network : Network
        Its weights are not finite if no start converged.
    n_polished : int
        Iterations of L-BFGS made.
    """
    alpha, n_samples = recipe.alpha / len(task.X), len(task.X)
    networks, values, groups = [], [], None
    if task.relations is not None:
        groups = Groups.draw(task.relations, rng)
    rows = task.X, task.targets, task.weight
    for _ in range(recipe.n_restarts):
        network = Network([task.X.shape[1], *recipe.hidden, len(recipe.start) + task.n_features])
        network.initialise(rng, recipe.start)
        train(
            network,
            *rows,
            alpha=alpha,
            learning_rate=recipe.learning_rate,
            batch_size=recipe.batch_size,
            n_steps=recipe.n_steps,
            last_step=recipe.last_step,
            rng=rng,
            relations=task.relations,
            watch=observe and partial(observe, network),
        )
        networks.append(network)
        values.append(polish(network, *rows, alpha=alpha, n_steps=0, groups=groups)[0])
    best = networks[int(np.argmin(np.nan_to_num(values, nan=np.inf, posinf=np.inf)))]
    n_steps = min(recipe.polish_steps, POLISH_ROWS // n_samples)
    if n_steps < min(LEAST_POLISH_STEPS, recipe.polish_steps):
        return best, 0
    watch = observe and partial(observe, best, recipe.last_step)
    polished = polish(best, *rows, alpha=alpha, n_steps=n_steps, groups=groups, watch=watch)
    return best, polished[1]


def choose(
    inputs: dict[str, np.ndarray],
    alphas: Iterable[float],
    recipe: Recipe,
    *,
    real: RealRows,
    truth: Targets,
    predict: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> tuple[str, float]:
    """Choose the inputs, and then the penalty, by short fits scored on held-out real rows.

    The fits see real rows with their true labels alone: what a teacher says of rows, and of others
    made from them, knows the labels that are held out, so that the weakest penalty would win.

    Parameters
    ----------
    inputs : dict of ndarray of shape (n_samples, n_inputs)
        All training rows for each way to transform the inputs; the first one is taken if there
        are too few real rows to choose.
    alphas : iterable of float
        Penalties, likewise.
    recipe : Recipe
        How the network will be trained.
    real : RealRows
        Rows with a true label.
    truth : Targets
        Their true labels.
    predict : callable
        Turns scores into predictions.
    rng : Generator
        Draws the folds and the seeds of the fits.

    Returns
    -------
    name : str
        Key of the chosen inputs.
    alpha : float
        The chosen penalty.
    """
    name, (alpha, *others) = next(iter(inputs)), alphas
    if len(real) < LEAST_REAL_ROWS or (len(inputs) == 1 and not others):
        return name, alpha
    real = replace(real, weight=mean_one(real.weight))
    alone = replace(real, rows=np.arange(len(real)))
    tasks = {key: Task(X[real.rows], truth, real.weight) for key, X in inputs.items()}
    n_scored = min(N_FOLDS, -(-ENOUGH_HELD_OUT * N_FOLDS // len(real)))
    folds = list(alone.folds(N_FOLDS, len(real), rng))[:n_scored]
    seeds = rng.integers(2**32, size=n_scored)
    n_steps = min(recipe.n_steps, TRIAL_STEPS)
    trial = replace(recipe, n_steps=n_steps, last_step=n_steps, n_restarts=1, polish_steps=0)

    def held_out_loss(name: str, alpha: float) -> float:
        losses = []
        for (rows, held_out), seed in zip(folds, seeds, strict=True):
            own = np.random.default_rng(seed)  # the same for all, so that only they differ
            network, _ = fit_network(tasks[name].take(rows), replace(trial, alpha=alpha), own)
            scores = network.forward(tasks[name].X[held_out.rows])[-1].astype(np.float64)
            losses.append(held_out.score(predict(scores)))
        return float(np.mean(losses))

    losses = {(key, alpha): held_out_loss(key, alpha) for key in tasks}
    name = min(losses, key=lambda tried: losses[tried])[0]
    losses = {(name, alpha): losses[name, alpha]}
    losses |= {(name, other): held_out_loss(name, other) for other in others}
    return min(losses, key=lambda tried: losses[tried])
