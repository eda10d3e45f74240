"""Scorecards to be read: rows of a points table, and plots of the tables."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np

from skdistill._optional import import_optional
from skdistill.students._additive.scorecard import Scorecard, Term
from skdistill.students._encoder import TabularEncoder


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
    if axes is None:
        n_columns = min(4, max(len(terms), 1))
        n_rows = max(1, -(-len(terms) // n_columns))
        size = (3.2 * n_columns, 2.6 * n_rows)
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
        title = " x ".join(names[j] for j in term.columns)
        if len(term.columns) == 1:
            _draw_column(ax, term, encoder, outputs)
        else:
            widest = int(np.ptp(term.values, axis=(0, 1)).argmax())
            _draw_pair(ax, term, encoder, widest)
            title += f": points of {outputs[widest]}" if outputs else ""
        ax.set_title(title, fontsize="small")
    return flat[: len(terms)]


def _draw_column(ax: Any, term: Term, encoder: TabularEncoder, outputs: list[str]) -> None:
    cuts, labels = term.cuts[0], bin_labels(encoder, term.columns[0], term.cuts[0])
    shown = len(cuts) + 1
    for s in range(term.values.shape[1]):
        values = term.values[:shown, s]
        label = outputs[s] if outputs else None
        if term.columns[0] in encoder.tables_ or not len(cuts):
            ax.plot(values, np.arange(shown), "o", label=label)
            ax.set_yticks(np.arange(shown), labels[:shown], fontsize="x-small")
            ax.set_xlabel("points", fontsize="x-small")
            continue
        margin = 0.05 * (cuts[-1] - cuts[0]) or 1.0
        edges = np.concatenate([[cuts[0] - margin], cuts, [cuts[-1] + margin]])
        line = ax.stairs(values, edges, baseline=None, label=label)
        ax.set_ylabel("points", fontsize="x-small")
        if term.values[-1].any():
            ax.axhline(term.values[-1, s], ls=":", lw=0.8, color=line.get_edgecolor())
    if outputs:
        ax.legend(fontsize="x-small")


def _draw_pair(ax: Any, term: Term, encoder: TabularEncoder, output: int) -> None:
    shown = term.values[:-1, :-1, output]
    reach = np.abs(shown).max() or 1.0
    ax.imshow(shown.T, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-reach, vmax=reach)
    for axis, column, cuts in zip((ax.xaxis, ax.yaxis), term.columns, term.cuts, strict=True):
        labels = bin_labels(encoder, column, cuts)[: len(cuts) + 1]
        axis.set_ticks(np.arange(len(labels)), labels, fontsize="xx-small")
    ax.xaxis.set_tick_params(rotation=90)


def _is_last(cell: tuple[int, ...], term: Term) -> bool:
    """Tell whether a cell is one of missing values."""
    return any(i == size - 1 for i, size in zip(cell, term.values.shape, strict=False))
