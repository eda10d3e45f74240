"""What fitted models make of rows on the way to their outputs: hidden layers and leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from skdistill._ensembles import LEAF, Forest, find_sources
from skdistill.exceptions import TeacherError

# Leaves of at most so many trees of a model are told apart: the share of trees in which two rows
# meet changes little with more, and rows times trees must fit in memory.
MOST_TREES = 100

_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda Z: Z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0.0),
}


def represent_model(model: Any, X: Any, where: Any) -> Any:
    """Represent rows as a fitted model sees them inside.

    Parameters
    ----------
    model : estimator or Booster
        Fitted. A multilayer perceptron of scikit-learn, alone or as the last step of a Pipeline,
        in a search, a ``FrozenEstimator`` or a ``TransformedTargetRegressor``; or anything that
        holds trees which :func:`~skdistill._ensembles.find_sources` reads.
    X : array-like with n_samples rows
        Rows as the model takes them.
    where : int or None
        Hidden layer of the perceptron, counted from 0, or from the last one if negative; None is
        the last. Trees have nothing to choose.

    Returns
    -------
    representation : ndarray or csr_array of shape (n_samples, n_columns)
        Activations, or scaled indicators of leaves.

    Raises
    ------
    TeacherError
        If there is nothing to be seen inside, or `where` names nothing in it.
    """
    if hasattr(model, "best_params_") and hasattr(model, "best_estimator_"):
        return represent_model(model.best_estimator_, X, where)
    if isinstance(model, TransformedTargetRegressor):
        return represent_model(model.regressor_, X, where)
    if isinstance(model, FrozenEstimator):
        return represent_model(model.estimator, X, where)
    if isinstance(model, Pipeline):
        inside = X if len(model.steps) == 1 else model[:-1].transform(X)
        return represent_model(model.steps[-1][1], inside, where)
    if isinstance(model, MLPClassifier | MLPRegressor):
        return _hidden_layer(model, X, where)
    return _leaves(model, X, where)


def _hidden_layer(model: Any, X: Any, where: Any) -> np.ndarray:
    """Compute the activations of a hidden layer."""
    n_hidden = len(model.coefs_) - 1
    layer = -1 if where is None else where
    is_index = isinstance(layer, int | np.integer) and not isinstance(layer, bool)
    if not is_index or not -n_hidden <= layer < n_hidden:
        raise TeacherError(
            f"representation={where!r} is no hidden layer of {type(model).__name__}, which has "
            f"{n_hidden}; give its index, from 0 to {n_hidden - 1}, or 'auto' for the last one."
        )
    activate = _ACTIVATIONS[model.activation]
    H = X if sp.issparse(X) else np.asarray(X, dtype=np.float64)
    for coef, intercept in zip(
        model.coefs_[: layer % n_hidden + 1], model.intercepts_, strict=False
    ):
        H = activate(H @ coef + intercept)
    return np.asarray(H)


def _leaves(model: Any, X: Any, where: Any) -> Any:
    """Compute indicators of the leaves of all models of trees in a model, side by side."""
    sources = find_sources(model, missing_ok=True)
    if not sources:
        raise TeacherError(
            f"{type(model).__name__} is neither a scikit-learn perceptron nor made of trees that "
            "can be read: there are no features to be seen inside. Give them as a function of X: "
            "skdistill.knowledge.FeatureKnowledge(representation=f); or knowledge='response'."
        )
    if where is not None:
        raise TeacherError(
            f"representation={where!r} names a layer, but {type(model).__name__} is made of "
            "trees; leave it at 'auto' for their leaves."
        )
    drawn = [_draw(source.forest) for source in sources]
    n_trees = sum(len(forest) for forest in drawn)
    blocks = [
        _indicators(forest, source.encode(X), n_trees)
        for source, forest in zip(sources, drawn, strict=True)
    ]
    return blocks[0] if len(blocks) == 1 else sp.hstack(blocks, format="csr")


def _draw(forest: Forest) -> Forest:
    """Take some of many trees, always the same; a fixed stride could meet one class alone."""
    if len(forest) <= MOST_TREES:
        return forest
    order = np.random.RandomState(0).permutation(len(forest))
    return forest.take(np.sort(order[:MOST_TREES]))


def _indicators(forest: Forest, Z: np.ndarray, n_trees: int) -> sp.csr_matrix:
    """Mark the leaf of each row in each tree, so that inner products are shares of `n_trees`."""
    nodes = np.concatenate(forest.levels())
    leaves = np.sort(nodes[forest.feature[nodes] == LEAF])
    column = np.zeros(len(forest.feature), dtype=np.int32)
    column[leaves] = np.arange(len(leaves), dtype=np.int32)
    # Trees follow each other in the table of nodes, so that the columns of a row are in order.
    columns = column[forest.apply(Z)]
    n_rows, n_own = columns.shape
    starts = np.arange(n_rows + 1) * n_own
    values = np.full(columns.size, 1.0 / np.sqrt(n_trees))
    return sp.csr_matrix((values, columns.ravel(), starts), shape=(n_rows, len(leaves)))


def check_representation(values: Any, name: str, n_rows: int) -> Any:
    """Check features of rows and return them as float64 of shape (n_rows, n_columns).

    Parameters
    ----------
    values : array-like or sparse matrix
        One row for each row; one number for each counts as one column.
    name : str
        Who gave them, for the message.
    n_rows : int
        How many rows there must be.

    Returns
    -------
    features : ndarray or csr_matrix, dtype float64

    Raises
    ------
    ValueError
        If the shape is wrong, or values are no finite numbers.
    """
    if sp.issparse(values):
        F = values.tocsr().astype(np.float64)
    else:
        try:
            F = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be an array of numbers: {error}") from error
        F = F[:, None] if F.ndim == 1 else F
    if F.ndim != 2 or F.shape[0] != n_rows or not F.shape[1]:
        raise ValueError(
            f"{name} must have shape (n_samples, n_columns) with {n_rows} rows and at least one "
            f"column, got {F.shape}; flatten what has more dimensions."
        )
    if not np.isfinite(F.data if sp.issparse(F) else F).all():
        raise ValueError(f"{name} contains NaN or infinite values; leave such rows out or mend it.")
    return F


def join_blocks(blocks: list[Any], weights: list[float]) -> Any:
    """Put representations side by side, each scaled by its weight and rows' mean length.

    Parameters
    ----------
    blocks : list of ndarray or sparse matrix, each of shape (n_rows, n_columns)
        What each of several models makes of the same rows.
    weights : list of float
        Share of each in squared distances.

    Returns
    -------
    joined : ndarray or sparse matrix, shape (n_rows, sum of n_columns)
    """
    scaled = []
    for block, weight in zip(blocks, weights, strict=True):
        squares = block.multiply(block) if sp.issparse(block) else block**2
        length = np.sqrt(squares.sum() / block.shape[0])
        scaled.append(block * (np.sqrt(weight) / length if length else 1.0))
    if any(sp.issparse(block) for block in scaled):
        return sp.hstack(scaled, format="csr")
    return np.hstack(scaled)
