"""Teachers that follow scikit-learn's conventions, those of LightGBM, XGBoost, CatBoost too."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from skdistill._compat import (
    estimator_type,
    has_fitted_attributes,
    num_samples,
    seed_estimator,
)
from skdistill._optional import comes_from
from skdistill.teachers._base import Teacher
from skdistill.teachers._booster import booster_feature_names, trained_names
from skdistill.teachers._fingerprint import fingerprint
from skdistill.teachers._refit import prepare_refit
from skdistill.teachers._representation import represent_model


class EstimatorTeacher(Teacher):
    """A scikit-learn compatible estimator or Pipeline, fitted or not.

    Parameters
    ----------
    estimator : estimator
        Never changed, and never cloned unless `refit` is called.

    Notes
    -----
    A copy for other rows keeps what was found in the original's own fit: of a fitted search it is
    the best estimator (searching again in every fold would cost a multiple and find the same), of
    a booster that stopped early the number of rounds (there is no evaluation set to stop on).
    XGBoost's classifiers only take the labels 0, 1, ... without a gap; a copy gets such codes
    where the labels are others, as in a fold that lacks a class.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skdistill.teachers import EstimatorTeacher
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = EstimatorTeacher(DecisionTreeClassifier())
    >>> teacher.is_fitted
    False
    >>> teacher.refit(X, y).predict_proba(X[:1], classes=[0, 1, 2])
    array([[1., 0., 0.]])
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self._labels: np.ndarray | None = None  # of the codes that a copy was fitted to
        self.name = type(estimator).__name__
        if isinstance(estimator, FrozenEstimator):
            self.name = type(estimator.estimator).__name__

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of ``classes_``, in its order."""
        if self._labels is not None:
            return self._labels
        if self._kind == "regressor" or not self.is_fitted:
            return None
        classes = getattr(self.estimator, "classes_", None)
        return None if classes is None else np.asarray(classes)

    @property
    def is_fitted(self) -> bool:
        """Whether the estimator is fitted."""
        return has_fitted_attributes(self.estimator)

    @property
    def refittable(self) -> bool:
        """Whether no predictor in it is frozen."""
        return hasattr(self.estimator, "get_params") and not _holds_frozen_model(self.estimator)

    @property
    def has_implicit_order(self) -> bool:
        """Whether it is a fitted classifier without ``classes_``."""
        return self.is_fitted and self._kind != "regressor" and self.columns is None

    @property
    def feature_names(self) -> list[str] | None:
        """Columns that it was fitted to, unless it selects columns by name itself."""
        if not self.is_fitted:
            return None
        first = _first_step(self.estimator)
        if comes_from(first, "lightgbm"):
            return booster_feature_names(first.booster_)
        if comes_from(first, "xgboost"):
            return booster_feature_names(first.get_booster())
        # These find their columns by name, and say which are missing. Classes of other packages
        # may do as they like too.
        by_name = isinstance(first, ColumnTransformer) or not comes_from(first, "sklearn")
        names = None if by_name else getattr(first, "feature_names_in_", None)
        return None if names is None else list(names)

    @property
    def fitted_models(self) -> list[Any]:
        """The estimator."""
        return [self.estimator]

    @property
    def _kind(self) -> str | None:
        return estimator_type(self.estimator)

    def check_task(self, task: str) -> None:
        """Check the kind of estimator (see `Teacher.check_task`)."""
        wrong = {"classification": "regressor", "regression": "classifier"}[task]
        if self._kind == wrong:
            raise ValueError(
                f"teacher {self.name} is a {wrong}, which cannot teach {task}; give a "
                f"{'classifier' if wrong == 'regressor' else 'regressor'}, or use the "
                f"{'Regressor' if wrong == 'regressor' else 'Classifier'} form of the student."
            )
        labels = getattr(self.estimator, "classes_", None)
        if isinstance(labels, list) and labels and isinstance(labels[0], np.ndarray):
            raise ValueError(
                f"teacher {self.name} was fitted to {len(labels)} targets; give a teacher of one."
            )
        if task == "classification" and not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                f"teacher {self.name} has no predict_proba. Calibrate it: "
                f"CalibratedClassifierCV({self.name}()).fit(X, y); or say what it gives: "
                "CallableTeacher(model.decision_function, output='logits', classes=model.classes_)."
            )

    def fingerprint(self) -> str:
        """Compute a key of the estimator's parameters and fitted state."""
        model = _chosen(self.estimator)
        return fingerprint(model if self._labels is None else (model, self._labels), self.name)

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: np.ndarray | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> Teacher:
        """Fit a fresh copy (see `Teacher.refit`)."""
        if not self.refittable:
            return super().refit(X, y, sample_weight, random_state=random_state)
        with self._reporting("fit", num_samples(X)):
            original = _chosen(self.estimator)
            fresh = clone(original)
            prepare_refit(original, fresh)
            if random_state is not None:
                seed_estimator(fresh, check_random_state(random_state))
            weights = {} if sample_weight is None else _weight_arguments(fresh, sample_weight)
            labels, y = _encode_if_needed(fresh, y)
            # Weights are given by name here, which routing would ask every step to request.
            with config_context(enable_metadata_routing=False):
                fresh.fit(X, y, **weights)
        copy = EstimatorTeacher(fresh)
        copy._labels = labels
        return copy

    def _trained_names(self, names: list[str]) -> list[str]:
        return trained_names(_first_step(self.estimator), names)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> Any:
        return self.estimator.predict_proba(X)

    def _predict(self, X: Any) -> Any:
        return self.estimator.predict(X)

    def _represent(self, X: Any, where: Any) -> Any:
        return represent_model(self.estimator, X, where)


