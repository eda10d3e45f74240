"""What both network students share: parameters, inputs, training, stored weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_choice, check_integer, check_real
from skdistill.hints import Hints
from skdistill.students._base import BaseStudent
from skdistill.students._mlp.fit import Recipe, Task, choose, fit_network
from skdistill.students._mlp.inputs import QuantileTables, Scale, fit_quantile_tables, fit_scale
from skdistill.students._mlp.network import Network, forward
from skdistill.students._mlp.stopping import stop_early
from skdistill.students._mlp.targets import Targets
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import mean_one

# On inputs of unit width a smaller weight moves no score that single precision could show.
DEAD_WEIGHT = 1e-15

# max_iter="auto": passes over the rows, and the bounds of the number of steps they make.
AUTO_PASSES = 100
AUTO_MIN_STEPS = 500
AUTO_MAX_STEPS = 6000

# alpha="auto" tries these on true labels; the first where nothing can be chosen. What a teacher
# says has less noise: its students take this share of the penalty, but at least the least one.
AUTO_ALPHAS = (5.0, 1.0, 20.0)
SOFT_SHARE = 0.25


class MLPStudent(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "onehot"

    def __init__(
        self,
        *,
        hidden_layer_sizes: tuple[int, ...] = (32,),
        input_transform: str = "auto",
        alpha: float | str = "auto",
        learning_rate_init: float = 1e-2,
        batch_size: int = 100,
        max_iter: int | str = "auto",
        polish: int = 200,
        n_restarts: int = 2,
        early_stopping: bool = True,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.input_transform = input_transform
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.polish = polish
        self.n_restarts = n_restarts
        self.early_stopping = early_stopping
        self.random_state = random_state

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients and intercepts."""
        check_is_fitted(self)
        return sum(W.size for W in self.coefs_) + sum(b.size for b in self.intercepts_)

    def _check_params(self) -> None:
        sizes = self.hidden_layer_sizes
        if not isinstance(sizes, tuple | list) or not sizes:
            raise ValueError(
                f"hidden_layer_sizes must be a tuple of one or more widths, got {sizes!r}; "
                "for a single layer of 32 units give (32,)."
            )
        for size in sizes:
            check_integer(size, "hidden_layer_sizes", minimum=1)
        check_choice(self.input_transform, "input_transform", ("auto", "standard", "quantile"))
        if not _is_auto(self.alpha, "alpha", "a number"):
            check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.learning_rate_init, "learning_rate_init", minimum=0.0, strict=True)
        check_integer(self.batch_size, "batch_size", minimum=1)
        if not _is_auto(self.max_iter, "max_iter", "an integer"):
            check_integer(self.max_iter, "max_iter", minimum=1)
        check_integer(self.polish, "polish", minimum=0)
        check_integer(self.n_restarts, "n_restarts", minimum=1)
        check_bool(self.early_stopping, "early_stopping")

    def _train(
        self,
        Z: np.ndarray,
        targets: Targets,
        start: np.ndarray,
        weight: np.ndarray,
        *,
        real: RealRows,
        truth: Targets,
        taught: bool,
        predict: Callable[[np.ndarray], np.ndarray],
        hints: Hints | None,
    ) -> None:
        """Choose inputs and penalty, train, and keep the weights for untransformed inputs."""
        transforms = self._fit_transforms(Z, weight)
        inputs = {name: self._inputs(Z, transform) for name, transform in transforms.items()}
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        alphas = AUTO_ALPHAS if isinstance(self.alpha, str) else (float(self.alpha),)
        n_steps = self._n_steps(len(Z))
        recipe = Recipe(
            hidden=tuple(self.hidden_layer_sizes),
            start=start,
            alpha=alphas[0],
            learning_rate=self.learning_rate_init,
            batch_size=self.batch_size,
            n_steps=n_steps,
            last_step=n_steps,
            polish_steps=self.polish,
            n_restarts=self.n_restarts,
        )
        with np.errstate(all="ignore"):  # told below, in our own words
            name, alpha = choose(
                inputs, alphas, recipe, real=real, truth=truth, predict=predict, rng=rng
            )
            if taught and isinstance(self.alpha, str):
                alpha = max(SOFT_SHARE * alpha, min(AUTO_ALPHAS))
            task = Task(inputs[name], targets, mean_one(weight)).with_hints(hints)
            recipe = replace(recipe, alpha=alpha)
            if self.early_stopping:
                own = np.random.default_rng([seed, 1])  # training to the end is the same without
                recipe = stop_early(task, recipe, real=real, predict=predict, rng=own)
            network, self.n_polish_ = fit_network(task, recipe, rng)
        if not np.isfinite(network.theta).all():
            raise ValueError(
                "Training diverged: the weights are not finite. learning_rate_init="
                f"{self.learning_rate_init!r} is too large; give a smaller one."
            )
        self.n_iter_, self.alpha_, self.input_transform_ = recipe.last_step, alpha, name
        self._keep(network, transforms[name], n_scores=len(start))

    def _fit_transforms(
        self, Z: np.ndarray, weight: np.ndarray
    ) -> dict[str, Scale | QuantileTables]:
        """Fit the transforms to choose from; without numeric columns there is no choice."""
        numbers = Z[:, : self._encoder.n_numeric_]
        transforms: dict[str, Scale | QuantileTables] = {}
        if self.input_transform != "quantile" or not numbers.shape[1]:
            transforms["standard"] = fit_scale(numbers, weight)
        if self.input_transform != "standard" and numbers.shape[1]:
            transforms["quantile"] = fit_quantile_tables(numbers, weight)
        return transforms

    def _inputs(self, Z: np.ndarray, transform: Scale | QuantileTables) -> np.ndarray:
        n_numeric = self._encoder.n_numeric_
        X = np.empty(Z.shape, dtype=np.float32)
        X[:, :n_numeric] = transform.apply(Z[:, :n_numeric])
        X[:, n_numeric:] = Z[:, n_numeric:]
        return X

    def _n_steps(self, n_samples: int) -> int:
        if not isinstance(self.max_iter, str):
            return int(self.max_iter)
        steps = AUTO_PASSES * -(-n_samples // self.batch_size)
        return int(np.clip(steps, AUTO_MIN_STEPS, AUTO_MAX_STEPS))

    def _keep(self, network: Network, transform: Scale | QuantileTables, *, n_scores: int) -> None:
        """Fold the scale of the inputs into the first layer, or keep the tables.

        What led from the last hidden layer to a teacher's features is dropped.

        The intercept takes up the offsets *after* the coefficients were rounded: evaluated in
        double precision, the rounding then acts on centred inputs, however far they are from 0.
        """
        coefs = [W.astype(np.float64) for W in network.coefs]
        intercepts = [b.astype(np.float64) for b in network.intercepts]
        coefs[-1], intercepts[-1] = coefs[-1][:, :n_scores], intercepts[-1][:n_scores]
        # Decay leaves dead weights that are almost, but not quite, zero.
        coefs = [np.where(np.abs(W) < DEAD_WEIGHT, 0.0, W) for W in coefs]
        self.input_tables_ = None if isinstance(transform, Scale) else transform
        if isinstance(transform, Scale):
            n_numeric = len(transform.offset)
            coefs[0][:n_numeric] /= transform.width[:, None]
        self.coefs_ = [narrow(W) for W in coefs]
        if isinstance(transform, Scale):
            intercepts[0] -= transform.offset @ self.coefs_[0][:n_numeric].astype(np.float64)
        self.intercepts_ = intercepts

    def _scores(self, Z: np.ndarray) -> np.ndarray:
        if self.input_tables_ is not None:
            n_numeric = self._encoder.n_numeric_
            numbers = self.input_tables_.apply(Z[:, :n_numeric])
            more = Z.shape[1] > n_numeric
            Z = np.hstack([numbers, Z[:, n_numeric:]]) if more else numbers
        return forward(Z, self.coefs_, self.intercepts_)[-1]


def narrow(W: np.ndarray) -> np.ndarray:
    """Store coefficients in single precision, in which they were trained, if its range allows."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = W.astype(np.float32)
    return narrow if np.allclose(narrow, W, rtol=1e-6, atol=0.0) else W


def _is_auto(value: Any, name: str, otherwise: str) -> bool:
    if isinstance(value, str) and value != "auto":
        raise ValueError(f"{name} must be 'auto' or {otherwise}, got {value!r}.")
    return isinstance(value, str)
