"""What a network learns: the loss of its scores and the gradient, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from skdistill.losses import DistillationLoss, log_softmax, softmax
from skdistill.students._scores import n_scores, score_gradient, to_logits


class Targets(Protocol):
    """Rows that can be taken, the loss of their scores and its gradient."""

    def take(self, rows: Any) -> Targets:
        """Return the targets of a subset of rows, given by integer index or slice."""

    def losses(self, scores: np.ndarray) -> np.ndarray:
        """Compute the loss of each row, up to a constant of the row."""

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        """Compute the gradient of each row's loss by its scores, same shape as `scores`."""


@dataclass(frozen=True)
class ProbabilityTargets:
    """Cross-entropy to given probabilities, (n_samples, n_scores), in their precision.

    A single column holds the probability of the second of two classes.
    """

    probabilities: np.ndarray

    def take(self, rows: Any) -> ProbabilityTargets:
        return ProbabilityTargets(self.probabilities[rows])

    def losses(self, scores: np.ndarray) -> np.ndarray:
        if scores.shape[1] == 1:
            return (np.logaddexp(0.0, scores) - self.probabilities * scores)[:, 0]
        return np.asarray(-(self.probabilities * log_softmax(scores)).sum(axis=1))

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        predicted = expit(scores) if scores.shape[1] == 1 else softmax(scores)
        predicted -= self.probabilities
        return predicted


@dataclass(frozen=True)
class TemperedTargets:
    """The combined loss at any temperature, in double precision."""

    loss: DistillationLoss

    def take(self, rows: Any) -> TemperedTargets:
        return TemperedTargets(self.loss.take(rows))

    def losses(self, scores: np.ndarray) -> np.ndarray:
        return self.loss(to_logits(scores))

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        return score_gradient(self.loss, scores)


@dataclass(frozen=True)
class ValueTargets:
    """Half the squared error to given values, (n_samples, 1)."""

    values: np.ndarray

    def take(self, rows: Any) -> ValueTargets:
        return ValueTargets(self.values[rows])

    def losses(self, scores: np.ndarray) -> np.ndarray:
        return 0.5 * np.square(scores - self.values)[:, 0]

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        return scores - self.values


def class_targets(loss: DistillationLoss) -> Targets:
    """Choose the cheapest targets that mean the combined loss.

    At temperature one it is cross-entropy to the mixed targets: single precision suffices there.
    """
    if loss.temperature != 1.0:
        return TemperedTargets(loss)
    columns = n_scores(loss.mixed.shape[1])
    return ProbabilityTargets(loss.mixed[:, -columns:].astype(np.float32))
