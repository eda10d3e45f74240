"""Translate splits of a teacher's encoded columns into splits of the raw table.

A teacher is often a Pipeline: its trees compare columns that its encoder makes. What a split does
to a raw column is found by asking: all values of that column, one after the other, go through the
encoder in an otherwise constant row, and the split says which way each of them goes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._columns import Column, Factor, read_column
from skdistill._compat import take_rows
from skdistill._ensembles import Source
from skdistill._optional import comes_from
from skdistill.students._encoder import MAX_LEVELS
from skdistill.students._float32 import in_double

# Values of a column that go through the encoder at once.
_VALUES_AT_A_TIME = 10_000

# Values of each column that tell whether a split depends on it.
_FEW_VALUES = 64

# A value that no table has.
_NEVER_SEEN = "\0never seen"


@dataclass(frozen=True)
class RawSplit:
    """A split of one raw column.

    Attributes
    ----------
    column : int
        Which.
    threshold : float
        Values at most this go one way; void where there is a table.
    low_left : bool
        Whether these go left.
    missing_left : bool
        Whether missing numbers go left; void where there is a table.
    table : tuple of level, or None
        Levels that do not go the way of levels never seen; None for numbers. The level None
        stands for missing.
    unseen_left : bool
        Whether levels never seen go left; void where there is no table.
    """

    column: int
    threshold: float = 0.0
    low_left: bool = True
    missing_left: bool = False
    table: tuple[Any, ...] | None = None
    unseen_left: bool = False


@dataclass(frozen=True)
class _Values:
    """The distinct values of a raw column, and a row of each."""

    values: Any
    rows: np.ndarray
    missing_row: int | None
    numeric: bool


def translate(source: Source, nodes: np.ndarray, X: Any, heavy_left: np.ndarray) -> list[RawSplit]:
    """Translate splits of one model.

    Parameters
    ----------
    source : Source
        The model.
    nodes : ndarray of shape (n_splits,), dtype int
        Nodes of its trees.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Raw training rows.
    heavy_left : ndarray of shape (n_splits,), dtype bool
        Whether most of the weight goes left: so do values that the encoder refuses.

    Returns
    -------
    splits : list of RawSplit
        Thresholds, for comparisons in double precision, are those of the trees where the encoder
        leaves the numbers as they are, and lie between neighbouring training values elsewhere.

    Raises
    ------
    ValueError
        If a split does not depend on exactly one raw column, or is no threshold in a column of
        many numbers.
    """
    used = source.forest.feature[nodes]
    found: dict[int, RawSplit] = {}
    base = take_rows(X, np.zeros(1, dtype=int))
    usual = source.encode(base)[0, used]
    for j in _columns_that_matter(source, X, base, used):
        distinct = _distinct(read_column(X, j))
        encode = _column_encoder(source, X, base, j)
        encoded = _encode_values(encode, distinct.rows, used)
        moves = ~_same(encoded, usual).all(axis=0)
        twice = [i for i in np.flatnonzero(moves).tolist() if i in found]
        if twice:
            raise ValueError(_mixes(source, X, found[twice[0]].column, j))
        chosen = np.flatnonzero(moves)
        if len(chosen):
            sides = _Sides(source, nodes[chosen], used[chosen], heavy_left[chosen])
            splits = sides.of(j, distinct, encoded[:, chosen], encode)
            found.update(zip(chosen.tolist(), splits, strict=True))
    missing = [i for i in range(len(nodes)) if i not in found]
    if missing:
        raise ValueError(_mixes(source, X))
    return [found[i] for i in range(len(nodes))]


def _columns_that_matter(source: Source, X: Any, base: Any, used: np.ndarray) -> list[int]:
    """List the raw columns that encoded ones depend on; in wide tables most are none of them.

    A few values of each tell, the smallest and the largest among them. All columns are listed
    where that leaves an encoded one without.
    """
    usual = source.encode(base)[0, used]
    found, explained = [], np.zeros(len(used), dtype=bool)
    for j in range(X.shape[1]):
        rows = _distinct(read_column(X, j)).rows
        few = rows[np.unique(np.linspace(0, len(rows) - 1, _FEW_VALUES).astype(int))]
        encoded = _encode_values(_column_encoder(source, X, base, j), few, used)
        moves = ~_same(encoded, usual).all(axis=0)
        explained |= moves
        if moves.any():
            found.append(j)
    return found if explained.all() else list(range(X.shape[1]))


class _Sides:
    """Which way values of a raw column go at some nodes."""

    def __init__(
        self, source: Source, nodes: np.ndarray, used: np.ndarray, heavy_left: np.ndarray
    ) -> None:
        self.source, self.nodes, self.used, self.heavy_left = source, nodes, used, heavy_left
        threshold = source.forest.threshold[nodes]
        self.threshold = in_double(threshold) if source.forest.single else threshold

    def of(
        self,
        j: int,
        distinct: _Values,
        encoded: np.ndarray,
        encode: Callable[[Any], np.ndarray | None],
    ) -> list[RawSplit]:
        """Make the splits, one a node, from the encoded values of raw column `j`."""
        n_values = len(distinct.values)
        left = self._left(encoded[:n_values])
        if distinct.missing_row is not None:
            missing = self._left(encoded[n_values:])[0]
        else:
            missing = self._asked(encode(None))
        unseen, known = self._unseen(distinct, left, encode)
        splits = []
        for i, own in enumerate(self.threshold.tolist()):
            side, values = left[:, i], distinct.values
            turns = np.flatnonzero(side[1:] != side[:-1])
            if known[i] and len(turns) <= 1:
                as_it_is = bool(_same(encoded[:n_values, i], values).all())
                threshold = (
                    np.inf  # which no number exceeds
                    if len(turns) == 0
                    else _between(values[turns[0] :], own if as_it_is else None)
                )
                splits.append(RawSplit(j, threshold, bool(side[0]), bool(missing[i])))
                continue
            if distinct.numeric and n_values > MAX_LEVELS:
                raise ValueError(
                    f"teacher {self.source.name} splits a column that its encoder makes of column "
                    f"{j} neither by a threshold nor by few values; distil it into another "
                    "student, or give a teacher that compares the column's own values."
                )
            levels = values.tolist() if distinct.numeric else values
            ways = dict(zip([*levels, None], [*side.tolist(), bool(missing[i])], strict=True))
            other = bool(unseen[i])
            table = tuple(level for level, way in ways.items() if way != other)
            splits.append(RawSplit(j, table=table, unseen_left=other))
        return splits

    def _unseen(
        self, distinct: _Values, left: np.ndarray, encode: Callable[[Any], np.ndarray | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the way of values never seen, and where they are numbers that go on as numbers do.

        One-hot columns of numbers do not: a number beyond the largest is none of the others.
        """
        if not distinct.numeric:
            return self._asked(encode(_NEVER_SEEN)), np.zeros(len(self.nodes), dtype=bool)
        known = np.ones(len(self.nodes), dtype=bool)
        if not 0 < len(distinct.values) <= MAX_LEVELS:
            return self.heavy_left, known
        below = encode(float(distinct.values[0]) - 1.0)
        above = encode(float(distinct.values[-1]) + 1.0)
        for encoded, end in ((below, left[0]), (above, left[-1])):
            if encoded is not None:
                known &= self._asked(encoded) == end
        return self._asked(above), known

    def _left(self, encoded: np.ndarray) -> np.ndarray:
        nodes = np.broadcast_to(self.nodes, encoded.shape)
        return self.source.forest.go_left(nodes.ravel(), encoded.ravel()).reshape(encoded.shape)

    def _asked(self, encoded: np.ndarray | None) -> np.ndarray:
        return self.heavy_left if encoded is None else self._left(encoded[:, self.used])[0]


