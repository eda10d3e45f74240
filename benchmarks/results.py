"""Result files: one JSON object a line, one line a cell, appended as cells end."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.tasks import Key, Row, key_of

__all__ = [
    "NO_SEARCH",
    "append_row",
    "by_suite",
    "drop_superseded",
    "is_ok",
    "main_teacher",
    "metric",
    "read_rows",
    "reference",
    "short",
    "student_label",
    "student_order",
]

SIGNIFICANT_DIGITS = 6

# Ours by fixed rules, one fit.
NO_SEARCH = "ours-no_search"

# Families from the simplest form to the richest; others follow in alphabetical order.
FAMILIES = ("tree", "linear leaves", "linear", "additive", "mlp", "boosting", "pruned")


def append_row(path: Path, row: Row) -> None:
    """Add one row to a result file, which is made where there is none.

    The line is written by one call in append mode, so that processes that share the file do not
    cut each other's lines. Where a crash left the last line cut, the new one starts below it.

    Parameters
    ----------
    path : Path
        The file.
    row : dict
        The cell. Floats are kept to 6 significant digits; those that are not finite become null.

    Raises
    ------
    KeyError
        If a part of the key is missing.
    """
    key_of(row)
    line = json.dumps(_plain(row), separators=(",", ":"), allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            line = line if os.read(descriptor, 1) == b"\n" else "\n" + line
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_rows(path: Path) -> list[Row]:
    """Read a result file, or all ``*.jsonl`` of a folder in the order of their names.

    Parameters
    ----------
    path : Path
        File or folder.

    Returns
    -------
    rows : list of dict
        The last row of each key: a cell that was tried again counts once. Empty where there is no
        such file yet.

    Raises
    ------
    ValueError
        If a line is not a result row. A line that a crash cut short is left out with a warning.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    return drop_superseded(row for file in files if file.exists() for row in _rows(file))


def drop_superseded(rows: Iterable[Row]) -> list[Row]:
    """Keep the last row of each key, at the place of the first."""
    last: dict[Key, Row] = {}
    for row in rows:
        last[key_of(row)] = row
    return list(last.values())


def by_suite(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows by suite."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["suite"], []).append(row)
    return groups


def is_ok(row: Row) -> bool:
    """Tell whether the cell was computed."""
    return bool(row["status"] == "ok")


def metric(row: Row, name: str) -> float:
    """Return a measure of a row; NaN where it has none.

    Parameters
    ----------
    row : dict
        The cell.
    name : str
        A name in ``metrics``, ``"fidelity.NAME"``, or a field of the row such as ``"bytes"``.
    """
    group, _, field = name.rpartition(".")
    source = row.get(group or "metrics") or {}
    value = source.get(field) if group or field in source else row.get(field)
    return math.nan if value is None else float(value)


def main_teacher(rows: Iterable[Row]) -> str:
    """Return the teacher with most computed cells; the first by name among equals."""
    counts: dict[str, int] = {}
    for row in rows:
        if is_ok(row) and row["teacher"]:
            counts[row["teacher"]] = counts.get(row["teacher"], 0) + 1
    return min(counts, key=lambda name: (-counts[name], name), default="")


def reference(rows: Iterable[Row]) -> str:
    """Name what methods of one fit are compared with: ours without the search.

    Rows of before there was a search have ours alone, which was one fit then.
    """
    searched = any(is_ok(row) and row["method"] == NO_SEARCH for row in rows)
    return NO_SEARCH if searched else "ours"


def student_label(student: str, size: str) -> str:
    """Name a student and its size as tables and figures do."""
    return f"{student} {size}".strip()


def student_order(item: tuple[str, str]) -> tuple[int, str, float, str]:
    """Sort key for (student, size): families from simple to rich, sizes by number."""
    student, size = item
    rank = FAMILIES.index(student) if student in FAMILIES else len(FAMILIES)
    number = float(size) if size.replace(".", "", 1).isdigit() else 0.0
    return rank, student, number, size


def short(dataset: str) -> str:
    """Name a data set in tables: without the prefix of its source."""
    return dataset.rpartition(":")[2]


def _rows(file: Path) -> Iterable[Row]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                key_of(row)
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                if isinstance(error, json.JSONDecodeError) and line.startswith("{"):
                    warnings.warn(f"{file}:{number}: left out a cut line", stacklevel=2)
                    continue
                raise ValueError(f"{file}:{number}: not a result row: {line[:60]!r}") from error
            yield row


def _plain(value: Any) -> Any:
    """Make a value ready for JSON: NumPy's scalars become Python's, floats are rounded."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    return value
