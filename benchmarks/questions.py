"""Sections on suites that ask one question: trees, pruned, speed, samplers, poor teachers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.paired import Cell, by_student, loss_of, median_gap, pair
from benchmarks.plans import SAMPLER_NAMES, plausibility_method, sampler_method
from benchmarks.results import is_ok, metric, reference, short, student_label
from benchmarks.tables import (
    NOTHING,
    change,
    fixed,
    interval,
    markdown,
    outcomes,
    percent,
    quantity,
)
from benchmarks.tasks import Row

__all__ = [
    "linear_leaves",
    "plausible",
    "poor_teachers",
    "pruned",
    "samplers",
    "searched",
    "speed",
    "speeds",
]

# Trees with linear leaves, and the trees of single values that they should reach.
LINEAR_LEAVES, CONSTANT = ("linear leaves", "8"), ("tree", "64")
TEACHER = ("", "", "teacher")


def searched(rows: Sequence[Row]) -> str:
    """Write how far the search brings a tree nearer to its teacher than greedy growth.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite trees.

    Returns
    -------
    text : str
        A table by size: the distance to the teacher on test rows (KL divergence, or for
        regression the root mean squared difference), and the loss against the truth.
    """
    near = [
        cell
        for measure in ("fidelity.kl", "fidelity.rmse")
        for cell in pair(rows, reference(rows), baseline="ours-greedy", measure=measure)
        if cell.student == "tree"
    ]
    losses = by_student(pair(rows, reference(rows), baseline="ours-greedy"))
    body = [
        [
            group[0].label,
            *_changes(group, "classification"),
            *_changes(group, "regression"),
            outcomes(losses[student]),
        ]
        for student, group in by_student(near).items()
    ]
    header = ["tree", "KL", "nearer on", "RMSE to teacher", "nearer on", "loss: wins/ties/losses"]
    return markdown(header, body) if body else ""


def _changes(cells: Sequence[Cell], task: str) -> list[str]:
    """Write the mean change, and the number of sets on which the method is nearer."""
    found = [cell.relative for cell in cells if cell.task == task]
    mean = statistics.fmean(found) if found else math.nan
    return [percent(mean), f"{sum(value < 0 for value in found)} of {len(found)} sets"]


def linear_leaves(rows: Sequence[Row]) -> str:
    """Write the losses of 8 linear leaves beside those of 64 constant ones, means over seeds."""
    ours = reference(rows)
    forms = ((*LINEAR_LEAVES, ours), (*CONSTANT, ours), TEACHER)
    few, many, teachers = (_mean_losses(rows, *form) for form in forms)
    shared = sorted(few.keys() & many.keys() & teachers.keys())
    if not shared:
        return ""
    changes = {name: few[name] / many[name] - 1.0 for name in shared}
    body = [
        [
            short(name),
            *(quantity(losses[name]) for losses in (many, few)),
            percent(changes[name]),
            quantity(teachers[name]),
        ]
        for name in shared
    ]
    body.append(["**median**", "", "", percent(statistics.median(changes.values())), ""])
    header = ["data set", "64 constant leaves", "8 linear leaves", "change", "teacher"]
    return markdown(header, body)


def _mean_losses(rows: Sequence[Row], student: str, size: str, method: str) -> dict[str, float]:
    """Return the mean loss of a model by data set."""
    losses: dict[str, list[float]] = {}
    for row in filter(is_ok, rows):
        if (row["student"], row["size"], row["method"]) == (student, size, method):
            losses.setdefault(row["dataset"], []).append(loss_of(row))
    return {name: statistics.fmean(values) for name, values in losses.items()}


def pruned(rows: Sequence[Row]) -> str:
    """Write the pruned student against the tuned direct boosting of as many leaves.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite pruned.

    Returns
    -------
    text : str
        By teacher, how often the student is better; below it the losses by set.
    """
    boosting = pair(rows, "ours", baseline="gbdt")
    direct = pair(rows, "ours")
    if not boosting:
        return ""
    body = [
        [
            cell.teacher,
            short(cell.dataset),
            *(fixed(loss) for loss in (cell.baseline_loss, cell.loss, cell.teacher_loss)),
            cell.outcome,
        ]
        for cell in sorted(boosting, key=lambda cell: (cell.teacher, cell.dataset))
    ]
    lines = [_lower(boosting, "all teachers")]
    for teacher in sorted({cell.teacher for cell in boosting}):
        own = [cell for cell in boosting if cell.teacher == teacher]
        strict = [cell for cell in direct if cell.teacher == teacher]
        lines.append(
            _lower(own, f"teacher `{teacher}`")
            + f", median gap closed {interval(median_gap(own))}; against the better of that "
            f"boosting and the student's own direct fit {outcomes(strict)}"
        )
    header = ["teacher", "data set", "direct boosting", "pruned", "teacher's", "outcome"]
    text = "".join(f"- {line}\n" for line in lines)
    return text + "\n" + markdown(header, body, left=2, last=1)


def _lower(cells: Sequence[Cell], whose: str) -> str:
    better = sum(cell.difference < 0 for cell in cells)
    return (
        f"{whose}: lower log loss in {better} of {len(cells)} cells "
        f"({outcomes(cells)} wins/ties/losses)"
    )


def speeds(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, list[tuple[int, Row]]]]:
    """Group the rows of the suite speed by student, then by whose it is, in order of the rows."""
    groups: dict[tuple[str, str], dict[str, list[tuple[int, Row]]]] = {}
    for row in sorted(filter(is_ok, rows), key=lambda row: int(row["dataset"])):
        by_method = groups.setdefault((row["student"], row["size"]), {})
        by_method.setdefault(row["method"], []).append((int(row["dataset"]), row))
    return groups


def speed(rows: Sequence[Row]) -> str:
    """Write seconds and peak memory of a fit by number of rows, beside scikit-learn's."""
    body = []
    for student, by_method in speeds(rows).items():
        theirs = dict(by_method.get("scikit-learn", []))
        for n_rows, row in by_method.get("ours", []):
            if n_rows not in theirs:
                continue
            other = theirs[n_rows]
            seconds, their_seconds = metric(row, "fit_seconds"), metric(other, "fit_seconds")
            body.append(
                [
                    student_label(*student),
                    f"{n_rows:,}",
                    quantity(seconds),
                    quantity(their_seconds),
                    fixed(seconds / their_seconds, 2),
                    fixed(metric(row, "peak_over_x"), 2),
                    fixed(metric(other, "peak_over_x"), 2),
                ]
            )
    header = ["student", "rows", "s", "scikit-learn, s", "ratio", "peak / X", "scikit-learn's"]
    return markdown(header, body) if body else ""


