"""What a student's encoder makes of the columns of a row, as inputs, features and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export._form import Axis, Feature, Input, Lookup, Number, Slope, Table
from skdistill.students._encoder import TabularEncoder
from skdistill.students._pruned.columns import TreeColumns

# From here on float64 does not hold all whole numbers.
EXACT = 2**53


def name_inputs(student: Any, names: Sequence[str] | None) -> list[str]:
    """Name the columns of a row: as in the DataFrame that the student was fitted to, or x0, ..."""
    known = getattr(student, "feature_names_in_", names)
    if known is None:
        return [f"x{j}" for j in range(student.n_features_in_)]
    return [str(name) for name in known]


class EncodedColumns:
    """The columns of a `TabularEncoder`.

    Parameters
    ----------
    encoder : TabularEncoder
        Fitted.
    names : list of str
        Names of the inputs.

    Attributes
    ----------
    inputs : tuple of Input
    """

    def __init__(self, encoder: TabularEncoder, names: list[str]) -> None:
        self.encoder = encoder
        read = range(len(names)) if encoder.read_ is None else encoder.read_.tolist()
        self.inputs = tuple(
            Input(name, _levels(encoder.tables_[j]) if j in encoder.strings_ else None, j in read)
            for j, name in enumerate(names)
        )

    def axis(self, j: int, row: Callable[[int], int]) -> Axis:
        """Return the axis of a category, whose encoder's code `c` has the row ``row(c)``."""
        table, default = self.encoder.tables_[j], self.encoder.defaults_[j]
        return level_axis(j, self.inputs[j], {k: row(c) for k, c in table.items()}, row(default))

    def feature(self, j: int) -> Feature:
        """Return an input as a number, a category as its rank; for the layout "ordered"."""
        if j not in self.encoder.tables_:
            return Number(j)
        axis = self.axis(j, int)
        ranks, rows = np.unique(axis.rows, return_inverse=True)
        return Lookup(Axis(j, axis.cuts, rows.astype(np.int64)), ranks.astype(np.float64))

    def binned(self, j: int, cuts: np.ndarray) -> Axis:
        """Return the bins of a number or of the ranks of a category, the last for missing ones."""
        if j in self.encoder.tables_:
            return self.axis(j, lambda rank: int(np.searchsorted(cuts, rank)))
        return Axis(j, cuts, np.arange(len(cuts) + 2))

    def weighted(
        self, coef: np.ndarray, knots: Sequence[tuple[np.ndarray, np.ndarray]] | None = None
    ) -> tuple[tuple[Slope, ...], tuple[Table, ...]]:
        """Return the product of the columns and coefficients; for the layout "onehot".

        Parameters
        ----------
        coef : ndarray of shape (n_columns, n_outputs)
            A row for each encoded column.
        knots : sequence of (knots, values), default=None
            The table through which each number goes first.

        Returns
        -------
        slopes, tables : tuple of Slope, tuple of Table
            Inputs whose coefficients are all zero are left out.
        """
        encoder, coef = self.encoder, np.asarray(coef, dtype=np.float64)
        numeric = [j for j in range(len(self.inputs)) if j not in encoder.tables_]
        missing = {int(j): len(numeric) + i for i, j in enumerate(encoder.missing_)}
        slopes, start = [], len(numeric) + len(missing)
        for i, j in enumerate(numeric):
            xp, fp = (None, None) if knots is None else knots[i]
            mean = float(encoder.means_[i])
            imputed = mean if xp is None or fp is None else float(np.interp(mean, xp, fp))
            absent = imputed * coef[i] + (coef[missing[j]] if j in missing else 0.0)
            if coef[i].any() or absent.any():
                slopes.append(Slope(j, coef[i], absent, xp, fp))
        tables = []
        for j, codes in encoder.tables_.items():
            points = np.vstack([coef[start : start + len(codes)], np.zeros((1, coef.shape[1]))])
            start += len(codes)
            if points.any():
                axis = self.axis(j, partial(_row_of_code, n_codes=len(codes)))
                tables.append(Table((axis,), points))
        return tuple(slopes), tuple(tables)


def read_tree_columns(
    columns: TreeColumns, names: list[str]
) -> tuple[tuple[Input, ...], tuple[Feature, ...]]:
    """Return the inputs of a `TreeColumns`, and its columns as features."""
    levels: dict[int, dict[Any, None]] = {}
    for j, table in zip(columns.inputs, columns.tables, strict=True):
        if table is not None:
            levels.setdefault(j, {}).update(dict.fromkeys(_levels(table)))
    inputs = tuple(
        Input(name, tuple(levels[j]) if j in columns.strings else None, j in columns.inputs)
        for j, name in enumerate(names)
    )
    features: list[Feature] = []
    for j, table in zip(columns.inputs, columns.tables, strict=True):
        if table is None:
            features.append(Number(j))
        else:
            axis = level_axis(j, inputs[j], dict.fromkeys(table, 1), 0)
            features.append(Lookup(axis, np.array([0.0, 1.0])))
    return inputs, tuple(features)


def level_axis(j: int, column: Input, rows: Mapping[Any, int], other: int) -> Axis:
    """Return the axis on which levels have rows; the key None stands for missing.

    Levels that are all numbers are looked up by value: each has a bin of no width.

    Raises
    ------
    ExportError
        If float64 cannot hold such a level, or not the whole numbers next to it.
    """
    missing = rows.get(None, other)
    if column.levels is not None:
        of_level = [rows.get(level, other) for level in column.levels]
        return Axis(j, None, np.array([*of_level, missing, other], dtype=np.int64))
    levels = sorted(_levels(rows))
    for level in levels:
        if isinstance(level, int) and abs(level) >= EXACT:
            raise ExportError(
                f"Feature {column.name!r} has the level {level!r}, a whole number that float64 "
                "does not tell from the next; turn the column into strings before fit."
            )
    ends = np.array(levels, dtype=np.float64)
    cuts = np.column_stack([np.nextafter(ends, -np.inf), ends]).ravel()
    bins = [other] + [row for level in levels for row in (rows[level], other)] + [missing]
    return Axis(j, cuts, np.array(bins, dtype=np.int64))


def _row_of_code(code: int, n_codes: int) -> int:
    """Return the row of a code; that of levels never seen is -1, and theirs is the last row."""
    return code if code >= 0 else n_codes


def _levels(table: Mapping[Any, int]) -> tuple[Any, ...]:
    """List the levels of a table, without missing, as plain Python values."""
    return tuple(getattr(k, "item", lambda k=k: k)() for k in table if k is not None)