def _chosen(estimator: Any) -> Any:
    """Return what a fitted search found; its record of scores and times does not label rows."""
    if hasattr(estimator, "best_params_") and hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    return estimator


def _first_step(estimator: Any) -> Any:
    """Find the part of an estimator that gets X."""
    if isinstance(estimator, Pipeline):
        return _first_step(estimator.steps[0][1])
    if isinstance(estimator, FrozenEstimator):
        return _first_step(estimator.estimator)
    chosen = _chosen(estimator)
    return chosen if chosen is estimator else _first_step(chosen)


def _encode_if_needed(estimator: Any, y: Any) -> tuple[np.ndarray | None, Any]:
    """Turn labels that XGBoost refuses into codes; return the labels of the codes, and `y`."""
    last = estimator
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if not comes_from(last, "xgboost") or estimator_type(last) != "classifier":
        return None, y
    labels, codes = np.unique(np.asarray(y), return_inverse=True)
    if np.array_equal(labels, np.arange(len(labels))):
        return None, y
    return labels, codes


def _weight_arguments(estimator: Any, sample_weight: np.ndarray) -> dict[str, np.ndarray]:
    """Name the arguments of `fit` that bring weights to where they are taken."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = _weight_arguments(last, sample_weight)
        return {f"{name}__{key}": value for key, value in inner.items()}
    if has_fit_parameter(estimator, "sample_weight"):
        return {"sample_weight": sample_weight}
    # A search and the like hand on what they do not know.
    inner_estimator = getattr(estimator, "estimator", getattr(estimator, "regressor", None))
    if inner_estimator is None or not hasattr(estimator, "fit"):
        return {}
    kinds = {parameter.kind for parameter in inspect.signature(estimator.fit).parameters.values()}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        return {}
    return _weight_arguments(inner_estimator, sample_weight)


def _holds_frozen_model(estimator: Any) -> bool:
    """Tell whether a predictor in `estimator` is frozen; a frozen transformer may stay."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(isinstance(part, FrozenEstimator) and hasattr(part, "predict") for part in parts)
