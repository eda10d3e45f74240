"""A reference for what a form means: one row at a time, by the words of its definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skdistill.export._form import Axis, Form, LeafModels, Network, Number, Sum, Trees


def evaluate(form: Form, row: list[Any]) -> np.ndarray:
    """Compute the probabilities of a row, or its value as an array of one."""
    out = _outputs(form, row)
    if form.link == "margin":
        out = np.array([0.0, out[0]])
    if form.link == "identity":
        return out
    e = np.exp(out - out.max())
    return e / e.sum()


def evaluate_rows(form: Form, rows: np.ndarray) -> np.ndarray:
    """Compute the outputs of rows, in the shape of the student's predictions."""
    out = np.array([evaluate(form, row) for row in rows.tolist()])
    return out[:, 0] if form.classes is None else out


def route(form: Form, trees: Trees, row: list[Any], root: int) -> list[tuple[int, bool]]:
    """List the splits on a row's way and whether it goes left; the last entry is the leaf."""
    way, node = [], int(root)
    while node >= 0:
        z = _feature(form, trees.features[trees.feature[node]], row)
        left = bool(trees.missing_left[node]) if math.isnan(z) else bool(z <= trees.threshold[node])
        way.append((node, left))
        node = int((trees.left if left else trees.right)[node])
    return [*way, (~node, False)]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _row_of(form: Form, axis: Axis, row: list[Any]) -> int:
    value, column = row[axis.input], form.inputs[axis.input]
    if axis.cuts is None:
        if value is None:
            return axis.rows[column.missing_code]
        codes = {level: code for code, level in enumerate(column.levels)}
        return axis.rows[codes.get(value, column.unseen_code)]
    x = _number(value)
    return axis.rows[len(axis.cuts) + 1 if math.isnan(x) else int(np.searchsorted(axis.cuts, x))]


def _feature(form: Form, feature: Any, row: list[Any]) -> float:
    if isinstance(feature, Number):
        return _number(row[feature.input])
    return float(feature.values[_row_of(form, feature.axis, row)])


def _sum(form: Form, total: Sum, row: list[Any]) -> np.ndarray:
    out = total.intercept.astype(float).copy()
    for slope in total.slopes:
        x = _number(row[slope.input])
        if math.isnan(x):
            out += slope.missing
        else:
            out += slope.coef * (
                x if slope.knots is None else np.interp(x, slope.knots, slope.values)
            )
    for table in total.tables:
        out += table.points[tuple(_row_of(form, axis, row) for axis in table.axes)]
    return out


def _outputs(form: Form, row: list[Any]) -> np.ndarray:
    scorer = form.scorer
    if isinstance(scorer, Trees):
        out = scorer.init.copy()
        for root, k in zip(scorer.roots, scorer.output, strict=True):
            value = scorer.value[route(form, scorer, row, root)[-1][0]]
            if k < 0:
                out += value
            else:
                out[k] += value[0]
        return out
    if isinstance(scorer, LeafModels):
        leaf = route(form, scorer.trees, row, scorer.trees.roots[0])[-1][0]
        z = np.array([_feature(form, feature, row) for feature in scorer.trees.features])
        z = np.where(np.isnan(z), scorer.centre, np.clip(z, scorer.low, scorer.high))
        return scorer.intercept[leaf] + (z - scorer.centre) @ scorer.slope[leaf]
    if isinstance(scorer, Network):
        out = _sum(form, scorer.first, row)
        for W, b in zip(scorer.coefs, scorer.intercepts, strict=True):
            out = np.maximum(out, 0.0) @ W + b
        return out
    return _sum(form, scorer, row)
