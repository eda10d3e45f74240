"""Whether the probabilities of teacher and student can be taken at their word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.calibration import calibration_curve

from skdistill._validation import check_integer
from skdistill.plotting._answers import class_text, get_axes, paired_answers

MARKERS = "osD^v"


class CalibrationComparisonDisplay:
    """Reliability curves of several models: predicted against observed shares.

    A calibrated model lies on the diagonal; below it, it is overconfident. Make it by
    `from_estimator` or `from_predictions`.

    Parameters
    ----------
    curves : dict of str to (ndarray, ndarray)
        For each model the mean predicted probability and the observed share in each bin.
    quantity : str, default="probability"
        What is predicted, for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Set by `plot`.
    lines_ : list of matplotlib Line2D
        One for each model, set by `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import CalibrationComparisonDisplay
    >>> P = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> display = CalibrationComparisonDisplay.from_predictions(
    ...     [0, 1, 0, 1], {"teacher": P, "student": P}, n_bins=2
    ... )  # doctest: +SKIP
    """

    def __init__(
        self, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, quantity: str = "probability"
    ) -> None:
        self.curves = curves
        self.quantity = quantity

    def plot(self, ax: Any = None, **line_params: Any) -> CalibrationComparisonDisplay:
        """Draw a curve for each model, and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_params : dict
            Passed on to ``Axes.plot`` for each curve.

        Returns
        -------
        display : CalibrationComparisonDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = get_axes(ax, "CalibrationComparisonDisplay")
        self.figure_ = self.ax_.figure
        self.ax_.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--")
        self.lines_ = []
        for number, (name, (predicted, observed)) in enumerate(self.curves.items()):
            # Markers tell the curves apart without colours.
            settings = {"label": name, "marker": MARKERS[number % len(MARKERS)]} | line_params
            self.lines_ += self.ax_.plot(predicted, observed, **settings)
        self.ax_.set_xlabel(f"mean predicted {self.quantity}", parse_math=False)
        self.ax_.set_ylabel("observed share")
        self.ax_.legend()
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, n_bins: int = 10, ax: Any = None, **params: Any
    ) -> CalibrationComparisonDisplay:
        """Ask both models of a distilled classifier about rows, and draw their calibration.

        Parameters
        ----------
        estimator : DistilledClassifier or CompactSearch
            Fitted, with a teacher, for classification.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows that neither model has seen.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=10
            Most bins; each holds as many rows.
        ax : matplotlib Axes, default=None
            Where to draw.
        **params : dict
            Passed on to ``Axes.plot``.

        Returns
        -------
        display : CalibrationComparisonDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, or has no teacher.
        """
        if not hasattr(estimator, "classes_"):
            raise ValueError(
                "estimator predicts values, and calibration is of probabilities; use "
                "FidelityDisplay."
            )
        teacher, student = paired_answers(estimator, X)
        predictions = {"teacher": teacher, "student": student}
        return cls.from_predictions(
            y, predictions, classes=estimator.classes_, n_bins=n_bins, ax=ax, **params
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        predictions: Mapping[str, Any],
        *,
        classes: Any = None,
        n_bins: int = 10,
        ax: Any = None,
        **params: Any,
    ) -> CalibrationComparisonDisplay:
        """Draw the calibration of probabilities that are known.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        predictions : dict of str to array-like of shape (n_samples, n_classes)
            Probabilities by name of the model. With two classes the probability of the second
            is compared with its share, with more the largest with how often it is right.
        classes : array-like of shape (n_classes,), default=None
            Sorted labels of the columns; None takes those in `y_true`.
        n_bins : int, default=10
            Most bins, at least 1; each holds as many rows.
        ax : matplotlib Axes, default=None
            Where to draw.
        **params : dict
            Passed on to ``Axes.plot``.

        Returns
        -------
        display : CalibrationComparisonDisplay

        Raises
        ------
        ValueError
            If there is not a column for each class.
        """
        check_integer(n_bins, "n_bins", minimum=1)
        y_true = np.asarray(y_true)
        classes = np.unique(y_true) if classes is None else np.asarray(classes)
        curves = {}
        for name, values in predictions.items():
            proba = np.asarray(values, dtype=np.float64)
            if proba.shape != (len(y_true), len(classes)):
                raise ValueError(
                    f"predictions of {name!r} must have a row for each of the {len(y_true)} labels "
                    f"and a column for each of the {len(classes)} classes, got {proba.shape}."
                )
            curves[name] = reliability(y_true, proba, classes, n_bins)
        two = len(classes) == 2
        quantity = f"probability of {class_text(classes[1])}" if two else "largest probability"
        return cls(curves, quantity=quantity).plot(ax, **params)


def reliability(
    y: np.ndarray, proba: np.ndarray, classes: np.ndarray, n_bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean predicted probability and the observed share of bins of equal rows."""
    if len(classes) == 2:
        truth, predicted = y == classes[1], proba[:, 1]
    else:
        truth, predicted = y == classes[proba.argmax(axis=1)], proba.max(axis=1)
    # Sums of shares may be a rounding error above one, which is refused.
    predicted = np.clip(predicted, 0.0, 1.0)
    if truth.all() or not truth.any():  # one class alone is refused, and needs no bins
        return np.array([predicted.mean()]), np.array([truth.mean()])
    observed, mean = calibration_curve(truth, predicted, n_bins=n_bins, strategy="quantile")
    return mean, observed
