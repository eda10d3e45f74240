"""What a network learns of a teacher's features and relations, in its last hidden layer.

The features are further outputs of the last hidden layer: a linear regressor on it, learned with
the network and dropped afterwards, is to meet them [1]_. Relations are the distances and angles
between some rows, or their similarities [3]_, and act on the values of that layer themselves [2]_.

References
----------
.. [1] Romero, A., Ballas, N., Kahou, S. E., Chassang, A., Gatta, C., Bengio, Y. (2015). FitNets:
   Hints for Thin Deep Nets. ICLR. arXiv:1412.6550.
.. [2] Park, W., Kim, D., Lu, Y., Cho, M. (2019). Relational Knowledge Distillation. CVPR.
   arXiv:1904.05068.
.. [3] Tung, F., Mori, G. (2019). Similarity-Preserving Knowledge Distillation. ICCV.
   arXiv:1907.09682.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill.hints import rkd_angle, rkd_distance, similarity_loss
from skdistill.students._mlp.targets import Targets

# How much the angles weigh where the distances weigh one, as in [2]_.
ANGLE_WEIGHT = 2.0

# Rows of a batch, the first ones, whose distances are compared. Pairs grow with their square, and
# each step has other rows: so many cost about as much as the rest of the step. Of angles
# `rkd_angle` compares fewer.
DISTANCE_ROWS = 48

# Groups of so many rows that L-BFGS sees, the same in every iteration: they stand for all pairs.
N_GROUPS = 8


@dataclass(frozen=True)
class HintedTargets:
    """Targets of the scores, and half the squared error of further outputs to features.

    These outputs are the regressor of :func:`skdistill.hints.hint_loss`.

    Parameters
    ----------
    targets : Targets
        Of the first outputs, as many as there are scores.
    features : ndarray of shape (n_samples, n_features)
        What the other outputs should meet.
    weight : float
        Of their loss.
    """

    targets: Targets
    features: np.ndarray
    weight: float

    def take(self, rows: Any) -> HintedTargets:
        return HintedTargets(self.targets.take(rows), self.features[rows], self.weight)

    @property
    def n_features(self) -> int:
        return self.features.shape[1]

    def losses(self, outputs: np.ndarray) -> np.ndarray:
        scores, rest = self._split(outputs)
        missed = np.square(rest - self.features).sum(axis=1)
        return self.targets.losses(scores) + 0.5 * self.weight * missed

    def gradient(self, outputs: np.ndarray) -> np.ndarray:
        scores, rest = self._split(outputs)
        return np.hstack([self.targets.gradient(scores), self.weight * (rest - self.features)])

    def _split(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_scores = outputs.shape[1] - self.n_features
        return outputs[:, :n_scores], outputs[:, n_scores:]


@dataclass(frozen=True)
class Relations:
    """Distances and angles of rows to be kept in the last hidden layer.

    Those of the first few rows are compared: the order should be random.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_relations)
        The teacher's: its distances and angles are to be met.
    weight : float
        Of the loss of the distances, in which rows of any weight count the same.
    measure : {"distance", "similarity"}, default="distance"
        Distances and angles, or similarities [3]_.
    """

    embedding: np.ndarray
    weight: float
    measure: str = "distance"

    def take(self, rows: Any) -> Relations:
        return replace(self, embedding=self.embedding[rows])

    def loss(self, hidden: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the loss of the same rows and its gradient.

        Parameters
        ----------
        hidden : ndarray of shape (n_samples, n_hidden)
            Values of the last hidden layer.

        Returns
        -------
        value : float
        gradient : ndarray of shape (n_samples, n_hidden)
        """
        some = slice(DISTANCE_ROWS)
        gradient = np.zeros_like(hidden)
        if self.measure == "similarity":
            value, by_similarity = similarity_loss(hidden[some], self.embedding[some])
            # Times their number, so that it is of the size of the other losses for any number.
            scale = self.weight * len(hidden[some])
            gradient[some] = scale * by_similarity
            return scale * value, gradient
        distances, by_distances = rkd_distance(hidden[some], self.embedding[some])
        angles, by_angles = rkd_angle(hidden[some], self.embedding[some])
        gradient[some] = self.weight * (by_distances + ANGLE_WEIGHT * by_angles)
        return self.weight * (distances + ANGLE_WEIGHT * angles), gradient


@dataclass(frozen=True)
class Groups:
    """Groups of rows whose relations are compared, the same ones at every call.

    Parameters
    ----------
    rows : list of ndarray of int
        The rows of each group.
    relations : list of Relations
        Theirs.
    """

    rows: list[np.ndarray]
    relations: list[Relations]

    @classmethod
    def draw(cls, relations: Relations, rng: np.random.Generator) -> Groups:
        """Draw groups of different rows, as many as there are or suffice."""
        rows = rng.permutation(len(relations.embedding))[: N_GROUPS * DISTANCE_ROWS]
        groups = np.array_split(rows, -(-len(rows) // DISTANCE_ROWS))
        return cls(groups, [relations.take(group) for group in groups])

    def loss(self, hidden: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the mean loss of the groups, and its gradient by all rows.

        Parameters
        ----------
        hidden : ndarray of shape (n_samples, n_hidden)
            Values of the last hidden layer.

        Returns
        -------
        value : float
        gradient : ndarray of shape (n_samples, n_hidden)
        """
        total, gradient = 0.0, np.zeros_like(hidden)
        for rows, relations in zip(self.rows, self.relations, strict=True):
            value, part = relations.loss(hidden[rows])
            total += value / len(self.rows)
            gradient[rows] = part / len(self.rows)
        return total, gradient
