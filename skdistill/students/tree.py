"""One small decision tree that learns soft targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_integer
from skdistill.losses import DistillationLoss
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._nodes import Nodes, to_float32
from skdistill.students._real_rows import RealRows
from skdistill.students._refinement import refine
from skdistill.students._weights import one_row
from skdistill.targets import mix_targets

# A leaf of hard labels alone predicts as if it held two more rows of the overall mean: Laplace's
# rule of succession. It ends infinite losses of pure leaves (magic_gamma, 64 leaves: log loss 1.18
# to 0.43). Means of soft targets need no such help and are kept exact.
PRIOR_ROWS = 2.0


class _TreeStudent(BaseStudent):
    """Parameters, growth and size, the same for classes and values."""

    _layout: ClassVar[str] = "ordered"

    def __init__(
        self,
        *,
        max_leaf_nodes: int = 16,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        refine: bool = True,
        random_state: Any = None,
    ) -> None:
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.refine = refine
        self.random_state = random_state

    @property
    def n_leaves_(self) -> int:
        """Number of leaves, at most `max_leaf_nodes`."""
        check_is_fitted(self)
        return len(self.tree_.value)

    def get_depth(self) -> int:
        """Return the depth of the tree.

        Returns
        -------
        depth : int
            Number of splits on the longest way from the root to a leaf.
        """
        check_is_fitted(self)
        return self.tree_.depth()

    def apply(self, X: Any) -> np.ndarray:
        """Return the index of the leaf of each row.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        leaf : ndarray of shape (n_samples,), dtype int32
            Indices in ``[0, n_leaves_)``.
        """
        return self.tree_.apply(self._encode(X))

    def _check_params(self) -> None:
        check_integer(self.max_leaf_nodes, "max_leaf_nodes", minimum=2)
        check_integer(self.min_samples_leaf, "min_samples_leaf", minimum=1)
        check_bool(self.refine, "refine")
        if self.max_depth is not None:
            check_integer(self.max_depth, "max_depth", minimum=1)

    def _grow_on(
        self,
        Z: np.ndarray,
        grown: np.ndarray,
        structure: np.ndarray,
        weight: np.ndarray,
        *,
        cross_entropy: bool,
    ) -> Nodes:
        """Grow a tree on one form of the targets, and refine it on the other."""
        grower = DecisionTreeRegressor(
            max_leaf_nodes=self.max_leaf_nodes,
            max_depth=self.max_depth,
            random_state=self.random_state,
        )
        nodes = _grow(grower, Z, grown, weight, self.min_samples_leaf)
        if not self.refine:
            return nodes
        # A leaf of exactly the least weight passes in spite of rounding.
        least = self.min_samples_leaf * one_row(weight) * (1.0 - 1e-9)
        return refine(nodes, Z, structure, weight, min_weight=least, cross_entropy=cross_entropy)


class TreeStudentClassifier(_TreeStudent, StudentClassifier):
    """A decision tree with few leaves that learns class probabilities from soft targets.

    The tree grows best-first by the squared error to the target probabilities of all classes,
    which for hard labels is CART's Gini criterion [1]_. Under a temperature it grows on softened
    targets, so that the teacher's small probabilities weigh more in the choice of the splits; its
    leaves hold the mean of the unsoftened targets, so that no temperature flattens the
    predictions. As far as the targets are hard labels, that mean is shrunk to the overall one by
    the weight of two rows (Laplace's rule): few labels in a leaf are no proof of certainty.

    Parameters
    ----------
    max_leaf_nodes : int, default=16
        Most leaves the tree may have: its size. Sixteen can still be read.
    max_depth : int or None, default=None
        Most splits in a row. None leaves the shape to best-first growth, which for a given number
        of leaves is better than a complete tree.
    min_samples_leaf : int, default=5
        Fewest rows in a leaf. A row counts with its sample weight, so that weight two is the same
        as two rows; weights that sum to less than the number of rows are first scaled to a mean
        of one.
    refine : bool, default=True
        After the greedy growth choose every split again for the tree as it is, until none
        changes [2]_. The loss of the training targets never becomes larger by it. It takes about
        as long again as the growth, up to a few times as long for many leaves.
    random_state : int, RandomState instance or None, default=None
        Decides between equally good splits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    tree_ : object
        Arrays of the split nodes and leaf values.
    n_leaves_ : int
        Number of leaves.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    TreeStudentRegressor : The same for real values.

    Notes
    -----
    Missing values are kept: each split sends them to the better side. Categories are ordered by
    their mean target. Numbers are compared in float32, as scikit-learn's trees do.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and
       Regression Trees. Wadsworth.
    .. [2] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision
       Trees, with Application to Learning Sparse Oblique Trees. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = TreeStudentClassifier(max_leaf_nodes=8, random_state=0)
    >>> student.fit(X, y, soft_targets=teacher.predict_proba(X)).n_leaves_
    8
    """

    def _fit_encoded(
        self, Z: np.ndarray, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        structure = loss.mixed
        if loss.temperature != 1.0:
            structure = mix_targets(loss.softened, loss.codes, loss.weight)
        # With two classes both columns say the same.
        grown = structure[:, 1:] if structure.shape[1] == 2 else structure
        nodes = self._grow_on(Z, grown, structure, weight, cross_entropy=True)
        self._encoder.keep_only(nodes.feature, nodes.threshold)
        self.tree_ = _with_means(nodes, Z, loss.mixed, weight, hard=loss.weight)

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.tree_.value[self.tree_.apply(Z)]


class TreeStudentRegressor(_TreeStudent, StudentRegressor):
    """A decision tree with few leaves that learns a teacher's predictions.

    The tree grows best-first by the squared error [1]_.

    Parameters
    ----------
    max_leaf_nodes : int, default=16
        Most leaves the tree may have: its size. Sixteen can still be read.
    max_depth : int or None, default=None
        Most splits in a row. None leaves the shape to best-first growth, which for a given number
        of leaves is better than a complete tree.
    min_samples_leaf : int, default=5
        Fewest rows in a leaf. A row counts with its sample weight, so that weight two is the same
        as two rows; weights that sum to less than the number of rows are first scaled to a mean
        of one.
    refine : bool, default=True
        After the greedy growth choose every split again for the tree as it is, until none
        changes [2]_. The loss of the training targets never becomes larger by it. It takes about
        as long again as the growth, up to a few times as long for many leaves.
    random_state : int, RandomState instance or None, default=None
        Decides between equally good splits.

    Attributes
    ----------
    tree_ : object
        Arrays of the split nodes and leaf values.
    n_leaves_ : int
        Number of leaves.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    TreeStudentClassifier : The same for classes.

    Notes
    -----
    Missing values are kept: each split sends them to the better side. Categories are ordered by
    their mean target. Numbers are compared in float32, as scikit-learn's trees do.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and
       Regression Trees. Wadsworth.
    .. [2] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision
       Trees, with Application to Learning Sparse Oblique Trees. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.students import TreeStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = TreeStudentRegressor(max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> student.n_leaves_, student.get_depth()
    (4, 2)
    """

    def _fit_encoded(
        self, Z: np.ndarray, target: np.ndarray, weight: np.ndarray, real: RealRows
    ) -> None:
        # In units of its own spread no target is too small for the grower's test of impurity.
        centred = target - target.mean()
        spread = np.abs(centred).max()
        structure = centred[:, None] / spread if spread else centred[:, None]
        nodes = self._grow_on(Z, structure, structure, weight, cross_entropy=False)
        self._encoder.keep_only(nodes.feature, nodes.threshold)
        self.tree_ = _with_means(nodes, Z, target[:, None], weight)

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.tree_.value[self.tree_.apply(Z), 0]


def _grow(
    grower: DecisionTreeRegressor,
    Z: np.ndarray,
    structure: np.ndarray,
    weight: np.ndarray,
    min_samples_leaf: int,
) -> Nodes:
    """Grow a tree on `structure` and keep its nodes, with leaves that are still empty."""
    share = min_samples_leaf * one_row(weight) / weight.sum()
    if share > 0.5:
        return _one_leaf()
    # Weight of a leaf and not its rows, or weight two were not two rows. The factor lets a leaf
    # of exactly the least weight pass in spite of rounding.
    grower.set_params(min_weight_fraction_leaf=share * (1.0 - 1e-9))
    tree = grower.fit(to_float32(Z), structure, sample_weight=weight).tree_
    splits = np.flatnonzero(tree.children_left >= 0)
    # Number splits and leaves separately, in the order of the nodes.
    number = np.empty(tree.node_count, dtype=np.int32)
    number[splits] = np.arange(len(splits))
    leaves = np.flatnonzero(tree.children_left < 0)
    number[leaves] = ~np.arange(len(leaves), dtype=np.int32)
    return Nodes(
        feature=tree.feature[splits].astype(np.int32),
        threshold=tree.threshold[splits].copy(),
        left=number[tree.children_left[splits]],
        right=number[tree.children_right[splits]],
        missing_left=tree.missing_go_to_left[splits].astype(bool),
        value=np.zeros((len(leaves), 0)),
    )


def _one_leaf() -> Nodes:
    index = np.zeros(0, dtype=np.int32)
    return Nodes(index, np.zeros(0), index, index, np.zeros(0, dtype=bool), np.zeros((1, 0)))


def _with_means(
    nodes: Nodes,
    Z: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
    hard: np.ndarray | None = None,
) -> Nodes:
    """Give each leaf the weighted mean of `values` over its rows.

    Where a share `hard` of a row is its own label, one draw from its distribution, the mean is
    shrunk to the overall one by that share of `PRIOR_ROWS` rows.
    """
    leaf = nodes.apply(Z)

    def total(v: np.ndarray) -> np.ndarray:
        return np.bincount(leaf, weights=weight * v, minlength=len(nodes.value))

    mass = total(np.ones(len(Z)))
    sums = np.column_stack([total(column) for column in values.T])
    if hard is not None:
        prior = PRIOR_ROWS * one_row(weight) * total(hard) / mass
        sums += prior[:, None] * (weight @ values / weight.sum())
        mass = mass + prior
    return replace(nodes, value=sums / mass[:, None])
