"""What each of several opinions is worth: weights that have the least loss on unseen rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from skdistill._compat import check_sample_weight
from skdistill._validation import check_choice
from skdistill.losses import log_softmax
from skdistill.targets import one_hot
from skdistill.teachers._alignment import find_codes
from skdistill.teachers._pooling import (
    LEAST_PROBABILITY,
    centre,
    class_equations,
    invert,
    take_logs,
)

# Weights that change the loss by less are not sought.
_LOSS_TOLERANCE = 1e-10

# Of weights where members lack classes: without any, nobody may be left who knows a class.
_LEAST_WEIGHT = 1e-6


def check_weights(weights: Any, n_teachers: int) -> np.ndarray | None:
    """Check the parameter `weights`: they sum to one then; None if they are to be learned."""
    if isinstance(weights, str):
        check_choice(weights, "weights", ("auto",))
        return None
    if weights is None:
        return np.full(n_teachers, 1.0 / n_teachers)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n_teachers,):
        raise ValueError(
            f"weights must be one number for each of the {n_teachers} teachers, got {weights!r}."
        )
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() == 0:
        raise ValueError(f"weights must be finite, at least 0 and not all 0, got {weights!r}.")
    return w / w.sum()


def learn_weights(
    labels: Sequence[np.ndarray],
    y: Any,
    sample_weight: Any,
    *,
    classes: np.ndarray | None,
    known: np.ndarray | None,
    scale: str,
    name: str,
) -> np.ndarray:
    """Find the weights of the least log loss or squared error.

    Parameters
    ----------
    labels : sequence of ndarray of shape (n_rows, n_classes) or (n_rows,)
        What each member says of rows that it has not seen: probabilities or predictions.
    y : array-like of shape (n_rows,)
        True labels or numbers.
    sample_weight : array-like of shape (n_rows,) or None
        Weights of the rows.
    classes : ndarray of shape (n_classes,) or None
        Labels of the columns; None for regression.
    known : ndarray of shape (n_members, n_classes) or None
        Which member knows which class; None for regression.
    scale : {"probability", "log"}
        What is averaged.
    name : str
        The teacher's name, for the message.

    Returns
    -------
    weights : ndarray of shape (n_members,)

    Raises
    ------
    ValueError
        If y holds other labels than `classes`.
    """
    said, y = np.stack(labels), np.asarray(y)
    w = check_sample_weight(sample_weight, y)
    if classes is None or known is None:
        return weigh_values(said, y.astype(np.float64), w)
    codes = find_codes(y, classes, name)
    return weigh_logs(said, known, codes, w) if scale == "log" else weigh_proba(said, codes, w)


def weigh_proba(P: np.ndarray, codes: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
    """Find the weights of an arithmetic mean of probabilities that has the least log loss.

    The problem is convex, as is that of `weigh_values`.

    Parameters
    ----------
    P : ndarray of shape (n_members, n_rows, n_classes)
        Probabilities of rows that members have not seen.
    codes : ndarray of shape (n_rows,), dtype int
        Column of the true class.
    sample_weight : ndarray of shape (n_rows,)
        Weights of the rows.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        At least 0; they sum to one.
    """
    true = np.maximum(P[:, np.arange(len(codes)), codes], LEAST_PROBABILITY)
    share = sample_weight / sample_weight.sum()

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mean = weights @ true
        return -float(share @ np.log(mean)), -(true / mean) @ share

    return _minimise(loss, len(P))


def weigh_logs(
    P: np.ndarray, known: np.ndarray, codes: np.ndarray, sample_weight: np.ndarray
) -> np.ndarray:
    """Find the weights of a geometric mean of probabilities that has the least log loss.

    Where members lack classes, what fills these depends on the weights (see
    :func:`~skdistill.teachers._pooling.complete`); the problem is not convex then.

    Parameters
    ----------
    P : ndarray of shape (n_members, n_rows, n_classes)
        Probabilities of rows that members have not seen.
    known : ndarray of shape (n_members, n_classes), dtype bool
        Which member knows which class.
    codes, sample_weight
        As for `weigh_proba`.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        At least 1e-6 where members lack classes, so that all are heard on those they know.
    """
    least = 0.0 if known.all() else _LEAST_WEIGHT
    share = sample_weight / sample_weight.sum()
    true = one_hot(codes, P.shape[2])
    centred, mean = centre(take_logs(P), known)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        laplacian, right = class_equations(centred, known, np.maximum(weights, least))
        inverse = invert(laplacian)
        z = right @ inverse
        log_proba = log_softmax(z)
        slope = (np.exp(log_proba) - true) * share[:, None]
        residual = centred + np.einsum("ik,mk->mi", z, mean)[:, :, None] - z
        by_weight = np.einsum("mik,mk,ik->m", residual, known.astype(float), slope @ inverse)
        return -float(share @ (log_proba * true).sum(axis=1)), by_weight

    return _minimise(loss, len(P), least)


def weigh_values(F: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
    """Find the weights of a mean of predictions that has the least squared error.

    Parameters
    ----------
    F : ndarray of shape (n_members, n_rows)
        Predictions for rows that members have not seen.
    y : ndarray of shape (n_rows,)
        True values.
    sample_weight : ndarray of shape (n_rows,)
        Weights of the rows.

    Returns
    -------
    weights : ndarray of shape (n_members,)
    """
    share = sample_weight / sample_weight.sum()
    errors = F - y
    products = (errors * share) @ errors.T  # weights sum to one: they weigh the errors
    products = products / max(float(np.trace(products)), np.finfo(float).tiny)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        slope = products @ weights
        return float(weights @ slope), 2.0 * slope

    return _minimise(loss, len(F))


def _minimise(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], n_members: int, least: float = 0.0
) -> np.ndarray:
    """Minimise a smooth function of weights that are at least `least` and sum to one."""
    start = np.full(n_members, 1.0 / n_members)
    with warnings.catch_warnings():
        # Rounding may put a step out of bounds; some versions of scipy say that they clip it.
        warnings.filterwarnings("ignore", "Values in x were outside bounds", RuntimeWarning)
        found = minimize(
            loss,
            start,
            jac=True,
            method="SLSQP",
            bounds=[(least, 1.0)] * n_members,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
            options={"ftol": _LOSS_TOLERANCE, "maxiter": 500},
        )
    weights = np.clip(found.x, least, None)
    weights = weights / weights.sum()
    # All weights alike are better than what a failed search may return.
    return weights if loss(weights)[0] <= loss(start)[0] else start
