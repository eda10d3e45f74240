"""An ensemble of several kinds of model, weighted and calibrated on out-of-fold rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from skdistill.targets import fit_temperature, soften

# The weights that are tried: multiples of this that sum to one.
WEIGHT_STEP = 0.1


class _WeightedEnsemble(BaseEstimator):
    """Members of several kinds, and the weights of their mean."""

    def __init__(
        self,
        members: list[tuple[str, Any]],
        *,
        n_folds: int = 3,
        random_state: int | None = None,
    ) -> None:
        self.members = members
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit_members(
        self,
        X: np.ndarray,
        target: np.ndarray,
        splits: Iterable[tuple[np.ndarray, np.ndarray]],
        loss: Callable[[np.ndarray], float],
    ) -> np.ndarray:
        """Choose weights on out-of-fold rows, then fit the members that have one to all rows.

        Returns the weighted out-of-fold predictions.
        """
        learners = [member for _, member in self.members]
        said: list[Any] = [None for _ in learners]
        for train, test in splits:
            for m, learner in enumerate(learners):
                part = self._ask(clone(learner).fit(X[train], target[train]), X[test])
                if said[m] is None:
                    said[m] = np.zeros((len(X), *part.shape[1:]))
                said[m][test] = part
        means = np.stack(said)
        grid = _simplex(len(learners))
        losses = [loss(np.tensordot(weights, means, axes=1)) for weights in grid]
        best = grid[int(np.argmin(losses))]
        self.weights_ = best[best > 0]
        used = [learner for learner, weight in zip(learners, best, strict=True) if weight > 0]
        self.estimators_ = [clone(learner).fit(X, target) for learner in used]
        return np.asarray(np.tensordot(best, means, axes=1))

    def _mean(self, X: np.ndarray) -> np.ndarray:
        """Average the members by weight."""
        check_is_fitted(self)
        said = np.stack([self._ask(model, X) for model in self.estimators_])
        return np.asarray(np.tensordot(self.weights_, said, axes=1))

    def _ask(self, model: Any, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class WeightedEnsembleClassifier(ClassifierMixin, _WeightedEnsemble):
    """Weighted mean of classifiers, calibrated by a temperature.

    The weights minimise the log loss of the mean on out-of-fold rows, in steps of a tenth; the
    temperature is then fitted to the same rows. The members are fitted to all rows in the end:
    the mean of the folds' models, which saw fewer rows, was worse on all sets it was tried on,
    and as many times larger as there are folds.

    Parameters
    ----------
    members : list of (str, classifier)
        What to fit on arrays and labels 0, 1, ...
    n_folds : int, default=3
        Folds of the out-of-fold predictions.
    random_state : int or None, default=None
        Seed of the folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    weights_ : ndarray of shape (n_used,)
        Weights of the members that have one.
    estimators_ : list of classifier
        Those members, fitted.
    temperature_ : float
        Above one if the mean was overconfident.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> WeightedEnsembleClassifier:
        """Fit to an array of numbers and labels."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self.random_state)
        rows = np.arange(len(codes))

        def log_loss(proba: np.ndarray) -> float:
            return -float(np.log(np.clip(proba[rows, codes], 1e-15, None)).mean())

        proba = self._fit_members(X, codes, folds.split(X, codes), log_loss)
        self.temperature_ = fit_temperature(proba, codes)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities of shape (n_samples, n_classes)."""
        return soften(self._mean(X), self.temperature_)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _ask(self, model: Any, X: np.ndarray) -> np.ndarray:
        # A fold may lack a rare class, which its models then know nothing of.
        proba = np.zeros((len(X), len(self.classes_)))
        proba[:, model.classes_] = model.predict_proba(X)
        return proba


class WeightedEnsembleRegressor(RegressorMixin, _WeightedEnsemble):
    """Weighted mean of regressors; as `WeightedEnsembleClassifier`, on squared error."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> WeightedEnsembleRegressor:
        """Fit to an array of numbers and values."""
        folds = KFold(self.n_folds, shuffle=True, random_state=self.random_state)
        self._fit_members(X, y, folds.split(X), lambda said: float(np.mean((said - y) ** 2)))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predicted values of shape (n_samples,)."""
        return self._mean(X)

    def _ask(self, model: Any, X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X), dtype=np.float64)


def _simplex(n_members: int) -> np.ndarray:
    """List all weights in steps that sum to one, shape (n_weights, n_members)."""
    steps = round(1 / WEIGHT_STEP)
    counts = [c for c in product(range(steps + 1), repeat=n_members) if sum(c) == steps]
    return np.array(counts) / steps
