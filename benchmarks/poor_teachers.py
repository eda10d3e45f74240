"""Teachers from whom nothing can be learned, to see that they do no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = [
    "POOR_TEACHERS",
    "AdversarialClassifier",
    "AdversarialRegressor",
    "NoiseClassifier",
    "NoiseRegressor",
    "make_poor_teacher",
]

POOR_TEACHERS = ("constant", "noise", "adversarial", "shallow")


class NoiseClassifier(ClassifierMixin, BaseEstimator):
    """Says probabilities that have nothing to do with the rows.

    Parameters
    ----------
    random_state : int
        Seeds what is said; the same table gets the same answer.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> NoiseClassifier:
        """Learn the labels alone."""
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities drawn evenly from all that there could be."""
        rng = np.random.default_rng(self.random_state)
        return rng.dirichlet(np.ones(len(self.classes_)), size=len(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class NoiseRegressor(RegressorMixin, BaseEstimator):
    """Says values drawn from those it was fitted to; parameters as `NoiseClassifier`."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> NoiseRegressor:
        """Remember the values."""
        self.values_ = np.asarray(y, dtype=np.float64)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return some of the values."""
        return np.random.default_rng(self.random_state).choice(self.values_, size=len(X))


class AdversarialClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Says of each class what a good classifier says of the class before it.

    Parameters
    ----------
    estimator : classifier
        The good one.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> AdversarialClassifier:
        """Fit the good classifier."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the good classifier's probabilities, shifted by one class."""
        return np.roll(self.estimator_.predict_proba(X), 1, axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class AdversarialRegressor(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Says low where a good regressor says high, about the mean; parameters likewise."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> AdversarialRegressor:
        """Fit the good regressor."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the good regressor's values, mirrored at the mean."""
        return np.asarray(2.0 * self.mean_ - self.estimator_.predict(X))


def make_poor_teacher(name: str, task: str, seed: int) -> Any:
    """Make an unfitted poor teacher for encoded rows.

    Parameters
    ----------
    name : {"constant", "noise", "adversarial", "shallow"}
        "constant" says the same of every row, "noise" something at random, "adversarial" the
        contrary of a forest, and "shallow" is one split.
    task : {"classification", "regression"}
        The kind of target.
    seed : int
        Same seed and rows, same teacher.

    Returns
    -------
    teacher : estimator

    Examples
    --------
    >>> from benchmarks.poor_teachers import make_poor_teacher
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]] * 9, ["no", "no", "yes", "yes"] * 9
    >>> print(make_poor_teacher("adversarial", "classification", 0).fit(X, y).predict([[3.0]]))
    ['no']
    """
    classification = task == "classification"
    if name == "constant":
        return DummyClassifier(strategy="prior") if classification else DummyRegressor()
    if name == "noise":
        return (NoiseClassifier if classification else NoiseRegressor)(random_state=seed)
    if name == "shallow":
        tree = DecisionTreeClassifier if classification else DecisionTreeRegressor
        return tree(max_depth=1, random_state=seed)
    forest = RandomForestClassifier if classification else RandomForestRegressor
    good = forest(100, min_samples_leaf=3, random_state=seed)
    return (AdversarialClassifier if classification else AdversarialRegressor)(good)
