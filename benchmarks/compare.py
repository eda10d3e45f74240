"""Compare two result files: what became better or worse, what fails now, what changed in cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.paired import Cell, by_student, pair
from benchmarks.results import is_ok, metric, read_rows, short, student_label
from benchmarks.tables import NOTHING, code, fixed, markdown, outcomes, percent
from benchmarks.tasks import Key, Row, key_of

__all__ = ["compare"]

# What a user of the library gets; changes of other methods are shown but break nothing.
JUDGED = "ours"

# What a model costs, of which the median change is shown.
COSTS = {
    "bytes": "bytes",
    "µs, 1 row": "us_1",
    "µs, 10k rows": "us_10k",
    "fit seconds": "fit_seconds",
}

# Marks the method of the first file where rows of both are paired.
OLDER = " (first)"


def compare(old: Path, new: Path, *, fail_on_worse: bool = False) -> tuple[str, int]:
    """Compare the cells that two result files share.

    Parameters
    ----------
    old, new : Path
        Result files, or folders with some.
    fail_on_worse : bool, default=False
        Return 1 if our method with its defaults is worse in a cell by more than noise, or if a
        cell of any method fails that did not.

    Returns
    -------
    text : str
        Markdown.
    code : int
        The exit code.

    Raises
    ------
    ValueError
        If a file has no rows, or if the files share no cell of the same data.
    """
    before, after = _load(old), _load(new)
    shared = [key for key, row in before.items() if key in after and _same_data(row, after[key])]
    if not shared:
        raise ValueError(
            f"{old} and {new} share no cell of the same data; compare runs of the same suite and "
            "data folder"
        )
    broken = [key for key in shared if is_ok(before[key]) and after[key]["status"] == "failed"]
    parts = [f"# {old} against {new}\n", _overlap(before, after, shared)]
    worse = False
    for suite in sorted({key.suite for key in shared}):
        here = [key for key in shared if key.suite == suite]
        cells = _pairs([before[key] for key in here], [after[key] for key in here])
        parts += [f"## {suite}\n", _summary(cells, before, after, here), _changed(cells)]
        worse |= any(cell.outcome == "loss" and cell.method == JUDGED for cell in cells)
    parts.append(_broken(broken, after))
    return "\n".join(part for part in parts if part), int(fail_on_worse and (worse or bool(broken)))


def _load(path: Path) -> dict[Key, Row]:
    rows = {key_of(row): row for row in read_rows(path)}
    if not rows:
        raise ValueError(f"{path}: no results; make them with `python -m benchmarks run`")
    return rows


def _same_data(old: Row, new: Row) -> bool:
    """Tell whether two rows are of the same data; rows of crashed cells do not know theirs."""
    return old.get("data_hash") in (None, new.get("data_hash")) or not is_ok(new)


def _pairs(before: Sequence[Row], after: Sequence[Row]) -> list[Cell]:
    """Pair each method with its own older self."""
    aged = [{**row, "method": f"{row['method']}{OLDER}"} for row in before]
    methods = sorted({row["method"] for row in after}, key=lambda name: (name != JUDGED, name))
    rows = [*aged, *after]
    return [cell for name in methods for cell in pair(rows, name, baseline=f"{name}{OLDER}")]


def _overlap(before: dict[Key, Row], after: dict[Key, Row], shared: Sequence[Key]) -> str:
    """Say how many cells can be compared and why others cannot."""
    other_data = len(set(before) & set(after)) - len(shared)
    return (
        f"{len(shared)} cells in both; {len(set(before) - set(after))} only in the first, "
        f"{len(set(after) - set(before))} only in the second, {other_data} on other data.\n"
    )


def _summary(
    cells: Sequence[Cell], before: dict[Key, Row], after: dict[Key, Row], keys: Iterable[Key]
) -> str:
    """Write outcomes and median changes by method and student."""
    ratios: dict[tuple[str, str, str, str], list[float]] = {}
    for key in keys:
        for name in COSTS.values():
            old, new = metric(before[key], name), metric(after[key], name)
            if old > 0 and not math.isnan(new):  # NaN is not above zero
                place = (key.method, key.student, key.size, name)
                ratios.setdefault(place, []).append(new / old - 1)
    body = []
    for method in dict.fromkeys(cell.method for cell in cells):
        groups = by_student(cell for cell in cells if cell.method == method)
        for (student, size), group in groups.items():
            changes = [ratios.get((method, student, size, name), []) for name in COSTS.values()]
            body.append(
                [
                    method,
                    student_label(student, size) or NOTHING,
                    outcomes(group),
                    percent(statistics.median(cell.relative for cell in group)),
                    *(percent(statistics.median(values or [math.nan])) for values in changes),
                ]
            )
    header = ["method", "student", "better/same/worse", "log loss or RMSE", *COSTS]
    return "Median changes from the first to the second:\n\n" + markdown(header, body, left=2)


def _changed(cells: Iterable[Cell]) -> str:
    """List the cells that changed by more than noise, the worst first."""
    changed = sorted(
        (cell for cell in cells if cell.outcome != "tie"),
        key=lambda cell: (cell.method != JUDGED, -cell.relative),
    )
    if not changed:
        return "No cell changed by more than noise.\n"
    return "Cells that changed by more than noise:\n\n" + markdown(
        ["method", "student", "data set", "teacher", "outcome", "first", "second", "change"],
        [
            [
                cell.method,
                cell.label or NOTHING,
                short(cell.dataset),
                cell.teacher,
                {"win": "better", "loss": "**worse**"}[cell.outcome],
                fixed(cell.baseline_loss, 4),
                fixed(cell.loss, 4),
                percent(cell.relative),
            ]
            for cell in changed
        ],
        left=5,
    )


def _broken(keys: Sequence[Key], after: dict[Key, Row]) -> str:
    """List the cells that failed only in the second file."""
    if not keys:
        return "No new failures.\n"
    return "## New failures\n\n" + markdown(
        ["suite", "data set", "seed", "teacher", "student", "method", "reason"],
        [
            [
                key.suite,
                short(key.dataset),
                str(key.seed),
                key.teacher,
                student_label(key.student, key.size) or NOTHING,
                key.method,
                code(after[key].get("reason", "no reason given")),
            ]
            for key in keys
        ],
        left=7,
    )
