"""Make kept subtrees of a teacher run on the raw table."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._columns import read_column
from skdistill.students._encoder import has_strings
from skdistill.students._pruned.candidates import CandidateTrees, Subtree
from skdistill.students._pruned.columns import TreeColumns
from skdistill.students._pruned.raw_splits import RawSplit, translate
from skdistill.students._tree_sum import TreeSum, join_trees

# Rows that may fall in another leaf than in the teacher's tree: numbers that only differ beyond
# the precision of float32 do.
TOLERATED_SHARE = 0.01


def build_trees(
    candidates: CandidateTrees,
    kept: list[Subtree],
    outputs: list[int],
    X: Any,
    weight: np.ndarray,
) -> tuple[TreeSum, TreeColumns]:
    """Write kept subtrees as a sum of trees over columns of the raw table.

    Parameters
    ----------
    candidates : CandidateTrees
        What they are the tops of.
    kept : list of Subtree
    outputs : list of int
        Score that each adds to.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Raw rows of `candidates`.
    weight : ndarray of shape (n_samples,)
        Their weights.

    Returns
    -------
    trees : TreeSum
        Leaves in the order of those of `kept`, with values of zero.
    columns : TreeColumns

    Raises
    ------
    ValueError
        If the trees cannot run on the raw table.
    """
    splits = _translate_all(candidates, kept, X, weight)
    columns: dict[tuple[int, frozenset[Any] | None], int] = {}
    trees = []
    for subtree, output in zip(kept, outputs, strict=True):
        place = {node: i for i, node in enumerate(subtree.splits)}
        place |= {leaf: ~i for i, leaf in enumerate(subtree.leaves)}
        raw = [splits[node] for node in subtree.splits]
        keys = [(s.column, None if s.table is None else frozenset(s.table)) for s in raw]
        straight = [s.low_left if s.table is None else s.unseen_left for s in raw]
        left = [place[int(candidates.left[node])] for node in subtree.splits]
        right = [place[int(candidates.right[node])] for node in subtree.splits]
        trees.append(
            TreeSum(
                feature=np.array([columns.setdefault(k, len(columns)) for k in keys], np.int32),
                threshold=np.array([s.threshold if s.table is None else 0.5 for s in raw]),
                left=np.where(straight, left, right).astype(np.int32),
                right=np.where(straight, right, left).astype(np.int32),
                missing_left=np.array(
                    [s.missing_left == ahead for s, ahead in zip(raw, straight, strict=True)]
                ),
                roots=np.zeros(1, dtype=np.int32),
                output=np.array([output], dtype=np.int32),
                value=np.zeros(len(subtree.leaves)),
            )
        )
    tables = tuple(
        None if levels is None else dict.fromkeys(sorted(levels, key=repr), 1)
        for _, levels in columns
    )
    inputs = tuple(j for j, _ in columns)
    strings = frozenset(j for j in set(inputs) if has_strings(read_column(X, j)))
    return join_trees(trees), TreeColumns(inputs, tables, strings)


def check_routes(
    codes: np.ndarray, candidates: CandidateTrees, kept: list[Subtree], starts: np.ndarray
) -> None:
    """Check that rows fall in the leaves in which they fall in the teacher's trees.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_trees)
        Leaves of the rows in the trees made.
    candidates, kept
        The teacher's trees, with the same rows.
    starts : ndarray of shape (n_trees,)
        First leaf of each tree made.

    Raises
    ------
    ValueError
        If many do not.
    """
    for t, subtree in enumerate(kept):
        elsewhere = codes[:, t] - starts[t] != candidates.leaf_codes(subtree)
        if elsewhere.mean() > TOLERATED_SHARE:
            raise ValueError(
                f"{elsewhere.mean():.0%} of the rows take another way through the student's trees "
                "than through the teacher's: its encoder makes a column of several, or numbers "
                "differ beyond the precision of float32. Distil it into another student, or give "
                "a teacher whose encoder keeps columns apart, and numbers with a smaller offset."
            )


def _translate_all(
    candidates: CandidateTrees, kept: list[Subtree], X: Any, weight: np.ndarray
) -> dict[int, RawSplit]:
    """Translate the splits of all kept subtrees, model by model."""
    nodes = np.unique([node for subtree in kept for node in subtree.splits])
    mass = candidates.node_sums(weight[:, None])[:, 0]
    heavy_left = mass[candidates.left] >= mass[candidates.right]
    found: dict[int, RawSplit] = {}
    for source, start in candidates.sources:
        own = nodes[(nodes >= start) & (nodes < start + len(source.forest.feature))]
        if len(own):
            splits = translate(source, own - start, X, heavy_left[own])
            found.update(zip(own.tolist(), splits, strict=True))
    return found
