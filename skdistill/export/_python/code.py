"""The lines of a Python form, while they are written."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skdistill.export._form import Axis, Input
from skdistill.export._python.text import bound, in_comment, numbers, table, wrapped


@dataclass
class Code:
    """Lines of a Python form.

    Attributes
    ----------
    inputs : tuple of Input
        The columns of a row. Input 3 has the variable ``x3`` where the body starts: a float, NaN
        where it is missing, or the code of a category.
    constants, functions, body : list of str
        Tables, what the body calls, and the body, without indentation, from the inputs to the
        outputs.
    outputs : str
        Expression of the outputs: a number if there is one, else a sequence. Empty if the body
        returns them.
    """

    inputs: tuple[Input, ...]
    constants: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    outputs: str = "z"

    def constant(self, name: str, values: np.ndarray) -> str:
        """Define a table and return its name."""
        self.constants.append(f"{name} = {table(np.asarray(values, dtype=np.float64))}")
        return name

    def function(self, source: str) -> None:
        """Define a function, once."""
        if source.strip("\n") not in self.functions:
            self.functions.append(source.strip("\n"))

    def name(self, j: int) -> str:
        """Return the name of an input as a comment shows it."""
        return in_comment(self.inputs[j].name)

    def place(self, axis: Axis, name: str) -> str:
        """Return the expression of the place of a value in a table that lists all its codes.

        Parameters
        ----------
        axis : Axis
        name : str
            A name for the table of its cuts.
        """
        variable = f"x{axis.input}"
        if axis.cuts is None:
            return variable
        self.constants.append(f"{name} = {wrapped([bound(cut) for cut in axis.cuts.tolist()])}")
        # The last place is that of missing values.
        return f"bisect_left({name}, {variable}) if {variable} == {variable} else -1"


def weighted(terms: list[tuple[float, str]], start: float | None = None) -> str:
    """Write a sum of products; long ones in groups, for the parser's stack has an end.

    Examples
    --------
    >>> weighted([(0.5, "x0"), (-2.0, "x1")], 1.0)
    '1.0 + 0.5 * x0 - 2.0 * x1'
    """
    parts = [] if start is None else numbers([start])
    for coef, variable in terms:
        shown = numbers([abs(coef)])[0]
        sign = "-" if np.signbit(coef) else "+"
        first = f"-{shown}" if sign == "-" else shown
        parts.append(f"{sign} {shown} * {variable}" if parts else f"{first} * {variable}")
    if not parts:
        return "0.0"
    groups = [" ".join(parts[i : i + 32]) for i in range(0, len(parts), 32)]
    if len(groups) == 1:
        return groups[0]
    return " + ".join([f"({groups[0]})", *(f"(0.0 {group})" for group in groups[1:])])
