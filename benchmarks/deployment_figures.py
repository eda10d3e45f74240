"""The figure of the suite `deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.deployment_rows import FORM_LABELS, model_label
from benchmarks.drawing import COLOURS, FAINT, FAMILY_COLOURS, INK, new_figure, save
from benchmarks.results import metric, short
from benchmarks.tasks import Row

__all__ = ["draw_deployment"]

# Marker and colour of each form.
MARKS = {
    "estimator": ("o", INK),
    "scikit-learn's own": ("x", FAINT),
    "compiled in process": ("P", FAMILY_COLOURS["additive"]),
    "ONNX Runtime": ("v", FAMILY_COLOURS["linear"]),
    "Python module": ("s", FAMILY_COLOURS["tree"]),
    "C": ("D", COLOURS["win"]),
}


def draw_deployment(rows: Sequence[Row], path: Path) -> None:
    """Draw the microseconds of one row by model and form, a panel for each data set.

    Parameters
    ----------
    rows : sequence of dict
        Computed rows of the suite deploy, in order. Of two forms in C the first is drawn.
    path : Path
        The SVG file.
    """
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    models = list(dict.fromkeys(map(model_label, rows)))
    figure, panels = new_figure(0.32 * len(models) + 1.5, len(sets))
    for axes, dataset in zip(panels, sets, strict=True):
        here = [row for row in rows if row["dataset"] == dataset]
        for y in range(len(models)):
            axes.axhline(y, color=FAINT, lw=0.5, alpha=0.5, zorder=0)
        for form, (marker, colour) in MARKS.items():
            points = [
                (metric(row, "us_1"), models.index(model_label(row)))
                for row in here
                if FORM_LABELS[row["method"]] == form
            ]
            axes.scatter(*_columns(points), s=34, marker=marker, color=colour, label=form, zorder=3)
        empty = [metric(row, "bare_us") for row in here if row.get("bare_us")]
        if empty:
            axes.axvline(min(empty), color=COLOURS["win"], lw=1, ls=":", zorder=1)
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_title(short(dataset))
    panels[0].set_yticks(range(len(models)), models)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    figure.supxlabel("µs of one row, warm (dotted: an empty call of C through ctypes)", size=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=6,
        frameon=False,
        columnspacing=0.8,
        fontsize=9,
        handletextpad=0.1,
    )
    save(figure, path)


def _columns(points: Sequence[tuple[float, int]]) -> tuple[Any, Any]:
    """Turn points into their x and their y."""
    return [x for x, _ in points], [y for _, y in points]
