"""Several opinions on the same rows: their mean, and how far they differ."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from skdistill.losses import log_softmax, softmax
from skdistill.teachers._alignment import find_labels

# A probability counts as at least this where its logarithm is taken, so that one member that is
# surely wrong does not decide alone: a forest says zero where none of its trees has a case.
LEAST_PROBABILITY = 1e-6


# Lesser weights count as none: the classes' equations would be too ill-conditioned.
_NO_WEIGHT = 1e-9


def complete(P: np.ndarray, known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Take logarithms, and let members abstain on the classes that they do not know.

    How the classes that a member knows compare to each other is what it says. The others get what
    the members say together: z minimises the sum over members m and the classes k that they know
    of w_m * (log p_mk + c_m - z_k)**2, where c_m is free, since a member tells nothing of the
    probability that is left for classes it does not know. The weighted geometric mean is then the
    softmax of z. Where members share no class with each other, their parts count alike. Members
    of weight 0 are only asked, all alike, about classes that no other member knows.

    Parameters
    ----------
    P : ndarray of shape (n_members, n_rows, n_classes)
        Probabilities; of classes that a member does not know they are not looked at.
    known : ndarray of shape (n_members, n_classes), dtype bool
        Which member knows which class.
    weights : ndarray of shape (n_members,)
        Weights of the members, which sum to one.

    Returns
    -------
    logs : ndarray of shape (n_members, n_rows, n_classes)
        Logarithms of probabilities of all classes.
    """
    logs = take_logs(P)
    if known.all():
        return logs
    centred, share = centre(logs, known)
    z, missing = np.zeros(P.shape[1:]), np.ones(P.shape[2], dtype=bool)
    for part in (np.where(weights > _NO_WEIGHT, weights, 0.0), weights <= _NO_WEIGHT):
        laplacian, right = class_equations(centred, known, part.astype(float))
        found = missing & (known.T @ part > 0)
        inverse = invert(laplacian[np.ix_(found, found)])
        z[:, found] = (right - z @ laplacian)[:, found] @ inverse
        missing &= ~found
    offset = np.einsum("ik,mk->mi", z, share)
    filled = np.where(known[:, None, :], centred, z[None] - offset[:, :, None])
    return log_softmax(filled.reshape(-1, filled.shape[2])).reshape(filled.shape)


def take_logs(P: np.ndarray) -> np.ndarray:
    """Take logarithms of probabilities, none of which counts as zero."""
    return np.log(np.maximum(P, LEAST_PROBABILITY))


def centre(logs: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Subtract each member's mean over the classes it knows; return the shares of the mean too."""
    share = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return logs - np.einsum("mik,mk->mi", logs, share)[:, :, None], share


def class_equations(
    centred: np.ndarray, known: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the normal equations of z: a graph's Laplacian, and right sides of all rows.

    Without each member's mean its free c drops out.
    """
    weighted = known * weights[:, None]
    share = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    laplacian = np.diag(weighted.sum(axis=0)) - weighted.T @ share
    return laplacian, np.einsum("mik,mk->ik", centred, weighted)


def invert(laplacian: np.ndarray) -> np.ndarray:
    """Invert a Laplacian but for the constants of its parts, which become zero."""
    return np.linalg.pinv(laplacian, rcond=1e-13, hermitian=True)


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


def average(parts: Iterable[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Compute the weighted mean of what members say, who are asked one after the other."""
    weighted = (weight * part for weight, part in zip(weights, parts, strict=True))
    return functools.reduce(np.add, weighted)


def pool(P: np.ndarray, known: np.ndarray, weights: np.ndarray, *, scale: str) -> np.ndarray:
    """Compute the weighted mean of the members' probabilities on a scale (see `complete`)."""
    if scale == "log":
        return pool_logs(complete(P, known, weights), weights)
    return np.tensordot(weights, P, axes=1)


def disagreement(P: np.ndarray, known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the variance over members, of which to abstain is not to disagree."""
    return spread(P if known.all() else np.exp(complete(P, known, weights)), weights)


def known_classes(members: list[np.ndarray | None], columns: np.ndarray) -> np.ndarray:
    """Tell which member knows which class, by their labels; those without labels know all."""
    every = np.ones(len(columns), dtype=bool)
    return np.array([every if c is None else find_labels(columns, c) >= 0 for c in members])
