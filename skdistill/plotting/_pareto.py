"""Size against quality: what each further byte buys."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._intervals import allowed, parse_tolerance
from skdistill.plotting._answers import get_axes


class ParetoDisplay:
    """Score against size of candidates, those that no smaller one beats joined by a line.

    Make it by `from_estimator` or `from_predictions`.

    Parameters
    ----------
    sizes : ndarray of shape (n_candidates,)
        Bytes, above zero; drawn on a logarithmic axis.
    scores : ndarray of shape (n_candidates,)
        Greater is better.
    names : list of str or None, default=None
        Written beside the points of the frontier.
    teacher_score : float or None, default=None
        Drawn as a level line.
    lowest : float or None, default=None
        The lowest score that is still within tolerance, drawn as a level line.
    chosen : int or None, default=None
        Index of the candidate that was chosen; it is marked.
    metric : str, default="score"
        Name of the score.

    Attributes
    ----------
    frontier : ndarray of int
        Indices of the candidates that no smaller one equals, smallest first.
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Set by `plot`.
    line_ : matplotlib Line2D
        The frontier, set by `plot`.

    Examples
    --------
    >>> from skdistill.plotting import ParetoDisplay
    >>> ParetoDisplay([100, 300, 200], [0.8, 0.9, 0.7]).frontier.tolist()
    [0, 1]
    """

    def __init__(
        self,
        sizes: Any,
        scores: Any,
        *,
        names: list[str] | None = None,
        teacher_score: float | None = None,
        lowest: float | None = None,
        chosen: int | None = None,
        metric: str = "score",
    ) -> None:
        self.sizes = np.asarray(sizes, dtype=np.float64)
        self.scores = np.asarray(scores, dtype=np.float64)
        if self.sizes.ndim != 1 or self.sizes.shape != self.scores.shape or not len(self.sizes):
            raise ValueError(
                "sizes and scores must be one number for each candidate, got shapes "
                f"{self.sizes.shape} and {self.scores.shape}."
            )
        if names is not None and len(names) != len(self.sizes):
            raise ValueError(f"names must be {len(self.sizes)} texts, got {len(names)}.")
        if (self.sizes <= 0).any():
            raise ValueError(f"sizes must be above zero, got {self.sizes.min():g}.")
        self.names = names
        self.teacher_score = teacher_score
        self.lowest = lowest
        self.chosen = chosen
        self.metric = metric
        self.frontier = _frontier(self.sizes, self.scores)

    def plot(self, ax: Any = None, **line_params: Any) -> ParetoDisplay:
        """Draw all candidates and the frontier.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_params : dict
            Passed on to ``Axes.plot`` for the frontier.

        Returns
        -------
        display : ParetoDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = get_axes(ax, "ParetoDisplay")
        self.figure_ = self.ax_.figure
        self.ax_.set_xscale("log")
        others = np.setdiff1d(np.arange(len(self.sizes)), self.frontier)
        if len(others):
            points = self.sizes[others], self.scores[others]
            self.ax_.scatter(*points, s=12, color="gray", label="other candidates")
        settings = {"marker": "o", "label": "frontier"} | line_params
        points = self.sizes[self.frontier], self.scores[self.frontier]
        (self.line_,) = self.ax_.plot(*points, **settings)
        levels = [("teacher", self.teacher_score, "-"), ("tolerance", self.lowest, ":")]
        for name, level, style in levels:
            if level is not None:
                self.ax_.axhline(level, color="black", linewidth=1, linestyle=style, label=name)
        if self.chosen is not None:
            point = self.sizes[self.chosen], self.scores[self.chosen]
            self.ax_.plot(*point, "*", markersize=14, linestyle="none", label="chosen")
        if self.names is not None:
            middle = np.sqrt(self.sizes.min() * self.sizes.max())
            for i in self.frontier:
                left = bool(self.sizes[i] > middle)  # the text must not leave the axes
                self.ax_.annotate(
                    self.names[i],
                    (self.sizes[i], self.scores[i]),
                    xytext=(-4, 5) if left else (4, -10),
                    ha="right" if left else "left",
                    textcoords="offset points",
                    fontsize="x-small",
                    parse_math=False,
                )
        self.ax_.set_xlabel("bytes")
        self.ax_.set_ylabel(self.metric)
        self.ax_.legend()
        return self

    @classmethod
    def from_estimator(cls, search: Any, *, ax: Any = None, **line_params: Any) -> ParetoDisplay:
        """Draw what a search compared.

        Parameters
        ----------
        search : CompactSearch
            A fitted one.
        ax : matplotlib Axes, default=None
            Where to draw.
        **line_params : dict
            Passed on to ``Axes.plot``.

        Returns
        -------
        display : ParetoDisplay
            Of the candidates on its frontier, which are compared on the same rows.

        Raises
        ------
        TypeError
            If `search` is no such search.
        ValueError
            If no candidate of it could be measured.
        """
        check_is_fitted(search)
        if not hasattr(search, "frontier_"):
            raise TypeError(
                f"search must be a CompactSearch, got {type(search).__name__}; "
                "from_predictions draws sizes and scores that you have."
            )
        rows = [
            row for row in search.frontier_ if row["bytes"] and np.isfinite(float(row["score"]))
        ]
        if not rows:
            raise ValueError("search measured no candidate; there is nothing to draw.")
        chosen = [i for i, row in enumerate(rows) if row["chosen"]]
        teacher, lowest = rows[-1]["teacher_score"], None
        if search.tolerance is not None:
            lowest = teacher - allowed(parse_tolerance(search.tolerance), teacher)
        return cls(
            [row["bytes"] for row in rows],
            [row["score"] for row in rows],
            names=[row["name"] for row in rows],
            teacher_score=teacher,
            lowest=lowest,
            chosen=chosen[0] if chosen else None,
            metric=search.metric_,
        ).plot(ax, **line_params)

    @classmethod
    def from_predictions(
        cls,
        sizes: Any,
        scores: Any,
        *,
        names: list[str] | None = None,
        teacher_score: float | None = None,
        lowest: float | None = None,
        metric: str = "score",
        ax: Any = None,
        **line_params: Any,
    ) -> ParetoDisplay:
        """Draw sizes and scores that are known.

        Parameters
        ----------
        sizes, scores : array-like of shape (n_candidates,)
            Bytes, and scores of which greater ones are better.
        names, teacher_score, lowest, metric
            As for the class.
        ax : matplotlib Axes, default=None
            Where to draw.
        **line_params : dict
            Passed on to ``Axes.plot``.

        Returns
        -------
        display : ParetoDisplay

        Raises
        ------
        ValueError
            If sizes, scores or names do not fit each other.
        """
        display = cls(
            sizes, scores, names=names, teacher_score=teacher_score, lowest=lowest, metric=metric
        )
        return display.plot(ax, **line_params)


def _frontier(sizes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the candidates that are better than every smaller one, smallest first."""
    order = np.lexsort((-scores, sizes))
    best = np.fmax.accumulate(scores[order])
    before = np.concatenate([[-np.inf], best[:-1]])
    return order[scores[order] > before]
