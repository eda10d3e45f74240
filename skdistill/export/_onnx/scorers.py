"""The parts of a form as operators of an ONNX graph; each function returns outputs (N, K).

Sums are in double precision also where inputs and outputs are float32: what is summed may be large
and cancel.
"""

from __future__ import annotations

import numpy as np

from skdistill.export._form import (
    Axis,
    Form,
    LeafModels,
    Network,
    Scorer,
    Slope,
    Sum,
    Table,
    Trees,
)
from skdistill.export._onnx.ensembles import Ensemble, add_search, leaf_numbers
from skdistill.export._onnx.graph import Graph
from skdistill.export._onnx.inputs import Columns, feature_matrix


def add_outputs(graph: Graph, columns: Columns, form: Form) -> str:
    """Add what computes the values or probabilities of rows.

    Parameters
    ----------
    graph : Graph
        Its inputs are declared.
    columns : Columns
        The inputs.
    form : Form
        Of the student.

    Returns
    -------
    outputs : str
        Result of shape (N, 1) for a regressor, (N, n_classes) for a classifier.
    """
    outputs = _add_scorer(graph, columns, form.scorer)
    if not isinstance(form.scorer, Network):
        outputs = graph.narrow(outputs)
    if form.link == "margin":
        # The first class has the logit zero.
        outputs = graph.add("Mul", outputs, graph.numbers([[0.0, 1.0]]))
    if form.link != "identity":
        outputs = graph.add("Softmax", outputs, axis=1)
    return outputs


def _add_scorer(graph: Graph, columns: Columns, scorer: Scorer) -> str:
    if isinstance(scorer, Trees):
        return _add_trees(graph, columns, scorer)
    if isinstance(scorer, LeafModels):
        return _add_leaf_models(graph, columns, scorer)
    if isinstance(scorer, Network):
        return _add_network(graph, columns, scorer)
    return _add_sum(graph, columns, scorer)


def _add_trees(graph: Graph, columns: Columns, trees: Trees) -> str:
    # For each tree the outputs that its leaves add to.
    outputs = (trees.output[:, None] == np.arange(len(trees.init))) | (trees.output < 0)[:, None]
    if not len(trees.feature):
        leaves = np.broadcast_to(trees.value[~trees.roots], outputs.shape)
        return graph.repeat(trees.init + (leaves * outputs).sum(axis=0))
    matrix, places = feature_matrix(graph, columns, trees)
    leaf = leaf_numbers(graph, trees, matrix, places)
    if (trees.output < 0).all():
        total = _sum_rows(graph, trees.value, leaf)
        return graph.add("Add", total, graph.doubles(trees.init)) if trees.init.any() else total
    values = graph.add("Gather", graph.doubles(trees.value[:, 0]), leaf)
    return graph.add("Gemm", values, graph.doubles(outputs), graph.doubles(trees.init))


def _add_leaf_models(graph: Graph, columns: Columns, models: LeafModels) -> str:
    trees = models.trees
    matrix, places = feature_matrix(graph, columns, trees)
    features = graph.widen(graph.add("Gather", matrix, graph.constant(places), axis=1))
    bounded = graph.add("Max", features, graph.doubles(models.low))
    bounded = graph.add("Min", bounded, graph.doubles(models.high))
    moved = graph.add("Sub", bounded, graph.doubles(models.centre))
    missing = graph.add("IsNaN", features)
    moved = graph.add("Where", missing, graph.doubles(0.0), moved)
    leaf = graph.add(
        "Squeeze", leaf_numbers(graph, trees, matrix, places), graph.constant(np.array([1]))
    )
    slopes = graph.add("Gather", graph.doubles(models.slope), leaf)
    parts = graph.add("Mul", slopes, graph.add("Unsqueeze", moved, graph.constant(np.array([2]))))
    total = graph.add("ReduceSum", parts, graph.constant(np.array([1])), keepdims=0)
    return graph.add("Add", total, graph.add("Gather", graph.doubles(models.intercept), leaf))


def _add_network(graph: Graph, columns: Columns, network: Network) -> str:
    # The layers are in the graph's dtype, what they multiply is not large.
    hidden = graph.narrow(_add_sum(graph, columns, network.first))
    for coef, intercept in zip(network.coefs, network.intercepts, strict=True):
        # ONNX Runtime 1.14 to 1.17 fuses a Gemm of doubles with Relu, and then has no code for it.
        hidden = graph.add("Max", hidden, graph.numbers(0.0))
        hidden = graph.add("Gemm", hidden, graph.numbers(coef), graph.numbers(intercept))
    return hidden


def _add_sum(graph: Graph, columns: Columns, total: Sum) -> str:
    if not total.slopes and not total.tables:
        return graph.repeat(total.intercept)
    if not total.slopes:
        return _add_tables(graph, columns, total.tables, total.intercept)
    sloped = _add_slopes(graph, columns, total.slopes, total.intercept)
    if not total.tables:
        return sloped
    tables = _add_tables(graph, columns, total.tables, np.zeros(len(total.intercept)))
    return graph.add("Add", sloped, tables)


