"""The part of a Python form that reads a row: a function which most rows pass in no time."""

from __future__ import annotations

from skdistill.export._form import Form
from skdistill.export._python.text import INDENT, literal, wrapped

CAREFULLY = "return _read_carefully(row)"


class RowReader:
    """What a Python form looks at in a row, and the code that reads it.

    The fast way takes lists, tuples and dicts, and adds the numbers up: the sum shows at once that
    all are Python's own, neither missing nor infinite. Whatever else there is takes the careful
    way, value by value, which finds out what is wrong, or that nothing is.

    Parameters
    ----------
    form : Form

    Attributes
    ----------
    used : list of int
        Inputs that are looked at, in their order.
    names : dict of int to str
        The variable of each of them: ``x3``.
    """

    def __init__(self, form: Form) -> None:
        self.inputs = form.inputs
        self.used = [j for j, column in enumerate(form.inputs) if column.used]
        self.names = {j: f"x{j}" for j in self.used}

    def unpack(self, row: str) -> list[str]:
        """Return the lines that take the values of the row, as `_read` returns them."""
        if not self.used:
            return [row]
        return [f"{wrapped([self.names[j] for j in self.used], indent=INDENT)} = {row}"]

    def constants(self) -> list[str]:
        """Return the lines that define the names and levels."""
        lines = [f"FEATURES = {wrapped([literal(column.name) for column in self.inputs])}", ""]
        names = wrapped([literal(self.inputs[j].name) for j in self.used])
        positions = wrapped([str(j) for j in self.used])
        if len(self.used) == len(self.inputs):
            names, positions = "FEATURES", f"range({len(self.inputs)})"
        lines += [
            "# What the model looks at: names, positions, and the levels of categories with their",
            "# codes; that of a level never seen is the next one.",
            f"_USED = {names}",
            f"_POSITIONS = {positions}",
        ]
        for j in self._categories():
            column = self.inputs[j]
            items = [f"{literal(level)}: {c}" for c, level in enumerate(column.levels or ())]
            items.append(f"None: {column.missing_code}")
            lines.append(f"_LEVELS_{j} = {wrapped(items, '{}')}")
            lines.append(f"_UNSEEN_{j} = {{str: {column.unseen_code}}}")
        levels = [f"_LEVELS_{j}" if j in self._categories() else "None" for j in self.used]
        return [*lines, f"_LEVELS = {wrapped(levels)}"]

    def source(self) -> str:
        """Return the source of `_read` and of what it needs."""
        numeric = [self.names[j] for j in self.used if self.inputs[j].levels is None]
        if len(numeric) == len(self.inputs):
            take, added, listed, result = self._take_all(), "row", "*row", "row"
        else:
            take, added, listed = self._take_used(), _tuple(numeric), ", ".join(numeric)
            result = _tuple([self.names[j] for j in self.used])
        lines = [
            "def _read(row):",
            '    """Return the values that the model looks at."""',
            "    try:",
            *(INDENT * 2 + line for line in take),
            f"        total = sum({added}, 0.0)",
            "        if type(total) is float:",
            f"            if total - total == 0.0 or hypot({listed}) != inf:",
            f"                return {result}",
            "    except (KeyError, OverflowError, TypeError, ValueError):",
            "        pass  # a value is missing, or a wrong one: the careful way tells",
            f"    {CAREFULLY}",
        ]
        return "\n".join([*lines, "", "", _CAREFUL_SOURCE.strip("\n")])

    def _take_all(self) -> list[str]:
        """Return the lines that make the row one of numbers alone, all of which are used."""
        return [
            "kind = type(row)",
            "if kind is dict:",
            f"    {'row = [row[name] for name in FEATURES]' if self._unique() else CAREFULLY}",
            f"elif kind is not list and kind is not tuple or len(row) != {len(self.inputs)}:",
            f"    {CAREFULLY}",
        ]

    def _take_used(self) -> list[str]:
        """Return the lines that take the values apart and look the levels up."""
        used = _tuple([self.names[j] for j in self.used])
        everything = _tuple([self.names.get(j, "_") for j in range(len(self.inputs))])
        named = self.used and self._unique()
        return [
            "kind = type(row)",
            "if kind is list or kind is tuple:",
            f"    {everything} = row",
            "elif kind is dict:",
            f"    {f'{used} = [row[name] for name in _USED]' if named else CAREFULLY}",
            "else:",
            f"    {CAREFULLY}",
            *(
                f"x{j} = _LEVELS_{j}[x{j}] if x{j} in _LEVELS_{j} else _UNSEEN_{j}[type(x{j})]"
                for j in self._categories()
            ),
        ]

    def _unique(self) -> bool:
        return len({column.name for column in self.inputs}) == len(self.inputs)

    def _categories(self) -> list[int]:
        return [j for j in self.used if self.inputs[j].levels is not None]


def _tuple(names: list[str]) -> str:
    return wrapped(names, indent=INDENT * 3)


_CAREFUL_SOURCE = '''
def _read_carefully(row):
    """Return the values that the model looks at, whatever they are, or raise."""
    if isinstance(row, (str, bytes, bytearray, set, frozenset)):
        raise TypeError("A row must be a list, a tuple or a dict, got a %s." % type(row).__name__)
    if hasattr(row, "keys"):
        if len(set(FEATURES)) < len(FEATURES):
            raise TypeError("Two features have the same name; give a row as a list.")
        names = set(row.keys())
        absent = [name for name in _USED if name not in names]
        if absent:
            raise ValueError("The row has no " + ", ".join(map(repr, absent)) + ".")
        values = [row[name] for name in _USED]
    else:
        row = list(row)
        if len(row) != len(FEATURES):
            raise ValueError(
                "A row must have %d values, those of FEATURES, got %d." % (len(FEATURES), len(row))
            )
        values = [row[i] for i in _POSITIONS]
    read = []
    for name, value, levels in zip(_USED, values, _LEVELS):
        if levels is not None:
            value = _code(name, value, levels)
        elif type(value) is not float or value - value != 0.0:
            value = _number(name, value)
        read.append(value)
    return read


def _number(name, value):
    """Return a number as a float, NaN where it is missing."""
    if value is None:
        return nan
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError
        value = float(value)
    except OverflowError:
        value = inf
    except (TypeError, ValueError):
        raise TypeError(
            "%r must be a number, or None where it is missing, got %r." % (name, value)
        ) from None
    if value in (inf, -inf):
        raise ValueError("%r is infinite or too large for a float." % (name,))
    return value


def _code(name, value, levels):
    """Return the position of a level, that of None where it is missing, or one behind all."""
    if isinstance(value, (str, int, float)) or hasattr(value, "__float__"):
        return levels[None] if value != value else levels.get(value, len(levels))
    if value is not None:
        raise TypeError("%r must be a string, a number or None, got %r." % (name, value))
    return levels[None]
'''
