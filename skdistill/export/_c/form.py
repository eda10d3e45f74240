"""Forms as C needs them: levels in the order of their bytes, and thresholds for float rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export._c.text import encode
from skdistill.export._form import (
    Axis,
    Form,
    Input,
    LeafModels,
    Lookup,
    Network,
    Number,
    Scorer,
    Table,
    Trees,
)


def sort_levels(form: Form) -> Form:
    """Order the levels of each category by the bytes of their texts: codes are then their ranks.

    Returns
    -------
    form : Form
        It predicts the same.
    """
    order = {
        j: sorted(range(len(column.levels)), key=[encode(v) for v in column.levels].__getitem__)
        for j, column in enumerate(form.inputs)
        if column.levels is not None
    }

    def sorted_axis(axis: Axis) -> Axis:
        if axis.cuts is not None:
            return axis
        n_levels = len(axis.rows) - 2
        return replace(axis, rows=axis.rows[[*order[axis.input], n_levels, n_levels + 1]])

    inputs = tuple(
        column
        if column.levels is None
        else replace(column, levels=tuple(column.levels[i] for i in order[j]))
        for j, column in enumerate(form.inputs)
    )
    return replace(form, inputs=inputs, scorer=_map_axes(form.scorer, sorted_axis))


def check_texts(inputs: tuple[Input, ...]) -> None:
    """Raise ExportError where two levels of a category have the same text."""
    for column in inputs:
        texts: dict[bytes, Any] = {}
        for level in column.levels or ():
            other = texts.setdefault(encode(level), level)
            if other is not level:
                raise ExportError(
                    f"Feature {column.name!r} has the levels {other!r} and {level!r}, which are "
                    "one text in C; fit the student to a column in which all levels are strings."
                )


def to_single(form: Form, rows: np.ndarray | None) -> Form:
    """Round thresholds down to float: each row of floats goes as in the student.

    Parameters
    ----------
    form : Form
    rows : ndarray of shape (n_rows, n_features), dtype float64, or None
        Rows that must go the same way after rounding to float, categories as codes.

    Returns
    -------
    form : Form
        All its thresholds, cuts and knots are float values; what is summed is not rounded yet.

    Raises
    ------
    ExportError
        If two thresholds of a feature become one, or a row would go another way.
    """
    for j, column in enumerate(form.inputs):
        found = [(points, jumps) for k, points, jumps in _thresholds(form.scorer) if k == j]
        every = _distinct([points for points, _ in found])
        rounded = round_down(every)
        same = np.flatnonzero(rounded[1:] == rounded[:-1])
        if len(same):
            low, high = every[same[0]], every[same[0] + 1]
            raise _refuse(column.name, f"its thresholds {low!s} and {high!s} are the same float")
        if rows is not None:
            _check_rows(column.name, rows[:, j], _distinct([p for p, jumps in found if jumps]))
    return replace(form, scorer=_round_thresholds(_map_axes(form.scorer, _rounded_axis)))


def round_down(values: np.ndarray) -> np.ndarray:
    """Return the largest float32 values, as float64, that are at most the given ones.

    Examples
    --------
    >>> bool(round_down(np.array([0.1]))[0] <= 0.1), float(np.float32(0.1)) <= 0.1
    (True, False)
    """
    with np.errstate(over="ignore", under="ignore"):
        nearest = values.astype(np.float32)
        lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > values, lower, nearest).astype(np.float64)


def _distinct(points: list[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.zeros(0), *points]))


def _check_rows(name: str, x: np.ndarray, thresholds: np.ndarray) -> None:
    """Raise if rounding takes a number to the other side of a threshold."""
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore", under="ignore"):
        single = x.astype(np.float32).astype(np.float64)
    side = np.searchsorted(thresholds, x)
    changed = side != np.searchsorted(round_down(thresholds), single)
    if changed.any():
        raise _refuse(
            name,
            f"of {len(x)} given rows {changed.sum()} would go another way at a threshold, "
            f"such as {x[changed][0]!s}",
        )


def _refuse(name: str, reason: str) -> ExportError:
    return ExportError(
        f"dtype='float32' cannot tell the values of feature {name!r} apart: {reason}. Use "
        "dtype='float64', or fit the student to float32 numbers, X.astype('float32'); subtract "
        "a constant from large ones first (of times, the first)."
    )


def _thresholds(scorer: Scorer) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Yield inputs and the numbers where they change something, and whether by a jump."""
    if isinstance(scorer, Network):
        yield from _thresholds(scorer.first)
    elif isinstance(scorer, LeafModels):
        yield from _thresholds(scorer.trees)
    elif isinstance(scorer, Trees):
        for k, feature in enumerate(scorer.features):
            if isinstance(feature, Number):
                yield feature.input, scorer.threshold[scorer.feature == k], True
            elif feature.axis.cuts is not None:
                yield feature.axis.input, feature.axis.cuts, True
    else:
        for slope in scorer.slopes:
            if slope.knots is not None:
                yield slope.input, slope.knots, False
        for axis in (axis for table in scorer.tables for axis in table.axes):
            if axis.cuts is not None:
                yield axis.input, axis.cuts, True


def _rounded_axis(axis: Axis) -> Axis:
    return axis if axis.cuts is None else replace(axis, cuts=round_down(axis.cuts))


def _round_thresholds(scorer: Any) -> Any:
    """Round the thresholds of splits, and knots, which so stay apart."""
    if isinstance(scorer, LeafModels):
        return replace(scorer, trees=_round_thresholds(scorer.trees))
    if isinstance(scorer, Trees):
        return replace(scorer, threshold=round_down(scorer.threshold))
    if isinstance(scorer, Network):
        return replace(scorer, first=_round_thresholds(scorer.first))
    slopes = tuple(
        s if s.knots is None else replace(s, knots=round_down(s.knots)) for s in scorer.slopes
    )
    return replace(scorer, slopes=slopes)


def _map_axes(scorer: Scorer, change: Callable[[Axis], Axis]) -> Any:
    """Change all axes of a scorer."""
    if isinstance(scorer, Network):
        return replace(scorer, first=_map_axes(scorer.first, change))
    if isinstance(scorer, LeafModels):
        return replace(scorer, trees=_map_axes(scorer.trees, change))
    if isinstance(scorer, Trees):
        features = tuple(
            replace(f, axis=change(f.axis)) if isinstance(f, Lookup) else f for f in scorer.features
        )
        return replace(scorer, features=features)
    tables = tuple(Table(tuple(map(change, t.axes)), t.points) for t in scorer.tables)
    return replace(scorer, tables=tables)
