"""Find where a teacher's trees split the numbers of the raw table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._compat import take_rows
from skdistill._ensembles import LEAF, Forest, Source, find_sources

# Models, trees of all of them, and rows that are looked at: a sample tells where a teacher splits.
MAX_SOURCES = 8
MAX_TREES = 256
MAX_ROWS = 2000

# Rows that settle for most pairs of a raw and an encoded column that one is not made of the other.
_FIRST_ROWS = 32

# What encoders raise for rows that are not those of the teacher, such as those of a student that is
# itself a step of a Pipeline.
_REFUSALS = (TypeError, ValueError, LookupError, AttributeError)


@dataclass(frozen=True)
class Splits:
    """Where trees split a column.

    Attributes
    ----------
    thresholds : ndarray of shape (n_splits,)
        In any order.
    gains : ndarray of shape (n_splits,)
        How much the trees need each.
    """

    thresholds: np.ndarray
    gains: np.ndarray


# For students that are not given the teacher.
NO_SPLITS: Mapping[int, Splits] = {}


def find_splits(teacher: Any, X: Any, numbers: Mapping[int, np.ndarray]) -> dict[int, Splits]:
    """Find the thresholds of a teacher's trees, in units of the raw columns.

    An encoded column that rises, or falls, with a raw one over all rows is made of it, and a
    threshold in it is one in the raw column. Splits of any other are left out, and so are models
    that cannot be read.

    The gain of a split is the variance, over the rows, of what the tree says on either side of
    it; those of each model sum to one.

    Time and memory are bounded: at most 8 models with 256 trees together and 2000 rows, evenly
    spaced, are looked at.

    Parameters
    ----------
    teacher : object
        Fitted model, or anything in which ``find_sources`` may find trees.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Raw training rows.
    numbers : mapping of int to ndarray of shape (n_samples,)
        The values of numeric columns, by position; NaN for missing.

    Returns
    -------
    splits : dict of int to Splits
        For the columns that are split.
    """
    rows = _evenly(X.shape[0], MAX_ROWS)
    part, values = take_rows(X, rows), {j: column[rows] for j, column in numbers.items()}
    found: dict[int, list[Splits]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what an encoder says of these rows was not asked for
        try:
            sources = find_sources(teacher, missing_ok=True)
        except ValueError:  # one that cannot be read
            return {}
        for i in _evenly(len(sources), MAX_SOURCES).tolist():
            forest = sources[i].forest
            forest = forest.take(_evenly(len(forest), MAX_TREES // min(len(sources), MAX_SOURCES)))
            encoded = _encoded(sources[i], part)
            if encoded is not None:
                for j, splits in _splits_of_one(forest, encoded, values):
                    found.setdefault(j, []).append(splits)
    return {j: _join(parts) for j, parts in found.items()}


def _evenly(n: int, most: int) -> np.ndarray:
    """Choose at most so many of `n` things, evenly spaced."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)


def _encoded(source: Source, part: Any) -> np.ndarray | None:
    """Encode rows; the result is None where they are not like those that the teacher takes."""
    try:
        encoded = source.encode(part)
    except _REFUSALS:
        return None
    wide_enough = encoded.ndim == 2 and encoded.shape[1] > source.forest.feature.max()
    return encoded if wide_enough else None


def _join(parts: list[Splits]) -> Splits:
    return Splits(
        np.concatenate([splits.thresholds for splits in parts]),
        np.concatenate([splits.gains for splits in parts]),
    )


def _splits_of_one(
    forest: Forest, encoded: np.ndarray, values: Mapping[int, np.ndarray]
) -> list[tuple[int, Splits]]:
    """Find the splits of one model, by raw column."""
    nodes, gains = _gains(forest, encoded)
    feature, threshold = forest.feature[nodes], forest.threshold[nodes]
    found = []
    for j, column in values.items():
        present = ~np.isnan(column)
        x, first = np.unique(column[present], return_index=True)
        for u in _made_of(column[present], encoded[present], np.unique(feature)).tolist():
            raw = _to_raw(threshold[feature == u], x, encoded[present, u][first])
            known = np.isfinite(raw)
            found.append((j, Splits(raw[known], gains[feature == u][known])))
    return found


def _gains(forest: Forest, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the nodes that split the rows by a threshold, and the gain of each."""
    n_nodes = len(forest.feature)
    mass = np.bincount(forest.apply(encoded).ravel(), minlength=n_nodes).astype(np.float64)
    # Squares of huge values would be infinite.
    said = forest.value / (np.abs(forest.value).max() or 1.0) * mass[:, None]
    for nodes in reversed(forest.levels()):
        parents = nodes[forest.feature[nodes] != LEAF]
        for total in (mass, said):
            total[parents] = total[forest.left[parents]] + total[forest.right[parents]]
    threshold = (forest.feature != LEAF) & (forest.level_set < 0)
    nodes = np.flatnonzero(threshold & (mass[forest.left] > 0) & (mass[forest.right] > 0))
    left, right = forest.left[nodes], forest.right[nodes]
    apart = said[left] / mass[left, None] - said[right] / mass[right, None]
    gains = mass[left] * mass[right] / mass[nodes] * (apart**2).sum(axis=1)
    return nodes, gains / (gains.sum() or 1.0)


def _made_of(column: np.ndarray, encoded: np.ndarray, used: np.ndarray) -> np.ndarray:
    """List the encoded columns that rise or fall with a raw one, and tell most values apart."""
    order = np.argsort(column, kind="stable")
    for n_rows in (_FIRST_ROWS, len(order)):
        some = order[_evenly(len(order), n_rows)]
        x, steps = column[some], np.diff(encoded[some][:, used], axis=0)
        higher = (x[1:] > x[:-1])[:, None]
        one_way = np.where(higher, steps >= 0, steps == 0).all(axis=0)
        one_way |= np.where(higher, steps <= 0, steps == 0).all(axis=0)
        used = used[one_way & ((steps != 0).sum(axis=0) > higher.sum() / 2)]
    return used


def _to_raw(thresholds: np.ndarray, x: np.ndarray, encoded: np.ndarray) -> np.ndarray:
    """Translate thresholds of an encoded column; NaN where it is beyond all rows."""
    if np.array_equal(x, encoded):
        return thresholds
    if encoded[0] > encoded[-1]:
        x, encoded = x[::-1], encoded[::-1]
    return np.interp(thresholds, encoded, x, left=np.nan, right=np.nan)
