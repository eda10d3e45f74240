"""The teachers: scikit-learn estimators on raw tables, in settings that are good as they are."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, ParameterSampler, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.encoding import make_encoder
from benchmarks.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from benchmarks.poor_teachers import POOR_TEACHERS, make_poor_teacher
from skdistill._optional import import_optional
from skdistill._validation import check_choice

TEACHERS = ("lightgbm", "xgboost", "forest500", "ensemble", "mlp")

# The budget of `tune`: settings tried, and folds that each is tried on.
N_SETTINGS = 6
N_FOLDS = 3

# What `tune` draws settings from. Forests hardly depend on theirs, and the ensemble weighs its
# members itself.
_GRIDS: dict[str, dict[str, list[Any]]] = {
    "lightgbm": {
        "n_estimators": [100, 200, 400],
        "num_leaves": [7, 15, 31],
        "min_child_samples": [5, 10, 30],
        "reg_lambda": [1.0, 5.0, 20.0],
    },
    "xgboost": {
        "n_estimators": [100, 200, 400],
        "max_depth": [3, 5, 7],
        "min_child_weight": [1.0, 5.0],
        "reg_lambda": [1.0, 5.0, 20.0],
    },
    "mlp": {
        "hidden_layer_sizes": [(64,), (64, 32)],
        "alpha": [0.03, 0.2, 1.0],
        "max_iter": [20, 40, 80],
    },
}


def make_teacher(name: str, task: str, seed: int) -> Pipeline:
    """Make an unfitted teacher.

    Parameters
    ----------
    name : {"lightgbm", "xgboost", "forest500", "ensemble", "mlp"} or one of POOR_TEACHERS
        "forest500" has 500 unlimited trees; "ensemble" is LightGBM, extra trees and a
        network, weighted and calibrated on out-of-fold rows.
    task : {"classification", "regression"}
        The kind of target.
    seed : int
        Same seed and rows, same teacher.

    Returns
    -------
    teacher : Pipeline
        Encoder and model, to be fitted on a DataFrame; it runs on one thread.

    Raises
    ------
    ValueError
        If there is no such teacher or task.
    ImportError
        If its library is not installed.
    """
    check_choice(name, "name", [*TEACHERS, *POOR_TEACHERS])
    check_choice(task, "task", ["classification", "regression"])
    poor = name in POOR_TEACHERS
    model = make_poor_teacher(name, task, seed) if poor else _MAKERS[name](task, seed)
    return Pipeline([("encoder", make_encoder()), ("model", model)])


def tune(name: str, task: str, X: Any, y: np.ndarray, seed: int) -> Pipeline:
    """Choose a teacher's settings by a small randomised search.

    Those of `make_teacher` and five that are drawn are compared by three-fold cross-validation,
    on log loss or squared error. The ones chosen are parameters of what is returned, so that its
    clones keep them.

    Parameters
    ----------
    name, task, seed
        As for `make_teacher`.
    X : DataFrame of shape (n_samples, n_features)
        Raw training rows.
    y : ndarray of shape (n_samples,)
        Labels or values.

    Returns
    -------
    teacher : Pipeline
        Unfitted. "forest500" and "ensemble" are not tuned: forests hardly depend on their
        settings, and the ensemble weighs its members itself. Nor are poor teachers.
    """
    teacher = make_teacher(name, task, seed)
    if name not in _GRIDS:
        return teacher
    classification = task == "classification"
    where = "model__" + ("estimator__" if name == "xgboost" and classification else "")
    where += "regressor__" if name == "mlp" and not classification else ""
    folds = StratifiedKFold if classification else KFold
    grid = {where + key: values for key, values in _GRIDS[name].items()}
    drawn = ParameterSampler(grid, N_SETTINGS - 1, random_state=seed)
    search = GridSearchCV(
        teacher,
        [{}, *({key: [value] for key, value in setting.items()} for setting in drawn)],
        scoring="neg_log_loss" if classification else "neg_mean_squared_error",
        cv=folds(N_FOLDS, shuffle=True, random_state=seed),
        refit=False,
        error_score="raise",
    )
    return teacher.set_params(**search.fit(X, y).best_params_)


class CodedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Lets a classifier that only knows the labels 0, 1, ... take any.

    Parameters
    ----------
    estimator : classifier
        Fitted to the index of each label.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The fitted clone.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> CodedClassifier:
        """Fit to an array and labels."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.estimator_ = clone(self.estimator).fit(X, codes)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes)."""
        proba = np.asarray(self.estimator_.predict_proba(X), dtype=np.float64)
        # XGBoost computes in float32, where rows do not quite sum to one.
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class _FixedEpochs:
    """A network that is trained for `max_iter` epochs, which is no cause for a warning."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Fit to an array and labels or values."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y)  # type: ignore[misc]


class FixedEpochsMLPClassifier(_FixedEpochs, MLPClassifier):
    """scikit-learn's MLPClassifier, trained for a given number of epochs."""


class FixedEpochsMLPRegressor(_FixedEpochs, MLPRegressor):
    """scikit-learn's MLPRegressor, trained for a given number of epochs."""


def _lightgbm(task: str, seed: int) -> Any:
    lightgbm = import_optional("lightgbm", extra="boosting", purpose="The teacher 'lightgbm'")
    learner = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    return learner(
        n_estimators=200,
        learning_rate=0.05,
        num_leaves=15,
        min_child_samples=10,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.5,
        reg_lambda=5.0,
        random_state=seed,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )


def _xgboost(task: str, seed: int) -> Any:
    xgboost = import_optional("xgboost", extra="boosting", purpose="The teacher 'xgboost'")
    settings = {
        "n_estimators": 200,
        "learning_rate": 0.05,
        "max_depth": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "reg_lambda": 5.0,
        "random_state": seed,
        "n_jobs": 1,
        "tree_method": "hist",
    }
    if task == "classification":
        return CodedClassifier(xgboost.XGBClassifier(**settings))
    return xgboost.XGBRegressor(**settings)


def _forest500(task: str, seed: int) -> Any:
    forest = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return forest(
        500, max_features="sqrt" if task == "classification" else 1 / 3, random_state=seed
    )


def _mlp(task: str, seed: int) -> Any:
    settings = {
        "hidden_layer_sizes": (64,),
        "alpha": 0.2,
        "learning_rate_init": 3e-3,
        "batch_size": 64,
        "max_iter": 40,
        "random_state": seed,
    }
    if task == "classification":
        return FixedEpochsMLPClassifier(**settings)
    # Networks learn targets of any unit only once they are standardised.
    return TransformedTargetRegressor(
        FixedEpochsMLPRegressor(**settings), transformer=StandardScaler()
    )


def _ensemble(task: str, seed: int) -> Any:
    classification = task == "classification"
    trees = ExtraTreesClassifier if classification else ExtraTreesRegressor
    members = [
        ("lightgbm", _lightgbm(task, seed)),
        ("trees", trees(200, min_samples_leaf=2, max_features=0.5, random_state=seed)),
        ("mlp", _mlp(task, seed)),
    ]
    ensemble = WeightedEnsembleClassifier if classification else WeightedEnsembleRegressor
    return ensemble(members, random_state=seed)


_MAKERS = {
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "forest500": _forest500,
    "ensemble": _ensemble,
    "mlp": _mlp,
}
