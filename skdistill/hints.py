"""What a teacher knows beyond its outputs: losses on features and on relations between rows.

Three losses compare a student's representation of rows with the teacher's, each with its gradient:

- the hint [1]_: a regressor on the student's features meets the teacher's features;
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

from dataclasses import dataclass

import numpy as np


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
        An embedding of the rows: its distances and inner products are the teacher's.
    relation_weight : float
        Weight of the relations in the student's loss against that of the response, above zero
        where there are any.
    """

    features: np.ndarray | None
    feature_weight: float
    relations: np.ndarray | None
    relation_weight: float
