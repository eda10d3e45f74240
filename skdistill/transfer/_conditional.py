"""Gibbs sampling: each column of a row is drawn again from rows that are alike in the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

from skdistill._validation import check_integer
from skdistill.transfer._base_sampler import TableSampler, draw_parents
from skdistill.transfer._ranks import rank_columns
from skdistill.transfer._tables import Table

# Bounds of the cost: rows that the trees are grown on (and values are taken from), columns that
# are drawn anew, columns that a split chooses among, and levels that a tree tells apart.
MAX_ROWS = 10_000
MAX_COLUMNS = 128
MAX_SPLIT_COLUMNS = 32
MAX_LEVELS = 32


class ConditionalSampler(TableSampler):
    """Make new rows by drawing each column again, given all others (Gibbs sampling with trees).

    A child starts as a copy of a row. One column after the other, in random order, gets a new
    value: that of a random row which falls into the same leaf of a tree that predicts this column
    from all others, as the child has them by then. In FAST-DAD [1]_ the conditional distributions
    are those of a neural network; here they are those of random trees, as in adversarial random
    forests [2]_.

    It assumes least: what ties the columns together is learnt, so that relations survive that
    :class:`SpungeSampler` and :class:`MixupSampler` break, and children are about as far from the
    nearest real row as real rows are from each other (those of :class:`MungeSampler` are nearer).
    It needs enough rows to learn from, several hundred, and takes longest. On smooth, curved
    relations of few numbers it is coarser than near neighbours are.

    Values are only taken, never computed. So dtypes, categories, integers and missing values are
    valid by construction, and every number is one that was observed.

    Parameters
    ----------
    n_sweeps : int, default=1
        How often every column is drawn again, at least 1. After one sweep all cells are new.
        Errors of the conditional distributions add up with further sweeps, while children forget
        the row that they started as.
    n_trees : int, default=4
        Trees for each column, at least 1; a child asks one of them, drawn at random. More trees
        make the conditional distributions smoother, in proportion to the time of `fit`.
    min_samples_split : int, default=10
        A leaf has fewer rows than this, at least 2. Two repeats what rows have; large values
        forget how the columns are related. With ten, children are about as far from the nearest
        real row as real rows are from each other.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    table_ : object
        A copy of the rows.
    ranges_ : list of object or None
        For each column what its numbers may be; None for columns that are no numbers.
    ranks_ : ndarray of shape (n_rows, n_features), dtype int32
        The rows, as trees see them.
    conditionals_ : dict of int
        For each column that is drawn anew its trees, with the rows in each leaf.

    Notes
    -----
    The trees are extremely randomised ones, and the same for the same `X`: `fit` has a seed of
    its own. They see the ranks of numbers, and codes of levels in the order of their frequency;
    a missing value is one below all others. Trees for columns that are no numbers tell the 31
    most frequent levels apart.

    Beyond 10 000 rows, a random 10 000 of them make the trees. Beyond 128 columns, a random 128 of
    them are drawn anew, and the others stay as the parent's. Memory is in proportion to the data
    and to the new rows.

    References
    ----------
    .. [1] Fakoor, R., Mueller, J., Erickson, N., Chaudhari, P., Smola, A. (2020). Fast, Accurate,
       and Simple Models for Tabular Data via Augmented Distillation. NeurIPS.
    .. [2] Watson, D. S., Blesch, K., Kapar, J., Wright, M. N. (2023). Adversarial Random Forests
       for Density Estimation and Generative Modeling. AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import ConditionalSampler
    >>> x = np.random.default_rng(0).normal(size=500)
    >>> X = np.column_stack([x, x**2])
    >>> children = ConditionalSampler().fit(X).sample(1000, random_state=0)
    >>> bool(np.corrcoef(children[:, 0] ** 2, children[:, 1])[0, 1] > 0.95)
    True
    """

    def __init__(self, *, n_sweeps: int = 1, n_trees: int = 4, min_samples_split: int = 10) -> None:
        self.n_sweeps = n_sweeps
        self.n_trees = n_trees
        self.min_samples_split = min_samples_split

    def _check_params(self) -> None:
        check_integer(self.n_sweeps, "n_sweeps", minimum=1)
        check_integer(self.n_trees, "n_trees", minimum=1)
        check_integer(self.min_samples_split, "min_samples_split", minimum=2)

    def _learn(self, table: Table) -> None:
        rng = np.random.RandomState(0)
        self.ranks_ = rank_columns(table, self.ranges_)
        rows = np.sort(rng.permutation(table.n_rows)[:MAX_ROWS])
        seen = self.ranks_[rows]
        varying = np.flatnonzero((seen != seen[0]).any(axis=0))
        chosen = np.sort(rng.permutation(varying)[:MAX_COLUMNS])
        Z = seen.astype(np.float32)
        self.conditionals_ = {int(j): self._grow(Z, int(j), rows, rng) for j in chosen}

    def _grow(
        self, Z: np.ndarray, j: int, rows: np.ndarray, rng: np.random.RandomState
    ) -> list[_Leaves]:
        """Grow trees that predict column `j` of `Z` from the others; `Z` comes back as it was."""
        target = Z[:, j].copy()
        Z[:, j] = 0.0  # hidden: a tree cannot split a constant
        nominal = self.ranges_[j] is None
        kind = ExtraTreeClassifier if nominal else ExtraTreeRegressor
        goal = np.minimum(target, MAX_LEVELS - 1) if nominal else target
        trees = [
            kind(
                min_samples_split=self.min_samples_split,
                max_features=min(Z.shape[1], MAX_SPLIT_COLUMNS),
                random_state=rng.randint(np.iinfo(np.int32).max),
            ).fit(Z, goal)
            for _ in range(self.n_trees)
        ]
        leaves = [_Leaves.of(tree, Z, rows) for tree in trees]
        Z[:, j] = target
        return leaves

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        parents = draw_parents(self.table_.n_rows, n, rng)
        # Of each cell the row that its value comes from.
        source = np.repeat(parents[:, None], self.n_features_in_, axis=1)
        Z = self.ranks_[parents].astype(np.float32)
        for _ in range(self.n_sweeps):
            for j in rng.permutation(list(self.conditionals_)).tolist():
                Z[:, j] = 0.0
                asked = rng.randint(self.n_trees, size=n)
                for t in np.unique(asked).tolist():
                    asking = np.flatnonzero(asked == t)
                    source[asking, j] = self.conditionals_[j][t].draw(Z[asking], rng)
                Z[:, j] = self.ranks_[source[:, j], j]
        return [self._take(j, source[:, j]) for j in range(self.n_features_in_)]


@dataclass(frozen=True)
class _Leaves:
    """A tree, and the rows in each of its leaves.

    Attributes
    ----------
    tree : ExtraTreeClassifier or ExtraTreeRegressor
        Finds the leaf of a row.
    rows : ndarray of shape (n_rows,), dtype int
        Row indices in the order of their leaves.
    start, count : ndarray of shape (n_nodes,), dtype int
        Where in `rows` those of a leaf begin, and how many they are.
    """

    tree: Any
    rows: np.ndarray
    start: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, tree: Any, Z: np.ndarray, rows: np.ndarray) -> _Leaves:
        """Put the rows `rows`, encoded as `Z`, into the leaves."""
        leaf = tree.apply(Z)
        count = np.bincount(leaf, minlength=tree.tree_.node_count)
        order = np.argsort(leaf, kind="stable")
        return cls(tree, rows[order], np.cumsum(count) - count, count)

    def draw(self, Z: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Draw for each encoded row one of the rows in its leaf."""
        leaf = self.tree.apply(Z)
        return self.rows[self.start[leaf] + rng.randint(self.count[leaf])]
