"""What a teacher knows beyond its outputs: losses on features and on relations between rows.

Three losses compare a student's representation of rows with the teacher's, each with its gradient:

- the hint [1]_: a linear regressor on the student's features meets the teacher's features;
- relational knowledge [2]_: the distances between rows, and the angles in triplets of them;
- similarity-preserving kernels [3]_: the inner products of all pairs of rows.

A student that has no representation to train learns the same from :class:`Hints` as further
outputs: relations then come as an embedding whose distances and inner products are the teacher's.

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
import scipy.sparse as sp

# Angles are compared in all triplets of so many rows: they cost the cube of it. In a step of a
# small network so many cost about as much as the rest.
MOST_ANGLE_ROWS = 12

# How a hidden layer may be compared with the teacher's relations.
RELATION_MEASURES = ("distance", "similarity")

# Directions of the landmarks' kernel below this share of its largest are rounding.
LEAST_EIGENVALUE = 1e-8


@dataclass(frozen=True)
class Hints:
    """What a teacher knows of the rows of a transfer set beyond its outputs.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features), dtype float64, or None
        The teacher's representation of the rows, standardised: each column has a mean of zero
        over the rows by weight, and the variances of the columns sum to one.
    feature_weight : float
        Weight of the features in the student's loss against that of the response, above zero
        where there are any.
    relations : ndarray of shape (n_rows, n_relations), dtype float64, or None
        An embedding of the rows: its distances and inner products are the teacher's, up to one
        scale, by which the variances of the columns sum to one.
    relation_weight : float
        Weight of the relations in the student's loss against that of the response, above zero
        where there are any.
    relation_measure : {"distance", "similarity"}, default="distance"
        How rows are compared where the student has a hidden layer: by `rkd_distance` and
        `rkd_angle`, or by `similarity_loss`.
    """

    features: np.ndarray | None
    feature_weight: float
    relations: np.ndarray | None
    relation_weight: float
    relation_measure: str = "distance"

    def take(self, rows: slice | np.ndarray) -> Hints:
        """Return the hints of some of the rows."""
        return replace(
            self,
            features=None if self.features is None else self.features[rows],
            relations=None if self.relations is None else self.relations[rows],
        )


def hint_loss(
    hidden: np.ndarray,
    features: np.ndarray,
    coef: np.ndarray,
    intercept: np.ndarray,
    weight: np.ndarray | None = None,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Compare the teacher's features with what a linear regressor makes of the student's.

    For teacher features ``t`` and student features ``h`` it is the mean over rows, by weight, of
    ``||t - (h @ coef + intercept)||**2 / 2``. The mlp student, whose regressor is a part of its
    last layer, does not call this function, but minimises the same: it is the reference.

    Parameters
    ----------
    hidden : ndarray of shape (n_samples, n_hidden)
        The student's features.
    features : ndarray of shape (n_samples, n_features)
        The teacher's.
    coef : ndarray of shape (n_hidden, n_features)
        The regressor, which bridges their widths.
    intercept : ndarray of shape (n_features,)
        Its constant.
    weight : ndarray of shape (n_samples,) or None
        Non-negative weights of the rows; None for equal ones.

    Returns
    -------
    value : float
    gradient : ndarray of shape (n_samples, n_hidden)
        By `hidden`.
    coef_gradient : ndarray of shape (n_hidden, n_features)
    intercept_gradient : ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.hints import hint_loss
    >>> value, *_ = hint_loss(np.eye(2), np.eye(2), np.zeros((2, 2)), np.zeros(2))
    >>> value
    0.5
    """
    n_rows = len(hidden)
    share = np.full(n_rows, 1.0 / n_rows) if weight is None else weight / weight.sum()
    error = hidden @ coef + intercept - features
    weighted = error * share.astype(error.dtype)[:, None]
    value = 0.5 * float(np.vdot(weighted, error))
    return value, weighted @ coef.T, hidden.T @ weighted, weighted.sum(axis=0)


