"""Text of tables: Markdown rows, numbers as readers want them, means over common sets."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.paired import Cell, Interval, count_outcomes
from benchmarks.results import is_ok, metric, short
from benchmarks.tasks import Row

__all__ = [
    "NOTHING",
    "by_set",
    "change",
    "code",
    "common_mean",
    "common_median",
    "fixed",
    "interval",
    "joined",
    "markdown",
    "outcomes",
    "percent",
    "plural",
    "quantity",
    "size_text",
]

NOTHING = "–"  # noqa: RUF001  (an en dash: a minus would look like a number)

# (student, size, method), and by it the value of each set, averaged over seeds.
Group = tuple[str, str, str]
BySet = dict[Group, dict[str, float]]


def markdown(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, last: int = 0
) -> str:
    """Write a Markdown table.

    Parameters
    ----------
    header : sequence of str
        Titles of the columns.
    rows : iterable of sequence of str
        Cells; those of a column in a row of their own.
    left, last : int
        How many of the first and of the last columns are text; those between are numbers, aligned
        to the right.

    Returns
    -------
    text : str
        Ends with a line feed.
    """
    numbers = range(left, len(header) - last)
    marks = ["---:" if column in numbers else "---" for column in range(len(header))]
    lines = [_line(header), _line(marks), *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def fixed(value: float, digits: int = 3) -> str:
    """Write a number with so many decimals; a dash for NaN."""
    if math.isnan(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def percent(value: float) -> str:
    """Write a share as a signed percentage; a dash for NaN."""
    if math.isnan(value):
        return NOTHING
    text = f"{100 * value:+.1f} %"
    return "0.0 %" if text in ("+0.0 %", "-0.0 %") else text


def quantity(value: float) -> str:
    """Write a positive quantity with about three digits: 0.45, 12.3, 1240, 1.2 million."""
    if math.isnan(value):
        return NOTHING
    if value >= 1e6:
        return f"{value / 1e6:.1f} million"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def size_text(n_bytes: float) -> str:
    """Write a size in bytes, kB or MB."""
    if math.isnan(n_bytes):
        return NOTHING
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}" if n_bytes < 1e9 else f"{n_bytes / 1e6:.0f} MB"
    return f"{n_bytes:.0f} B"


def interval(value: Interval) -> str:
    """Write a median with its interval."""
    if math.isnan(value.low):
        return fixed(value.median, 2)
    return f"{fixed(value.median, 2)} [{fixed(value.low, 2)}, {fixed(value.high, 2)}]"


def outcomes(cells: Iterable[Cell]) -> str:
    """Write wins, ties and losses as 5/2/1."""
    return "/".join(str(count) for count in count_outcomes(cells))


def change(cells: Sequence[Cell]) -> str:
    """Write the median change of loss, and in brackets wins, ties and losses; a dash for none."""
    if not cells:
        return NOTHING
    return f"{percent(statistics.median(cell.relative for cell in cells))} ({outcomes(cells)})"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: 1 loss, 2 losses, 3 wins."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{ending}"


def joined(names: Iterable[str], *, nothing: str = NOTHING) -> str:
    """Join names of data sets; say `nothing` where there are none."""
    return ", ".join(short(name) for name in names) or nothing


def code(text: str) -> str:
    """Write foreign text as code: nothing in it is taken for markup."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def by_set(rows: Iterable[Row], name: str) -> BySet:
    """Collect a measure by student, size and method, then by set, averaged over seeds.

    Parameters
    ----------
    rows : iterable of dict
        Result rows of one suite and teacher.
    name : str
        The measure, as :func:`benchmarks.results.metric` takes it.

    Returns
    -------
    values : dict of (student, size, method) to dict of data set to float
    """
    values: dict[Group, dict[str, list[float]]] = {}
    for row in rows:
        value = metric(row, name) if is_ok(row) else math.nan
        if not math.isnan(value):
            group = values.setdefault((row["student"], row["size"], row["method"]), {})
            group.setdefault(row["dataset"], []).append(value)
    return {
        group: {dataset: statistics.fmean(found) for dataset, found in sets.items()}
        for group, sets in values.items()
    }


def common_mean(values: BySet, groups: Sequence[Group]) -> tuple[dict[Group, float], int]:
    """Average each group over the sets that all of them have; return also their number.

    Groups without any value are left out first, so that one that never ran hides no other.
    """
    return _over_common(values, groups, statistics.fmean)


def common_median(values: BySet, groups: Sequence[Group]) -> tuple[dict[Group, float], int]:
    """Take the median of each group over the sets that all of them have, and their number."""
    return _over_common(values, groups, statistics.median)


def _over_common(
    values: BySet, groups: Sequence[Group], summary: Callable[[list[float]], float]
) -> tuple[dict[Group, float], int]:
    present = [group for group in groups if group in values]
    if not present:
        return {}, 0
    common = sorted(set.intersection(*(set(values[group]) for group in present)))
    if not common:
        return {}, 0
    return {group: summary([values[group][name] for name in common]) for group in present}, len(
        common
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
