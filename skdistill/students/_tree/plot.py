"""A drawing of a fitted tree student."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._optional import import_optional
from skdistill.students._tree.leaves import Places
from skdistill.students._tree.text import TreeWriter

PAD = 0.3  # margin of a box, in font sizes, as its style takes it
GAP = 0.6  # least room between two boxes of a level
LEVEL_GAP = 1.8  # room between two levels, for the lines and their words


def plot_tree(
    student: Any, *, ax: Any = None, decimals: int | None = None, n_terms: int = 3
) -> list[Any]:
    """Draw a fitted tree student, in the manner of :func:`sklearn.tree.plot_tree`.

    A box of a split tells the condition of its left side. The leaves tell what they predict and
    their share of the training rows. The letters are made small enough that no box covers another:
    a tree of many leaves wants a large figure. Of sets of more than four levels three are named,
    and of more than three classes the two likeliest of a leaf; :func:`export_text` has them all.

    Parameters
    ----------
    student : TreeStudentClassifier or TreeStudentRegressor
        A fitted student.
    ax : matplotlib Axes or None, default=None
        Where to draw. None draws on the current axes.
    decimals : int or None, default=None
        Digits of thresholds and values behind the point; of slopes below one, digits that are
        not leading zeros. None writes three of a probability and else about four digits,
        as :func:`export_text`.
    n_terms : int, default=3
        Most slopes that are written for each score of a linear leaf.

    Returns
    -------
    annotations : list of matplotlib.text.Annotation
        The boxes: splits in the order of ``student.tree_``, then leaves.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `student` is no tree student.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.students import TreeStudentRegressor, plot_tree
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = TreeStudentRegressor(max_leaf_nodes=4, ccp_alpha=0, random_state=0).fit(X, y)
    >>> len(plot_tree(student, decimals=2))  # doctest: +SKIP
    7
    """
    writer = TreeWriter(student, decimals=decimals, n_terms=n_terms, drawing=True)
    if ax is None:
        ax = import_optional("matplotlib.pyplot", extra="report", purpose="plot_tree").gca()
    ax.set_axis_off()
    texts = [writer.split(split)[0] for split in range(len(student.tree_.feature))]
    for leaf in range(student.n_leaves_):
        texts.append("\n".join([*writer.leaf(leaf), writer.share(leaf)]))
    nodes = Places.of(student.tree_)
    at, below_root, size = _fitted_layout(nodes, texts, ax)
    for split, children in enumerate(nodes.children.tolist()):
        for child in children:
            ax.plot(*at[[split, child]].T, transform=ax.transAxes, color="grey", zorder=0)
    if nodes.n_splits:
        _name_sides(ax, at[0], at[nodes.children[0]], below_root, size)
    box = {"boxstyle": f"round,pad={PAD}", "facecolor": "white"}
    style: dict[str, Any] = {"bbox": box, "size": size, "ha": "center", "va": "center"}
    return [
        ax.annotate(text, tuple(xy), xycoords="axes fraction", **style)
        for text, xy in zip(texts, at.tolist(), strict=True)
    ]


def _name_sides(
    ax: Any, root: np.ndarray, children: np.ndarray, height: float, size: float
) -> None:
    """Write at the first two lines for which of them the condition holds."""
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    for child, answer, side in zip(children, ("yes", "no"), ("right", "left"), strict=True):
        x = np.interp(height, [child[1], root[1]], [child[0], root[0]])
        place: dict[str, Any] = {"transform": ax.transAxes, "ha": side, "va": "center"}
        ax.text(x, height, answer, size=size, bbox=box, **place)


def _fitted_layout(places: Places, texts: list[str], ax: Any) -> tuple[np.ndarray, float, float]:
    """Place the boxes with the largest letters that fit, at most of the usual size."""
    size = float(ax.xaxis.label.get_size())
    # Letters are set on whole pixels, so that small ones are wider than in proportion.
    for _ in range(6):
        extents = np.array([_extent(ax, text, size) for text in texts])
        at, below_root, largest = _layout(places, extents, ax)
        if size <= largest:
            break
        size = largest
    return at, below_root, min(size, largest)


def _extent(ax: Any, text: str, size: float) -> tuple[float, float]:
    """Measure the box of a text: its width and height in font sizes."""
    drawn = ax.text(0.0, 0.0, text, size=size)
    extent, unit = drawn.get_window_extent(), size * ax.figure.dpi / 72.0
    drawn.remove()
    return extent.width / unit + 2 * PAD, extent.height / unit + 2 * PAD


def _layout(places: Places, extents: np.ndarray, ax: Any) -> tuple[np.ndarray, float, float]:
    """Place the boxes in the axes, and find the font size at which none covers another.

    Parameters
    ----------
    places : Places
        The tree.
    extents : ndarray of shape (n_places, 2)
        Widths and heights of the boxes in font sizes.
    ax : Axes
        Where to draw.

    Returns
    -------
    at : ndarray of shape (n_places, 2)
        Middles of the boxes in fractions of the axes.
    below_root : float
        The height of the gap below the root.
    size : float
        The largest font size in points at which the boxes fit.
    """
    depth = np.zeros(len(extents), dtype=np.intp)
    for split in places.top_down:
        depth[places.children[split]] = depth[split] + 1
    heights = np.zeros(depth.max() + 1)
    np.maximum.at(heights, depth, extents[:, 1])
    tops = np.concatenate([[0.0], np.cumsum(heights + LEVEL_GAP)])
    y = tops[depth] + heights[depth] / 2
    x = _across(places, extents[:, 0] + GAP)
    first = (x - extents[:, 0] / 2).min()
    whole = np.array([(x + extents[:, 0] / 2).max() - first, tops[-1] - LEVEL_GAP])
    at = np.column_stack([(x - first) / whole[0], 1.0 - y / whole[1]])
    page = ax.get_window_extent()
    largest = np.min([page.width, page.height] / whole) * 72.0 / ax.figure.dpi
    return at, 1.0 - (heights[0] + LEVEL_GAP / 2) / whole[1], float(largest)


def _across(places: Places, widths: np.ndarray) -> np.ndarray:
    """Put each split in the middle above its children, and these as near as their trees allow."""
    # The first and the last point of each level of a subtree, as seen from its root.
    outlines = [np.array([[-width / 2, width / 2]]) for width in widths]
    apart = np.zeros(places.n_splits)
    for split in reversed(places.top_down):
        left, right = (outlines[child] for child in places.children[split])
        common = min(len(left), len(right))
        apart[split] = (left[:common, 1] - right[:common, 0]).max()
        left, right = left - apart[split] / 2, right + apart[split] / 2
        both = np.column_stack([left[:common, 0], right[:common, 1]])
        outlines[split] = np.concatenate([outlines[split], both, left[common:], right[common:]])
    x = np.zeros(len(widths))
    for split in places.top_down:
        x[places.children[split]] = x[split] + np.array([-0.5, 0.5]) * apart[split]
    return x
