"""Decision trees and searches in sorted tables, as one node of an ONNX graph.

ONNX Runtime compares doubles with double thresholds, but returns sums of leaves in single
precision. So leaves weigh whole numbers here, which are exact (up to 2**24, more than a model has
entries); what a leaf holds is looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from skdistill.export._form import Axis, Trees
from skdistill.export._onnx.graph import ML_DOMAIN, Graph
from skdistill.export._onnx.single import round_down


class Split(NamedTuple):
    """A node with two children; rows whose column is at most the threshold go left."""

    column: int
    threshold: float
    left: Hashable
    right: Hashable
    missing_left: bool


# Describes a node by its key: a split, or the weight of a leaf.
Describe = Callable[[Any], Split | float]


class Ensemble:
    """Trees over the columns of a matrix; each adds the weight of a leaf to one of the results."""

    def __init__(self) -> None:
        self.n_results = 0
        self._n_trees = 0
        # Tree, node, column, threshold, mode, children, and whether missing values go left.
        self._nodes: list[tuple[int, int, int, float, str, int, int, int]] = []
        # Tree, node, result and weight.
        self._leaves: list[tuple[int, int, int, float]] = []

    def add(self, root: Hashable, describe: Describe, result: int) -> None:
        """Add a tree.

        Parameters
        ----------
        root : hashable
            Key of its first node.
        describe : callable
            Tells what a node is.
        result : int
            What the weights of the leaves are added to.
        """
        tree, keys = self._n_trees, [root]
        for number, key in enumerate(keys):  # the list grows as children are met
            node = describe(key)
            if isinstance(node, Split):
                children = len(keys), len(keys) + 1
                what = node.column, node.threshold, "BRANCH_LEQ", *children, int(node.missing_left)
                self._nodes.append((tree, number, *what))
                keys += [node.left, node.right]
                continue
            self._nodes.append((tree, number, 0, 0.0, "LEAF", 0, 0, 0))
            self._leaves.append((tree, number, result, node))
        self._n_trees += 1
        self.n_results = max(self.n_results, result + 1)

    def apply(self, graph: Graph, matrix: str) -> str:
        """Return the results (N, n_results) for the rows of a matrix, in single precision."""
        tree, number, column, threshold, mode, left, right, missing = map(
            list, zip(*self._nodes, strict=True)
        )
        leaf_tree, leaf_number, result, weight = map(list, zip(*self._leaves, strict=True))
        if graph.single:
            values: dict[str, Any] = {
                "nodes_values": round_down(np.array(threshold)).tolist(),
                "target_weights": weight,
            }
        else:
            from_array = graph.onnx.numpy_helper.from_array
            values = {
                "nodes_values_as_tensor": from_array(np.array(threshold)),
                "target_weights_as_tensor": from_array(np.array(weight, dtype=np.float64)),
            }
        return graph.add(
            "TreeEnsembleRegressor",
            matrix,
            domain=ML_DOMAIN,
            n_targets=self.n_results,
            nodes_treeids=tree,
            nodes_nodeids=number,
            nodes_featureids=column,
            nodes_modes=mode,
            nodes_truenodeids=left,
            nodes_falsenodeids=right,
            nodes_missing_value_tracks_true=missing,
            target_treeids=leaf_tree,
            target_nodeids=leaf_number,
            target_ids=result,
            **values,
        )


def leaf_numbers(graph: Graph, trees: Trees, matrix: str, columns: np.ndarray) -> str:
    """Find the leaf of each tree.

    Parameters
    ----------
    graph : Graph
    trees : Trees
    matrix : str
        Result with the features.
    columns : ndarray of shape (n_features,), dtype int
        Column of the matrix for each feature.

    Returns
    -------
    leaves : str
        Indices (N, n_trees) of leaves.
    """

    def describe(node: int) -> Split | float:
        if node < 0:
            return float(~node)
        return Split(
            int(columns[trees.feature[node]]),
            float(trees.threshold[node]),
            int(trees.left[node]),
            int(trees.right[node]),
            bool(trees.missing_left[node]),
        )

    ensemble = Ensemble()
    for i, root in enumerate(trees.roots.tolist()):
        ensemble.add(root, describe, i)
    return graph.cast_index(ensemble.apply(graph, matrix))


def add_search(
    ensemble: Ensemble, axis: Axis, column: int, weights: np.ndarray, result: int
) -> None:
    """Add the binary search for the bin of a number.

    Parameters
    ----------
    ensemble : Ensemble
        What it is added to.
    axis : Axis
        Of a number.
    column : int
        Column of the matrix that holds it.
    weights : ndarray of shape (n_rows,), dtype float64
        What each row of the axis adds to the result.
    result : int
    """
    if axis.cuts is None:
        raise ValueError("axis must be that of a number.")
    by_bin = np.asarray(weights, dtype=np.float64)[axis.rows]
    bins, missing = by_bin[:-1], by_bin[-1]
    matters = np.flatnonzero(bins[1:] != bins[:-1])
    cuts, bins = axis.cuts[matters], bins[np.append(matters, len(bins) - 1)]
    if missing not in bins:
        # A bin of its own at the lower end, in which no number is.
        cuts, bins = np.append(-np.inf, cuts), np.append(missing, bins)
    home = int(np.flatnonzero(bins == missing)[0])

    def describe(ends: tuple[int, int]) -> Split | float:
        low, high = ends
        if low == high:
            return float(bins[low])
        middle = (low + high) // 2
        left, right = (low, middle), (middle + 1, high)
        return Split(column, float(cuts[middle]), left, right, home <= middle)

    ensemble.add((0, len(cuts)), describe, result)
