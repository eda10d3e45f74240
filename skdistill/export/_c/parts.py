"""C code of a student's outputs: fixed functions that read tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.export._c.tables import Tables
from skdistill.export._form import Axis, Feature, Number

COUNT_BELOW = """\
/* How many of n increasing numbers are below x; without branches, which cannot be foreseen. */
static int count_below(const real *sorted, int n, real x)
{
    const real *low = sorted;
    while (n > 1) {
        const int half = n / 2;
        low += half * (low[half - 1] < x);
        n -= half;
    }
    return (int)(low - sorted) + (n == 1 && low[0] < x);
}
"""

# Steps are written out, which is faster than a loop: cuts are searched most of the time.
COUNT_CUTS = """\
/* How many of n increasing cuts are below x, in as many steps as n has bits; without branches that
   cannot be foreseen. */
static int count_cuts(const real *sorted, int n, int steps, real x)
{
    const real *low = sorted;
    int half;
    if (n == 0)
        return 0;
    half = 1 << (steps - 1);
    /* the others are one less than a power of two */
    low += (n - half + 1) * (low[n - half] < x);
    switch (steps) {
@STEPS@    default:
        break;
    }
    return (int)(low - sorted);
}
"""

AXIS_ROW = """\
/* The row of a table for what an input holds. */
static int axis_row(const real *row, int i)
{
    const struct axis *a = &axes[i];
    const real x = row[a->input];
    const int n = a->n;
    int code;
@CODE@
    return @ROW@;
}
"""

CATEGORIES = """\
    if (isnan(x))
        code = n;
    else /* codes are whole numbers; all others are levels never seen */
        code = x >= 0 && x < (real)n && x == (real)(int)x ? (int)x : n + 1;
"""

NUMBERS = """\
    code = isnan(x) ? n + 1 : count_cuts(cuts + a->cut, n, a->steps, x);
"""

BOTH = """\
    if (a->cut >= 0)
        code = isnan(x) ? n + 1 : count_cuts(cuts + a->cut, n, a->steps, x);
    else if (isnan(x))
        code = n;
    else /* codes are whole numbers; all others are levels never seen */
        code = x >= 0 && x < (real)n && x == (real)(int)x ? (int)x : n + 1;
"""

FEATURE = """\
/* What splits compare: an input, or a number for each of its values. */
static real feature(const real *row, int i)
{
    const struct feature *f = &features[i];
    return @NUMBER@(real)lookups[f->start + axis_row(row, f->from)];
}
"""


class Source:
    """Tables and functions of a C source, as they are added.

    Attributes
    ----------
    tables : Tables
    real_bytes : int
        Bytes of a real number.
    functions : list of str
    stack_bytes : int
        Bytes of the arrays of the functions that are active at the same time.
    """

    def __init__(self, *, single: bool) -> None:
        self.tables = Tables(single=single)
        self.functions: list[str] = []
        self.real_bytes = 4 if single else 8
        self.stack_bytes = 0

    def function(self, code: str) -> None:
        """Add a function, unless it is there already."""
        if code not in self.functions:
            self.functions.append(code)

    def constant(self, name: str, value: int) -> None:
        """Give a number a name."""
        self.functions.append(f"enum {{ {name} = {value} }};\n")


class Kept:
    """Arrays one after the other; equal ones are kept once."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self._places: dict[bytes, int] = {}

    def place(self, values: np.ndarray) -> int:
        """Return where an array starts, keeping it if it is new."""
        key = values.tobytes()
        if key not in self._places:
            self._places[key] = sum(map(len, self.parts))
            self.parts.append(values)
        return self._places[key]


class Axes:
    """The axes of a source; equal ones, and equal cuts, are kept once."""

    def __init__(self) -> None:
        self._members: dict[tuple, int] = {}
        self._cuts, self._rows = Kept(), Kept()

    def place(self, axis: Axis) -> int:
        """Return the index of an axis."""
        n, cut = len(axis.rows) - 2, -1
        if axis.cuts is not None:
            n, cut = len(axis.cuts), self._cuts.place(axis.cuts)
        identity = np.array_equal(axis.rows, np.arange(len(axis.rows)))
        row = -1 if identity else self._rows.place(axis.rows)
        return self._members.setdefault((axis.input, n, cut, row), len(self._members))

    def write(self, source: Source) -> None:
        """Add the tables and the function that looks a row up."""
        tables = source.tables
        places, n, cut, row = np.array(list(self._members), dtype=np.int64).T
        struct = {"input": places, "n": n}
        code, found = CATEGORIES, "code"
        if (cut >= 0).any():
            code = NUMBERS if (cut >= 0).all() else BOTH
            struct["cut"] = cut
            steps = [int(m).bit_length() for m in np.where(cut >= 0, n, 0)]
            struct["steps"] = np.array(steps)
            cuts = np.concatenate(self._cuts.parts)
            tables.reals("cuts", cuts if len(cuts) else np.zeros(1))
            source.function(_count_cuts(max(steps)))
        if self._rows.parts:
            tables.ints("axis_rows", np.concatenate(self._rows.parts))
        if (row >= 0).any():
            found = "axis_rows[a->row + code]"
            if (row < 0).any():
                found = f"a->row < 0 ? code : {found}"
            struct["row"] = row
        tables.structs("axes", "axis", struct)
        source.function(AXIS_ROW.replace("@CODE@\n", code).replace("@ROW@", found))


def write_features(source: Source, features: Sequence[Feature]) -> tuple[np.ndarray, str]:
    """Add what splits compare.

    Returns
    -------
    places : ndarray of int
        What a split stores for each feature.
    read : str
        C expression of the value of the feature `@`.
    """
    if all(isinstance(f, Number) for f in features):
        return np.array(
            [f.input for f in features if isinstance(f, Number)], dtype=np.int64
        ), "row[@]"
    axes, lookups = Axes(), list[np.ndarray]()
    origin, start, n_values = [], [], 0
    for f in features:
        if isinstance(f, Number):
            origin.append(f.input)
            start.append(-1)
        else:
            origin.append(axes.place(f.axis))
            start.append(n_values)
            lookups.append(f.values)
            n_values += len(f.values)
    axes.write(source)
    source.tables.numbers("lookups", np.concatenate(lookups))
    source.tables.structs("features", "feature", {"from": origin, "start": start})
    number = "f->start < 0 ? row[f->from] : " if min(start) < 0 else ""
    source.function(FEATURE.replace("@NUMBER@", number))
    return np.arange(len(features)), "feature(row, @)"


def _count_cuts(steps: int) -> str:
    """Write the search of cuts in so many steps at most."""
    lines = []
    for k in range(steps, 1, -1):
        half = 2 ** (k - 2)
        lines.append(f"    case {k}:\n        low += {half} * (low[{half - 1}] < x);\n")
    return COUNT_CUTS.replace("@STEPS@", "        /* fall through */\n".join(lines))
