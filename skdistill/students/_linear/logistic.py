"""What logistic regression on soft targets minimises, packed for an optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.losses import DistillationLoss, log_softmax
from skdistill.students._scores import to_logits


class LogisticObjective:
    """Penalised mean loss of the packed coefficients, and its gradient.

    Two classes have one column of coefficients: that of the second class's log-odds. The penalty
    is given for each column of `Z`.
    """

    def __init__(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, penalty: np.ndarray
    ) -> None:
        n_classes = loss.mixed.shape[1]
        self.Z, self.loss, self.penalty = Z, loss, penalty
        self.weight = weight / weight.sum()
        self.n_outputs = 1 if n_classes == 2 else n_classes

    def start(self) -> np.ndarray:
        """Begin at the mean target probabilities."""
        mean = np.clip(self.weight @ self.loss.mixed, 1e-6, None)
        logits = np.log(mean) - np.log(mean).mean()
        packed = np.zeros((self.n_outputs, self.Z.shape[1] + 1))
        packed[:, -1] = logits[1:] - logits[:1] if self.n_outputs == 1 else logits
        return packed.ravel()

    def bounds(self) -> np.ndarray | None:
        """Return the least values allowed, if any are."""
        return None

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Put coefficients (n_outputs, n_columns) and intercepts (n_outputs,) together."""
        return np.column_stack([coef, intercept]).ravel()

    def unpack(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split into coefficients (n_outputs, n_columns) and intercepts (n_outputs,)."""
        both = packed.reshape(self.n_outputs, -1)
        return both[:, :-1], both[:, -1]

    def __call__(self, packed: np.ndarray) -> tuple[float, np.ndarray]:
        coef, intercept = self.unpack(packed)
        logits = to_logits(self.Z @ coef.T + intercept)
        rows, by_logit = self._loss_and_gradient(logits)
        value = self.weight @ rows + 0.5 * float((coef**2 @ self.penalty).sum())
        by_logit = self.weight[:, None] * by_logit[:, -self.n_outputs :]
        gradient = np.empty((self.n_outputs, len(self.penalty) + 1))
        gradient[:, :-1] = (self.Z.T @ by_logit).T + coef * self.penalty
        gradient[:, -1] = by_logit.sum(axis=0)
        return float(value), gradient.ravel()

    def _loss_and_gradient(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the loss of each row, up to a constant, and its gradient by the logits."""
        if self.loss.temperature != 1.0:
            return self.loss(logits), self.loss.gradient(logits)
        # Plain cross-entropy to the mixed targets: one softmax serves both.
        mixed, log_proba = self.loss.mixed, log_softmax(logits)
        return -(mixed * log_proba).sum(axis=1), np.exp(log_proba) - mixed


class SignedParts:
    """An objective plus absolute values, smooth in the positive and negative parts.

    The packed positive parts and intercepts come first, then the negative parts. Where a penalty
    is above zero, at the optimum one part of each coefficient is zero.
    """

    def __init__(self, objective: LogisticObjective, absolutes: np.ndarray) -> None:
        self.objective, self.absolutes = objective, absolutes
        self.shape = (objective.n_outputs, len(absolutes))

    def start(self) -> np.ndarray:
        return np.concatenate([self.objective.start(), np.zeros(self.shape).ravel()])

    def bounds(self) -> np.ndarray:
        """Both parts are at least zero; intercepts have no bound."""
        first = np.zeros((self.shape[0], self.shape[1] + 1))
        first[:, -1] = -np.inf
        return np.concatenate([first.ravel(), np.zeros(self.shape).ravel()])

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        parts = self.objective.pack(np.maximum(coef, 0.0), intercept)
        return np.concatenate([parts, np.maximum(-coef, 0.0).ravel()])

    def unpack(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positive, negative, intercept = self._split(packed)
        return positive - negative, intercept

    def __call__(self, packed: np.ndarray) -> tuple[float, np.ndarray]:
        positive, negative, intercept = self._split(packed)
        both = np.column_stack([positive - negative, intercept])
        value, gradient = self.objective(both.ravel())
        by_coef = gradient.reshape(both.shape)
        by_negative = self.absolutes - by_coef[:, :-1]
        by_coef[:, :-1] += self.absolutes
        value += float(((positive + negative) @ self.absolutes).sum())
        return value, np.concatenate([by_coef.ravel(), by_negative.ravel()])

    def _split(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n_first = self.shape[0] * (self.shape[1] + 1)
        positive, intercept = self.objective.unpack(packed[:n_first])
        return positive, packed[n_first:].reshape(self.shape), intercept
