"""Figures of the report: small SVG files that are the same for the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawing import COLOURS, FAINT, FAMILY_COLOURS, INK, new_figure, save
from benchmarks.paired import Cell, by_student, median_gap
from benchmarks.results import short, student_label, student_order
from benchmarks.tables import Group, by_set, common_mean, common_median
from benchmarks.tasks import Row

__all__ = ["draw_gap_closed", "draw_matrix", "draw_pareto", "draw_speed"]

GAP_LIMITS = (-1.0, 1.5)


def draw_gap_closed(cells: Sequence[Cell], path: Path) -> None:
    """Draw the gap closed by student and size: each set, the median and its interval.

    Parameters
    ----------
    cells : sequence of Cell
        Our method against the direct fit. Sets without a gap are not drawn.
    path : Path
        The SVG file.
    """
    groups = list(by_student(cells).values())
    figure, (axes,) = new_figure(0.42 * len(groups) + 1.3, 1)
    gaps_of = [np.array([cell.gap for cell in group if cell.has_gap]) for group in groups]
    shown = np.clip(np.concatenate([*gaps_of, [0.0, 1.0]]), *GAP_LIMITS)
    low, high = shown.min(), shown.max()
    axes.axvline(0, color=FAINT, lw=1, zorder=0)
    axes.axvline(1, color=FAINT, lw=1, ls="--", zorder=0)
    for y, (group, gaps) in enumerate(zip(groups, gaps_of, strict=True)):
        inside = (gaps >= low) & (gaps <= high)
        # Sets share a line; a small shift, the same each time, shows those that coincide.
        shift = y + 0.12 * np.cos(2.4 * np.arange(len(gaps)))
        axes.scatter(gaps[inside], shift[inside], s=22, color=COLOURS["win"], alpha=0.45, lw=0)
        for beyond, edge, marker in ((gaps < low, low, "<"), (gaps > high, high, ">")):
            x = np.full(beyond.sum(), edge)
            axes.scatter(x, shift[beyond], s=26, color=COLOURS["win"], marker=marker)
        middle = median_gap(group)
        if not math.isnan(middle.low):
            axes.plot(np.clip([middle.low, middle.high], low, high), [y, y], color=INK, lw=2)
        if not math.isnan(middle.median):
            marker = "<" if middle.median < low else ">" if middle.median > high else "D"
            axes.plot(np.clip(middle.median, low, high), y, marker, color=INK, ms=6)
    axes.set_yticks(range(len(groups)), [group[0].label for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(low - 0.05, high + 0.05)
    axes.set_xlabel(
        "gap closed: 0 is the direct fit, 1 the teacher (dots: sets, diamond: median, line: 95 %)"
    )
    save(figure, path)


def draw_matrix(cells: Sequence[Cell], path: Path) -> None:
    """Draw wins, ties and losses of every set and student, with the change of loss in per cent.

    Parameters
    ----------
    cells : sequence of Cell
        Our method against the direct fit.
    path : Path
        The SVG file.
    """
    students = list(by_student(cells))
    sets = sorted({cell.dataset for cell in cells}, key=short)
    figure, (axes,) = new_figure(0.28 * len(sets) + 1.3, 1)
    places: dict[str, list[tuple[int, int]]] = {outcome: [] for outcome in COLOURS}
    for cell in cells:
        x, y = students.index((cell.student, cell.size)), sets.index(cell.dataset)
        places[cell.outcome].append((x, y))
        ink = "white" if cell.outcome == "win" else INK
        axes.text(x, y, f"{100 * cell.relative:+.1f}", ha="center", va="center", color=ink, size=9)
    patches = [_rectangles(found, COLOURS[outcome]) for outcome, found in places.items()]
    for patch in patches:
        axes.add_patch(patch)
    labels = [student_label(*student) for student in students]
    axes.set_xticks(range(len(students)), labels, rotation=30 if len(students) > 8 else 0)
    axes.set_yticks(range(len(sets)), [short(name) for name in sets])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.5, len(students) - 0.5)
    axes.set_ylim(len(sets) - 0.5, -0.5)
    axes.legend(
        patches,
        ["win", "tie", "loss"],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=3,
        frameon=False,
        title="change of loss against the tuned direct fit, %",
        title_fontsize=9,
    )
    save(figure, path)


def draw_pareto(rows: Sequence[Row], fields: dict[str, str], path: Path) -> None:
    """Draw accuracy against what a model costs, over the classification sets all models have.

    Parameters
    ----------
    rows : sequence of dict
        Result rows of one suite and teacher.
    fields : dict of str to str
        By field of the row (``"bytes"``, ``"us_1"``), the label of its axis; one panel each.
    path : Path
        The SVG file.
    """
    rows = [row for row in rows if row.get("task") == "classification"]
    accuracies = by_set(rows, "accuracy")
    groups = sorted(
        (group for group in accuracies if group[2] in ("teacher", "direct", "ours")),
        key=lambda group: (student_order((group[0], group[1])), group[2]),
    )
    accuracy, n_sets = common_mean(accuracies, groups)
    figure, panels = new_figure(4.0, len(fields))
    for axes, (name, label) in zip(panels, fields.items(), strict=True):
        price, _ = common_median(by_set(rows, name), groups)
        _pareto_panel(axes, price, accuracy)
        axes.set_xlabel(label)
    panels[0].set_ylabel(f"accuracy, mean of {n_sets} sets")
    figure.legend(
        handles=_handles(groups),
        loc="outside lower center",
        ncols=8,
        frameon=False,
        columnspacing=1.2,
        handletextpad=0.2,
    )
    save(figure, path)


def draw_speed(groups: dict[tuple[str, str], dict[str, list[tuple[int, Row]]]], path: Path) -> None:
    """Draw the seconds of a fit against the number of rows.

    Parameters
    ----------
    groups : dict
        By student and whose it is, the numbers of rows with their result rows.
    path : Path
        The SVG file.
    """
    figure, (axes,) = new_figure(3.6, 1)
    for (family, size), by_method in groups.items():
        colour = FAMILY_COLOURS.get(family, INK)
        for method, points in by_method.items():
            ours = method == "ours"
            axes.plot(
                [n_rows for n_rows, _ in points],
                [row["fit_seconds"] for _, row in points],
                "o-" if ours else "o--",
                color=colour,
                mfc=colour if ours else "white",
                label=f"{student_label(family, size)}, {method}",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds of a fit")
    axes.legend(frameon=False)
    save(figure, path)


def _pareto_panel(axes: Any, price: dict[Group, float], accuracy: dict[Group, float]) -> None:
    """Draw a line from each direct fit to its distilled twin, and the front of all models."""
    points = {group: (price[group], accuracy[group]) for group in price if group in accuracy}
    for group, point in points.items():
        student, size, method = group
        if method == "teacher":
            axes.plot(*point, "*", color=INK, ms=12)
            continue
        colour = FAMILY_COLOURS.get(student, INK)
        filled = colour if method == "ours" else "white"
        axes.plot(*point, "o", mec=colour, mfc=filled, ms=7, zorder=3)
        twin = points.get((student, size, "direct"))
        if method == "ours":
            axes.annotate(size, point, (5, 4), textcoords="offset points", size=8, color=colour)
            if twin:
                axes.plot(*zip(twin, point, strict=True), color=colour, lw=1, zorder=2)
    front = _front(list(points.values()))
    axes.plot(*zip(*front, strict=True), color=FAINT, lw=1, ls=":", zorder=0) if front else None
    axes.set_xscale("log")


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other beats in both price and accuracy."""
    front: list[tuple[float, float]] = []
    for price, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((price, accuracy))
    return front


def _handles(groups: Sequence[Group]) -> list[Any]:
    from matplotlib.lines import Line2D

    def entry(marker: str, edge: str, fill: str, label: str) -> Any:
        return Line2D([], [], ls="", marker=marker, mec=edge, mfc=fill, ms=7, label=label)

    families = dict.fromkeys(group[0] for group in groups if group[0])
    return [
        entry("*", INK, INK, "teacher"),
        entry("o", INK, "white", "direct"),
        entry("o", INK, INK, "distilled"),
        *(
            entry("s", colour, colour, family)
            for family in families
            for colour in [FAMILY_COLOURS.get(family, INK)]
        ),
    ]


def _rectangles(places: Sequence[tuple[int, int]], colour: str) -> Any:
    """Make one patch of all cells of a colour: a patch for each would make a large file."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    corners = np.array([[-0.48, -0.46], [0.48, -0.46], [0.48, 0.46], [-0.48, 0.46], [-0.48, -0.46]])
    outlines = [Outline(corners + place, closed=True) for place in places]
    outline = Outline.make_compound_path(*outlines)
    return PathPatch(outline, facecolor=colour, edgecolor="none")