def _column_encoder(source: Source, X: Any, base: Any, j: int) -> Callable[[Any], Any]:
    """Return what encodes constant rows whose column `j` is as in other rows, or has one value.

    Given a value, the result is None where the encoder refuses it.
    """

    def encode(value: Any) -> np.ndarray | None:
        if isinstance(value, np.ndarray):
            rows = take_rows(base, np.zeros(len(value), dtype=int))
            return source.encode(_with_column(rows, j, take_rows(X, value)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is unknown is why it is asked
            try:
                return source.encode(_with_value(base, j, value))
            except (TypeError, ValueError):
                return None

    return encode


def _encode_values(encode: Callable[[Any], Any], rows: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Encode the column's values of some rows; only the columns in `used` are kept."""
    blocks = range(0, len(rows), _VALUES_AT_A_TIME)
    return np.concatenate([encode(rows[i : i + _VALUES_AT_A_TIME])[:, used] for i in blocks])


def _distinct(column: Column) -> _Values:
    """Find the distinct values of a column and a row of each, one with a missing value last."""
    numeric = not isinstance(column, Factor)
    if isinstance(column, Factor):
        codes, rows = np.unique(column.codes, return_index=True)
        present = codes >= 0
        values: Any = [column.levels[code] for code in codes[present]]
    else:
        values, rows = np.unique(column, return_index=True)
        present = ~np.isnan(values)
        values = values[present]
    absent = rows[~present]
    missing = int(absent[0]) if len(absent) else None
    return _Values(values, np.concatenate([rows[present], absent[:1]]), missing, numeric)


def _with_column(base: Any, j: int, donors: Any) -> Any:
    """Return rows with one column of other rows."""
    if comes_from(base, "pandas"):
        base = base.copy()
        base.isetitem(j, donors.iloc[:, j].set_axis(base.index))
        return base
    if comes_from(base, "polars"):
        return base.with_columns(donors.to_series(j))
    base = base.copy()
    base[:, j] = donors[:, j]
    return base


def _with_value(base: Any, j: int, value: str | float | None) -> Any:
    """Return one row with a value in one column, whatever its type; None is missing."""
    if comes_from(base, "pandas"):
        column = base.iloc[:, j]
        if value is None:
            column = column.mask([True])
        else:
            kind = np.float64 if isinstance(value, float) else object
            column = column.astype(kind).mask([True], value)
        base = base.copy()
        base.isetitem(j, column)
        return base
    if comes_from(base, "polars"):
        import polars as pl

        kinds = {str: pl.String, float: pl.Float64}
        dtype = kinds.get(type(value), base.dtypes[j])
        return base.with_columns(pl.Series(base.columns[j], [value], dtype=dtype))
    base = base.copy() if base.dtype.kind == "O" else base.astype(np.float64)
    base[0, j] = np.nan if value is None and base.dtype.kind != "O" else value
    return base


def _same(a: np.ndarray, b: Any) -> np.ndarray:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _between(values: np.ndarray, threshold: float | None) -> float:
    """Find a threshold between the first two values: the tree's own, if it is given."""
    a, b = float(values[0]), float(values[1])
    if threshold is not None and a <= threshold < b:
        return threshold
    middle = a / 2 + b / 2
    return middle if a <= middle < b else a


def _mixes(source: Source, X: Any, *columns: int) -> str:
    names = [str(X.columns[j]) if hasattr(X, "columns") else f"column {j}" for j in columns]
    which = f" {names}" if names else ""
    return (
        f"teacher {source.name} splits a column that its encoder makes of several columns{which}, "
        "so that its trees cannot run on the raw rows; distil it into another student, such as "
        "student='boosting', or give a teacher whose encoder keeps columns apart."
    )