def samplers(rows: Sequence[Row]) -> str:
    """Write what the augmented rows of each sampler change against none.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite samplers.

    Returns
    -------
    text : str
        A table by sampler and student; all students together in the last column.
    """
    body, titles = [], list[str]()
    for name in SAMPLER_NAMES:
        cells = pair(rows, sampler_method(name), baseline="ours-no_augment")
        if not cells:
            continue
        groups = by_student(cells)
        titles = [student_label(*student) for student in groups]
        body.append([name, *(change(group) for group in [*groups.values(), cells])])
    return markdown(["sampler", *titles, "all"], body) if body else ""


def plausible(rows: Sequence[Row]) -> str:
    """Write how well rows of each sampler are told from real ones, by data set."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in SAMPLER_NAMES:
        for row in filter(is_ok, rows):
            if row["method"] == plausibility_method(name):
                by_name = found.setdefault(row["dataset"], {})
                by_name.setdefault(name, []).append(metric(row, "told_apart"))
    means = {
        dataset: {name: statistics.fmean(values) for name, values in by_name.items()}
        for dataset, by_name in sorted(found.items())
    }
    names = [name for name in SAMPLER_NAMES if any(name in by_name for by_name in means.values())]
    body = [
        [short(dataset), *(fixed(by_name.get(name, math.nan), 2) for name in names)]
        for dataset, by_name in means.items()
    ]
    medians = [statistics.median(m[name] for m in means.values() if name in m) for name in names]
    body.append(["**median**", *(fixed(median, 2) for median in medians)])
    return markdown(["data set", *names], body) if names else ""


def poor_teachers(rows: Sequence[Row]) -> str:
    """Write what distillation from poor teachers does against the direct fit.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite poor_teachers.

    Returns
    -------
    text : str
        A table by teacher and student: the default, and the same without its search.
    """
    ours, rules = pair(rows, "ours"), pair(rows, "ours-no_search")
    used = {
        (row["teacher"], row["dataset"], row["student"], row["size"])
        for row in filter(is_ok, rows)
        if row["method"] == "ours" and row["chosen"].get("used_teacher", True)
    }
    body = []
    for teacher in sorted({cell.teacher for cell in ours}):
        for student, cells in by_student(c for c in ours if c.teacher == teacher).items():
            taught = sum((teacher, cell.dataset, *student) in used for cell in cells)
            single = [c for c in rules if c.teacher == teacher and (c.student, c.size) == student]
            body.append(
                [
                    teacher,
                    student_label(*student),
                    f"{taught} of {len(cells)} sets",
                    *_with_worst(cells),
                    *(_with_worst(single) if single else [NOTHING] * 3),
                ]
            )
    header = ["teacher", "student", "teacher used"]
    header += ["ours", "worst", "wins/ties/losses", "by rules", "worst", "wins/ties/losses"]
    return markdown(header, body, left=2) if body else ""


def _with_worst(cells: Sequence[Cell]) -> list[str]:
    changes = [cell.relative for cell in cells]
    return [percent(statistics.median(changes)), percent(max(changes)), outcomes(cells)]
