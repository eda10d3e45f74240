"""Scorecards to be read: rows of a points table, and plots of the tables."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np

from skdistill._optional import import_optional
from skdistill.students._additive.scorecard import Scorecard, Term
from skdistill.students._encoder import TabularEncoder
from skdistill.students._words import shorten

# Longest name of a level and most ticks that a panel of a plot has room for.
LONGEST, MOST_TICKS = 18, 12


def points_rows(
    card: Scorecard,
    encoder: TabularEncoder,
    outputs: list[str],
    *,
    scale: float,
    decimals: int | None,
) -> list[dict[str, Any]]:
    """List the points of all bins.

    Parameters
    ----------
    card : Scorecard
        Fitted tables.
    encoder : TabularEncoder
        Knows the names of columns and levels.
    outputs : list of str
        Names of the scores where there are several, else empty.
    scale : float
        Points of one unit of the score.
    decimals : int or None
        Round to so many decimals.

    Returns
    -------
    rows : list of dict
    """
    keys = [f"points of {name}" for name in outputs] or ["points"]
    names = encoder.feature_names_out()

    def row(feature: str, label: str, points: np.ndarray) -> dict[str, Any]:
        scaled = scale * points.astype(np.float64)
        values = scaled if decimals is None else np.round(scaled, decimals) + 0.0  # no minus zero
        return {"feature": feature, "bin": label, **dict(zip(keys, values.tolist(), strict=True))}

    rows = [row("intercept", "", card.intercept)]
    for term in card.terms:
        feature = " x ".join(names[j] for j in term.columns)
        labels = [bin_labels(encoder, j, c) for j, c in zip(term.columns, term.cuts, strict=True)]
        for cell in product(*(range(len(of_column)) for of_column in labels)):
            # Where no training row was, in particular none with a missing value, there may be
            # nothing to say.
            if _is_last(cell, term) and not term.values[cell].any():
                continue
            label = ", ".join(of_column[i] for of_column, i in zip(labels, cell, strict=True))
            rows.append(row(feature, label, term.values[cell]))
    return rows


def bin_labels(encoder: TabularEncoder, column: int, cuts: np.ndarray) -> list[str]:
    """Name the bins of a column, that of missing values last.

    Parameters
    ----------
    encoder : TabularEncoder
        Knows the levels of categories.
    column : int
        Encoded column.
    cuts : ndarray of shape (n_cuts,)
        Its thresholds.

    Returns
    -------
    labels : list of str of length n_cuts + 2
    """
    if column in encoder.tables_:
        levels: list[list[str]] = [[] for _ in range(len(cuts) + 2)]
        for level, code in encoder.tables_[column].items():
            bin_of_level = int(np.searchsorted(cuts, code))
            levels[bin_of_level].append("missing" if level is None else str(level))
        levels[int(np.searchsorted(cuts, encoder.defaults_[column]))].append("any other")
        return [" or ".join(of_bin) for of_bin in levels]
    ends = [f"{cut:.6g}" for cut in cuts]
    if not ends:
        return ["any number", "missing"]
    inside = [f"({low}, {high}]" for low, high in pairwise(ends)]
    return [f"<= {ends[0]}", *inside, f"> {ends[-1]}", "missing"]


def plot_terms(
    card: Scorecard, encoder: TabularEncoder, outputs: list[str], axes: Any
) -> np.ndarray:
    """Draw each table, those with the widest range first.

    Of several scores a map of two columns shows the one with the widest range, and names it.
    Long names are cut short, and of many levels only some are named.

    Parameters
    ----------
    card : Scorecard
        Fitted tables.
    encoder : TabularEncoder
        Knows the names of columns and levels.
    outputs : list of str
        Names of the scores where there are several, else empty.
    axes : array of Axes or None
        Where to draw; None makes a figure.

    Returns
    -------
    axes : ndarray of Axes
        One for each table.
    """
    plt = import_optional("matplotlib.pyplot", extra="report", purpose="plot_shapes")
    terms = sorted(card.terms, key=lambda term: -np.ptp(term.values))
    own_figure = axes is None
    if own_figure:
        n_columns = min(4, max(len(terms), 1))
        n_rows = max(1, -(-len(terms) // n_columns))
        size = (3.4 * n_columns, 2.8 * n_rows)
        _, grid = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, layout="constrained")
        for unused in grid.ravel()[len(terms) :]:
            unused.set_visible(False)
        axes = grid
    flat = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    if len(flat) < len(terms):
        raise ValueError(
            f"axes must hold at least one for each of the {len(terms)} tables, got {len(flat)}."
        )
    names = encoder.feature_names_out()
    for ax, term in zip(flat, terms, strict=False):
        of_columns = [names[j] for j in term.columns]
        # A long title would run into that of the next panel.
        title = (" x " if len("".join(of_columns)) <= 2 * LONGEST else " x\n").join(of_columns)
        if len(term.columns) == 1:
            _draw_column(ax, term, encoder, outputs)
        else:
            widest = int(np.ptp(term.values, axis=(0, 1)).argmax())
            _draw_pair(ax, term, encoder, widest)
            title += f"\npoints of {outputs[widest]}" if outputs else ""
        ax.set_title(title, fontsize="small")
        ax.tick_params(labelsize="x-small")
    columns = [ax for ax, term in zip(flat, terms, strict=False) if len(term.columns) == 1]
    if outputs and columns:
        _add_legend(columns[0], own_figure)
    return flat[: len(terms)]


def _draw_column(ax: Any, term: Term, encoder: TabularEncoder, outputs: list[str]) -> None:
    """Draw the points of a column, as steps or, of a category, as dots."""
    cuts = term.cuts[0]
    shown = len(cuts) + 1
    is_level = term.columns[0] in encoder.tables_ or not len(cuts)
    for s in range(term.values.shape[1]):
        values = term.values[:shown, s]
        label = outputs[s] if outputs else None
        if is_level:
            ax.plot(values, np.arange(shown), "o", label=label)
            continue
        margin = 0.05 * (cuts[-1] - cuts[0]) or 1.0
        edges = np.concatenate([[cuts[0] - margin], cuts, [cuts[-1] + margin]])
        line = ax.stairs(values, edges, baseline=None, label=label)
        if term.values[-1].any():
            ax.axhline(term.values[-1, s], ls=":", lw=0.8, color=line.get_edgecolor())
    if is_level:
        _name_bins(ax.yaxis, encoder, term.columns[0], cuts)
    (ax.set_xlabel if is_level else ax.set_ylabel)("points", fontsize="x-small")
    ax.locator_params(axis="x", nbins=4)


def _draw_pair(ax: Any, term: Term, encoder: TabularEncoder, output: int) -> None:
    """Draw the points of a pair of columns as a map, with the bar of its colours."""
    shown = term.values[:-1, :-1, output]
    reach = np.abs(shown).max() or 1.0
    cells = ax.imshow(
        shown.T, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-reach, vmax=reach
    )
    names = encoder.feature_names_out()
    for axis, column, cuts in zip((ax.xaxis, ax.yaxis), term.columns, term.cuts, strict=True):
        _name_bins(axis, encoder, column, cuts)
        axis.set_label_text(names[column], fontsize="x-small")
    ax.xaxis.set_tick_params(rotation=90)
    bar = ax.figure.colorbar(cells, ax=ax)
    bar.ax.tick_params(labelsize="x-small")
    bar.ax.locator_params(nbins=5)
    bar.set_label("points", fontsize="x-small")


def _name_bins(axis: Any, encoder: TabularEncoder, column: int, cuts: np.ndarray) -> None:
    """Name bins that are drawn at 0, 1, ...: levels in their middle, numbers by their cuts."""
    if column in encoder.tables_ or not len(cuts):
        labels = [shorten(label, LONGEST) for label in bin_labels(encoder, column, cuts)[:-1]]
        shift = 0.0
    else:
        labels = [f"{cut:.4g}" for cut in cuts]
        shift = 0.5
    step = -(-len(labels) // MOST_TICKS)
    axis.set_ticks(np.arange(0, len(labels), step) + shift, labels[::step])


def _add_legend(ax: Any, own_figure: bool) -> None:
    """Name the scores once: below the panels, or in the first of them if others made the figure."""
    handles, names = ax.get_legend_handles_labels()
    names = [shorten(name, LONGEST) for name in names]
    if own_figure:
        place = {"loc": "outside lower center", "ncols": min(len(names), 6)}
        ax.figure.legend(handles, names, fontsize="small", **place)
    else:
        ax.legend(handles, names, fontsize="x-small")


def _is_last(cell: tuple[int, ...], term: Term) -> bool:
    """Tell whether a cell is one of missing values."""
    return any(i == size - 1 for i, size in zip(cell, term.values.shape, strict=False))
