"""A small fully connected ReLU network and its training by Adam and L-BFGS, on plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import minimize

from skdistill.students._mlp.hints import Groups, Relations
from skdistill.students._mlp.targets import Targets

# Called with the number of steps made, when the network has its weights.
Watch = Callable[[int], None]


class Network:
    """Fully connected layers with ReLU between them; the output layer is linear.

    All weights are views of one flat vector, as are all gradients: the optimiser updates the
    network in a handful of array operations, whatever the number of layers.

    Parameters
    ----------
    sizes : list of int
        Width of each layer, from the inputs to the scores.
    dtype : dtype, default=float32
        Of the weights. Single precision is ample for training and twice as fast.

    Attributes
    ----------
    theta, slope : ndarray of shape (n_parameters,)
        All parameters, and the gradient that `backward` left.
    coefs, intercepts : list of ndarray
        Views of `theta`: for each layer (n_in, n_out) and (n_out,).
    is_coef : ndarray of shape (n_parameters,), dtype bool
        Which parameters are coefficients: the ones that are penalised.
    """

    def __init__(self, sizes: list[int], dtype: Any = np.float32) -> None:
        n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
        self.theta = np.zeros(n_parameters, dtype)
        self.slope = np.zeros(n_parameters, dtype)
        self.is_coef = np.zeros(n_parameters, bool)
        self.coefs, self.intercepts = _views(self.theta, sizes)
        self._coef_slopes, self._intercept_slopes = _views(self.slope, sizes)
        for view in _views(self.is_coef, sizes)[0]:
            view[:] = True

    def initialise(self, rng: np.random.Generator, scores: np.ndarray) -> None:
        """Draw the weights and start the output at the best constant prediction.

        Parameters
        ----------
        rng : Generator
            Draws the weights with variance 2 / n_in (He et al. 2015).
        scores : ndarray of shape (n_scores,)
            Intercepts of the first outputs; those of others stay zero.
        """
        for W in self.coefs:
            W[:] = rng.standard_normal(W.shape) * np.sqrt(2.0 / W.shape[0])
        # A loud random output would have to be unlearned before anything is learned.
        self.coefs[-1] *= 0.1
        self.intercepts[-1][: len(scores)] = scores

    def forward(self, A: np.ndarray) -> list[np.ndarray]:
        """Compute the input of each layer, and the scores as the last element."""
        return forward(A, self.coefs, self.intercepts)

    def backward(
        self, layers: list[np.ndarray], delta: np.ndarray, hidden: np.ndarray | None = None
    ) -> None:
        """Compute the gradient by all parameters into `slope`.

        Parameters
        ----------
        layers : list of ndarray
            What `forward` returned.
        delta : ndarray of shape (n_samples, n_scores)
            Gradient of the objective by the scores.
        hidden : ndarray of shape (n_samples, n_hidden), optional
            What is to be added to its gradient by the last hidden layer.
        """
        for i in reversed(range(len(self.coefs))):
            np.dot(layers[i].T, delta, out=self._coef_slopes[i])
            np.sum(delta, axis=0, out=self._intercept_slopes[i])
            if i:
                delta = delta @ self.coefs[i].T
                if hidden is not None and i == len(self.coefs) - 1:
                    delta += hidden
                delta *= layers[i] > 0


def forward(
    A: np.ndarray, coefs: list[np.ndarray], intercepts: list[np.ndarray]
) -> list[np.ndarray]:
    """Compute the input of each layer of a ReLU network, and the scores as the last element.

    Parameters
    ----------
    A : ndarray of shape (n_samples, n_inputs)
        Inputs.
    coefs, intercepts : list of ndarray
        Weights of each layer, (n_in, n_out) and (n_out,).

    Returns
    -------
    layers : list of ndarray of shape (n_samples, n_out)
    """
    layers = [A]
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        A = A @ W
        A += b
        if i < len(coefs) - 1:
            np.maximum(A, 0.0, out=A)
        layers.append(A)
    return layers


def train(
    network: Network,
    X: np.ndarray,
    targets: Targets,
    weight: np.ndarray,
    *,
    alpha: float,
    learning_rate: float,
    batch_size: int,
    n_steps: int,
    last_step: int,
    rng: np.random.Generator,
    relations: Relations | None = None,
    watch: Watch | None = None,
) -> None:
    """Minimise ``mean(weight * loss) + alpha / 2 * ||coefs||^2`` by minibatch Adam.

    The rate falls from `learning_rate` to zero along half a cosine, so that the last steps
    average the noise of the batches out. The loss of the relations between the first rows of each
    batch is added.

    Parameters
    ----------
    network : Network
        Initialised; changed in place.
    X : ndarray of shape (n_samples, n_inputs)
        Inputs, of the network's dtype.
    targets : Targets
        Of the same rows.
    weight : ndarray of shape (n_samples,)
        Weights with a mean of one.
    alpha : float
        Penalty of the coefficients.
    learning_rate : float
        Rate of the first step.
    batch_size : int
        Largest number of rows in a step; every pass is cut into equal batches.
    n_steps : int
        Number of steps after which the rate is zero.
    last_step : int
        Number of steps made, `n_steps` at most.
    rng : Generator
        Shuffles the rows of each pass.
    relations : Relations, optional
        Of the same rows.
    watch : callable, optional
        Called after each step with the number of steps made.
    """
    n_samples = len(X)
    n_batches = -(-n_samples // batch_size)
    bounds = np.linspace(0, n_samples, n_batches + 1).astype(int).tolist()
    adam = _Adam(network.theta)
    decay = (alpha * network.is_coef).astype(network.theta.dtype)
    for step in range(last_step):
        batch = step % n_batches
        if batch == 0:
            order = rng.permutation(n_samples)
            X_pass, targets_pass, weight_pass = X[order], targets.take(order), weight[order]
        rows = slice(bounds[batch], bounds[batch + 1])
        layers = network.forward(X_pass[rows])
        delta = targets_pass.take(rows).gradient(layers[-1])
        delta = delta * (weight_pass[rows] / (rows.stop - rows.start))[:, None]
        hidden = None if relations is None else relations.take(order[rows]).loss(layers[-2])[1]
        network.backward(layers, delta.astype(network.theta.dtype, copy=False), hidden)
        network.slope += decay * network.theta
        rate = 0.5 * learning_rate * (1.0 + np.cos(np.pi * step / n_steps))
        adam.step(network.theta, network.slope, rate)
        if watch is not None:
            watch(step + 1)


def polish(
    network: Network,
    X: np.ndarray,
    targets: Targets,
    weight: np.ndarray,
    *,
    alpha: float,
    n_steps: int,
    groups: Groups | None = None,
    watch: Watch | None = None,
) -> tuple[float, int]:
    """Minimise what `train` minimises further, by L-BFGS on all rows at once.

    Minibatches bring a small network near a minimum, curvature brings it there: where the targets
    have little noise, most of the error is left to the last few digits.

    Parameters
    ----------
    network : Network
        Trained by `train`; changed in place.
    X, targets, weight, alpha
        As given to `train`.
    n_steps : int
        Largest number of iterations; 0 changes nothing.
    groups : Groups, optional
        Rows whose relations stand for those of all.
    watch : callable, optional
        Called after each iteration with the number of iterations made.

    Returns
    -------
    value : float
        The objective reached.
    n_made : int
        Number of iterations made.
    """
    shares = (weight / len(X))[:, None].astype(network.theta.dtype)
    decay = alpha * network.is_coef.astype(np.float64)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        network.theta[:] = theta
        layers = network.forward(X)
        value = float(np.vdot(shares.astype(np.float64), targets.losses(layers[-1])))
        delta = targets.gradient(layers[-1]) * shares
        hidden = None
        if groups is not None:
            related, hidden = groups.loss(layers[-2])
            value += related
        network.backward(layers, delta.astype(network.theta.dtype, copy=False), hidden)
        penalty = 0.5 * float(decay @ np.square(theta))
        return value + penalty, network.slope.astype(np.float64) + decay * theta

    n_made = 0

    def count(theta: np.ndarray) -> None:
        nonlocal n_made
        n_made += 1
        if watch is not None:
            network.theta[:] = theta
            watch(n_made)

    theta = network.theta.astype(np.float64)
    value = objective(theta)[0]
    if n_steps and np.isfinite(value):
        # Stops by itself where single precision sees no descent any more.
        options = {"maxiter": n_steps, "maxfun": 2 * n_steps, "maxcor": 20, "ftol": 0.0}
        best = minimize(
            objective, theta, jac=True, method="L-BFGS-B", callback=count, options=options
        )
        network.theta[:] = best.x
        value = float(best.fun)
    return value, n_made


class _Adam:
    """Adam (Kingma & Ba 2015) on one flat vector, with no allocation in a step."""

    def __init__(self, theta: np.ndarray, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.betas = betas
        self.n_steps = 0
        self.mean, self.square = np.zeros_like(theta), np.zeros_like(theta)
        self._buffer = np.empty_like(theta)

    def step(self, theta: np.ndarray, slope: np.ndarray, rate: float) -> None:
        """Update `theta` in place."""
        self.n_steps += 1
        (beta1, beta2), buffer = self.betas, self._buffer
        np.multiply(slope, 1.0 - beta1, out=buffer)
        self.mean *= beta1
        self.mean += buffer
        np.multiply(slope, slope, out=buffer)
        buffer *= 1.0 - beta2
        self.square *= beta2
        self.square += buffer
        np.sqrt(self.square, out=buffer)
        buffer += 1e-8
        np.divide(self.mean, buffer, out=buffer)
        buffer *= float(rate * np.sqrt(1.0 - beta2**self.n_steps) / (1.0 - beta1**self.n_steps))
        theta -= buffer


def _views(flat: np.ndarray, sizes: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Cut a flat vector into the coefficients and intercepts of each layer."""
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        middle = start + n_in * n_out
        coefs.append(flat[start:middle].reshape(n_in, n_out))
        start = middle + n_out
        intercepts.append(flat[middle:start])
    return coefs, intercepts
