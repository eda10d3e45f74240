"""Several opinions on the same rows: their mean, and how far they differ."""

from __future__ import annotations

import numpy as np

from skdistill.losses import log_softmax, softmax

# A probability counts as at least this where its logarithm is taken, so that one member that is
# surely wrong does not decide alone: a forest says zero where none of its trees has a case.
LEAST_PROBABILITY = 1e-6


def complete(P: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Take logarithms, and let members abstain on the classes that they do not know.

    How the classes that a member knows compare to each other is what it says. The others get what
    the members say together: z minimises the sum over members m and the classes k that they know
    of (log p_mk + c_m - z_k)**2, where c_m is free, since a member tells nothing of the
    probability that is left for classes it does not know. Where members share no class with each
    other, their parts count alike.

    Parameters
    ----------
    P : ndarray of shape (n_members, n_rows, n_classes)
        Probabilities; of classes that a member does not know they are not looked at.
    known : ndarray of shape (n_members, n_classes), dtype bool
        Which member knows which class.

    Returns
    -------
    logs : ndarray of shape (n_members, n_rows, n_classes)
        Logarithms of probabilities of all classes.
    """
    logs = np.log(np.maximum(P, LEAST_PROBABILITY))
    if known.all():
        return logs
    share = known / known.sum(axis=1, keepdims=True)
    # Without each member's mean c drops out: normal equations of the classes, a graph's Laplacian.
    centred = logs - np.einsum("mik,mk->mi", logs, share)[:, :, None]
    laplacian = np.diag(known.sum(axis=0).astype(float)) - known.T.astype(float) @ share
    z = np.einsum("mik,mk->ik", centred, known.astype(float)) @ np.linalg.pinv(laplacian)
    offset = np.einsum("ik,mk->mi", z, share)
    filled = np.where(known[:, None, :], centred, z[None] - offset[:, :, None])
    return log_softmax(filled.reshape(-1, filled.shape[2])).reshape(filled.shape)


def pool_logs(logs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the weighted geometric mean of probabilities, scaled to sum to one.

    Parameters
    ----------
    logs : ndarray of shape (n_members, n_rows, n_classes)
        Logarithms of the members' probabilities.
    weights : ndarray of shape (n_members,)
        Sum to one.

    Returns
    -------
    proba : ndarray of shape (n_rows, n_classes)
    """
    return softmax(np.tensordot(weights, logs, axes=1))


def spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the variance over members, summed over classes.

    Parameters
    ----------
    values : ndarray of shape (n_members, n_rows) or (n_members, n_rows, n_classes)
        Predictions, or probabilities.
    weights : ndarray of shape (n_members,)
        Sum to one.

    Returns
    -------
    variance : ndarray of shape (n_rows,)
    """
    squares = (values - np.tensordot(weights, values, axes=1)) ** 2
    if squares.ndim == 3:
        squares = squares.sum(axis=2)
    return np.tensordot(weights, squares, axes=1)
