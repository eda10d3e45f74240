"""Sections on a suite of students: gap closed, ingredients, cost, quality, peers, teachers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.paired import (
    Cell,
    against_ours,
    by_student,
    median_gap,
    median_small_gap,
    pair,
)
from benchmarks.results import is_ok, short, student_label, student_order
from benchmarks.tables import (
    NOTHING,
    Group,
    by_set,
    change,
    common_mean,
    common_median,
    fixed,
    interval,
    markdown,
    outcomes,
    plural,
    quantity,
    size_text,
)
from benchmarks.tasks import Row
from benchmarks.verdict import ingredient

__all__ = [
    "ablations",
    "against_known_trees",
    "cost",
    "gap_closed",
    "ingredients",
    "over_students",
    "peers",
    "quality",
    "teachers",
    "used_peers",
]

PEERS = {
    "figs": "imodels FIGS",
    "hstree_cv": "imodels HSTree",
    "trustee": "trustee",
    "autogluon": "AutoGluon distill",
    "tabtune": "TabTune",
}


def gap_closed(cells: Sequence[Cell]) -> str:
    """Write the gap closed by student and set, with medians and intervals."""
    students = by_student(cells)
    sets = sorted({cell.dataset for cell in cells})
    found = {(cell.student, cell.size, cell.dataset): cell for cell in cells}
    body = [
        [short(name), *(_gap(found.get((*student, name))) for student in students)] for name in sets
    ]
    body.append(["**median**", *(interval(median_gap(group)) for group in students.values())])
    if len({cell.task for cell in cells}) > 1:
        of_classes = [
            [c for c in group if c.task == "classification"] for group in students.values()
        ]
        body.append(["**median, log loss**", *(interval(median_gap(g)) for g in of_classes)])
        small = [interval(median_small_gap(group)) for group in of_classes]
        body.append(["**the same with those in brackets**", *small])
    return markdown(["data set", *(group[0].label for group in students.values())], body)


def over_students(cells: Iterable[Cell]) -> str:
    """Write the gap closed on log loss over all students; empty where there is none to close."""
    of_classes = [cell for cell in cells if cell.task == "classification"]
    parts = []
    for median, which in ((median_small_gap, "with"), (median_gap, "without")):
        medians = [median(group).median for group in by_student(of_classes).values()]
        known = [value for value in medians if not math.isnan(value)]
        if known:
            parts.append(
                f"{fixed(statistics.median(known), 2)} {which} those in brackets "
                f"({fixed(median(of_classes).median, 2)} over all cells at once)"
            )
    if not parts:
        return ""
    return f"Over all students on log loss, the median of their medians is {', '.join(parts)}.\n"


def against_known_trees(rows: Sequence[Row]) -> str:
    """Write the gap closed by trees against the better of CART and hierarchical shrinkage alone.

    The direct fit of the table may also be the student's own search on hard labels.
    """
    parts = []
    for group in by_student(pair(rows, "ours", baseline="cart_hs")).values():
        of_classes = [cell for cell in group if cell.task == "classification"]
        parts.append(
            f"{group[0].label} {interval(median_gap(group))}, on log loss "
            f"{interval(median_gap(of_classes))} ({outcomes(group)} wins/ties/losses)"
        )
    return "; ".join(parts)


def _gap(cell: Cell | None) -> str:
    if cell is None:
        return NOTHING
    if not cell.has_gap and cell.has_small_gap:
        return f"({fixed(float(cell.gaps.mean()), 2)})"
    return fixed(cell.gap, 2) if cell.has_gap else "no gap"


def ablations(rows: Iterable[Row]) -> list[str]:
    """List the methods that are ours without an ingredient, those that were computed."""
    return sorted({row["method"] for row in rows if is_ok(row) and row["method"][:5] == "ours-"})


def ingredients(rows: Sequence[Row]) -> str:
    """Write what other labels and missing ingredients change, against ours.

    What is one fit is compared with ours without search, and that with our defaults.

    Parameters
    ----------
    rows : sequence of dict
        Result rows of one suite and teacher.

    Returns
    -------
    text : str
        A table; empty where no such method was computed.
    """
    names = {"hard_labels": "the teacher's hard labels", "soft_in_sample": "in-sample soft targets"}
    names |= {method: f"without {ingredient(method)}" for method in ablations(rows)}
    groups = {method: by_student(against_ours(rows, method)) for method in names}
    students = sorted({key for found in groups.values() for key in found}, key=student_order)
    if not students:
        return ""
    body = [
        [names[method], *(change(found.get(student, [])) for student in students)]
        for method, found in groups.items()
        if found
    ]
    return markdown(["instead of ours", *(student_label(*key) for key in students)], body)


def cost(rows: Sequence[Row]) -> str:
    """Write accuracy against bytes, leaves, time a row and time to fit."""
    groups = _groups(rows, ("teacher", "direct", "ours"))
    accuracy, n_accuracy = common_mean(by_set(rows, "accuracy"), groups)
    r2, n_r2 = common_mean(by_set(rows, "r2"), groups)
    writers = {
        "bytes": size_text,
        "n_leaves": quantity,
        "n_parameters": quantity,
        "us_1": quantity,
        "us_10k": quantity,
        "fit_seconds": quantity,
        "n_fits": quantity,
        "teacher_rows": quantity,
    }
    medians = {name: common_median(by_set(rows, name), groups)[0] for name in writers}
    nan = float("nan")
    return markdown(
        [
            "model",
            f"accuracy ({plural(n_accuracy, 'set')})",
            f"R² ({plural(n_r2, 'set')})",
            "size",
            "leaves",
            "parameters",
            "µs a row, 1 row",
            "µs a row, 10k rows",
            "fit, s",
            "student fits",
            "rows labelled",
        ],
        [
            [
                _model(group),
                fixed(accuracy.get(group, nan)),
                fixed(r2.get(group, nan)),
                *(write(medians[name].get(group, nan)) for name, write in writers.items()),
            ]
            for group in groups
        ],
    )


def quality(rows: Sequence[Row]) -> str:
    """Write the measures of quality and of fidelity to the teacher."""
    groups = _groups(rows, ("teacher", "direct", "ours"))
    columns = {
        "log loss": "log_loss",
        "Brier": "brier",
        "AUC": "auc",
        "accuracy": "accuracy",
        "ECE": "ece",
        "agreement": "fidelity.agreement",
        "KL": "fidelity.kl",
        "R²": "r2",
        "R² to teacher": "fidelity.r2",
    }
    means = {title: common_mean(by_set(rows, name), groups)[0] for title, name in columns.items()}
    nan = float("nan")
    return markdown(
        ["model", *columns],
        [
            [_model(group), *(fixed(means[title].get(group, nan)) for title in columns)]
            for group in groups
        ],
    )


def used_peers(rows: Iterable[Row]) -> list[str]:
    """List the peers that were computed."""
    present = {row["method"] for row in rows if is_ok(row)}
    return [name for name in PEERS if name in present]


def peers(rows: Sequence[Row]) -> str:
    """Write ours against each peer at the same student and size; empty without peers."""
    values = {
        name: by_set(rows, name) for name in ("accuracy", "log_loss", "n_leaves", "fit_seconds")
    }
    body = []
    for peer in used_peers(rows):
        on_accuracy = by_student(pair(rows, baseline=peer, measure="accuracy"))
        for (student, size), cells in by_student(pair(rows, baseline=peer)).items():
            both: list[Group] = [(student, size, "ours"), (student, size, peer)]
            accuracy, _ = common_mean(values["accuracy"], both)
            loss, _ = common_mean(values["log_loss"], both)
            leaves, _ = common_median(values["n_leaves"], both)
            seconds, _ = common_median(values["fit_seconds"], both)
            body.append(
                [
                    PEERS[peer],
                    student_label(student, size),
                    str(len(cells)),
                    outcomes(cells),
                    outcomes(on_accuracy.get((student, size), [])),
                    *(_both(accuracy, both, fixed), _both(loss, both, fixed)),
                    *(_both(leaves, both, quantity), _both(seconds, both, quantity)),
                ]
            )
    if not body:
        return ""
    return markdown(
        [
            "peer",
            "size",
            "sets",
            "loss: wins/ties/losses of ours",
            "accuracy: wins/ties/losses of ours",
            "accuracy, ours : peer",
            "log loss, ours : peer",
            "leaves, ours : peer",
            "fit s, ours : peer",
        ],
        body,
        left=2,
    )


def teachers(rows: Sequence[Row]) -> str:
    """Write gap closed and outcomes by teacher; empty for a single one."""
    cells: dict[str, list[Cell]] = {}
    for cell in pair(rows):
        cells.setdefault(cell.teacher, []).append(cell)
    if len(cells) < 2:
        return ""
    students = by_student(cell for found in cells.values() for cell in found)
    body = []
    for teacher, found in sorted(cells.items()):
        groups = by_student(found)
        summaries = [
            f"{interval(median_gap(groups[key]))} ({outcomes(groups[key])})"
            if key in groups
            else NOTHING
            for key in students
        ]
        body.append([teacher, *summaries])
    return markdown(["teacher", *(student_label(*key) for key in students)], body)


def _groups(rows: Iterable[Row], methods: Sequence[str]) -> list[Group]:
    """List the groups of these methods: the teacher, then each student, direct before distilled."""
    found = {
        (row["student"], row["size"], row["method"])
        for row in rows
        if is_ok(row) and row["method"] in methods
    }
    return sorted(
        found,
        key=lambda group: (
            group[2] != "teacher",
            student_order((group[0], group[1])),
            methods.index(group[2]),
        ),
    )


def _model(group: Group) -> str:
    student, size, method = group
    if method == "teacher":
        return "teacher"
    return f"{student_label(student, size)}, {'distilled' if method == 'ours' else method}"


def _both(values: dict[Group, float], both: Sequence[Group], write: Callable[[float], str]) -> str:
    ours, peer = (values.get(group, float("nan")) for group in both)
    return f"{write(ours)} : {write(peer)}"
