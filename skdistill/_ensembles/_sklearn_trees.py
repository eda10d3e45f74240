"""Read the trees of scikit-learn's ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._compat import hist_gradient_boosting_parts
from skdistill._ensembles._boosters import bits_set
from skdistill._ensembles._forest import LEAF, Forest, Tree, plant


def read_trees(trees: list[Any], *, classifier: bool) -> Forest:
    """Read fitted decision trees, of which the model is the mean.

    Parameters
    ----------
    trees : list of DecisionTreeClassifier, DecisionTreeRegressor or ExtraTree...
        The members of a forest, or a single tree.
    classifier : bool
        Whether values are votes, shares of the classes in a leaf.

    Returns
    -------
    forest : Forest
        Its scores are the probabilities, or predictions.
    """
    read = [_tree(tree.tree_, 1.0 / len(trees), -1, votes=classifier) for tree in trees]
    return plant(read, np.zeros(read[0].value.shape[1]), single=True)


def read_gradient_boosting(model: Any) -> Forest:
    """Read a GradientBoostingClassifier or GradientBoostingRegressor.

    Parameters
    ----------
    model : estimator
        Fitted.

    Returns
    -------
    forest : Forest
        Its scores are the raw ones, but for what the model starts from (its `init`): zero here.
    """
    read = [
        _tree(tree.tree_, model.learning_rate, k, votes=False)
        for stage in model.estimators_
        for k, tree in enumerate(stage)
    ]
    return plant(read, np.zeros(model.estimators_.shape[1]), single=True)


def _tree(tree: Any, scale: float, output: int, *, votes: bool) -> Tree:
    leaf = tree.children_left < 0
    value = np.asarray(tree.value[:, 0, :], dtype=np.float64)
    if votes:
        value = value / value.sum(axis=1, keepdims=True)
    return Tree(
        feature=np.where(leaf, LEAF, tree.feature),
        threshold=np.where(leaf, 0.0, tree.threshold),
        left=tree.children_left,
        right=tree.children_right,
        missing_left=np.asarray(tree.missing_go_to_left, dtype=bool),
        value=np.where(leaf[:, None], scale * value, 0.0),
        level_sets={},
        output=output,
    )


def read_hist_gradient_boosting(model: Any) -> Forest:
    """Read a HistGradientBoostingClassifier or HistGradientBoostingRegressor.

    Parameters
    ----------
    model : estimator
        Fitted. The columns of its trees are those of its own preprocessing.

    Returns
    -------
    forest : Forest
        Its scores are the raw ones.
    """
    parts = hist_gradient_boosting_parts(model)
    read = [
        _hist_tree(nodes, bitsets, k)
        for stage in parts.stages
        for k, (nodes, bitsets) in enumerate(stage)
    ]
    return plant(read, parts.init, single=False)


def _hist_tree(nodes: np.ndarray, bitsets: np.ndarray, output: int) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    categorical = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    return Tree(
        feature=np.where(leaf, LEAF, nodes["feature_idx"]),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(leaf, nodes["value"], 0.0)[:, None],
        level_sets={int(n): bits_set(bitsets[nodes["bitset_idx"][n]]) for n in categorical},
        output=output,
    )
