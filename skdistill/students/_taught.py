"""Bases of the students that read the teacher itself: ``fit`` takes it, ``_fit_rows`` reads it.

Pruned students are made of its trees. Additive ones take cuts from them if they can, and learn
hints, too.
"""

from __future__ import annotations

from typing import Any

from skdistill.students._base import StudentClassifier, StudentRegressor


class TaughtClassifier(StudentClassifier):
    """Base of the classifiers that are made of the teacher's trees."""

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
        teacher: Any = None,
    ) -> Any:
        """Fit the student to soft targets, or to hard labels alone.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows, as the teacher takes them. DataFrames may hold strings, categories and
            missing values.
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
            Softens both sides of the loss; predictions are at temperature one.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the hard label of each row against its soft target, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true; see :class:`TreeStudentClassifier`.
        teacher : object, default=None
            Fitted model that gave the soft targets, whose trees are read: of LightGBM, XGBoost or
            scikit-learn (trees, forests, gradient and histogram boosting), also inside Pipelines,
            ensembles and searches, or a list of such. The notes of the class say what is taken
            from it, and what is done without one.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes or probabilities are wrong; if there is only one class; if `temperature`,
            `hard_label_weight` or `labeled` is given without `soft_targets`; or if the student is
            made of the teacher's trees and there are none that can run on raw rows.
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
            teacher=teacher,
        )


class TaughtRegressor(StudentRegressor):
    """Base of the regressors that are made of the teacher's trees."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
        teacher: Any = None,
    ) -> Any:
        """Fit the student to a teacher's predictions, or to the true values alone.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows, as the teacher takes them. DataFrames may hold strings, categories and
            missing values.
        y : array-like of shape (n_samples,)
            True values. Ignored where `hard_label_weight` is zero and `soft_targets` are given.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples,), default=None
            The teacher's predictions. None fits to the true values alone.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the true value of each row against the teacher's, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true; see :class:`TreeStudentRegressor`.
        teacher : object, default=None
            Fitted model that gave the soft targets, whose trees are read: of LightGBM, XGBoost or
            scikit-learn (trees, forests, gradient and histogram boosting), also inside Pipelines,
            ensembles and searches, or a list of such. The notes of the class say what is taken
            from it, and what is done without one.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes are wrong; if values are not finite; if `hard_label_weight` or `labeled` is
            given without `soft_targets`; or if the student is made of the teacher's trees and
            there are none that can run on raw rows.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            soft_targets=soft_targets,
            hard_label_weight=hard_label_weight,
            labeled=labeled,
            teacher=teacher,
        )


class TaughtHintedClassifier(StudentClassifier):
    """Base of the classifiers that read the teacher, if it is given, and learn hints."""

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
        teacher: Any = None,
        hints: Any = None,
    ) -> Any:
        """Fit the student to soft targets, or to hard labels alone.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows, as the teacher takes them. DataFrames may hold strings, categories and
            missing values.
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
            Softens both sides of the loss; predictions are at temperature one.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the hard label of each row against its soft target, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true; see :class:`TreeStudentClassifier`.
        teacher : object, default=None
            Fitted model that gave the soft targets, whose trees are read: of LightGBM, XGBoost or
            scikit-learn (trees, forests, gradient and histogram boosting), also inside Pipelines,
            ensembles and searches, or a list of such. The notes of the class say what is taken
            from it.
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
            teacher=teacher,
            hints=hints,
        )


class TaughtHintedRegressor(StudentRegressor):
    """Base of the regressors that read the teacher, if it is given, and learn hints."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
        teacher: Any = None,
        hints: Any = None,
    ) -> Any:
        """Fit the student to a teacher's predictions, or to the true values alone.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows, as the teacher takes them. DataFrames may hold strings, categories and
            missing values.
        y : array-like of shape (n_samples,)
            True values. Ignored where `hard_label_weight` is zero and `soft_targets` are given.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples,), default=None
            The teacher's predictions. None fits to the true values alone.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the true value of each row against the teacher's, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true; see :class:`TreeStudentRegressor`.
        teacher : object, default=None
            Fitted model that gave the soft targets, whose trees are read: of LightGBM, XGBoost or
            scikit-learn (trees, forests, gradient and histogram boosting), also inside Pipelines,
            ensembles and searches, or a list of such. The notes of the class say what is taken
            from it.
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
            teacher=teacher,
            hints=hints,
        )
