"""How the figures of the report look, and how they are written: lean SVG files.

The background is white and opaque, so that they read alike on light and on dark pages.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

__all__ = ["COLOURS", "FAINT", "FAMILY_COLOURS", "INK", "new_figure", "save"]

# Blue, grey and orange are told apart by colour-blind readers, and in print by their lightness.
COLOURS = {"win": "#2f6fc4", "tie": "#e3e7eb", "loss": "#e08214"}
INK, FAINT = "#1c2630", "#aab4be"
FAMILY_COLOURS = {
    "tree": "#2f8f4e",
    "linear": "#7b4fb3",
    "additive": "#b3427a",
    "mlp": "#2f6fc4",
    "boosting": "#e08214",
    "pruned": "#8a6d3b",
}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small files, and searchable
    "svg.hashsalt": "skdistill",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH = 8.0


def new_figure(
    height: float, n_panels: int, *, n_rows: int = 1, share_y: bool = True
) -> tuple[Any, list[Any]]:
    """Make a figure without pyplot, which would keep it alive and ask for a display.

    Parameters
    ----------
    height : float
        In inches; all figures are equally wide.
    n_panels : int
        Panels beside each other.
    n_rows : int, default=1
        Rows of panels.
    share_y : bool, default=True
        Whether all panels have the same vertical axis.

    Returns
    -------
    figure : Figure
    panels : list of Axes
        Row by row.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
        panels = figure.subplots(n_rows, n_panels, sharey=share_y, squeeze=False)
    return figure, list(panels.flat)


def save(figure: Any, path: Path) -> None:
    """Write a figure as a lean SVG file, the same for the same figure."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_lean(buffer.getvalue()), encoding="utf-8")


def _lean(svg: str) -> str:
    """Leave out what is most of a file and shows nothing.

    That is the font, which is the same everywhere, rotations by nothing, and digits below a tenth
    of a point.
    """
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = svg.replace("<svg ", '<svg font-family="sans-serif" ', 1)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", svg)
    svg = re.sub(r"<path[^>]*>|<use[^>]*>|<text[^>]*>", lambda tag: _short_numbers(tag[0]), svg)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def _short_numbers(tag: str) -> str:
    return re.sub(r"(\d\.\d)\d+", r"\1", tag)
