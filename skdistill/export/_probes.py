"""Rows on which an export is compared with its student, most of them on its very edges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import Factor, is_frame, read_column
from skdistill.export._form import (
    Axis,
    Form,
    Input,
    LeafModels,
    Lookup,
    Network,
    Number,
    Slope,
    Sum,
    Trees,
)
from skdistill.export._paths import beside, split_rows, unseen_level

# Rows of X, or sampled ones, into which the edges are put one at a time.
N_BASE_ROWS = 1000

# Values that the rows with edges hold, about: if a row for each edge would hold more, rows have
# edges in many columns. And values that the rows on the paths to splits hold at most.
N_EDGE_VALUES, N_PATH_VALUES = 2_500_000, 10_000_000

# How often a sampled row has a missing value, and a level never seen, in a column.
MISSING_SHARE, UNSEEN_SHARE = 0.05, 0.02


def probe_rows(
    form: Form, X: Any = None, *, single: bool = False, random_state: int = 0
) -> np.ndarray:
    """Make the rows on which an export must agree with its student.

    There are ordinary rows, and rows with one column at an edge: for a number each threshold, cut
    and knot, the numbers one unit in the last place below and above it, and a missing value; for
    a category each level, a missing value and a level never seen. Of trees, each split is reached
    by rows that go narrowly to either side. No number is infinite.

    Wide tables have edges of many columns in the same row, so that the rows with edges hold about
    2.5 million values, or are as many as the column with the most edges needs. Rows for splits hold
    10 million values at most; if there are more splits, some are drawn.

    Parameters
    ----------
    form : Form
        Of the student.
    X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features), default=None
        Rows like those of `fit`, of which 1000 at most are taken. None samples rows around the
        edges.
    single : bool, default=False
        Whether all numbers are to be float32 values, and their last places those of float32.
    random_state : int, default=0
        Seed of what is drawn.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features), dtype object
        Numbers are floats, NaN where missing; categories are levels, None where missing.

    Raises
    ------
    ValueError
        If `X` has another number of columns than the student was fitted to, or infinite numbers.
    TypeError
        If `X` has strings where the student takes numbers.
    """
    rng = np.random.default_rng(random_state)
    dtype = np.float32 if single else np.float64
    edges = _edges(form)
    base = _sample(form, edges, rng) if X is None else _read(form, X, rng)
    if single:
        base = to_single(form, base)
    probes = {
        j: _column_probes(column, edges[j], dtype)
        for j, column in enumerate(form.inputs)
        if column.used
    }
    parts = [base, _edge_rows(base, probes, rng)]
    trees = getattr(form.scorer, "trees", form.scorer)
    if isinstance(trees, Trees):
        most = max(N_PATH_VALUES // len(form.inputs), 1)
        parts.append(split_rows(form, trees, base, rng, dtype, most=most))
    return np.concatenate(parts)


def base_rows(form: Form, X: Any, *, random_state: int = 0) -> np.ndarray:
    """Take 1000 rows of a table at most, as `probe_rows` does."""
    return _read(form, X, np.random.default_rng(random_state))


def _edge_rows(
    base: np.ndarray, probes: dict[int, list[Any]], rng: np.random.Generator
) -> np.ndarray:
    """Put the values of each column into ordinary rows, one into a row if there is room."""
    counts = [len(values) for values in probes.values()]
    n_rows = max([N_EDGE_VALUES // max(base.shape[1], 1), *counts])
    alone = sum(counts) <= n_rows
    rows = base[rng.integers(len(base), size=sum(counts) if alone else n_rows)]
    start = 0
    for (j, values), count in zip(probes.items(), counts, strict=True):
        places = np.arange(start, start + count) if alone else rng.permutation(n_rows)[:count]
        rows[places, j] = np.fromiter(values, dtype=object, count=count)
        start += count
    return rows


def _column_probes(column: Input, edges: np.ndarray, dtype: Any) -> list[Any]:
    """List what is put into a column, one value at a time."""
    if column.levels is not None:
        return [*column.levels, None, unseen_level(column.levels)]
    return [*beside(np.append(edges, 0.0), dtype).tolist(), float("nan")]


def _edges(form: Form) -> list[np.ndarray]:
    """List the numbers at which something changes, for each input; they may be infinite."""
    found: list[list[np.ndarray]] = [[] for _ in form.inputs]
    for j, edges in _find_edges(form.scorer):
        found[j].append(np.asarray(edges, dtype=np.float64))
    return [np.unique(np.concatenate(edges)) if edges else np.zeros(0) for edges in found]


def _find_edges(scorer: Any) -> Iterator[tuple[int, np.ndarray]]:
    if isinstance(scorer, Network):
        yield from _find_edges(scorer.first)
    elif isinstance(scorer, Sum):
        for slope in scorer.slopes:
            yield slope.input, _slope_edges(slope)
        for table in scorer.tables:
            yield from (_axis_edges(axis) for axis in table.axes)
    elif isinstance(scorer, LeafModels):
        yield from _find_edges(scorer.trees)
        for k, feature in enumerate(scorer.trees.features):
            if isinstance(feature, Number):
                yield feature.input, np.array([scorer.low[k], scorer.high[k], scorer.centre[k]])
    elif isinstance(scorer, Trees):
        for k, feature in enumerate(scorer.features):
            if isinstance(feature, Lookup):
                yield _axis_edges(feature.axis)
            else:
                yield feature.input, scorer.threshold[scorer.feature == k]


def _axis_edges(axis: Axis) -> tuple[int, np.ndarray]:
    return axis.input, np.zeros(0) if axis.cuts is None else axis.cuts


def _slope_edges(slope: Slope) -> np.ndarray:
    """Return the knots; without them, what adds about one to some output."""
    if slope.knots is not None:
        return slope.knots
    steepest = np.abs(slope.coef).max()
    with np.errstate(over="ignore"):
        reach = np.minimum(1.0 / steepest, 1e300) if steepest > 0.0 else 1.0
    return np.array([-reach, reach])


def _sample(form: Form, edges: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw rows whose numbers lie between the edges and somewhat beyond."""
    rows = np.empty((N_BASE_ROWS, len(form.inputs)), dtype=object)
    for j, column in enumerate(form.inputs):
        u = rng.random(N_BASE_ROWS)
        if column.levels is not None:
            # The codes after those of the levels.
            choices = [*column.levels, None, unseen_level(column.levels)]
            codes = rng.integers(max(len(column.levels), 1), size=N_BASE_ROWS)
            codes[u < MISSING_SHARE + UNSEEN_SHARE] = column.unseen_code
            codes[u < MISSING_SHARE] = column.missing_code
            rows[:, j] = [choices[code] for code in codes]
            continue
        values = _between(edges[j][np.isfinite(edges[j])], rng)
        values[u < MISSING_SHARE] = np.nan
        rows[:, j] = values.tolist()
    return rows


