"""The intermediate form of a fitted student: what every export is written from.

A form reads one row: a number or a category for each column of the user's table. A category is
known by its code: the position in the column's levels, then one code for missing, then one for
levels that are not listed. Tables that are indexed by codes have an entry for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Input:
    """One column of the user's table.

    Attributes
    ----------
    name : str
        Its name, or ``x0``, ``x1``, ... where the student was fitted without names.
    levels : tuple of (str, int, float or bool), or None
        What a category is told apart by, nothing at all where only missing values are another
        matter; None for a number. Columns that held strings in training are categories.
    used : bool
        Whether the student looks at it; of one that it does not, any value will do.
    """

    name: str
    levels: tuple[Any, ...] | None = None
    used: bool = True

    @property
    def missing_code(self) -> int:
        """Code of a missing category."""
        return len(self.levels or ())

    @property
    def unseen_code(self) -> int:
        """Code of a level that is not listed."""
        return len(self.levels or ()) + 1


@dataclass(frozen=True)
class Axis:
    """How a value of an input finds its row in a table.

    A category has its code; a number has the index of its bin, ``searchsorted(cuts, x, "left")``
    (values at most the first cut are in bin 0), and ``len(cuts) + 1`` if it is missing.

    Attributes
    ----------
    input : int
        Position of the input.
    cuts : ndarray of shape (n_cuts,), dtype float64, or None
        Increasing thresholds of a number; None for a category.
    rows : ndarray of shape (n_codes,), dtype int64
        The row of the table for each code.
    """

    input: int
    cuts: np.ndarray | None
    rows: np.ndarray


@dataclass(frozen=True)
class Number:
    """An input's number as it is; NaN is missing."""

    input: int


@dataclass(frozen=True)
class Lookup:
    """A number for each row of a table with one axis.

    Attributes
    ----------
    axis : Axis
    values : ndarray of shape (n_rows,), dtype float64
        Never NaN.
    """

    axis: Axis
    values: np.ndarray


Feature = Number | Lookup


@dataclass(frozen=True)
class Trees:
    """Binary trees over features, their nodes in one table.

    A child that is not negative is the index of a split node; a negative child ``c`` is the leaf
    ``~c``. A row goes left where its feature is at most the threshold, compared in double
    precision; thresholds may be infinite. Several trees never share a node.

    Attributes
    ----------
    features : tuple of Feature
        What splits compare.
    feature, left, right : ndarray of shape (n_splits,), dtype int32
    threshold : ndarray of shape (n_splits,), dtype float64
    missing_left : ndarray of shape (n_splits,), dtype bool
    roots : ndarray of shape (n_trees,), dtype int32
        First node of each tree, or a leaf.
    output : ndarray of shape (n_trees,), dtype int32
        The output that a tree adds the only value of its leaf to; -1 where leaves have a value for
        each output.
    value : ndarray of shape (n_leaves, n_values), dtype float64
    init : ndarray of shape (n_outputs,), dtype float64
        What the trees are added to.
    """

    features: tuple[Feature, ...]
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    roots: np.ndarray
    output: np.ndarray
    value: np.ndarray
    init: np.ndarray


@dataclass(frozen=True)
class LeafModels:
    """One tree whose leaves are linear models of all features.

    A leaf's outputs are ``intercept[leaf] + (clip(z, low, high) - centre) @ slope[leaf]``, where a
    missing feature counts as its centre.

    Attributes
    ----------
    trees : Trees
        The tree, its leaves without values.
    low, high, centre : ndarray of shape (n_features,), dtype float64
    intercept : ndarray of shape (n_leaves, n_outputs), dtype float64
    slope : ndarray of shape (n_leaves, n_features, n_outputs), dtype float64
    """

    trees: Trees
    low: np.ndarray
    high: np.ndarray
    centre: np.ndarray
    intercept: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class Slope:
    """A number times coefficients.

    Attributes
    ----------
    input : int
        Position of the input.
    coef : ndarray of shape (n_outputs,), dtype float64
    missing : ndarray of shape (n_outputs,), dtype float64
        What is added where the number is missing.
    knots, values : ndarray of shape (n_knots,), dtype float64, or None
        If given, the number is first mapped: linearly between the knots, flat outside.
    """

    input: int
    coef: np.ndarray
    missing: np.ndarray
    knots: np.ndarray | None = None
    values: np.ndarray | None = None


@dataclass(frozen=True)
class Table:
    """Points by the bins of one or two inputs.

    Attributes
    ----------
    axes : tuple of Axis
        One or two.
    points : ndarray of shape (n_rows, n_outputs) or (n_rows, n_rows_2, n_outputs), dtype float64
    """

    axes: tuple[Axis, ...]
    points: np.ndarray


@dataclass(frozen=True)
class Sum:
    """An intercept and what each input adds to it: linear and additive models.

    Attributes
    ----------
    intercept : ndarray of shape (n_outputs,), dtype float64
    slopes : tuple of Slope
    tables : tuple of Table
    """

    intercept: np.ndarray
    slopes: tuple[Slope, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Network:
    """A first layer that reads the inputs, and dense layers; ReLU before each of these.

    Attributes
    ----------
    first : Sum
    coefs : tuple of ndarray of shape (n_in, n_out), dtype float64
    intercepts : tuple of ndarray of shape (n_out,), dtype float64
    """

    first: Sum
    coefs: tuple[np.ndarray, ...]
    intercepts: tuple[np.ndarray, ...]


Scorer = Trees | LeafModels | Sum | Network


@dataclass(frozen=True)
class Form:
    """A student without its training.

    Attributes
    ----------
    name : str
        Class of the student.
    inputs : tuple of Input
        The columns of a row, in their order.
    classes : tuple of (str, int, float or bool), or None
        Labels in the order of the probabilities; None for a regressor.
    scorer : Scorer
        Computes the outputs of a row.
    link : {"identity", "margin", "logits"}
        What becomes of the outputs: they are the value or the probabilities themselves; one is the
        margin of the second of two classes; or a softmax makes probabilities of them.
    """

    name: str
    inputs: tuple[Input, ...]
    classes: tuple[Any, ...] | None
    scorer: Scorer
    link: str
