"""Sums of what each input adds, and networks, as Python code."""

from __future__ import annotations

import numpy as np

from skdistill.export._form import Network, Slope, Sum, Table
from skdistill.export._python.code import Code, weighted
from skdistill.export._python.text import number, tuple_of


def write_sum(total: Sum, code: Code) -> None:
    """Write an intercept and what each input adds to it: a line for each input."""
    if len(total.intercept) > 1 or any(slope.knots is not None for slope in total.slopes):
        write_vector_sum(total, code)
        return
    code.body.append(f"z = {number(total.intercept[0])}")
    for slope in total.slopes:
        x, missing = f"x{slope.input}", number(slope.missing[0])
        product = weighted([(float(slope.coef[0]), x)])
        comment = code.name(slope.input)
        code.body.append(f"z += {product} if {x} == {x} else {missing}  # {comment}")
    for i, table in enumerate(total.tables):
        code.body.append(f"z += {_entry(table, i, code)}  # {_shown(table, code)}")


def write_vector_sum(total: Sum, code: Code) -> None:
    """Write a sum with several outputs, as a list ``z``."""
    code.body.append(f"z = {code.constant('_INTERCEPT', total.intercept)}")
    for slope in total.slopes:
        _write_number(slope, code)
    if total.slopes:
        weights = code.constant("_WEIGHTS", np.column_stack([s.coef for s in total.slopes]))
        code.function(_LAYER)
        variables = tuple_of([f"x{slope.input}" for slope in total.slopes])
        code.body.append(f"z = _layer({variables}, {weights}, z)")
    for i, table in enumerate(total.tables):
        code.function(_PLUS)
        code.body.append(f"z = _plus(z, {_entry(table, i, code)})  # {_shown(table, code)}")


def write_network(network: Network, code: Code) -> None:
    """Write a first layer that reads the inputs, and the others."""
    write_vector_sum(network.first, code)
    layers = zip(network.coefs, network.intercepts, strict=True)
    for i, (coef, intercept) in enumerate(layers, start=2):
        weights = code.constant(f"_WEIGHTS_{i}", coef.T)
        intercepts = code.constant(f"_INTERCEPT_{i}", intercept)
        code.function(_LAYER)
        code.body.append("z = [0.0 if value < 0.0 else value for value in z]")
        code.body.append(f"z = _layer(z, {weights}, {intercepts})")
    if len(network.intercepts[-1]) == 1:
        code.outputs = "z[0]"


def _write_number(slope: Slope, code: Code) -> None:
    """Write what a number becomes before it is weighted; what is missing adds its own weights."""
    x = f"x{slope.input}"
    code.function(_PLUS)
    missing = code.constant(f"_MISSING_{slope.input}", slope.missing)
    code.body += [
        f"if {x} != {x}:  # {code.name(slope.input)} is missing",
        f"    {x} = 0.0",
        f"    z = _plus(z, {missing})",
    ]
    if slope.knots is not None and slope.values is not None:
        code.function(_INTERPOLATE)
        knots = code.constant(f"_KNOTS_{slope.input}", slope.knots)
        values = code.constant(f"_VALUES_{slope.input}", slope.values)
        code.body += ["else:", f"    {x} = _interpolate({x}, {knots}, {values})"]


def _entry(table: Table, i: int, code: Code) -> str:
    """Return the expression of an entry of a table that lists the points of all codes."""
    points = table.points[table.axes[0].rows]
    if len(table.axes) == 2:
        points = points[:, table.axes[1].rows]
    if points.shape[-1] == 1:
        points = points[..., 0]
    entry = code.constant(f"_POINTS_{i}", points)
    for k, axis in enumerate(table.axes):
        entry += f"[{code.place(axis, f'_CUTS_{i}_{k}')}]"
    return entry


def _shown(table: Table, code: Code) -> str:
    return " and ".join(code.name(axis.input) for axis in table.axes)


_PLUS = '''
def _plus(first, second):
    """Add two sequences, number by number."""
    return [a + b for a, b in zip(first, second)]
'''

_LAYER = '''
def _layer(inputs, weights, intercepts):
    """Return the intercepts and the inputs times the weights of each output."""
    return [b + sum(map(mul, w, inputs)) for w, b in zip(weights, intercepts)]
'''

_INTERPOLATE = '''
def _interpolate(x, knots, values):
    """Return the value at x of the line through the knots, which is flat outside."""
    i = bisect_right(knots, x)
    if i == 0:
        return values[0]
    if i == len(knots):
        return values[-1]
    slope = (values[i] - values[i - 1]) / (knots[i] - knots[i - 1])
    return slope * (x - knots[i - 1]) + values[i - 1]
'''
