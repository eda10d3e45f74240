"""C code that finds rows of tables by numbers: searches side by side, written out.

A search is a chain of comparisons, each of which waits for the one before. Done one column after
the other they keep a processor waiting; with the same step of all columns next to each other it
always has something to compute. For that, and as no step has to read what it compares with from a
table first, there is a line for each step of each column, and no loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from skdistill.export._c.parts import Kept, Source
from skdistill.export._form import Axis, Table

# Inputs that are looked up side by side: as many as a processor can look ahead, in little stack.
BLOCK = 16

LEVEL_CODE = """\
/* The code of a level: codes are whole numbers; all others are levels never seen. */
static int level_code(real x, int n)
{
    if (isnan(x))
        return n;
    return x >= 0 && x < (real)n && x == (real)(int)x ? (int)x : n + 1;
}
"""

COMMENT = """\
/* Looks some inputs up: how many of its cuts are below each number, or the code of its level. The
   same step of all searches is side by side, so that none has to wait for another. */"""

PAIRS = """\
    for (i = 0; i < N_PAIRS; ++i) {
        const struct pair *p = &pairs[i];
        const int r = found[p->axis] * p->width + found[p->other];
        for (k = 0; k < N_SUMS; ++k)
            @OUT@[k] += points[p->start + r * N_SUMS + k];
    }