def _between(edges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw numbers that are as often between any two neighbouring edges as between others."""
    if len(edges) == 0:
        return rng.standard_normal(N_BASE_ROWS)
    # Halves and differences of halves stay finite for edges of any size.
    reach = np.ptp(edges / 4.0) or max(abs(edges[0]) / 4.0, 1.0)
    with np.errstate(over="ignore"):
        ends = np.concatenate([[edges[0] - reach], edges, [edges[-1] + reach]])
    largest = np.finfo(np.float64).max
    ends = np.clip(ends, -largest, largest)
    bins = rng.integers(len(ends) - 1, size=N_BASE_ROWS)
    share = rng.random(N_BASE_ROWS)
    return (1.0 - share) * ends[bins] + share * ends[bins + 1]


def _read(form: Form, X: Any, rng: np.random.Generator) -> np.ndarray:
    """Take some of the given rows."""
    if not is_frame(X) and not isinstance(X, np.ndarray) and not sp.issparse(X):
        X = np.array(X, dtype=object)
    if len(X.shape) != 2 or X.shape[0] == 0 or X.shape[1] != len(form.inputs):
        raise ValueError(
            f"X must have rows with the {len(form.inputs)} columns that the student was fitted to, "
            f"got shape {tuple(X.shape)}."
        )
    taken = np.arange(X.shape[0])
    if len(taken) > N_BASE_ROWS:
        taken = np.sort(rng.choice(len(taken), N_BASE_ROWS, replace=False))
    X = X.tocsr()[taken].toarray() if sp.issparse(X) else _take(X, taken)
    rows = np.empty((len(taken), len(form.inputs)), dtype=object)
    for j, column in enumerate(form.inputs):
        # Of a column that is not looked at, any value will do.
        rows[:, j] = _read_values(X, j, column) if column.used else np.nan
    return rows


def _take(X: Any, taken: np.ndarray) -> Any:
    return X.iloc[taken] if hasattr(X, "iloc") else X[taken]


def _read_values(X: Any, j: int, column: Input) -> list[Any]:
    """Read a column as plain numbers, or as levels and None."""
    read = read_column(X, j)
    if isinstance(read, Factor):
        levels = [*read.levels, None]  # code -1 finds the last one
        values = [levels[code] for code in read.codes]
    else:
        values = [None if math.isnan(value) else value for value in read.tolist()]
    if column.levels is not None:
        return values
    if any(isinstance(value, str) for value in values):
        raise TypeError(
            f"X has strings in column {column.name!r}, where the student takes numbers."
        )
    return np.array(values, dtype=np.float64).tolist()  # NaN for None


def to_single(form: Form, rows: np.ndarray) -> np.ndarray:
    """Return rows with all numbers rounded to finite float32 values."""
    rows = rows.copy()
    largest = float(np.finfo(np.float32).max)
    for j, column in enumerate(form.inputs):
        if column.levels is None:
            values = np.clip(rows[:, j].astype(np.float64), -largest, largest)
            rows[:, j] = values.astype(np.float32).astype(np.float64).tolist()
    return rows
