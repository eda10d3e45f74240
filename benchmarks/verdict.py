"""The first section of the page, and the section on where distillation does not help."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Sequence

from benchmarks.paired import (
    RELATIVE_BAND,
    Cell,
    against_ours,
    by_student,
    count_outcomes,
    median_gap,
)
from benchmarks.tables import NOTHING, fixed, interval, joined, markdown, percent, plural
from benchmarks.tasks import Row

__all__ = ["does_not_help", "wins_ties_losses"]

RULES = """\
A cell is one data set, one student and one size. Its loss is the log loss (classification) or the
RMSE (regression) on test rows. A cell is a **tie** if the mean difference over the seeds is at most
half a per cent of the direct fit's loss, or at most 1.64 standard errors of it (over seeds or over
test rows, whichever is larger). A student **gains** if it wins at least half of its cells and more
than twice as often as it loses. It **does not gain** if it loses at least as often as it wins.
Otherwise it is **mixed**.
"""


def verdict_of(cells: Sequence[Cell]) -> str:
    """Judge a student by its cells: ``"gains"``, ``"mixed"`` or ``"does not gain"``."""
    wins, _, losses = count_outcomes(cells)
    if losses >= wins:
        return "does not gain"
    return "gains" if 2 * wins >= len(cells) and wins > 2 * losses else "mixed"


def wins_ties_losses(cells: Sequence[Cell]) -> str:
    """Say for which students and sets distillation wins, ties and loses.

    Parameters
    ----------
    cells : sequence of Cell
        Our method against the direct fit.

    Returns
    -------
    text : str
        Markdown without a heading.
    """
    wins, ties, losses = count_outcomes(cells)
    students = by_student(cells)
    parts = [
        f"**Over all students and sets: {plural(wins, 'win')}, {plural(ties, 'tie')}, "
        f"{plural(losses, 'loss')}.** {_by_sign(cells)}\n",
        _by_verdict(students.values()) + _by_set(cells),
        markdown(
            [
                "student",
                "wins",
                "ties",
                "losses",
                "median change of loss",
                "gap closed",
                "wins on",
                "loses on",
            ],
            [_student_row(group) for group in students.values()],
            last=2,
        ),
        RULES,
    ]
    return "\n".join(parts)


def does_not_help(rows: Sequence[Row], cells: Sequence[Cell], ablations: Sequence[str]) -> str:
    """List where distillation does not help.

    Parameters
    ----------
    rows : sequence of dict
        Result rows of one suite and teacher.
    cells : sequence of Cell
        Our method against the direct fit.
    ablations : sequence of str
        Methods that are ours without one ingredient.

    Returns
    -------
    text : str
        Markdown without a heading.
    """
    idle = [group[0].label for group in by_student(cells).values() if _idle(group)]
    return "\n".join(
        [
            _lost_cells(cells),
            f"**Students that do not gain:** {', '.join(idle) or 'none'}.\n",
            _no_gap(cells),
            _idle_ingredients(rows, ablations),
        ]
    )


def _idle(group: Sequence[Cell]) -> bool:
    return verdict_of(group) == "does not gain"


def _by_sign(cells: Sequence[Cell]) -> str:
    """Count better and worse cells whatever the noise, and those beyond half a per cent."""
    better, worse = (
        [sum(sign * cell.relative > least for cell in cells) for least in (0.0, RELATIVE_BAND)]
        for sign in (-1, 1)
    )
    return (
        f"Whatever the noise, {better[0]} of {len(cells)} are better ({better[1]} by more than "
        f"half a per cent) and {worse[0]} worse ({worse[1]})."
    )


def _by_verdict(groups: Iterable[Sequence[Cell]]) -> str:
    lists: dict[str, list[str]] = {"gains": [], "mixed": [], "does not gain": []}
    for group in groups:
        wins, ties, losses = count_outcomes(group)
        counts = f"{plural(wins, 'win')}, {plural(ties, 'tie')}, {plural(losses, 'loss')}"
        lists[verdict_of(group)].append(f"{group[0].label} ({counts})")
    titles = {
        "gains": "Students that gain",
        "mixed": "Mixed",
        "does not gain": "Students that do not gain",
    }
    return "".join(
        f"- {titles[name]}: {'; '.join(names) or 'none'}.\n" for name, names in lists.items()
    )


def _by_set(cells: Iterable[Cell]) -> str:
    sets: dict[str, set[str]] = {}
    for cell in cells:
        sets.setdefault(cell.dataset, set()).add(cell.outcome)
    always = [name for name, found in sets.items() if found == {"win"}]
    never = [name for name, found in sets.items() if "win" not in found]
    loses = [name for name, found in sets.items() if "loss" in found]
    return (
        f"- Sets where every student wins: {_named(always, sets)}.\n"
        f"- Sets where no student wins: {_named(never, sets)}.\n"
        f"- Sets where some student loses: {_named(loses, sets)}.\n"
    )


def _student_row(cells: Sequence[Cell]) -> list[str]:
    wins, ties, losses = count_outcomes(cells)
    return [
        cells[0].label,
        str(wins),
        str(ties),
        str(losses),
        percent(statistics.median(cell.relative for cell in cells)),
        interval(median_gap(cells)),
        _sets_with(cells, "win"),
        _sets_with(cells, "loss"),
    ]


def _sets_with(cells: Sequence[Cell], outcome: str) -> str:
    names = [cell.dataset for cell in cells if cell.outcome == outcome]
    return _named(names, [cell.dataset for cell in cells])


def _named(names: Collection[str], every: Collection[str]) -> str:
    """Name sets, or where they are most of all sets, the others."""
    others = sorted(set(every) - set(names))
    if len(every) < 3 or len(others) * 3 > len(every):
        return joined(sorted(names), nothing="none")
    return f"all but {joined(others)}" if others else f"all {len(names)}"


def _lost_cells(cells: Sequence[Cell]) -> str:
    lost = sorted(
        (cell for cell in cells if cell.outcome == "loss"), key=lambda cell: -cell.relative
    )
    if not lost:
        return "**Cells that lose:** none.\n"
    return "**Cells that lose**, the worst first:\n\n" + markdown(
        ["data set", "student", "direct", "distilled", "teacher", "change of loss"],
        [
            [
                joined([cell.dataset]),
                cell.label,
                fixed(cell.baseline_loss, 4),
                fixed(cell.loss, 4),
                fixed(cell.teacher_loss, 4),
                percent(cell.relative),
            ]
            for cell in lost
        ],
        left=2,
    )


def _no_gap(cells: Sequence[Cell]) -> str:
    """Name the sets whose teacher has nothing to teach, with the students that are as good."""
    sets: dict[str, list[str]] = {}
    for cell in cells:
        if not (cell.has_gap or math.isnan(cell.teacher_loss)):
            sets.setdefault(cell.dataset, []).append(cell.label)
    if not sets:
        return "**Teachers no better than the direct fit:** none.\n"
    lines = [f"- {joined([name])}: {', '.join(labels)}\n" for name, labels in sorted(sets.items())]
    return "**The teacher is no better than the direct fit** of these students:\n\n" + "".join(
        lines
    )


def _idle_ingredients(rows: Sequence[Row], ablations: Sequence[str]) -> str:
    """List ingredients without which our method is as good or better."""
    found = []
    for method in ablations:
        for group in by_student(against_ours(rows, method)).values():
            wins, ties, losses = count_outcomes(group)  # of the method without the ingredient
            if wins >= losses:
                change = percent(statistics.median(cell.relative for cell in group))
                found.append(
                    [
                        ingredient(method),
                        group[0].label,
                        str(losses),
                        str(ties),
                        str(wins),
                        change,
                    ]
                )
    if not found:
        return ""
    return (
        "**Ingredients that do not pay** for a student: leaving them out wins at least as often as "
        "it loses.\n\n"
        + markdown(
            ["ingredient", "student", "helps", "no change", "hurts", "loss without it"],
            found,
            left=2,
        )
    )


def ingredient(method: str) -> str:
    """Name what an ablation leaves out."""
    return method.removeprefix("ours-no_").replace("_", " ") or NOTHING
