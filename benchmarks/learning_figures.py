"""Figures of the suite curves."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.drawing import COLOURS, FAINT, FAMILY_COLOURS, INK, new_figure, save
from benchmarks.learning import ALL_UNLABELED, curves, unlabeled_changes
from benchmarks.results import short, student_label
from benchmarks.tasks import Row

__all__ = ["draw_curves", "draw_unlabeled"]

# What is drawn: label, colour, line.
LINES = {
    "direct": ("direct", INK, "o-"),
    "ours": ("distilled", COLOURS["win"], "s-"),
    ALL_UNLABELED: ("distilled, with unlabelled rows", COLOURS["loss"], "^-"),
}
COLUMNS = 3


def draw_curves(rows: Sequence[Row], student: tuple[str, str], path: Path) -> None:
    """Draw a student's loss against the number of labelled rows, a panel for each data set.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite curves.
    student : (str, str)
        Family and size.
    path : Path
        The SVG file.
    """
    losses = curves(rows)
    teacher = losses.get(("", "", "teacher"), {})
    direct = losses[student[0], student[1], "direct"]
    sets = sorted(direct, key=short)
    n_columns = min(COLUMNS, len(sets))
    n_rows = -(-len(sets) // n_columns)
    figure, panels = new_figure(0.6 + 2.1 * n_rows, n_columns, n_rows=n_rows, share_y=False)
    for axes, name in zip(panels, sets, strict=False):
        if name in teacher:
            axes.plot(*zip(*teacher[name], strict=True), ":", color=INK, lw=1.2, label="teacher")
        for method, (label, colour, line) in LINES.items():
            points = losses.get((*student, method), {}).get(name)
            if points:
                axes.plot(*zip(*points, strict=True), line, color=colour, ms=4, label=label)
        axes.set_title(short(name))
        _number_rows(axes, [n for n, _ in direct[name]])
    for axes in panels[len(sets) :]:
        axes.set_visible(False)
    for axes in panels[::n_columns]:
        axes.set_ylabel("log loss or RMSE")
    figure.supxlabel(f"labelled rows ({student_label(*student)})", size=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    save(figure, path)


def draw_unlabeled(rows: Sequence[Row], path: Path) -> None:
    """Draw the change of loss against the number of unlabelled rows, a panel for each student.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite curves that have several numbers of unlabelled rows.
    path : Path
        The SVG file.
    """
    changes = unlabeled_changes(rows)
    figure, panels = new_figure(3.4, len(changes))
    for axes, (student, by_number) in zip(panels, changes.items(), strict=True):
        numbers, colour = list(by_number), FAMILY_COLOURS.get(student[0], INK)
        axes.axhline(0, color=FAINT, lw=1, zorder=0)
        for name in by_number["0"]:
            values = [100 * by_number[number][name] for number in numbers]
            axes.plot(range(len(numbers)), values, color=colour, alpha=0.3, lw=1)
        medians = [100 * statistics.median(found.values()) for found in by_number.values()]
        axes.plot(range(len(numbers)), medians, "D-", color=colour, lw=2, ms=6)
        axes.set_title(f"{student_label(*student)} (thin: data sets, thick: median)")
        axes.set_xticks(range(len(numbers)), [n if n == "all" else f"{int(n):,}" for n in numbers])
        axes.set_xlabel("unlabelled rows")
    panels[0].set_ylabel("change of loss against direct, %")
    save(figure, path)


def _number_rows(axes: Any, numbers: Sequence[int]) -> None:
    """Mark the numbers of rows on a logarithmic scale."""
    axes.set_xscale("log")
    axes.set_xticks(numbers, [f"{n:,}" if n < 1000 else f"{n // 1000}k" for n in numbers])
    axes.minorticks_off()