def _add_slopes(
    graph: Graph, columns: Columns, slopes: tuple[Slope, ...], intercept: np.ndarray
) -> str:
    numbers = columns.numbers(graph, [slope.input for slope in slopes])
    wide = graph.widen(numbers)
    missing = graph.add("IsNaN", wide)
    present = graph.add("Where", missing, graph.doubles(0.0), wide)
    if any(slope.knots is not None for slope in slopes):
        present = _interpolate(graph, slopes, numbers, present)
    absent = graph.add("Cast", missing, to=graph.onnx.TensorProto.DOUBLE)
    both = graph.concat([present, absent])
    coef = np.vstack([[slope.coef for slope in slopes], [slope.missing for slope in slopes]])
    return graph.add("Gemm", both, graph.doubles(coef), graph.doubles(intercept))


def _interpolate(graph: Graph, slopes: tuple[Slope, ...], numbers: str, present: str) -> str:
    """Map numbers linearly between their knots; missing ones become zero."""
    searches, starts, bases, rates = Ensemble(), [], [], []
    n_rows = 0
    for i, slope in enumerate(slopes):
        cuts, start, base, rate = _pieces(slope)
        axis = Axis(slope.input, cuts, np.arange(len(cuts) + 2))
        add_search(searches, axis, i, n_rows + np.arange(len(cuts) + 2.0), i)
        n_rows += len(cuts) + 2
        starts.append(start)
        bases.append(base)
        rates.append(rate)
    piece = graph.cast_index(searches.apply(graph, numbers))
    found = [
        graph.add("Gather", graph.doubles(np.concatenate(values)), piece)
        for values in (starts, bases, rates)
    ]
    beyond = graph.add("Sub", present, found[0])
    return graph.add("Add", graph.add("Mul", beyond, found[2]), found[1])


def _pieces(slope: Slope) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the cuts of a piecewise linear map, and of each bin a start, its value and a slope."""
    if slope.knots is None or slope.values is None:
        return np.zeros(0), np.zeros(2), np.zeros(2), np.array([1.0, 0.0])
    knots, values = slope.knots, slope.values
    rates = np.diff(values) / np.diff(knots)
    start = np.concatenate([[0.0], knots[:-1], [0.0, 0.0]])
    base = np.concatenate([values[:1], values, [0.0]])
    rate = np.concatenate([[0.0], rates, [0.0, 0.0]])
    return knots, start, base, rate


def _add_tables(
    graph: Graph, columns: Columns, tables: tuple[Table, ...], intercept: np.ndarray
) -> str:
    """Look up the points of all tables, in one table with the entries of all of them."""
    searched = [table for table in tables if not _is_category(table)]
    encoded = [table for table in tables if _is_category(table)]
    points = [table.points.reshape(-1, len(intercept)) for table in (*searched, *encoded)]
    starts = np.cumsum([0, *map(len, points[:-1])]).tolist()
    entries = []
    if searched:
        entries.append(_search(graph, columns, searched, starts[: len(searched)]))
    for table, start in zip(encoded, starts[len(searched) :], strict=True):
        rows = np.arange(len(table.points), dtype=np.int64)
        entries.append(columns.encode(graph, table.axes[0], start + rows))
    points[0] = points[0] + intercept  # each row has one entry of the first table
    return _sum_rows(graph, np.concatenate(points), graph.concat(entries))


def _search(graph: Graph, columns: Columns, tables: list[Table], starts: list[int]) -> str:
    """Find the entries (N, n_tables) of rows in tables of numbers, and in those of two inputs."""
    axes = [axis for table in tables for axis in table.axes]
    numeric = sorted({axis.input for axis in axes if axis.cuts is not None})
    categories = sorted({axis.input for axis in axes if axis.cuts is None})
    parts: list[str] = []
    places: dict[int, int] = {}
    width = 0
    if numeric:
        matrix, places, width = columns.matrix(graph, numeric)
        parts.append(matrix)
    if categories:
        codes = [_codes(graph, columns, j) for j in categories]
        parts.append(graph.cast(graph.concat(codes)))
        places |= {j: width + i for i, j in enumerate(categories)}
    ensemble = Ensemble()
    for i, (table, start) in enumerate(zip(tables, starts, strict=True)):
        # The entry in a table of two inputs is the sum of what two searches find.
        steps = [len(table.points[0]), 1] if len(table.axes) == 2 else [1]
        for axis, step, offset in zip(table.axes, steps, (start, 0), strict=False):
            rows = offset + step * np.arange(axis.rows.max() + 1.0)
            add_search(ensemble, _as_number(axis), places[axis.input], rows, i)
    return graph.cast_index(ensemble.apply(graph, graph.concat(parts)))


def _is_category(table: Table) -> bool:
    return len(table.axes) == 1 and table.axes[0].cuts is None


def _codes(graph: Graph, columns: Columns, j: int) -> str:
    """Return the codes of a category as numbers."""
    codes = np.arange(columns.form.inputs[j].unseen_code + 1)
    return columns.encode(graph, Axis(j, None, codes), codes.astype(np.float32))


def _as_number(axis: Axis) -> Axis:
    """Return the axis of a category as one of its codes as numbers."""
    if axis.cuts is not None:
        return axis
    # Codes are never missing.
    cuts = np.arange(len(axis.rows) - 1) + 0.5
    return Axis(axis.input, cuts, np.append(axis.rows, axis.rows[:1]))


def _sum_rows(graph: Graph, points: np.ndarray, rows: str) -> str:
    """Sum the rows (N, n_rows) of a table of points."""
    found = graph.add("Gather", graph.doubles(points), rows)
    return graph.add("ReduceSum", found, graph.constant(np.array([1])), keepdims=0)
