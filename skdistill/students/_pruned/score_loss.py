"""What a sum of trees minimises: weighted losses of raw scores, with their derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np

from skdistill.losses import DistillationLoss
from skdistill.students._scores import (
    n_scores,
    score_curvature,
    score_gradient,
    to_logits,
)

# Curvatures below this would let a single leaf take a step of any size.
LEAST_CURVATURE = 1e-6


class ScoreLoss(Protocol):
    """A loss of scores of shape (n_samples, n_scores), summed over rows by weight."""

    @property
    def weight(self) -> np.ndarray:
        """Weights of the rows, of mean one."""

    @property
    def n_scores(self) -> int:
        """Number of score columns."""

    def value(self, scores: np.ndarray) -> float:
        """Compute the weighted sum of the losses, up to a constant."""

    def derivatives(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute weighted gradients and curvatures, both of the shape of the scores."""

    def take(self, rows: np.ndarray) -> ScoreLoss:
        """Return the loss of a subset of rows."""


@dataclass(frozen=True)
class ClassScores:
    """The combined distillation loss of margins (two classes) or logits.

    Parameters
    ----------
    loss : DistillationLoss
        Loss of the rows.
    weight : ndarray of shape (n_samples,)
        Their weights.
    """

    loss: DistillationLoss
    weight: np.ndarray

    @property
    def n_scores(self) -> int:
        """One margin, or one logit a class."""
        return n_scores(self.loss.mixed.shape[1])

    def value(self, scores: np.ndarray) -> float:
        """Compute the weighted sum of the losses, up to a constant."""
        logits = to_logits(scores)
        if self.loss.temperature != 1.0:
            return float(self.weight @ self.loss(logits))
        # Cross-entropy to the mixed targets, with fewer passes.
        top, _, total = _exponentials(logits)
        chosen = np.einsum("ij,ij->i", self.loss.mixed, logits)
        return float(self.weight @ (top + np.log(total) - chosen))

    def derivatives(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute weighted gradients and curvatures."""
        w = self.weight[:, None]
        if self.loss.temperature != 1.0:
            curvature = np.maximum(score_curvature(self.loss, scores), LEAST_CURVATURE)
            return w * score_gradient(self.loss, scores), w * curvature
        _, proba, total = _exponentials(to_logits(scores))
        proba /= total[:, None]
        own = slice(-self.n_scores, None)  # two classes: the second
        gradient = (proba - self.loss.mixed)[:, own]
        return w * gradient, w * np.maximum(proba * (1.0 - proba), LEAST_CURVATURE)[:, own]

    def take(self, rows: np.ndarray) -> ClassScores:
        """Return the loss of a subset of rows."""
        return ClassScores(self.loss.take(rows), self.weight[rows])


@dataclass(frozen=True)
class ValueScores:
    """Half the squared error of standardised values.

    Parameters
    ----------
    target : ndarray of shape (n_samples,)
        What the predictions should meet, in its own unit.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    centre, scale : float
        A score ``z`` means the value ``centre + scale * z``.
    """

    target: np.ndarray
    weight: np.ndarray
    centre: float
    scale: float

    @property
    def n_scores(self) -> int:
        """One."""
        return 1

    def value(self, scores: np.ndarray) -> float:
        """Compute the weighted sum of the losses."""
        return 0.5 * float(self.weight @ self._errors(scores)[:, 0] ** 2)

    def derivatives(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute weighted gradients and curvatures."""
        return self.weight[:, None] * self._errors(scores), self.weight[:, None]

    def take(self, rows: np.ndarray) -> ValueScores:
        """Return the loss of a subset of rows."""
        return ValueScores(self.target[rows], self.weight[rows], self.centre, self.scale)

    def _errors(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(scores - ((self.target - self.centre) / self.scale)[:, None])


def _exponentials(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the largest logit of each row, the exponentials relative to it and their sum.

    By columns and as a product: NumPy's reductions of many short rows are slow.
    """
    top = reduce(np.maximum, logits.T)
    exponentials = np.exp(logits - top[:, None])
    return top, exponentials, exponentials @ np.ones(logits.shape[1])