def rkd_distance(embedding: np.ndarray, reference: np.ndarray) -> tuple[float, np.ndarray]:
    """Compare the distances between rows, on both sides over their mean.

    It is the mean over all pairs of the Huber loss (quadratic up to one) of the difference of the
    two relative distances. The unit of either representation does not matter, and their widths
    may differ.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_hidden)
        The student's representation of the rows of a batch.
    reference : ndarray of shape (n_samples, n_relations)
        The teacher's.

    Returns
    -------
    value : float
        Zero for fewer than two rows, or where either side has all rows at one point.
    gradient : ndarray of shape (n_samples, n_hidden)
        By `embedding`; also through the mean distance. Rows that coincide do not part.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.hints import rkd_distance
    >>> line = np.array([[0.0], [1.0], [3.0]])
    >>> rkd_distance(100.0 * line, line)[0] < 1e-30
    True
    """
    gradient = np.zeros_like(embedding)
    n_pairs = len(embedding) * (len(embedding) - 1)  # each pair both ways
    d, d_reference = _distances(embedding), _distances(reference)
    if n_pairs == 0 or d.max() == 0 or d_reference.max() == 0:
        return 0.0, gradient
    mean = d.sum() / n_pairs
    relative = d / mean
    value, slope = _huber(relative - d_reference * (n_pairs / d_reference.sum()))
    # The mean distance moves with every distance.
    by_distance = (slope - np.vdot(slope, relative) / n_pairs) / (mean * n_pairs)
    pull = np.divide(by_distance, d, out=np.zeros_like(d), where=d > 0)
    gradient += 2.0 * (pull.sum(axis=1)[:, None] * embedding - pull @ embedding)
    return float(value.sum() / n_pairs), gradient


def rkd_angle(embedding: np.ndarray, reference: np.ndarray) -> tuple[float, np.ndarray]:
    """Compare the angles that triplets of rows form.

    It is the mean over all ordered triplets of different rows of the Huber loss of the difference
    of the two cosines of the angle at the middle one. As triplets grow with the cube of the rows,
    only the first 12 rows are compared: the rows of a batch should be in random order.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_hidden)
        The student's representation of the rows of a batch.
    reference : ndarray of shape (n_samples, n_relations)
        The teacher's.

    Returns
    -------
    value : float
        Zero for fewer than three rows.
    gradient : ndarray of shape (n_samples, n_hidden)
        By `embedding`; zero for rows that are not compared. Between rows that coincide there is
        no direction: cosines with it are zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.hints import rkd_angle
    >>> corner = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> rkd_angle(corner @ np.array([[0.0, 2.0], [-2.0, 0.0]]), corner)[0]  # turned and enlarged
    0.0
    """
    gradient = np.zeros_like(embedding)
    n_rows = min(len(embedding), MOST_ANGLE_ROWS)
    if n_rows < 3:
        return 0.0, gradient
    n_triplets = n_rows * (n_rows - 1) * (n_rows - 2)
    directions, lengths = _directions(embedding[:n_rows])
    references, _ = _directions(reference[:n_rows])
    cosines = directions @ directions.transpose(0, 2, 1)
    value, slope = _huber(cosines - references @ references.transpose(0, 2, 1))
    ends = np.arange(n_rows)
    value[:, ends, ends] = slope[:, ends, ends] = 0.0  # both ends the same row: no angle
    by_direction = (2.0 / n_triplets) * (slope @ directions)
    along = (by_direction * directions).sum(axis=2, keepdims=True)
    by_difference = (by_direction - along * directions) / lengths[:, :, None]
    # A direction leads from the middle row (first axis) to an end (second axis).
    gradient[:n_rows] = by_difference.sum(axis=0) - by_difference.sum(axis=1)
    return float(value.sum() / n_triplets), gradient


