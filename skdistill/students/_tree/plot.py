"""A drawing of a fitted tree student."""

from __future__ import annotations

from typing import Any

from skdistill._optional import import_optional
from skdistill.students._tree.leaves import Places
from skdistill.students._tree.text import TreeWriter


def plot_tree(
    student: Any, *, ax: Any = None, decimals: int | None = None, n_terms: int = 3
) -> list[Any]:
    """Draw a fitted tree student, in the manner of :func:`sklearn.tree.plot_tree`.

    A box of a split tells the condition of its left side. The leaves tell what they predict and
    their share of the training rows.

    Parameters
    ----------
    student : TreeStudentClassifier or TreeStudentRegressor
        A fitted student.
    ax : matplotlib Axes or None, default=None
        Where to draw. None draws on the current axes.
    decimals : int or None, default=None
        Digits of thresholds and values behind the point; of slopes below one, digits that are
        not leading zeros. None writes them exactly.
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
    writer = TreeWriter(student, decimals=decimals, n_terms=n_terms, one_line=False)
    if ax is None:
        ax = import_optional("matplotlib.pyplot", extra="report", purpose="plot_tree").gca()
    ax.set_axis_off()
    x, depth = _layout(Places.of(student.tree_))
    height = 1.0 / (max(depth) + 1)
    across = [(place + 0.5) / student.n_leaves_ for place in x]
    boxes = []
    for place, children in enumerate(_children(student)):
        if children:
            text = writer.split(place)[0]
        else:
            leaf = place - len(student.tree_.feature)
            text = "\n".join([*writer.leaf(leaf), writer.share(leaf)])
        at = across[place], 1.0 - (depth[place] + 0.5) * height
        style = {"boxstyle": "round", "facecolor": "white"}
        boxes.append(ax.annotate(text, at, xycoords="axes fraction", bbox=style, ha="center"))
        for child in children:
            end = across[child], 1.0 - (depth[child] + 0.5) * height
            ax.plot(*zip(at, end, strict=True), transform=ax.transAxes, color="grey", zorder=0)
    return boxes


def _children(student: Any) -> list[list[int]]:
    """List the children of each place; leaves have none."""
    places = Places.of(student.tree_)
    return [*places.children.tolist(), *([] for _ in range(student.n_leaves_))]


def _layout(places: Places) -> tuple[list[float], list[int]]:
    """Place the leaves from left to right, and each split in the middle above its children."""
    n_places = 2 * places.n_splits + 1
    x, depth = [0.0] * n_places, [0] * n_places
    for split in places.top_down:
        for child in places.children[split]:
            depth[child] = depth[split] + 1
    waiting, n_done = [0], 0
    while waiting:
        place = waiting.pop()
        if place < places.n_splits:
            waiting += places.children[place][::-1].tolist()
        else:
            x[place], n_done = float(n_done), n_done + 1
    for split in reversed(places.top_down):
        left, right = places.children[split]
        x[split] = (x[left] + x[right]) / 2.0
    return x, depth
