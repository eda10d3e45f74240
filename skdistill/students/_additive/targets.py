"""What tables of points are fitted to: the combined loss, or the squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import xlogy

from skdistill.losses import DistillationLoss, log_softmax, softmax
from skdistill.students._scores import n_scores, prior_scores, score_curvature, to_logits

# A class rarer than this still bends the loss like one of this share: a scale of steps only.
LEAST_SHARE = 1e-3


class Target(Protocol):
    """Losses of raw scores of shape (n_rows, n_outputs)."""

    @property
    def n_outputs(self) -> int:
        """Number of scores of a row."""

    @property
    def quadratic(self) -> bool:
        """Whether the losses are squares, so that their gradient is linear."""

    def take(self, rows: np.ndarray) -> Target:
        """Return the target of a subset of rows."""

    def start(self, share: np.ndarray) -> np.ndarray:
        """Return the scores of the best constant prediction, shape (n_outputs,)."""

    def usual_curvature(self, share: np.ndarray) -> np.ndarray:
        """Return about what the curvature by each score is on average, shape (n_outputs,)."""

    def losses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute each row's loss, up to a constant, and its gradient by the scores."""

    def curvature(self, scores: np.ndarray) -> np.ndarray:
        """Compute the second derivative of each row's loss by each of its scores."""

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Turn scores into probabilities or values."""


class Response(Target, Protocol):
    """What a student is to predict: it says how much there is to learn."""

    def to_save(self, share: np.ndarray) -> float:
        """Return what the best fit of all takes off the mean loss of a constant prediction."""


@dataclass(frozen=True)
class ClassTarget:
    """The combined distillation loss; two classes have one score, the second's log-odds."""

    loss: DistillationLoss

    @property
    def n_outputs(self) -> int:
        return n_scores(self.loss.mixed.shape[1])

    @property
    def quadratic(self) -> bool:
        return False

    def take(self, rows: np.ndarray) -> ClassTarget:
        return ClassTarget(self.loss.take(rows))

    def start(self, share: np.ndarray) -> np.ndarray:
        return prior_scores(self.loss.mixed, share)

    def usual_curvature(self, share: np.ndarray) -> np.ndarray:
        prior = share @ self.loss.mixed
        # Of a constant prediction; about two thirds of it are left once rows are told apart.
        return 0.7 * np.maximum(prior * (1.0 - prior), LEAST_SHARE)[-self.n_outputs :]

    def to_save(self, share: np.ndarray) -> float:
        prior, mixed = share @ self.loss.mixed, self.loss.mixed
        # Cross-entropy at temperature one; at others the loss is of about the same size.
        return float((share @ xlogy(mixed, mixed) - xlogy(prior, prior)).sum())

    def losses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = to_logits(scores)
        if self.loss.temperature != 1.0:
            losses, gradient = self.loss(logits), self.loss.gradient(logits)
        else:
            # Plain cross-entropy to the mixed targets: one softmax serves both.
            log_proba = log_softmax(logits)
            losses = -(self.loss.mixed * log_proba).sum(axis=1)
            gradient = np.exp(log_proba) - self.loss.mixed
        return losses, gradient[:, -self.n_outputs :]

    def curvature(self, scores: np.ndarray) -> np.ndarray:
        return score_curvature(self.loss, scores)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return softmax(to_logits(scores))


@dataclass(frozen=True)
class ValueTarget:
    """Half the squared error of values in units of their spread: ``centre + scale * score``."""

    values: np.ndarray
    centre: float
    scale: float

    @property
    def n_outputs(self) -> int:
        return 1

    @property
    def quadratic(self) -> bool:
        return True

    def take(self, rows: np.ndarray) -> ValueTarget:
        return ValueTarget(self.values[rows], self.centre, self.scale)

    def start(self, share: np.ndarray) -> np.ndarray:
        return np.array([share @ self.standardized()])

    def usual_curvature(self, share: np.ndarray) -> np.ndarray:
        return np.ones(1)

    def to_save(self, share: np.ndarray) -> float:
        values = self.standardized()
        return float(0.5 * share @ (values - share @ values) ** 2)

    def losses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        error = scores - self.standardized()[:, None]
        return 0.5 * error[:, 0] ** 2, error

    def curvature(self, scores: np.ndarray) -> np.ndarray:
        return np.ones_like(scores)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(self.centre + self.scale * scores[:, 0])

    def standardized(self) -> np.ndarray:
        """Return the scores that would meet the values."""
        return np.asarray((self.values - self.centre) / self.scale)


@dataclass(frozen=True)
class HintTarget:
    """Half the squared error of hints, shape (n_rows, n_outputs): tables of them rank pairs."""

    hints: np.ndarray

    @property
    def n_outputs(self) -> int:
        return int(self.hints.shape[1])

    @property
    def quadratic(self) -> bool:
        return True

    def take(self, rows: np.ndarray) -> HintTarget:
        return HintTarget(self.hints[rows])

    def start(self, share: np.ndarray) -> np.ndarray:
        return np.asarray(share @ self.hints)

    def usual_curvature(self, share: np.ndarray) -> np.ndarray:
        return np.ones(self.n_outputs)

    def losses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        error = scores - self.hints
        return 0.5 * np.square(error).sum(axis=1), error

    def curvature(self, scores: np.ndarray) -> np.ndarray:
        return np.ones_like(scores)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return scores
