"""The students of Dao et al. 2021: small random forests on hard, soft and corrected targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

METHODS = ("direct", "plain", "cross_fit", "corrected")

# A forest of 500 trees cannot tell smaller probabilities from zero; so theirs are clipped.
SMALLEST = 1.0 / 500.0

# Candidates for c of the correction, as in their runs.
CORRECTIONS = tuple(10.0**exponent for exponent in range(-5, 4))

# Fits that tuning takes at a given size, the same for every method.
MATCHED_FOLDS = 3
MATCHED_CANDIDATES = 6


@dataclass(frozen=True)
class Rows:
    """Training rows and all that is said of them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,), dtype float64
        1.0 for the second class.
    in_sample, out_of_fold : ndarray of shape (n_samples,)
        The teacher's probability of the second class.
    """

    X: np.ndarray
    y: np.ndarray
    in_sample: np.ndarray
    out_of_fold: np.ndarray

    def take(self, rows: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(self.X[rows], self.y[rows], self.in_sample[rows], self.out_of_fold[rows])


@dataclass(frozen=True)
class SmallForest:
    """A forest on probabilities, read as a classifier of the codes 0 and 1."""

    forest: Any
    log_scale: bool = False

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities, of shape (n_samples, 2)."""
        if hasattr(self.forest, "predict_proba"):
            return np.asarray(self.forest.predict_proba(X))
        said = self.forest.predict(X)
        second = np.clip(np.exp(said) if self.log_scale else said, 0.0, 1.0)
        return np.column_stack([1.0 - second, second])


@dataclass(frozen=True)
class Chosen:
    """A fitted student, the parameters it was given, and the fits that choosing them took."""

    model: SmallForest
    params: dict[str, Any]
    n_fits: int


def correct(p: np.ndarray, y: np.ndarray, c: float) -> np.ndarray:
    """Move teacher labels towards the true ones, most where both nearly agree.

    Parameters
    ----------
    p : ndarray of shape (n_samples,)
        The teacher's probabilities of the second class.
    y : ndarray of shape (n_samples,)
        1.0 for rows of that class.
    c : float
        Strength; near 0 gives `p`, large values give `y`.

    Returns
    -------
    targets : ndarray of shape (n_samples,)
        ``p + γ (y - p)`` with ``γ = c / (c + (y - p)²)``, between `p` and `y`.
    """
    error = y - p
    return p + c / (c + error**2) * error


def candidates(method: str, *, matched: bool) -> list[dict[str, Any]]:
    """List the parameters to choose from.

    As published there is a choice for the correction alone; at a given size every method gets the
    same number of candidates.
    """
    if not matched:
        return [{"c": c} for c in CORRECTIONS] if method == "corrected" else [{}]
    # A large leaf lets a direct tree stay below the size that it may have, where that is better.
    smoothing: list[dict[str, Any]] = [{"min_samples_leaf": rows} for rows in (1, 20, 100)]
    own: dict[str, list[dict[str, Any]]] = {
        "direct": smoothing,
        "plain": [
            {"log_scale": True},
            *({"log_scale": False, **params} for params in smoothing[:2]),
        ],
        "cross_fit": smoothing,
        "corrected": [{"c": 1e-3}, {"c": 1e-2}, {"c": 1e-1}],
    }
    return [{**params, "max_features": part} for params in own[method] for part in ("sqrt", 1.0)]


def fit_forest(
    method: str, rows: Rows, params: dict[str, Any], *, n_trees: int, seed: int, leaves: int | None
) -> SmallForest:
    """Fit a student forest to the targets of a method.

    Parameters
    ----------
    method : {"direct", "plain", "cross_fit", "corrected"}
        Hard labels; in-sample labels of the teacher, on the log scale as published; out-of-fold
        ones; these corrected by the hard labels.
    rows : Rows
        Training rows.
    params : dict
        One of the `candidates`.
    n_trees, seed : int
        Of the forest.
    leaves : int or None
        Leaves of each tree at most; None for no limit.

    Returns
    -------
    model : SmallForest
    """
    forest_params = {k: v for k, v in params.items() if k not in {"c", "log_scale"}}
    forest_params.update(n_estimators=n_trees, max_leaf_nodes=leaves, random_state=seed)
    if method == "direct":
        return SmallForest(RandomForestClassifier(**forest_params).fit(rows.X, rows.y))
    log_scale = method == "plain" and params.get("log_scale", True)
    if method == "plain":
        targets = rows.in_sample
    elif method == "cross_fit":
        targets = rows.out_of_fold
    else:
        targets = correct(rows.out_of_fold, rows.y, params["c"])
    if log_scale:
        targets = np.log(np.maximum(targets, SMALLEST))
    return SmallForest(RandomForestRegressor(**forest_params).fit(rows.X, targets), log_scale)


def choose_forest(
    method: str, rows: Rows, *, n_trees: int, seed: int, total_leaves: int | None = None
) -> Chosen:
    """Fit the candidate with the best cross-validated AUC on the hard labels.

    Parameters
    ----------
    method : {"direct", "plain", "cross_fit", "corrected"}
        See `fit_forest`.
    rows : Rows
        Training rows, in random order.
    n_trees, seed : int
        Of the forest.
    total_leaves : int or None
        Leaves of all trees together at most. None is the published protocol: trees without a
        limit, whatever their size.

    Returns
    -------
    chosen : Chosen
    """
    matched = total_leaves is not None
    options = candidates(method, matched=matched)
    leaves = None if total_leaves is None else total_leaves // n_trees
    folds = MATCHED_FOLDS if matched else 5
    best = options[0]
    if len(options) > 1:
        scores = np.zeros(len(options))
        for train, test in KFold(folds).split(rows.X):
            known, held_out = rows.take(train), rows.take(test)
            for number, params in enumerate(options):
                model = fit_forest(method, known, params, n_trees=n_trees, seed=seed, leaves=leaves)
                said = model.predict_proba(held_out.X)[:, 1]
                scores[number] += roc_auc_score(held_out.y, said)
        best = options[int(scores.argmax())]
    model = fit_forest(method, rows, best, n_trees=n_trees, seed=seed, leaves=leaves)
    n_fits = 1 + (folds * len(options) if len(options) > 1 else 0)
    return Chosen(model, best, n_fits)
