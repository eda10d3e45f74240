"""Values and names as the text of Python code that cannot mean anything else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from skdistill.exceptions import ExportError

INDENT = "    "

# Lines of tables are filled up to so many characters.
WIDTH = 96

# Characters that a comment shows of one name.
SHOWN = 40

# All whole numbers up to here are float64 values.
EXACT = 2.0**53


def literal(value: Any) -> str:
    """Write a level, a class or a name.

    Raises
    ------
    ExportError
        If it is neither a string, a number nor a boolean.

    Examples
    --------
    >>> literal("b"), literal(True), literal(float("inf"))
    ("'b'", 'True', 'inf')
    """
    if isinstance(value, str):
        return repr(str(value))  # escapes what cannot be printed, lone surrogates too
    if isinstance(value, bool | np.bool_):
        return repr(bool(value))
    if isinstance(value, int | np.integer):
        return repr(int(value))
    if isinstance(value, float | np.floating):
        return number(float(value))
    raise ExportError(
        f"The label {value!r} is a {type(value).__name__}, which has no form in Python code; fit "
        "the student on strings, numbers or booleans."
    )


def number(value: float) -> str:
    """Write a float so that it is read as the same one; `inf` and `nan` are imported names."""
    return repr(float(value))


def bound(value: float) -> str:
    """Write a threshold so that whole numbers of any size are compared as if they were floats.

    Python compares integers with floats exactly, while a student rounds them to float64 first. Far
    from zero the largest integer that is rounded to at most the threshold stands for it.

    Examples
    --------
    >>> bound(0.1), bound(2.0**53), float(2**53 + 1) <= 2.0**53, 2**53 + 1 <= 2.0**53
    ('0.1', '9007199254740993', True, False)
    """
    if not math.isfinite(value) or abs(value) < EXACT:
        return number(value)
    above = math.nextafter(value, math.inf)
    if math.isinf(above):
        return number(above)  # no number is larger
    largest = (int(value) + int(above)) // 2
    return repr(largest if float(largest) <= value else largest - 1)


def in_comment(text: Any) -> str:
    """Write a name or a level on one line, cut if it is long."""
    if isinstance(text, str):
        return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
    return literal(text)


def numbers(values: Iterable[float]) -> list[str]:
    """Write many floats."""
    return [number(value) for value in np.asarray(values, dtype=np.float64).tolist()]


def tuple_of(items: Sequence[str]) -> str:
    """Write a tuple on one line."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def table(values: np.ndarray, indent: str = "") -> str:
    """Write an array as nested tuples, whose lines after the first have an indentation."""
    if values.ndim == 1:
        return wrapped(numbers(values), indent=indent)
    inner = indent + INDENT
    rows = "".join(f"{inner}{table(row, inner)},\n" for row in values)
    return f"(\n{rows}{indent})"


def wrapped(items: Sequence[str], brackets: str = "()", indent: str = "") -> str:
    """Write a sequence on one line if it is short, or fill lines with its items."""
    trailing = "," if len(items) == 1 and brackets == "()" else ""
    line = f"{brackets[0]}{', '.join(items)}{trailing}{brackets[1]}"
    if len(indent) + len(line) <= WIDTH:
        return line
    lines, current = [], ""
    for item in items:
        if current and len(current) + len(item) + 2 > WIDTH - len(indent):
            lines.append(current)
            current = ""
        current += f"{' ' if current else indent + INDENT}{item},"
    return "\n".join([brackets[0], *lines, current, indent + brackets[1]])