"""


@dataclass
class Lookup:
    """An input that is looked up once for all tables.

    Attributes
    ----------
    name : str
        What its variables in C end with.
    input, n : int
        Its place in a row, and how many cuts or levels it has.
    cut : int
        Where its cuts start; -1 for a category.
    tables : list of (int, int)
        Tables of this input alone: where its rows start among all rows (-1: they are the codes),
        and its points among all points.
    found : dict of int to int
        For pairs: where rows start among all rows, and where the one found is stored.
    """

    name: str
    input: int
    n: int
    cut: int
    tables: list[tuple[int, int]] = field(default_factory=list)
    found: dict[int, int] = field(default_factory=dict)


class Lookups:
    """The inputs that tables are looked up by; equal cuts and equal rows are kept once."""

    def __init__(self) -> None:
        self._members: dict[tuple[int, int, int], Lookup] = {}
        self._cuts, self._rows = Kept(), Kept()
        self._n_found = 0

    def add_table(self, axis: Axis, start: int) -> None:
        """Add a table of one input, whose points start there."""
        identity = np.array_equal(axis.rows, np.arange(len(axis.rows)))
        row = -1 if identity else self._rows.place(axis.rows)
        self._lookup(axis).tables.append((row, start))

    def add_found(self, axis: Axis) -> int:
        """Return the index among the rows found for pairs."""
        found = self._lookup(axis).found
        row = self._rows.place(axis.rows)
        if row not in found:
            found[row] = self._n_found
            self._n_found += 1
        return found[row]

    def write(self, source: Source, out: str) -> str:
        """Add tables and functions; return the code that adds points and finds rows for pairs.

        Parameters
        ----------
        source : Source
        out : str
            The array that points are added to, "out" or, of whole numbers, "sums".
        """
        if any(map(len, self._cuts.parts)):
            source.tables.reals("cuts", np.concatenate(self._cuts.parts))
        if self._rows.parts:
            source.tables.ints("axis_rows", np.concatenate(self._rows.parts))
        members = list(self._members.values())
        if any(one.cut < 0 for one in members):
            source.function(LEVEL_CODE)
        source.stack_bytes += 4 * self._n_found
        source.stack_bytes += (source.real_bytes + 4) * min(len(members), BLOCK)
        lines = [f"    int found[{self._n_found}];"] if self._n_found else []
        for i in range(0, len(members), BLOCK):
            lines.append(_write_block(source, members[i : i + BLOCK], out))
        return "\n".join([*lines, ""])

    def _lookup(self, axis: Axis) -> Lookup:
        n, cut = len(axis.rows) - 2, -1
        if axis.cuts is not None:
            n, cut = len(axis.cuts), self._cuts.place(axis.cuts)
        new = Lookup(str(len(self._members)), axis.input, n, cut)
        return self._members.setdefault((axis.input, n, cut), new)


def write_lookups(source: Source, parts: tuple[Table, ...], starts: np.ndarray, out: str) -> str:
    """Add tables of one input or two; return the code that adds their points to an array."""
    lookups, pairs = Lookups(), []
    for part, start in zip(_share_cuts(parts), starts.tolist(), strict=True):
        if len(part.axes) == 1:
            lookups.add_table(part.axes[0], start)
        else:
            found = [lookups.add_found(axis) for axis in part.axes]
            pairs.append((*found, part.points.shape[1], start))
    code = lookups.write(source, out)
    if not pairs:
        return code
    members = dict(zip(("axis", "other", "width", "start"), np.array(pairs).T, strict=True))
    source.tables.structs("pairs", "pair", members)
    source.constant("N_PAIRS", len(pairs))
    return code + PAIRS.replace("@OUT@", out)


def _write_block(source: Source, members: list[Lookup], out: str) -> str:
    """Add the function that looks some inputs up and adds their points; return its call."""
    name = f"look_up_{members[0].name}"
    numbers = [one for one in members if one.cut >= 0]
    lines = [f"    const real x{one.name} = row[{one.input}];" for one in numbers]
    lines += _search(numbers)
    for one in (one for one in members if one.cut < 0):
        lines.append(f"    const int c{one.name} = level_code(row[{one.input}], {one.n});")
    given = {"row": "const real *row"}
    for one in members:
        for row, place in one.found.items():
            given["found"] = "int *found"
            lines.append(f"    found[{place}] = axis_rows[{row} + c{one.name}];")
    added = [f"        {out}[k] += points[{place}];" for one in members for place in _places(one)]
    if added:
        given[out] = f"{'int32_t' if out == 'sums' else 'real'} *{out}"
        lines += ["    int k;", "    for (k = 0; k < N_SUMS; ++k) {", *added, "    }"]
    start = f"static void {name}({', '.join(given.values())})"
    source.function("\n".join([COMMENT, start, "{", *lines, "}\n"]))
    return f"    {name}({', '.join(given)});"


def _places(one: Lookup) -> Iterator[str]:
    """Write where the points of each table of an input are."""
    for row, start in one.tables:
        found = f"c{one.name}" if row < 0 else f"axis_rows[{row} + c{one.name}]"
        yield f"{start} + N_SUMS * {found} + k"


def _search(numbers: list[Lookup]) -> Iterator[str]:
    """Write the searches of some numbers, the same step of all of them next to each other.

    The first step leaves one less than a power of two cuts, of which each other step takes half.
    None has branches that cannot be foreseen.
    """
    for one in numbers:
        first = one.n - 2 ** max(0, one.n.bit_length() - 1) + 1
        below = f"{first} * (cuts[{one.cut + first - 1}] < x{one.name})" if one.n else "0"
        yield f"    int c{one.name} = {below};"
    for bits in range(max((one.n.bit_length() for one in numbers), default=0), 1, -1):
        half = 2 ** (bits - 2)
        for one in (one for one in numbers if one.n.bit_length() >= bits):
            name, place = one.name, one.cut + half - 1
            yield f"    c{name} += {half} * (cuts[{place} + c{name}] < x{name});"
    for one in numbers:
        yield f"    if (isnan(x{one.name}))\n        c{one.name} = {one.n + 1};"


def _share_cuts(parts: tuple[Table, ...]) -> tuple[Table, ...]:
    """Let axes have the most cuts of their input, where theirs are among these.

    One search then serves all of them: rows of coarse axes follow from that of the finest.
    """
    finest: dict[int, np.ndarray] = {}
    for axis in (axis for part in parts for axis in part.axes):
        if axis.cuts is not None and len(axis.cuts) > len(finest.get(axis.input, ())):
            finest[axis.input] = axis.cuts

    def shared(axis: Axis) -> Axis:
        cuts = finest.get(axis.input)
        if axis.cuts is None or cuts is None or not np.isin(axis.cuts, cuts).all():
            return axis
        # Of the numbers below the first cut, between cuts, and missing ones.
        codes = [0, *np.searchsorted(axis.cuts, cuts, side="right"), len(axis.cuts) + 1]
        return replace(axis, cuts=cuts, rows=axis.rows[codes])

    return tuple(Table(tuple(map(shared, part.axes)), part.points) for part in parts)
