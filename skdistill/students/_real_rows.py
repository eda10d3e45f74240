"""The rows whose label is true: what a student may choose its own settings on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# A predicted probability counts as at least this, so that one sure mistake does not decide alone.
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class RealRows:
    """Rows with a true label among all training rows.

    Augmented and unlabelled rows carry only what the teacher says: a student that chose on them
    would be judged by its teacher, on rows that do not exist.

    Parameters
    ----------
    rows : ndarray of shape (n_real,), dtype int
        Their indices among all training rows.
    truth : ndarray of shape (n_real, n_classes) or (n_real,), dtype float64
        One-hot labels, or values.
    weight : ndarray of shape (n_real,), dtype float64
        Their weights.
    """

    rows: np.ndarray
    truth: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, kept: np.ndarray) -> RealRows:
        """Return some of them, by position."""
        return RealRows(self.rows[kept], self.truth[kept], self.weight[kept])

    def folds(
        self, n_folds: int, n_samples: int, rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, RealRows]]:
        """Hold out one part of the real rows after the other.

        Parameters
        ----------
        n_folds : int
            Number of parts, at least two. Classes are spread evenly over them.
        n_samples : int
            Number of all training rows.
        rng : numpy.random.Generator
            Shuffles the rows.

        Yields
        ------
        train : ndarray of shape (n_train,), dtype int
            All training rows but those held out.
        held_out : RealRows
            The others.
        """
        group = self.truth.argmax(axis=1) if self.truth.ndim == 2 else np.zeros(len(self))
        order = np.lexsort((rng.permutation(len(self)), group))
        for fold in range(n_folds):
            held_out = self.take(np.sort(order[fold::n_folds]))
            train = np.ones(n_samples, dtype=bool)
            train[held_out.rows] = False
            yield np.flatnonzero(train), held_out

    def losses(self, predicted: np.ndarray) -> np.ndarray:
        """Compute the loss of each of them, a proper score.

        Parameters
        ----------
        predicted : ndarray of the shape of `truth`
            Probabilities, or values.

        Returns
        -------
        losses : ndarray of shape (n_real,)
            Cross-entropy, or squared error.
        """
        if self.truth.ndim == 1:
            return np.asarray((predicted - self.truth) ** 2)
        return -(self.truth * np.log(np.maximum(predicted, LEAST_PROBABILITY))).sum(axis=1)

    def score(self, predicted: np.ndarray) -> float:
        """Compute their weighted mean loss; lower is better."""
        return float(np.average(self.losses(predicted), weights=self.weight))
