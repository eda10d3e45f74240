"""Sections on the suites that ask one question each: trees, pruned and speed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.paired import Cell, by_student, median_gap, pair
from benchmarks.results import is_ok, metric, short, student_label
from benchmarks.tables import fixed, interval, markdown, outcomes, percent, quantity
from benchmarks.tasks import Row

__all__ = ["linear_leaves", "pruned", "searched", "speed", "speeds"]

# Trees with linear leaves, and the trees of single values that they should reach.
LINEAR_LEAVES, CONSTANT = ("linear leaves", "8"), ("tree", "64")


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
        for cell in pair(rows, "ours", baseline="ours-greedy", measure=measure)
        if cell.student == "tree"
    ]
    losses = by_student(pair(rows, "ours", baseline="ours-greedy"))
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
    return [percent(mean), f"{sum(change < 0 for change in found)} of {len(found)} sets"]


def linear_leaves(rows: Sequence[Row]) -> str:
    """Write the losses of 8 linear leaves beside those of 64 constant ones."""
    ours = [row for row in rows if is_ok(row) and row["method"] == "ours"]
    losses = {
        student: {
            cell.dataset: cell
            for cell in pair(rows, "ours")
            if (cell.student, cell.size) == student
        }
        for student in (LINEAR_LEAVES, CONSTANT)
    }
    shared = sorted(set(losses[LINEAR_LEAVES]) & set(losses[CONSTANT]))
    if not ours or not shared:
        return ""
    body, ratios = [], []
    for name in shared:
        linear, constant = (losses[student][name] for student in (LINEAR_LEAVES, CONSTANT))
        ratios.append(linear.loss / constant.loss)
        body.append(
            [
                short(name),
                *(quantity(value) for value in (constant.loss, linear.loss)),
                percent(ratios[-1] - 1.0),
                quantity(linear.teacher_loss),
            ]
        )
    body.append(["**median**", "", "", percent(statistics.median(ratios) - 1.0), ""])
    header = ["data set", "64 constant leaves", "8 linear leaves", "change", "teacher"]
    return markdown(header, body)


def pruned(rows: Sequence[Row]) -> str:
    """Write the pruned student against the tuned direct boosting of as many leaves.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite pruned.

    Returns
    -------
    text : str
        A table of losses by set and teacher, and below it how often the student is better.
    """
    cells = pair(rows, "ours")
    if not cells:
        return ""
    body = [
        [
            cell.teacher,
            short(cell.dataset),
            *(fixed(loss) for loss in (cell.baseline_loss, cell.loss, cell.teacher_loss)),
            cell.outcome,
        ]
        for cell in sorted(cells, key=lambda cell: (cell.teacher, cell.dataset))
    ]
    lines = []
    for teacher in sorted({cell.teacher for cell in cells}):
        group = [cell for cell in cells if cell.teacher == teacher]
        better = sum(cell.difference < 0 for cell in group)
        lines.append(
            f"- teacher `{teacher}`: lower log loss on {better} of {len(group)} sets "
            f"({outcomes(group)} wins/ties/losses), median gap closed "
            f"{interval(median_gap(group))}\n"
        )
    header = ["teacher", "data set", "direct boosting", "pruned", "teacher's", "outcome"]
    return "".join(lines) + "\n" + markdown(header, body, left=2, last=1)


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
