"""When training should end: where the loss of held-out real rows was clearly least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skdistill.students._mlp.fit import (
    ENOUGH_HELD_OUT,
    LEAST_REAL_ROWS,
    Recipe,
    Task,
    fit_network,
)
from skdistill.students._mlp.network import Network
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import mean_one

# One part in so many of the real rows is held out, but no more rows than decide.
N_PARTS = 5

# How often they are looked at: so many times while Adam runs, and every few steps of L-BFGS.
N_LOOKS = 10
POLISH_LOOK = 10

# An earlier end must beat the last one by so many standard errors: the least of thirty noisy
# losses is low by chance, and where the penalty was chosen training seldom goes too far.
CLEAR = 2.0


def stop_early(
    task: Task,
    recipe: Recipe,
    *,
    real: RealRows,
    predict: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> Recipe:
    """Choose the number of steps by a fit without some of the real rows.

    That fit is only watched, so that the network itself is trained on all rows. What a teacher
    says of rows made from those held out knows a little of them: the choice errs towards training
    on.

    Parameters
    ----------
    task : Task
        Rows to fit to.
    recipe : Recipe
        How, with the largest numbers of steps.
    real : RealRows
        Those with a true label; of fewer than 60 none is held out.
    predict : callable
        Turns scores into predictions.
    rng : Generator
        Draws the rows held out, and the weights of the fit.

    Returns
    -------
    recipe : Recipe
        With the numbers of steps to make, no larger.
    """
    if len(real) < LEAST_REAL_ROWS:
        return recipe
    real = replace(real, weight=mean_one(real.weight))
    n_parts = max(N_PARTS, -(-len(real) // ENOUGH_HELD_OUT))
    rows, held_out = next(real.folds(n_parts, len(task.X), rng))
    X = task.X[held_out.rows]
    losses: dict[tuple[int, int], np.ndarray] = {}
    marks = {recipe.n_steps * i // N_LOOKS for i in range(1, N_LOOKS + 1)}

    def observe(network: Network, n_steps: int, n_polished: int = 0) -> None:
        if n_polished % POLISH_LOOK == 0 and (n_polished or n_steps in marks):
            look(network, n_steps, n_polished)

    def look(network: Network, n_steps: int, n_polished: int) -> None:
        scores = network.forward(X)[-1][:, : len(recipe.start)].astype(np.float64)
        losses[n_steps, n_polished] = held_out.losses(predict(scores))

    whole = replace(recipe, n_restarts=1)
    network, n_polished = fit_network(task.take(rows), whole, rng, observe)
    look(network, recipe.last_step, n_polished)
    last_step, n_polished = clearly_best(losses, held_out.weight)
    if (last_step, n_polished) == next(reversed(losses)):
        return recipe  # all rows may be polished longer
    return replace(recipe, last_step=last_step, polish_steps=n_polished)


def clearly_best(losses: dict[tuple[int, int], np.ndarray], weight: np.ndarray) -> tuple[int, int]:
    """Return the end of the least mean loss among those that clearly beat the last one.

    Parameters
    ----------
    losses : dict of ndarray of shape (n_held_out,)
        Losses of the same rows after so many steps, in their order.
    weight : ndarray of shape (n_held_out,)
        Weights of the rows.

    Returns
    -------
    end : tuple of int
        The last one where none is clearly better.
    """
    ends = list(losses)
    last = ends[-1]
    share = weight / weight.sum()

    def is_clear(end: tuple[int, int]) -> bool:
        gains = losses[last] - losses[end]
        gain = share @ gains
        return bool(gain > CLEAR * np.sqrt(np.square(share) @ np.square(gains - gain)))

    clear = [end for end in ends if is_clear(end)]
    return min(clear, key=lambda end: share @ losses[end], default=last)
