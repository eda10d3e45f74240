"""Bases of the students that learn a teacher's features and relations: ``fit`` takes hints."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._base import StudentClassifier, StudentRegressor
from skdistill.students._real_rows import RealRows


class HintedClassifier(StudentClassifier):
    """Base of the classifiers that are shaped by what a teacher knows beyond its outputs."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        classes: Any = None,
        temperature: float = 1.0,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
        hints: Any = None,
    ) -> Any:
        """Fit the student to soft targets, or to hard labels alone.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Training rows. DataFrames may hold strings, categories and missing values. Only linear
            students take sparse ones.
        y : array-like of shape (n_samples,)
            Hard labels. Where `hard_label_weight` is zero they only name the classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples, n_classes), default=None
            Teacher probabilities, unsoftened, columns in the order of the sorted classes. None
            fits to the hard labels alone.
        classes : array-like of shape (n_classes,), default=None
            Sorted labels of the columns of `soft_targets`; needed where `y` lacks a class.
        temperature : float >= 1, default=1.0
            Softens both sides of the loss; see :class:`skdistill.losses.DistillationLoss`.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the hard label of each row against its soft target, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true, so that the student may choose its own settings on them.
            None means those whose hard label has weight; if none has, the student chooses by
            held-out soft targets.
        hints : skdistill.hints.Hints, default=None
            What the teacher knows of the rows beyond its outputs. It shapes the student as the
            notes of the class say; predictions need no more of it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes or probabilities are wrong, if there is only one class, if `temperature`,
            `hard_label_weight` or `labeled` is given without `soft_targets`, or if `hints` are
            not finite or not of these rows.
        TypeError
            If `hints` are something else.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            soft_targets=soft_targets,
            classes=classes,
            temperature=temperature,
            hard_label_weight=hard_label_weight,
            labeled=labeled,
            hints=hints,
        )

    def _fit_rows(
        self,
        X: Any,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        *,
        teacher: Any,
        hints: Hints | None,
    ) -> None:
        self._fit_hinted(self._fit_encoder(X, loss.mixed, weight), loss, weight, real, hints)

    def _fit_hinted(
        self,
        Z: np.ndarray,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        """Fit to encoded rows of positive weight, and to the hints of these rows."""
        raise NotImplementedError


class HintedRegressor(StudentRegressor):
    """Base of the regressors that are shaped by what a teacher knows beyond its outputs."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
        hints: Any = None,
    ) -> Any:
        """Fit the student to a teacher's predictions, or to the true values alone.

        Squared error to both is, up to a constant, squared error to their weighted mean.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Training rows. DataFrames may hold strings, categories and missing values. Only linear
            students take sparse ones.
        y : array-like of shape (n_samples,)
            True values. Ignored where `hard_label_weight` is zero and `soft_targets` are given.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples,), default=None
            The teacher's predictions. None fits to the true values alone.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the true value of each row against the teacher's, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true, so that the student may choose its own settings on them.
            None means those whose true value has weight; if none has, the student chooses by
            held-out soft targets.
        hints : skdistill.hints.Hints, default=None
            What the teacher knows of the rows beyond its outputs. It shapes the student as the
            notes of the class say; predictions need no more of it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes are wrong, values are not finite, `hard_label_weight` or `labeled` is given
            without `soft_targets`, or `hints` are not finite or not of these rows.
        TypeError
            If `hints` are something else.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            soft_targets=soft_targets,
            hard_label_weight=hard_label_weight,
            labeled=labeled,
            hints=hints,
        )

    def _fit_rows(
        self,
        X: Any,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        *,
        teacher: Any,
        hints: Hints | None,
    ) -> None:
        self._fit_hinted(self._fit_encoder(X, target[:, None], weight), target, weight, real, hints)

    def _fit_hinted(
        self,
        Z: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        """Fit to encoded rows of positive weight, and to the hints of these rows."""
        raise NotImplementedError