def similarity_loss(embedding: np.ndarray, reference: np.ndarray) -> tuple[float, np.ndarray]:
    """Compare the inner products of all pairs of rows, each row of them scaled to length one.

    For the kernels ``K = Z @ Z.T`` of both sides, whose rows are divided by their Euclidean
    length, it is the squared Frobenius distance over the squared number of rows.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_hidden)
        The student's representation of the rows of a batch.
    reference : ndarray of shape (n_samples, n_relations)
        The teacher's.

    Returns
    -------
    value : float
    gradient : ndarray of shape (n_samples, n_hidden)
        By `embedding`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.hints import similarity_loss
    >>> Z = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    >>> similarity_loss(Z, 5.0 * Z)[0] < 1e-30
    True
    """
    similarity, lengths = _similarity(embedding)
    difference = similarity - _similarity(reference)[0]
    scale = 2.0 / len(embedding) ** 2
    along = (difference * similarity).sum(axis=1, keepdims=True)
    by_kernel = scale * (difference - along * similarity) / lengths
    value = 0.5 * scale * float(np.vdot(difference, difference))
    return value, (by_kernel + by_kernel.T) @ embedding


def landmark_embedding(
    features: Any,
    n_landmarks: int,
    *,
    weight: np.ndarray | None = None,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Embed rows so that inner products approximate those of their features [1]_.

    The Nystroem method on the linear kernel of the features: they are projected on the span of a
    few rows, the landmarks, and written in its principal directions. With leaf indicators of an
    ensemble the kernel is its proximity, the share of trees in which two rows meet in a leaf.

    Parameters
    ----------
    features : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Features of the rows.
    n_landmarks : int
        How many rows to draw; at least one.
    weight : ndarray of shape (n_samples,) or None
        Rows of weight zero are not drawn; None for equal weights. A weight is the chance of a row.
    rng : RandomState
        Draws the landmarks.

    Returns
    -------
    embedding : ndarray of shape (n_samples, n_columns), dtype float64
        At most as many columns as landmarks, those along which the landmarks differ most first.
        Where the landmarks span the features, inner products are exact.

    References
    ----------
    .. [1] Williams, C. K. I., Seeger, M. (2001). Using the Nystroem Method to Speed Up Kernel
       Machines. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.hints import landmark_embedding
    >>> rng = np.random.RandomState(0)
    >>> F = rng.normal(size=(50, 3))
    >>> E = landmark_embedding(F, 10, rng=rng)
    >>> E.shape, np.allclose(E @ E.T, F @ F.T)
    ((50, 3), True)
    """
    n_rows = features.shape[0]
    chance = None if weight is None else weight / weight.sum()
    n_drawn = min(n_landmarks, n_rows if weight is None else int(np.count_nonzero(weight)))
    drawn = np.sort(rng.choice(n_rows, n_drawn, replace=False, p=chance))
    kernel = features @ features[drawn].T
    kernel = np.asarray(kernel.todense() if sp.issparse(kernel) else kernel, dtype=np.float64)
    values, vectors = np.linalg.eigh(kernel[drawn])
    kept = np.flatnonzero(values > LEAST_EIGENVALUE * max(values[-1], 0.0))[::-1]
    return np.asarray(kernel @ (vectors[:, kept] / np.sqrt(values[kept])))


def _distances(Z: np.ndarray) -> np.ndarray:
    """Compute the Euclidean distance of all pairs of rows."""
    centred = Z - Z.mean(axis=0)  # what is far from the origin would cancel
    squares = np.einsum("ij,ij->i", centred, centred)
    d = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * (centred @ centred.T), 0.0))
    np.fill_diagonal(d, 0.0)
    return d


def _directions(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute unit vectors from each row to each, and their lengths; zero, one between equals."""
    differences = Z[None, :, :] - Z[:, None, :]
    lengths = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences))
    lengths[lengths == 0] = 1.0
    return differences / lengths[:, :, None], lengths


def _similarity(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute inner products of all pairs of rows, each row over its length; and the lengths."""
    kernel = Z @ Z.T
    lengths = np.sqrt(np.einsum("ij,ij->i", kernel, kernel))[:, None]
    lengths[lengths == 0] = 1.0
    return kernel / lengths, lengths


def _huber(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the Huber loss of each value and its derivative: quadratic up to one."""
    slope = np.clip(x, -1.0, 1.0)
    return slope * (x - 0.5 * slope), slope
