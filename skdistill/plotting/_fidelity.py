"""The student's answers against the teacher's."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.plotting._answers import check_pairs, class_text, get_axes, paired_answers

# More points than this hide each other, and make large files.
MOST_POINTS = 2_000


class FidelityDisplay:
    """The student's probabilities or values against the teacher's, a point for each row.

    Points on the diagonal are rows where both say the same. Make it by `from_estimator` or
    `from_predictions`.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples,)
        What both say of each row.
    quantity : str, default="prediction"
        What the numbers are, for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Set by `plot`.
    points_ : matplotlib PathCollection
        Set by `plot`.
    line_ : matplotlib Line2D
        The diagonal, set by `plot`.

    Examples
    --------
    >>> from skdistill.plotting import FidelityDisplay
    >>> FidelityDisplay.from_predictions([1.0, 2.0], [1.1, 1.9])  # doctest: +SKIP
    """

    def __init__(
        self, teacher: np.ndarray, student: np.ndarray, *, quantity: str = "prediction"
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.quantity = quantity

    def plot(self, ax: Any = None, **scatter_params: Any) -> FidelityDisplay:
        """Draw the points and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **scatter_params : dict
            Passed on to ``Axes.scatter``.

        Returns
        -------
        display : FidelityDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = get_axes(ax, "FidelityDisplay")
        self.figure_ = self.ax_.figure
        # Evenly over the rows, so that the same rows give the same drawing.
        step = max(1, -(-len(self.teacher) // MOST_POINTS))
        settings = {"s": 10, "alpha": 0.4, "linewidths": 0} | scatter_params
        self.points_ = self.ax_.scatter(self.teacher[::step], self.student[::step], **settings)
        both = np.concatenate([self.teacher, self.student])
        ends = [float(both.min()), float(both.max())]
        (self.line_,) = self.ax_.plot(ends, ends, color="black", linewidth=1, linestyle="--")
        self.ax_.set_xlabel(f"teacher's {self.quantity}", parse_math=False)
        self.ax_.set_ylabel(f"student's {self.quantity}", parse_math=False)
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, ax: Any = None, **scatter_params: Any
    ) -> FidelityDisplay:
        """Ask both models of a distilled estimator about rows, and draw their answers.

        Parameters
        ----------
        estimator : DistilledClassifier, DistilledRegressor or CompactSearch
            Fitted, with a teacher.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, best such that neither model has seen.
        ax : matplotlib Axes, default=None
            Where to draw.
        **scatter_params : dict
            Passed on to ``Axes.scatter``.

        Returns
        -------
        display : FidelityDisplay

        Raises
        ------
        ValueError
            If there is no teacher to compare with.
        """
        return cls.from_predictions(
            *paired_answers(estimator, X),
            classes=getattr(estimator, "classes_", None),
            ax=ax,
            **scatter_params,
        )

    @classmethod
    def from_predictions(
        cls, teacher: Any, student: Any, *, classes: Any = None, ax: Any = None, **params: Any
    ) -> FidelityDisplay:
        """Draw answers that are known.

        Parameters
        ----------
        teacher, student : array-like of shape (n_samples,) or (n_samples, n_classes)
            Values, or probabilities: of two classes the second is drawn, of more the one that the
            teacher gives the largest probability to.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns, for the labels of the axes.
        ax : matplotlib Axes, default=None
            Where to draw.
        **params : dict
            Passed on to ``Axes.scatter``.

        Returns
        -------
        display : FidelityDisplay

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        teacher, student = check_pairs(teacher, student)
        quantity = "prediction"
        if teacher.ndim == 2:
            rows = np.arange(len(teacher))
            binary = teacher.shape[1] == 2
            column = np.ones(len(teacher), dtype=int) if binary else teacher.argmax(axis=1)
            teacher, student = teacher[rows, column], student[rows, column]
            quantity = "probability of the teacher's first choice"
            if binary:
                label = "the second class" if classes is None else class_text(classes[1])
                quantity = f"probability of {label}"
        return cls(teacher, student, quantity=quantity).plot(ax, **params)
