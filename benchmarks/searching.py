"""Sections on the search for settings: what it chose, whether rightly, and what it costs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.paired import RELATIVE_BAND, by_student, loss_of, pair
from benchmarks.results import NO_SEARCH, is_ok, student_label, student_order
from benchmarks.tables import fixed, markdown, outcomes, percent, quantity
from benchmarks.tasks import Key, Row, key_of

__all__ = ["choices", "costs", "rightness"]

# What may be chosen, in the order it is told, and how a value is told.
SETTINGS = ("hard_label_weight", "augment", "temperature", "teacher_labels")
DIRECT_FIT = "the direct fit"

# Steps in which students are fitted.
STUDENT_STEPS = ("search", "student")


def choices(rows: Sequence[Row]) -> str:
    """Write how often each setting was chosen, by student.

    Parameters
    ----------
    rows : sequence of dict
        Rows of a suite with the method ours.

    Returns
    -------
    text : str
        A table; empty where nothing was searched. Only settings that differ between cells are
        told.
    """
    searched = _searched(rows)
    varied = [
        name
        for name in SETTINGS
        if len({str(row["chosen"].get(name)) for row in searched if _taught(row)}) > 1
    ]
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for row in searched:
        label = _told(row["chosen"], varied) if _taught(row) else DIRECT_FIT
        counts.setdefault(label, Counter())[row["student"], row["size"]] += 1
    students = _students(searched)
    order = sorted(counts, key=lambda label: (label != DIRECT_FIT, -counts[label].total(), label))
    body = [[label, *(str(counts[label][student]) for student in students)] for label in order]
    header = ["chosen", *(student_label(*student) for student in students)]
    return markdown(header, body) if body else ""


def rightness(rows: Sequence[Row]) -> str:
    """Write how the choices did on test rows, by student.

    Where the direct fit was taken, that is against the distillation by rules; where a teacher was
    used, against the tuned direct fit. Both are told by single splits: better, within half a per
    cent, worse.
    """
    losses = {key_of(row): loss_of(row) for row in rows if is_ok(row)}
    body = []
    for student in _students(_searched(rows)):
        own = [row for row in _searched(rows) if (row["student"], row["size"]) == student]
        kept = [row for row in own if not _taught(row)]
        used = [row for row in own if _taught(row)]
        body.append(
            [
                student_label(*student),
                str(len(kept)),
                _split_outcomes(kept, losses, NO_SEARCH),
                str(len(used)),
                _split_outcomes(used, losses, "direct"),
            ]
        )
    header = ["student", "direct fit taken", "against the rules", "teacher used", "against direct"]
    return markdown(header, body) if body else ""


def costs(rows: Sequence[Row]) -> str:
    """Write what the search gives and costs against one fit by rules, by student."""
    ours = {key_of(row): row for row in _searched(rows)}
    body = []
    for student, cells in by_student(pair(rows, "ours", baseline=NO_SEARCH)).items():
        pairs = [
            (ours[key_of(row)._replace(method="ours")], row)
            for row in rows
            if is_ok(row)
            and row["method"] == NO_SEARCH
            and (row["student"], row["size"]) == student
            and key_of(row)._replace(method="ours") in ours
        ]
        if not pairs:
            continue
        ratios = [_own_seconds(row) / _own_seconds(single) for row, single in pairs]
        body.append(
            [
                student_label(*student),
                percent(statistics.median(cell.relative for cell in cells)),
                outcomes(cells),
                quantity(statistics.median(row["n_fits"] for row, _ in pairs)),
                quantity(statistics.median(_own_seconds(single) for _, single in pairs)),
                quantity(statistics.median(_own_seconds(row) for row, _ in pairs)),
                fixed(statistics.median(ratios), 1),
                fixed(max(ratios), 1),
            ]
        )
    header = [
        "student",
        "change of loss",
        "wins/ties/losses",
        "student fits",
        "one fit, s",
        "with search, s",
        "ratio",
        "largest ratio",
    ]
    return markdown(header, body) if body else ""


def _searched(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of ours that compared several candidates."""
    return [
        row
        for row in rows
        if is_ok(row) and row["method"] == "ours" and row["chosen"].get("n_candidates", 0) > 1
    ]


def _taught(row: Row) -> bool:
    return bool(row["chosen"]["used_teacher"])


def _told(chosen: dict[str, Any], names: Sequence[str]) -> str:
    words = {
        "hard_label_weight": lambda value: f"{value:g} of the true labels",
        "augment": lambda value: value or "no augmented rows",
        "temperature": lambda value: "" if value is None else f"temperature {value:g}",
        "teacher_labels": lambda value: f"labels {value.replace('_', ' ')}",
    }
    told = (words[name](chosen.get(name)) for name in names)
    return ", ".join(text for text in told if text) or "the rules"


def _students(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return sorted({(row["student"], row["size"]) for row in rows}, key=student_order)


def _split_outcomes(rows: Sequence[Row], losses: dict[Key, float], baseline: str) -> str:
    """Count better, equal and worse splits against another method."""
    counts = [0, 0, 0]
    for row in rows:
        other = losses.get(key_of(row)._replace(method=baseline))
        if other is not None:
            change = (loss_of(row) - other) / abs(other)
            counts[0 if change < -RELATIVE_BAND else 1 if change <= RELATIVE_BAND else 2] += 1
    return "/".join(map(str, counts))


def _own_seconds(row: Row) -> float:
    """Return the seconds of fitting students, without those of the teacher and its labels."""
    return sum(float(row["steps"][name]) for name in STUDENT_STEPS)
