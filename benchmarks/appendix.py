"""Sections on the other suites, on what failed or never ran, and on how it was run."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.dao import PUBLISHED
from benchmarks.paired import Cell, pair
from benchmarks.results import by_suite, is_ok, metric, short, student_label, student_order
from benchmarks.tables import code, fixed, joined, markdown, outcomes, quantity
from benchmarks.tasks import Key, Row, key_of, split_size

__all__ = [
    "coverage",
    "data_sets",
    "missing_cells",
    "published",
    "size_matched",
    "trouble",
    "where",
]

TEACHER_LABEL = "teacher"
DAO_METHODS = ("direct", "plain", "cross_fit", "corrected", "ours")
RIVALS = (
    ("plain", "direct"),
    ("cross_fit", "plain"),
    ("corrected", "cross_fit"),
    ("corrected", "direct"),
    ("ours", "direct"),
    ("ours", "corrected"),
)


def published(rows: Sequence[Row]) -> str:
    """Write our AUC of the published protocol beside the paper's.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite dao.

    Returns
    -------
    text : str
        A sentence on the order of the methods and a table.
    """
    rows = [row for row in rows if is_ok(row) and not row["size"]]
    body = []
    for (dataset, student, method), theirs in PUBLISHED.items():
        found = [row for row in rows if _names(row) == (dataset, student, method)]
        if not found:
            continue
        values = [metric(row, "auc") for row in found]
        ours = statistics.fmean(values)
        body.append(
            [
                short(dataset),
                student or TEACHER_LABEL,
                method,
                fixed(ours, 4),
                f"{fixed(min(values), 4)} to {fixed(max(values), 4)}",
                fixed(theirs, 4),
                f"{ours - theirs:+.4f}",
                quantity(_median(found, "n_leaves")),
            ]
        )
    header = ["data set", "student", "method", "AUC", "over seeds", "Dao et al.", "difference"]
    return _order(rows) + "\n" + markdown([*header, "leaves"], body, left=3)


def size_matched(rows: Sequence[Row]) -> str:
    """Write the AUC of the same methods with the same number of leaves in total.

    Settings are chosen by AUC there, so that log losses would say little.
    """
    rows = [row for row in rows if is_ok(row) and row["size"]]
    if not rows:
        return ""
    methods = [name for name in DAO_METHODS if any(row["method"] == name for row in rows)]
    places = sorted(
        {(row["dataset"], row["student"], row["size"]) for row in rows},
        key=lambda place: (place[0], student_order(place[1:])),
    )
    body = []
    for dataset, student, size in places:
        here = [
            row
            for row in rows
            if (row["dataset"], row["student"], row["size"]) == (dataset, student, size)
        ]
        means = [
            _mean([row for row in here if row["method"] == method], "auc") for method in methods
        ]
        body.append([short(dataset), student, size, *(fixed(mean, 4) for mean in means)])
    header = ["data set", "student", "leaves", *methods]
    return _order(rows) + "\n" + markdown(header, body, left=3)


def _order(rows: Sequence[Row]) -> str:
    """Count over sets and students which method beats which on AUC."""
    lines = []
    for method, baseline in RIVALS:
        cells: list[Cell] = pair(rows, method, baseline=baseline, measure="auc")
        if cells:
            lines.append(f"- {method} against {baseline}: {outcomes(cells)}\n")
    return (
        "Wins/ties/losses on AUC, over sets and students; a tie is a difference of at most 1.64 "
        "standard errors over seeds or half a per cent of 1 - AUC:\n\n" + "".join(lines)
    )


def coverage(rows: Iterable[Row]) -> str:
    """Count cells by suite and status."""
    body = []
    for suite, found in sorted(by_suite(rows).items()):
        status = Counter(row["status"] for row in found)
        counts = [status["ok"], status["skipped"], status["failed"], len(missing_cells(found))]
        dates = sorted({row["date"] for row in found if row.get("date")})
        body.append(
            [
                suite,
                " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
                *map(str, counts),
            ]
        )
    return markdown(
        ["suite", "run", "computed", "skipped", "failed", "without a row"], body, left=2
    )


def missing_cells(rows: Sequence[Row]) -> list[Key]:
    """List cells of a suite without a row.

    A cell is expected on every set and seed of the suite if its teacher, student and method occur
    on another set of the same task, in learning curves with as many labelled rows.

    Parameters
    ----------
    rows : sequence of dict
        Rows of one suite.

    Returns
    -------
    keys : list of Key
    """
    keys = {key_of(row) for row in rows}
    kind_of = {
        row["dataset"]: (row["task"], split_size(row["dataset"])[1])
        for row in rows
        if "task" in row
    }
    splits = sorted({(key.dataset, key.seed) for key in keys})
    forms: dict[tuple[str, int] | None, set[Key]] = {}
    for key in keys:
        forms.setdefault(kind_of.get(key.dataset), set()).add(key._replace(dataset="", seed=-1))
    return [
        key
        for dataset, seed in splits
        for form in sorted(forms[kind_of.get(dataset)])
        if (key := form._replace(dataset=dataset, seed=seed)) not in keys
    ]


def trouble(rows: Iterable[Row]) -> str:
    """Write what failed, was skipped or has no row, with reasons."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for suite, found in sorted(by_suite(rows).items()):
        for row in found:
            if not is_ok(row):
                reason = row.get("reason") or "no reason given"
                groups.setdefault((suite, row["status"], row["method"], reason), []).append(row)
        for key in missing_cells(found):
            group = groups.setdefault((suite, "no row", key.method, "never reached"), [])
            group.append(key._asdict())
    if not groups:
        return "Nothing.\n"
    return markdown(
        ["suite", "status", "method", "reason", "students", "data sets", "cells"],
        [
            [
                *names[:3],
                code(names[3]),
                _students(found),
                joined(sorted({row["dataset"] for row in found})),
                str(len(found)),
            ]
            for names, found in sorted(groups.items())
        ],
        left=6,
    )


def data_sets(rows: Iterable[Row]) -> str:
    """Write the data sets with their hashes and shapes."""
    body = set()
    for row in rows:
        if is_ok(row):
            shape = (row["n_train"], row["n_test"], row["n_features"], row["n_classes"] or "")
            body.add(
                (
                    row["suite"],
                    short(row["dataset"]),
                    row["task"],
                    row["data_hash"],
                    *map(str, shape),
                )
            )
    header = [
        "suite",
        "data set",
        "task",
        "hash",
        "rows to fit",
        "rows to test",
        "columns",
        "classes",
    ]
    return markdown(header, sorted(body), left=4)


def where(rows: Sequence[Row]) -> str:
    """List the versions and machines that the rows come from."""
    lines = []
    for name, title in (("versions", "Versions"), ("machine", "Machine")):
        values = Counter(row[name] for row in rows if row.get(name))
        lines += [
            f"- {title}: {code(value)} ({count} rows)\n" for value, count in sorted(values.items())
        ]
    return "".join(lines)


def _names(row: Row) -> tuple[str, str, str]:
    return row["dataset"], row["student"], row["method"]


def _students(rows: Iterable[Row]) -> str:
    found = sorted({(row["student"], row["size"]) for row in rows}, key=student_order)
    return ", ".join(student_label(*student) or TEACHER_LABEL for student in found)


def _mean(rows: Sequence[Row], name: str) -> float:
    return statistics.fmean(metric(row, name) for row in rows) if rows else float("nan")


def _median(rows: Sequence[Row], name: str) -> float:
    return statistics.median(metric(row, name) for row in rows)
