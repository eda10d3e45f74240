"""What the additive students share: parameters, the fit of the tables, and their readable forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_integer, check_real
from skdistill.hints import Hints
from skdistill.students._additive.fit import fit_scorecard
from skdistill.students._additive.points import plot_terms, points_rows
from skdistill.students._additive.scorecard import Scorecard
from skdistill.students._additive.tables import Limits
from skdistill.students._additive.targets import Response, Target
from skdistill.students._additive.teacher_cuts import Splits, find_splits
from skdistill.students._base import BaseStudent
from skdistill.students._hints import structure_columns
from skdistill.students._real_rows import RealRows


class AdditiveStudent(BaseStudent):
    """Parameters, fit and readable forms, the same for classes and values."""

    _layout: ClassVar[str] = "ordered"
    _relation_measures: ClassVar[tuple[str, ...]] = ("distance",)

    def __init__(
        self,
        *,
        max_bins: int = 32,
        alpha: float | str = "auto",
        n_pairs: int | str = "auto",
        random_state: Any = None,
    ) -> None:
        self.max_bins = max_bins
        self.alpha = alpha
        self.n_pairs = n_pairs
        self.random_state = random_state

    @property
    def n_parameters_(self) -> int:
        """Number of points in all tables, and the intercepts."""
        check_is_fitted(self)
        return self.scorecard_.n_values

    @property
    def pairs_(self) -> list[tuple[str, str]]:
        """Names of the columns of each table of two."""
        check_is_fitted(self)
        names = self._encoder.feature_names_out()
        pairs = [term.columns for term in self.scorecard_.terms if len(term.columns) == 2]
        return [(names[j], names[k]) for j, k in pairs]

    def points_table(self, *, scale: float = 1.0, decimals: int | None = None) -> list[dict]:
        """List the points of every bin: all that the student knows, to be read or printed.

        A row's score is the sum of the points of its bins and of the intercept: the log-odds of
        the second of two classes, the logit of each of more classes, or the value.

        Parameters
        ----------
        scale : float, default=1.0
            Points of one unit of the score. ``20 / log(2)`` lets 20 points double the odds, as
            is usual in credit scoring.
        decimals : int or None, default=None
            Round to so many decimals; None does not round.

        Returns
        -------
        rows : list of dict
            With the keys "feature", "bin" and "points"; for more than two classes with a key
            "points of <class>" for each instead of the last. ``pandas.DataFrame(rows)`` makes a
            table of them. The bin ``(a, b]`` holds values above `a` up to `b`.

        Raises
        ------
        ValueError
            If `scale` is zero or less, or `decimals` below zero.
        """
        check_is_fitted(self)
        check_real(scale, "scale", minimum=0.0, strict=True)
        if decimals is not None:
            check_integer(decimals, "decimals", minimum=0)
        return points_rows(
            self.scorecard_, self._encoder, self._output_names(), scale=scale, decimals=decimals
        )

    def plot_shapes(self, *, axes: Any = None) -> np.ndarray:
        """Draw the points of each column as a function of its value, and pairs as maps.

        For more than two classes a column has a line for each of them, a pair the map of the one
        class whose points differ most; its title says which. Names of more than 18 characters
        are cut short, and of more than 12 bins of a category or a map only some are named.
        ``points_table`` lists all.

        Needs matplotlib: ``pip install 'skdistill[report]'``.

        Parameters
        ----------
        axes : array of matplotlib Axes or None, default=None
            Where to draw, at least as many as there are tables; None makes a figure. The largest
            effects come first.

        Returns
        -------
        axes : ndarray of Axes
            One for each table.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are fewer axes than tables.
        """
        check_is_fitted(self)
        return plot_terms(self.scorecard_, self._encoder, self._output_names(), axes)

    def _output_names(self) -> list[str]:
        """Name of each score where there are several, else none."""
        classes = getattr(self, "classes_", ())
        return [str(label) for label in classes] if len(classes) > 2 else []

    def _check_params(self) -> None:
        check_integer(self.max_bins, "max_bins", minimum=2)
        if self.max_bins > 255:
            raise ValueError(f"max_bins must be an integer <= 255, got {self.max_bins!r}.")
        for name, value in (("alpha", self.alpha), ("n_pairs", self.n_pairs)):
            if isinstance(value, str) and value != "auto":
                raise ValueError(f"{name} must be 'auto' or a number, got {value!r}.")
        if not isinstance(self.alpha, str):
            check_real(self.alpha, "alpha", minimum=0.0, strict=True)
        if not isinstance(self.n_pairs, str):
            check_integer(self.n_pairs, "n_pairs", minimum=0)

    def _read_teacher(self, teacher: Any, X: Any, Z: np.ndarray) -> dict[int, Splits]:
        """Find where the teacher's trees split the numbers of the table."""
        if teacher is None:
            return {}
        categories = self._encoder.tables_
        numbers = {j: column for j, column in enumerate(Z.T) if j not in categories}
        return find_splits(teacher, X, numbers)

    def _fit_tables(
        self,
        Z: np.ndarray,
        target: Response,
        response: np.ndarray,
        weight: np.ndarray,
        *,
        truth: Target,
        real: RealRows,
        splits: Mapping[int, Splits],
        hints: Hints | None,
        limits: Limits,
    ) -> Scorecard:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        card, settings = fit_scorecard(
            Z,
            target,
            response,
            weight,
            truth,
            real,
            splits=splits,
            hints=np.zeros((len(Z), 0)) if hints is None else structure_columns(hints, weight),
            max_bins=self.max_bins,
            alpha=self.alpha,
            n_pairs=self.n_pairs,
            limits=limits,
            rng=np.random.default_rng(seed),
        )
        self.alpha_ = settings.alpha
        return card

    def _keep(self, card: Scorecard) -> None:
        """Keep the fitted tables, and of the encoder what they look at."""
        self.scorecard_ = card.without_empty()
        columns = [j for term in self.scorecard_.terms for j in term.columns]
        self._encoder.keep_columns(np.array(columns, dtype=np.int64))
