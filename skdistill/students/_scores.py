"""Raw scores of a classifier and the combined loss: two classes share a single margin column."""

from __future__ import annotations

import functools
from math import exp

import numpy as np

from skdistill.losses import DistillationLoss

# The share of a class that no target ever names; its logit must start somewhere finite.
RAREST = 1e-6

# Scores beyond it, infinite ones too, are as certain as it is; differences of two stay finite.
LARGEST = float(np.finfo(np.float64).max) / 4.0


def n_scores(n_classes: int) -> int:
    """Return the number of score columns: one margin for two classes, else one a class."""
    return 1 if n_classes == 2 else n_classes


def to_logits(scores: np.ndarray) -> np.ndarray:
    """Turn scores into logits: a single column is the margin of the second of two classes.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, 1) or (n_samples, n_classes)
        Margins ``z``, meaning logits ``[0, z]``, or logits.

    Returns
    -------
    logits : ndarray of shape (n_samples, n_classes)
    """
    if scores.shape[1] > 1:
        return scores
    return np.column_stack([np.zeros_like(scores), scores])


def class_probabilities(scores: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities, as the softmax of `to_logits` does, but faster.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, 1) or (n_samples, n_classes)
        Margins or logits, also infinite ones.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes), dtype float64

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students._scores import class_probabilities
    >>> class_probabilities(np.array([[0.0], [1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    if len(scores) == 1:
        return np.array([_row_probabilities(scores[0].tolist())])
    scores = np.clip(scores, -LARGEST, LARGEST)
    if scores.shape[1] > 1:
        # Class by class: NumPy is slow on sums of a few neighbours.
        by_class = np.exp(scores.T - functools.reduce(np.maximum, scores.T))
        by_class /= functools.reduce(np.add, by_class)
        return np.ascontiguousarray(by_class.T)
    margin = scores[:, 0]
    proba = np.empty((len(margin), 2))
    np.minimum(margin, 0.0, out=proba[:, 1])
    np.subtract(proba[:, 1], margin, out=proba[:, 0])
    np.exp(proba, out=proba)
    proba /= (proba[:, 0] + proba[:, 1])[:, None]
    return proba


def _row_probabilities(scores: list[float]) -> list[float]:
    """Do the same for one row, for which NumPy takes several times as long."""
    finite = [min(max(score, -LARGEST), LARGEST) for score in scores]
    logits = finite if len(finite) > 1 else [0.0, finite[0]]
    highest = max(logits)
    exponentials = [exp(logit - highest) for logit in logits]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def score_gradient(loss: DistillationLoss, scores: np.ndarray) -> np.ndarray:
    """Compute the gradient of each row's loss by its scores, same shape as `scores`."""
    return loss.gradient(to_logits(scores))[:, -scores.shape[1] :]


def score_curvature(loss: DistillationLoss, scores: np.ndarray) -> np.ndarray:
    """Compute the diagonal of each row's Hessian by its scores, same shape as `scores`."""
    return loss.hessian_diagonal(to_logits(scores))[:, -scores.shape[1] :]


def prior_scores(targets: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Compute the scores of the best constant prediction.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_classes)
        Probabilities the student should meet, unsoftened.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    scores : ndarray of shape (n_scores,), dtype float64
        Logarithms of the mean targets, for two classes their difference.
    """
    logits = np.log(np.clip(np.average(targets, axis=0, weights=weight), RAREST, None))
    return logits[1:] - logits[:1] if len(logits) == 2 else logits


def mean_one(weight: np.ndarray) -> np.ndarray:
    """Scale weights to a mean of one, so that no setting depends on their unit."""
    relative = weight / weight.max()  # first, so that the mean of huge weights is finite
    return np.asarray(relative / relative.mean())
