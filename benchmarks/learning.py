"""Sections on the suite curves: what few labels and rows without labels do."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.paired import Cell, by_student, pair
from benchmarks.results import NO_SEARCH, is_ok, short, student_label
from benchmarks.tables import (
    NOTHING,
    Group,
    by_set,
    change,
    fixed,
    markdown,
    outcomes,
    percent,
)
from benchmarks.tasks import Row, split_size

__all__ = [
    "ALL_UNLABELED",
    "curves",
    "few_labels",
    "labels_of_steps",
    "summary",
    "unlabeled",
    "unlabeled_changes",
    "worth",
]

# Ours with the rows that have no labels, as many as there are.
ALL_UNLABELED = "ours-unlabeled"

# By group the points (labelled rows, loss) of each data set, seeds averaged.
Curves = dict[Group, dict[str, list[tuple[int, float]]]]


def curves(rows: Sequence[Row]) -> Curves:
    """Collect the losses of each model by data set and number of labelled rows.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite curves, whose data sets are named ``"adult@200"``.

    Returns
    -------
    curves : dict of (student, size, method) to dict of data set to list of (int, float)
        In ascending order of rows; log loss or RMSE.
    """
    found: Curves = {}
    for measure in ("log_loss", "rmse"):
        for group, values in by_set(rows, measure).items():
            for place, loss in values.items():
                dataset, n_rows = split_size(place)
                found.setdefault(group, {}).setdefault(dataset, []).append((n_rows, loss))
    return {
        group: {dataset: sorted(points) for dataset, points in sets.items()}
        for group, sets in found.items()
    }


def few_labels(rows: Sequence[Row]) -> str:
    """Write what distillation gives by the number of labelled rows, with and without others."""
    losses = curves(rows)
    cells = {method: _by_size(pair(rows, method)) for method in (NO_SEARCH, "ours", ALL_UNLABELED)}
    body = []
    for place, found in cells["ours"].items():
        student, size, n_rows = place
        teacher = statistics.median(cell.teacher_loss / cell.baseline_loss for cell in found)
        body.append(
            [
                student_label(student, size),
                f"{n_rows:,}",
                str(len(found)),
                percent(teacher - 1.0),
                _used(rows, place),
                *(change(cells[method].get(place, [])) for method in cells),
                *(worth(losses, (student, size, m), n_rows) for m in ("ours", ALL_UNLABELED)),
            ]
        )
    header = [
        "student",
        "labelled rows",
        "sets",
        "teacher",
        "teacher used",
        "one fit by rules",
        "distilled",
        "with unlabelled rows",
        "distilled: worth in labels",
        "with unlabelled rows: worth in labels",
    ]
    return markdown(header, body) if body else ""


def summary(rows: Sequence[Row]) -> str:
    """Say in a sentence for each student how often it is better, with and without other rows."""
    lines = []
    without, others = by_student(pair(rows, "ours")), by_student(pair(rows, ALL_UNLABELED))
    for (student, size), cells in without.items():
        line = f"- {student_label(student, size)}: distilled {outcomes(cells)}"
        if (student, size) in others:
            line += f", with unlabelled rows {outcomes(others[student, size])}"
            both = pair(rows, ALL_UNLABELED, baseline="ours")
            here = [cell for cell in both if (cell.student, cell.size) == (student, size)]
            line += f"; with them against without {outcomes(here)}"
        lines.append(f"{line}.\n")
    return "".join(lines)


def worth(losses: Curves, group: Group, n_rows: int) -> str:
    """Tell how many times as many labels a direct fit needs for the same loss.

    Parameters
    ----------
    losses : dict
        As `curves` returns them.
    group : tuple of str
        Student, size and method.
    n_rows : int
        Labelled rows of the method.

    Returns
    -------
    text : str
        Median over the sets. The direct curve is read between its points on a logarithmic scale,
        as if more rows never hurt; beyond its ends the nearest end counts, so that the median is a
        bound where that is so for half of the sets. A dash where there is nothing to compare.
    """
    ratios, beyond = [], 0
    for dataset, points in losses.get(group, {}).items():
        loss = dict(points).get(n_rows)
        direct = losses.get((group[0], group[1], "direct"), {}).get(dataset, [])
        if loss is None or len(direct) < 2:
            continue
        sizes, values = map(np.array, zip(*direct, strict=True))
        best = np.minimum.accumulate(values)
        ratios.append(float(np.exp(np.interp(-loss, -best, np.log(sizes)))) / n_rows)
        beyond += loss < best[-1]
    if not ratios:
        return NOTHING
    bound = "at least " if 2 * beyond >= len(ratios) else ""
    return f"{bound}{fixed(statistics.median(ratios), 1)} times"


def unlabeled_changes(
    rows: Sequence[Row],
) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
    """Collect what rows without labels change, at the number of labels that has several of them.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite curves.

    Returns
    -------
    changes : dict of (student, size) to dict of str to dict of str to float
        By the number of unlabelled rows as text (``"0"``, ``"500"``, ..., ``"all"``), the change
        of loss against the direct fit by data set. Only sets that have all of them.
    """
    numbers = sorted({int(row["method"].rpartition("_")[2]) for row in _stepped(rows)})
    methods = {"0": "ours", **{str(n): f"{ALL_UNLABELED}_{n}" for n in numbers}}
    methods["all"] = ALL_UNLABELED
    places = {row["dataset"] for row in _stepped(rows)}
    here = [row for row in rows if row["dataset"] in places]
    changes: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for number, method in methods.items():
        for student, cells in by_student(pair(here, method)).items():
            by_number = changes.setdefault(student, {})
            by_number[number] = {cell.dataset: cell.relative for cell in cells}
    return {
        student: _common(by_number)
        for student, by_number in changes.items()
        if len(by_number) == len(methods) > 2
    }


def unlabeled(rows: Sequence[Row]) -> str:
    """Write the change of loss by the number of unlabelled rows, a row for each student and set."""
    body, numbers = [], []
    for student, by_number in unlabeled_changes(rows).items():
        numbers = list(by_number)
        for place in sorted(by_number["0"]):
            values = [percent(by_number[number][place]) for number in numbers]
            body.append([student_label(*student), short(split_size(place)[0]), *values])
        medians = [percent(statistics.median(found.values())) for found in by_number.values()]
        body.append([student_label(*student), "**median**", *medians])
    return markdown(["student", "data set", *numbers], body, left=2) if body else ""


def labels_of_steps(rows: Sequence[Row]) -> str:
    """Name the number of labelled rows at which several numbers of unlabelled rows were tried."""
    numbers = {split_size(row["dataset"])[1] for row in _stepped(rows)}
    return " or ".join(f"{number:,}" for number in sorted(numbers))


def _used(rows: Iterable[Row], place: tuple[str, str, int]) -> str:
    """Count the distilled students of a size and number of labels that used the teacher."""
    found = [
        bool(row["chosen"]["used_teacher"])
        for row in rows
        if is_ok(row)
        and (row["method"], row["student"], row["size"]) == ("ours", *place[:2])
        and split_size(row["dataset"])[1] == place[2]
    ]
    return f"{sum(found)} of {len(found)} fits"


def _stepped(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of fits with a given number of unlabelled rows."""
    return [row for row in rows if row["method"].startswith(f"{ALL_UNLABELED}_")]


def _common(by_number: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    shared = set.intersection(*(set(found) for found in by_number.values()))
    return (
        {
            number: {k: v for k, v in found.items() if k in shared}
            for number, found in by_number.items()
        }
        if shared
        else {}
    )


def _by_size(cells: Iterable[Cell]) -> dict[tuple[str, str, int], list[Cell]]:
    """Group cells by student, size and number of labelled rows."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for (student, size), found in by_student(cells).items():
        for cell in sorted(found, key=lambda cell: split_size(cell.dataset)[1]):
            key = (student, size, split_size(cell.dataset)[1])
            groups.setdefault(key, []).append(cell)
    return groups
