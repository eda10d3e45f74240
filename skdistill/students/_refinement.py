"""Alternating optimisation of a grown tree: every split again, given all the others.

A tree grown greedily chooses each split before it knows what will be done below it. Afterwards
every split can be chosen again for the tree as it is: with all else fixed, a row of a node costs
what its leaf below the left child costs it, or that below the right one, and the best split of
the node is the one that sends rows to the cheaper side [1]_. No step makes the loss larger.

References
----------
.. [1] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision Trees,
   with Application to Learning Sparse Oblique Trees. NeurIPS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skdistill.students._nodes import Nodes, to_float32

# One code of a byte is for missing values; the others are told apart by at most so many cuts.
MAX_CUTS = 254
MISSING = 255

# Sweeps over all splits. Most trees stop changing before.
MAX_SWEEPS = 12

# Probability below which a leaf's cross-entropy does not grow any more.
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Bins:
    """Encoded columns as bytes.

    Attributes
    ----------
    codes : ndarray of shape (n_columns, n_rows), dtype uint8
        Number of cuts below each value; 255 where it is missing.
    cuts : list of ndarray
        For each column, thresholds in increasing order.
    """

    codes: np.ndarray
    cuts: list[np.ndarray]


def bin_columns(Z: np.ndarray, weight: np.ndarray, nodes: Nodes) -> Bins:
    """Cut each column at quantiles, and where the tree has a threshold.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows, NaN for missing.
    weight : ndarray of shape (n_rows,)
        Weights of the rows, which quantiles respect.
    nodes : Nodes
        The tree.

    Returns
    -------
    bins : Bins
    """
    codes = np.empty((Z.shape[1], len(Z)), dtype=np.uint8)
    cuts = []
    for j in range(Z.shape[1]):
        x = to_float32(Z[:, j])
        kept = np.unique(nodes.threshold[nodes.feature == j])
        found = np.union1d(_quantile_cuts(x, weight, MAX_CUTS - len(kept)), kept)
        codes[j] = np.searchsorted(found, x, side="left")
        codes[j, np.isnan(x)] = MISSING
        cuts.append(found)
    return Bins(codes, cuts)


def _quantile_cuts(x: np.ndarray, weight: np.ndarray, n_cuts: int) -> np.ndarray:
    """Choose thresholds halfway between neighbouring values, at most `n_cuts` at quantiles."""
    present = ~np.isnan(x)
    values, inverse = np.unique(x[present], return_inverse=True)
    if len(values) < 2:
        return np.zeros(0)
    halfway = values[:-1] + (values[1:].astype(np.float64) - values[:-1]) / 2.0
    if len(halfway) <= n_cuts:
        return halfway
    below = np.cumsum(np.bincount(inverse, weights=weight[present]))[:-1]
    wanted = np.arange(1, n_cuts + 1) / (n_cuts + 1) * weight[present].sum()
    return halfway[np.unique(np.minimum(np.searchsorted(below, wanted), len(halfway) - 1))]


class _Refiner:
    """The tree while it changes: splits by code, and the losses of its leaves."""

    def __init__(
        self,
        nodes: Nodes,
        bins: Bins,
        targets: np.ndarray,
        weight: np.ndarray,
        min_weight: float,
        cross_entropy: bool,
    ) -> None:
        self.bins, self.targets, self.weight = bins, targets, weight
        self.min_weight, self.cross_entropy = min_weight, cross_entropy
        self.feature, self.missing_left = nodes.feature.copy(), nodes.missing_left.copy()
        self.left, self.right = nodes.left, nodes.right
        self.cut = np.array(
            [
                np.searchsorted(bins.cuts[j], threshold)
                for j, threshold in zip(nodes.feature, nodes.threshold, strict=True)
            ],
            dtype=np.int64,
        )
        self.n_leaves = len(nodes.value)
        self.top_down = _top_down(nodes.left, nodes.right)
        self.leaves_below = _leaves_below(nodes.left, nodes.right, self.top_down)
        self.set_leaves()

    def goes_left(self, node: np.ndarray | int, rows: np.ndarray) -> np.ndarray:
        code = self.bins.codes[self.feature[node], rows]
        return np.where(code == MISSING, self.missing_left[node], code <= self.cut[node])

    def route(self, rows: np.ndarray, start: int) -> np.ndarray:
        """Find the leaf of each row from a place in the tree on."""
        place = np.full(len(rows), start, dtype=np.int32)
        inner = np.arange(len(rows)) if start >= 0 else np.arange(0)
        while len(inner):
            node = place[inner]
            left = self.goes_left(node, rows[inner])
            child = np.where(left, self.left[node], self.right[node])
            place[inner] = child
            inner = inner[child >= 0]
        return ~place

    def set_leaves(self) -> None:
        """Give each leaf the mean of its rows, which is best for both losses."""
        leaf = self.route(np.arange(len(self.targets)), 0)
        mass = np.bincount(leaf, weights=self.weight, minlength=self.n_leaves)
        sums = [
            np.bincount(leaf, weights=self.weight * column, minlength=self.n_leaves)
            for column in self.targets.T
        ]
        means = np.column_stack(sums) / mass[:, None]
        if self.cross_entropy:
            self.slope = -np.log(np.maximum(means, LEAST_PROBABILITY))
            self.offset = np.zeros(self.n_leaves)
        else:
            self.slope = -2.0 * means
            self.offset = (means**2).sum(axis=1)

    def loss(self, rows: np.ndarray, leaf: np.ndarray) -> np.ndarray:
        """Compute what each row would cost in a leaf, but for a constant of the row."""
        return np.einsum("ij,ij->i", self.targets[rows], self.slope[leaf]) + self.offset[leaf]

    def sweep(self) -> bool:
        """Choose every split again, from the bottom up; tell whether any has changed."""
        rows_of = {0: np.arange(len(self.targets))}
        for node in self.top_down:
            rows = rows_of[node]
            left = self.goes_left(node, rows)
            for child, side in ((self.left[node], left), (self.right[node], ~left)):
                if child >= 0:
                    rows_of[int(child)] = rows[side]
        changed = [self._improve(node, rows_of.pop(node)) for node in reversed(self.top_down)]
        return any(changed)

    def _improve(self, node: int, rows: np.ndarray) -> bool:
        """Choose one split again; tell whether it has changed."""
        leaf_left = self.route(rows, int(self.left[node]))
        leaf_right = self.route(rows, int(self.right[node]))
        saving = self.weight[rows] * (self.loss(rows, leaf_right) - self.loss(rows, leaf_left))
        found = self._best_split(rows, saving)
        if found is None:
            return False
        gain, *split = found
        current = saving[self.goes_left(node, rows)].sum()
        if gain <= current + 1e-9 * np.abs(saving).sum():
            return False
        before = self.feature[node], self.cut[node], self.missing_left[node]
        self.feature[node], self.cut[node], self.missing_left[node] = split
        leaf = np.where(self.goes_left(node, rows), leaf_left, leaf_right)
        mass = np.bincount(leaf, weights=self.weight[rows], minlength=self.n_leaves)
        if mass[self.leaves_below[node]].min() < self.min_weight:
            self.feature[node], self.cut[node], self.missing_left[node] = before
            return False
        return True

    def _best_split(
        self, rows: np.ndarray, saving: np.ndarray
    ) -> tuple[float, int, int, bool] | None:
        """Find the split whose left side saves most, if both sides weigh enough."""
        weight = self.weight[rows]
        most = weight.sum() - self.min_weight
        best: tuple[float, int, int, bool] | None = None
        for j, cuts in enumerate(self.bins.cuts):
            n_cuts = len(cuts)
            if n_cuts == 0:
                continue
            code = self.bins.codes[j, rows]
            saved = np.bincount(code, weights=saving, minlength=MISSING + 1)
            mass = np.bincount(code, weights=weight, minlength=MISSING + 1)
            for missing_left in (False, True) if mass[MISSING] else (False,):
                total = np.cumsum(saved[:n_cuts]) + missing_left * saved[MISSING]
                heavy = np.cumsum(mass[:n_cuts]) + missing_left * mass[MISSING]
                total[(heavy < self.min_weight) | (heavy > most)] = -np.inf
                cut = int(np.argmax(total))
                if total[cut] > (-np.inf if best is None else best[0]):
                    best = float(total[cut]), j, cut, missing_left
        return best

    def nodes(self, template: Nodes) -> Nodes:
        """Return the tree with thresholds in place of codes."""
        threshold = [self.bins.cuts[j][cut] for j, cut in zip(self.feature, self.cut, strict=True)]
        return replace(
            template,
            feature=self.feature,
            threshold=np.array(threshold),
            missing_left=self.missing_left,
        )


def refine(
    nodes: Nodes,
    Z: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    *,
    min_weight: float,
    cross_entropy: bool,
) -> Nodes:
    """Choose the splits of a tree again until none changes.

    Parameters
    ----------
    nodes : Nodes
        A grown tree; its leaf values are not looked at.
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    targets : ndarray of shape (n_rows, n_outputs)
        Probabilities of all classes, or values.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    min_weight : float
        Least weight of a leaf.
    cross_entropy : bool
        The loss: cross-entropy of probabilities, or squared error.

    Returns
    -------
    refined : Nodes
        The same shape with other splits; the loss of the targets is not above that of `nodes`.
    """
    if not len(nodes.feature):
        return nodes
    bins = bin_columns(Z, weight, nodes)
    refiner = _Refiner(nodes, bins, targets, weight, min_weight, cross_entropy)
    for _ in range(MAX_SWEEPS):
        if not refiner.sweep():
            break
        refiner.set_leaves()
    return refiner.nodes(nodes)


def _top_down(left: np.ndarray, right: np.ndarray) -> list[int]:
    """List the split nodes, parents before their children."""
    order = [0]
    for node in order:
        order += [int(child) for child in (left[node], right[node]) if child >= 0]
    return order


def _leaves_below(left: np.ndarray, right: np.ndarray, top_down: list[int]) -> list[list[int]]:
    """List the leaves below each split node."""
    below: list[list[int]] = [[] for _ in left]
    for node in reversed(top_down):
        for child in (int(left[node]), int(right[node])):
            below[node] += below[child] if child >= 0 else [~child]
    return below
