"""The combined distillation loss on logits: value, gradient and curvature.

For teacher probabilities ``p``, student logits ``z``, temperature ``T``, true label ``y`` and
hard-label weight ``w`` a row's loss is::

    (1 - w) * T**2 * KL(p_T || softmax(z / T))  +  w * CE(y, softmax(z))

with ``p_T`` the softened teacher. The factor ``T**2`` keeps the size of the gradient independent
of the temperature [1]_.

References
----------
.. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
   arXiv:1503.02531.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from skdistill.targets import mix_targets, raise_zeros, soften


def log_softmax(Z: np.ndarray) -> np.ndarray:
    """Compute the logarithm of the softmax of each row, without overflow.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits.

    Returns
    -------
    log_proba : ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.losses import log_softmax
    >>> log_softmax(np.array([[1000.0, 1000.0]])).round(4)
    array([[-0.6931, -0.6931]])
    """
    shifted = Z - Z.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(Z: np.ndarray) -> np.ndarray:
    """Compute the softmax of each row, without overflow.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_classes)
        Logits.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
    """
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    E /= E.sum(axis=1, keepdims=True)
    return E


class DistillationLoss:
    """Combined loss of student logits against soft targets and hard labels.

    Parameters
    ----------
    soft_targets : ndarray of shape (n_samples, n_classes)
        Unsoftened teacher probabilities.
    codes : ndarray of shape (n_samples,), dtype int, or None
        Index of the true class. None where every hard-label weight is zero.
    temperature : float, default=1.0
        Softens both sides; at 1.0 the loss is cross-entropy to the mixed targets, up to a
        constant of each row.
    hard_label_weight : float or ndarray of shape (n_samples,), default=0.0
        Weight of the true label, in [0, 1].

    Attributes
    ----------
    mixed : ndarray of shape (n_samples, n_classes)
        ``(1 - w) * p + w * onehot(y)``: what the student's final probabilities should meet.
    softened : ndarray of shape (n_samples, n_classes)
        The soft targets at the temperature. Above one, a small probability replaces zeros first:
        the votes of a forest reach zero, which no temperature softens, so that a higher one
        would make its student surer.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.losses import DistillationLoss
    >>> p = np.array([[0.7, 0.3]])
    >>> loss = DistillationLoss(p, None, temperature=2.0)
    >>> loss(np.log(p)).round(6)  # the teacher's own logits lose nothing
    array([0.])
    >>> loss.gradient(np.zeros((1, 2))).round(3)
    array([[-0.209,  0.209]])
    """

    def __init__(
        self,
        soft_targets: np.ndarray,
        codes: np.ndarray | None,
        *,
        temperature: float = 1.0,
        hard_label_weight: float | np.ndarray = 0.0,
    ) -> None:
        self.temperature = float(temperature)
        n_samples = soft_targets.shape[0]
        self.weight = np.broadcast_to(np.asarray(hard_label_weight, dtype=float), (n_samples,))
        self.soft_targets = soft_targets
        self.codes = codes
        self.mixed = mix_targets(soft_targets, codes, self.weight)
        self.softened = soft_targets
        if self.temperature != 1.0:
            self.softened = soften(raise_zeros(soft_targets), self.temperature)

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Compute the loss of each row.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_classes)
            Logits.

        Returns
        -------
        loss : ndarray of shape (n_samples,)
            At least 0, up to rounding.
        """
        T, w = self.temperature, self.weight
        loss = (1.0 - w) * T**2 * _kl_divergence(self.softened, log_softmax(Z / T))
        if self.codes is not None:
            log_proba = log_softmax(Z)
            loss -= w * log_proba[np.arange(len(Z)), self.codes]
        return loss

    def gradient(self, Z: np.ndarray) -> np.ndarray:
        """Compute the gradient of each row's loss by its logits.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_classes)
            Logits.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_classes)
        """
        if self.temperature == 1.0:
            return softmax(Z) - self.mixed
        T, w = self.temperature, self.weight[:, None]
        gradient = (1.0 - w) * T * (softmax(Z / T) - self.softened)
        if self.codes is not None and np.any(w):
            hard = softmax(Z)
            hard[np.arange(len(Z)), self.codes] -= 1.0
            gradient += w * hard
        return gradient

    def hessian_diagonal(self, Z: np.ndarray) -> np.ndarray:
        """Compute the diagonal of the Hessian of each row's loss by its logits.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_classes)
            Logits.

        Returns
        -------
        diagonal : ndarray of shape (n_samples, n_classes)
        """
        q = softmax(Z)
        if self.temperature == 1.0:
            return q * (1.0 - q)
        q_T, w = softmax(Z / self.temperature), self.weight[:, None]
        return (1.0 - w) * q_T * (1.0 - q_T) + w * q * (1.0 - q)

    def take(self, rows: np.ndarray | slice) -> DistillationLoss:
        """Return the loss of a subset of rows.

        Parameters
        ----------
        rows : ndarray of shape (n_taken,), dtype int, or slice
            Indices of the rows; a slice copies nothing.

        Returns
        -------
        loss : DistillationLoss
        """
        part = object.__new__(DistillationLoss)
        part.temperature = self.temperature
        part.weight = self.weight[rows]
        part.soft_targets = self.soft_targets[rows]
        part.codes = None if self.codes is None else self.codes[rows]
        part.mixed = self.mixed[rows]
        part.softened = self.softened[rows]
        return part


def _kl_divergence(target: np.ndarray, log_proba: np.ndarray) -> np.ndarray:
    """KL divergence by row, from logarithms: probabilities that underflow stay finite here."""
    return (xlogy(target, target) - target * log_proba).sum(axis=1)
