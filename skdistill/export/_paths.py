"""Rows that reach each split of a form's trees, and go narrowly to either side of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdistill.export._form import Axis, Form, Number, Trees

# At, below and above the threshold, and missing.
ROWS_OF_SPLIT = 4


@dataclass(frozen=True)
class Path:
    """What the splits above a node demand of a row.

    Attributes
    ----------
    numbers : dict
        For an input its open lower end and its closed upper one.
    codes : dict
        For an input the axis of its table, and which codes are let through.
    """

    numbers: dict[int, tuple[float, float]] = field(default_factory=dict)
    codes: dict[int, tuple[Axis, np.ndarray]] = field(default_factory=dict)

    def step(self, feature: Any, threshold: float, *, left: bool) -> Path:
        """Return the path that goes on to one side of a split."""
        if isinstance(feature, Number):
            low, high = self.numbers.get(feature.input, (-np.inf, np.inf))
            ends = (low, min(high, threshold)) if left else (max(low, threshold), high)
            return Path({**self.numbers, feature.input: ends}, self.codes)
        axis = feature.axis
        through = (feature.values[axis.rows] <= threshold) == left
        if axis.input in self.codes:
            through = through & self.codes[axis.input][1]
        return Path(self.numbers, {**self.codes, axis.input: (axis, through)})

    def lead(self, row: np.ndarray, form: Form, rng: np.random.Generator, dtype: Any) -> None:
        """Change a row in place so that it comes this way, where some row does."""
        for j, (low, high) in self.numbers.items():
            if not low < row[j] <= high:
                row[j] = _inside(low, high, dtype, upper=bool(rng.random() < 0.5))
        for j, (axis, through) in self.codes.items():
            open_codes = np.flatnonzero(through)
            if len(open_codes):
                row[j] = value_of_code(form, axis, int(rng.choice(open_codes)), dtype)


def split_rows(
    form: Form,
    trees: Trees,
    base: np.ndarray,
    rng: np.random.Generator,
    dtype: Any,
    *,
    most: int,
) -> np.ndarray:
    """Make rows that reach each split and go to either side of it, narrowly.

    Parameters
    ----------
    form : Form
        The form of the trees.
    trees : Trees
    base : ndarray of shape (n_rows, n_features), dtype object
        Ordinary rows, of which the values that do not matter are taken.
    rng : Generator
    dtype : type
        Float type whose last places count.
    most : int
        Number of rows, about. If there are more splits, some are drawn.

    Returns
    -------
    rows : ndarray of shape (n_new_rows, n_features), dtype object
    """
    made: list[np.ndarray] = []
    share = most / max(ROWS_OF_SPLIT * len(trees.feature), 1)
    for node, path in _walk(trees):
        if share < 1.0 and rng.random() > share:
            continue
        feature, threshold = trees.features[trees.feature[node]], float(trees.threshold[node])
        row = base[rng.integers(len(base))].copy()
        path.lead(row, form, rng, dtype)
        if isinstance(feature, Number):
            values = [*beside(np.array([threshold]), dtype).tolist(), float("nan")]
            for value in values:
                made.append(row.copy())
                made[-1][feature.input] = value
        else:
            for left in (True, False):
                made.append(row.copy())
                path.step(feature, threshold, left=left).lead(made[-1], form, rng, dtype)
    return np.array(made, dtype=object).reshape(len(made), base.shape[1])


def beside(edges: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the edges as a float type, and the numbers next to them, all finite; as float64."""
    largest = np.finfo(dtype).max
    at = np.clip(edges, -largest, largest).astype(dtype)
    with np.errstate(over="ignore", under="ignore"):
        sides = [np.nextafter(at, dtype(side)) for side in (-np.inf, np.inf)]
    values = np.unique(np.concatenate([at, *sides]))
    return values[np.isfinite(values)].astype(np.float64)


def value_of_code(form: Form, axis: Axis, code: int, dtype: Any) -> Any:
    """Return a value that has a code on an axis."""
    if axis.cuts is None:
        column = form.inputs[axis.input]
        return [*(column.levels or ()), None, unseen_level(column.levels)][code]
    if code > len(axis.cuts):
        return float("nan")
    ends = [-np.inf, *axis.cuts.tolist(), np.inf]
    return _inside(ends[code], ends[code + 1], dtype, upper=True)


def unseen_level(levels: tuple[Any, ...] | None) -> str:
    """Return a string that is none of the levels."""
    level = "never seen"
    while level in (levels or ()):
        level += "!"
    return level


def _walk(trees: Trees) -> Iterator[tuple[int, Path]]:
    """Yield each split node and the path to it."""
    stack = [(int(root), Path()) for root in trees.roots if root >= 0]
    while stack:
        node, path = stack.pop()
        yield node, path
        feature, threshold = trees.features[trees.feature[node]], float(trees.threshold[node])
        for children, left in ((trees.left, True), (trees.right, False)):
            child = int(children[node])
            if child >= 0:
                stack.append((child, path.step(feature, threshold, left=left)))


def _inside(low: float, high: float, dtype: Any, *, upper: bool) -> float:
    """Return the largest or the smallest finite number above `low` and at most `high`."""
    largest = np.finfo(dtype).max
    with np.errstate(over="ignore", under="ignore"):
        if (upper and np.isfinite(high)) or np.isinf(low):
            value = dtype(np.clip(high, -largest, largest)) if np.isfinite(high) else dtype(0.0)
            return float(np.nextafter(value, dtype(-np.inf)) if value > high else value)
        value = dtype(np.clip(low, -largest, largest))
        return float(value if value > low else np.nextafter(value, dtype(np.inf)))
