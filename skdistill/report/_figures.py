"""The figures of the page, as drawings inside its text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skdistill._optional import import_optional
from skdistill.plotting import CalibrationComparisonDisplay, FidelityDisplay, ParetoDisplay
from skdistill.report._evidence import Evidence
from skdistill.report._model import MOST_LEAVES_DRAWN
from skdistill.students import plot_tree

# The ink of the drawings; the page puts its own in the place of it.
INK = "#010203"

STYLE = {
    "svg.fonttype": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "figure.facecolor": "none",
    "legend.facecolor": "none",
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    # Told apart on light and dark paper, and by those who see few colours.
    "axes.prop_cycle": "cycler('color', ['#2a7fbf', '#d9730d', '#3a9a5f', '#a05fb4'])",
}


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption, and what it shows for those who do not see it."""

    svg: str
    caption: str
    description: str


def draw_figures(content: dict[str, Any], evidence: Evidence, student: Any) -> dict[str, Figure]:
    """Draw what belongs to the sections, by their keys."""
    figures = {
        "fidelity": Figure(
            _draw(
                "fidelity",
                lambda ax: FidelityDisplay.from_predictions(
                    evidence.teacher, evidence.student, classes=evidence.classes, ax=ax
                ),
            ),
            "The student's answers against the teacher's; on the dashed line they are the same.",
            "Scatter plot of the student's against the teacher's answers on the test rows. "
            "The table of fidelity tells how close they are.",
        )
    }
    if evidence.classes is not None:
        figures["calibration"] = Figure(
            _draw(
                "calibration",
                lambda ax: CalibrationComparisonDisplay.from_predictions(
                    evidence.y, evidence.answers, classes=evidence.classes, ax=ax
                ),
            ),
            "Reliability curves; on the dashed line probabilities come true as predicted.",
            "Line plot of observed shares against predicted probabilities for each model. "
            "The tables of calibration hold its points.",
        )
    frontier = [row for row in content["choice"]["frontier"] if row["bytes"] and row["score"]]
    if frontier:
        figures["choice"] = _pareto(frontier)
    leaves = content["student"].get("n_leaves", 0)
    if 1 < leaves <= MOST_LEAVES_DRAWN:
        size = (max(6.0, 1.1 * leaves), 5.0)
        figures["student"] = Figure(
            _draw("student", lambda ax: plot_tree(student, ax=ax), size=size, paper=True),
            "The tree: a box of a split tells the condition of its left side.",
            f"Drawing of a tree of {leaves} leaves. The rules below tell the same.",
        )
    return figures


def _pareto(frontier: list[dict[str, Any]]) -> Figure:
    chosen = [i for i, row in enumerate(frontier) if row["chosen"]]
    display = ParetoDisplay(
        [row["bytes"] for row in frontier],
        [row["score"] for row in frontier],
        names=[row["name"] for row in frontier],
        teacher_score=frontier[-1]["teacher_score"],
        chosen=chosen[0] if chosen else None,
    )
    return Figure(
        _draw("choice", display.plot),
        "Score against bytes; the line joins candidates that no smaller one equals.",
        "Plot of score against size of the candidates. The table of the frontier holds its points.",
    )


def _draw(
    key: str,
    draw: Callable[[Any], Any],
    *,
    size: tuple[float, float] = (6.0, 4.2),
    paper: bool = False,
) -> str:
    """Draw on new axes, and return the SVG element; on `paper` in colours of its own."""
    matplotlib = import_optional("matplotlib", extra="report", purpose="to_html")
    figures = import_optional("matplotlib.figure", extra="report", purpose="to_html")
    # The salt makes names of parts the same each time, and those of two figures differ.
    # A name with dollar signs is no formula.
    style: dict[str, Any] = {"svg.hashsalt": key, "svg.fonttype": "none", "text.parse_math": False}
    with matplotlib.rc_context({**(style if paper else STYLE | style)}):
        figure = figures.Figure(figsize=size, layout="constrained")
        ax = figure.subplots()
        draw(ax)
        if paper:
            ax.set_axis_off()
        buffer = io.StringIO()
        nothing = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _inline(buffer.getvalue(), key, paper)


def _inline(svg: str, key: str, paper: bool) -> str:
    """Make the drawing a part of a page: without heading, with names of its own, in its ink."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Its rule is for all of the page there; the page repeats it for drawings.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r'\bhref="#', f'href="#{key}-', svg)
    svg = svg.replace("url(#", f"url(#{key}-")
    if not paper:
        svg = re.sub(rf"{INK}|#000000", "currentColor", svg)
    # The figure around it speaks for it.
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
