"""Hierarchical shrinkage of a CART: the strongest known way to fit one tree without a teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted


def shrink(tree: Any, reg_param: float) -> None:
    """Pull the values of all nodes towards their ancestors', in place.

    With the nodes ``t_0, ..., t_L`` from root to leaf, their means ``m`` and row counts ``N``, a
    leaf's value becomes ``m(t_0) + sum_l (m(t_l) - m(t_l-1)) / (1 + reg_param / N(t_l-1))``.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        The ``tree_`` of a fitted scikit-learn tree with one output.
    reg_param : float
        Strength; 0 changes nothing, infinity leaves the root's mean everywhere.
    """
    means = tree.value.copy()
    # A node's number is larger than its parent's, so parents are done first.
    for node in np.flatnonzero(tree.children_left >= 0):
        keep = 1.0 / (1.0 + reg_param / tree.n_node_samples[node])
        for child in (tree.children_left[node], tree.children_right[node]):
            tree.value[child] = tree.value[node] + keep * (means[child] - means[node])


class _HSTree(BaseEstimator):
    """A CART on hard labels, then shrunk."""

    def __init__(
        self,
        max_leaf_nodes: int | None = None,
        *,
        reg_param: float = 10.0,
        random_state: int | None = None,
    ) -> None:
        self.max_leaf_nodes = max_leaf_nodes
        self.reg_param = reg_param
        self.random_state = random_state

    def _fit_cart(self, cart: Any, X: Any, y: Any) -> None:
        """Grow and shrink."""
        cart.set_params(max_leaf_nodes=self.max_leaf_nodes, random_state=self.random_state)
        self.cart_ = cart.fit(X, y)
        self.n_leaves_ = int(cart.get_n_leaves())
        shrink(cart.tree_, self.reg_param)


class HSTreeClassifier(ClassifierMixin, _HSTree):
    """Classification tree with hierarchical shrinkage [1]_.

    Parameters
    ----------
    max_leaf_nodes : int or None, default=None
        Most leaves, grown best first.
    reg_param : float, default=10.0
        Strength of the shrinkage (see `shrink`); 0 is plain CART.
    random_state : int or None, default=None
        Seed for ties between splits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    cart_ : DecisionTreeClassifier
        The shrunk tree.
    n_leaves_ : int
        Its number of leaves.

    References
    ----------
    .. [1] Agarwal, A., Tan, Y. S., Ronen, O., Singh, C., Yu, B. (2022). Hierarchical Shrinkage:
       improving the accuracy and interpretability of tree-based methods. ICML.

    Examples
    --------
    >>> from benchmarks.baselines import HSTreeClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 0, 1]
    >>> tree = HSTreeClassifier(2, reg_param=4.0).fit(X, y)
    >>> tree.predict_proba([[3.0]])  # root .25, leaf 1, half of the way
    array([[0.375, 0.625]])
    """

    def fit(self, X: Any, y: Any) -> HSTreeClassifier:
        """Fit to encoded rows and labels."""
        self._fit_cart(DecisionTreeClassifier(), X, y)
        self.classes_ = self.cart_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes)."""
        check_is_fitted(self)
        return np.asarray(self.cart_.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class HSTreeRegressor(RegressorMixin, _HSTree):
    """Regression tree with hierarchical shrinkage; parameters as `HSTreeClassifier`.

    Examples
    --------
    >>> from benchmarks.baselines import HSTreeRegressor
    >>> tree = HSTreeRegressor(2, reg_param=2.0).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> tree.predict([[0.0], [1.0]])
    array([0.25, 0.75])
    """

    def fit(self, X: Any, y: Any) -> HSTreeRegressor:
        """Fit to encoded rows and values."""
        self._fit_cart(DecisionTreeRegressor(), X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the shrunk means of the rows' leaves."""
        check_is_fitted(self)
        return np.asarray(self.cart_.predict(X))
