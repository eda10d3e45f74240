"""Teach soft targets to any classifier: each row once per class, weighted by its target."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline

from skdistill._compat import take_rows
from skdistill.hints import RELATION_MEASURES

# Targets below this are not worth a row: a sixth decimal of a probability is beyond what the
# learners fit, and a teacher of many classes has mostly such targets.
NEGLIGIBLE = 1e-6


def fit_by_expansion(
    estimator: Any, X: Any, *, classes: np.ndarray, targets: np.ndarray, weight: np.ndarray
) -> Any:
    """Fit a classifier to soft targets by weighted row expansion.

    Each row appears once for each class with a target, with its weight times that target. The
    weighted log loss of the expanded rows is the cross-entropy to the soft targets.

    Parameters
    ----------
    estimator : estimator
        Unfitted classifier or Pipeline; it is fitted in place.
    X : array-like, DataFrame, sparse matrix or list of length n_samples
        Rows, passed on in the type they have.
    classes : ndarray of shape (n_classes,)
        Labels of the columns of `targets`.
    targets : ndarray of shape (n_samples, n_classes)
        Probabilities. Those below 1e-6 are left out, except the largest of each class.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    estimator : estimator
        The one given, fitted.

    Raises
    ------
    ValueError
        If the estimator's `fit` takes no weights and the expanded rows differ in weight.
    """
    mass = weight[:, None] * targets
    kept = targets > NEGLIGIBLE
    # No class may vanish, or the student would not know it.
    kept[mass.argmax(axis=0), np.arange(len(classes))] = True
    rows, codes = np.nonzero(kept & (mass > 0))
    return fit_weighted(
        estimator,
        take_rows(X, rows),
        classes[codes],
        mass[rows, codes],
        remedy="give a student whose fit takes sample_weight, or one of the built-in students",
    )


def fit_weighted(estimator: Any, X: Any, y: np.ndarray, weight: np.ndarray, *, remedy: str) -> Any:
    """Fit with weights where the estimator takes them; without where they are all equal.

    Parameters
    ----------
    estimator : estimator
        Unfitted estimator or Pipeline; it is fitted in place.
    X : array-like of length n_samples
        Rows.
    y : ndarray of shape (n_samples,)
        Labels or values.
    weight : ndarray of shape (n_samples,)
        Weights.
    remedy : str
        What to do if the weights cannot be passed on.

    Returns
    -------
    estimator : estimator
        The one given, fitted.

    Raises
    ------
    ValueError
        If the weights differ and the estimator's `fit` takes none.
    """
    keyword = fit_keyword(estimator, "sample_weight")
    # The weights are named explicitly, which metadata routing would refuse in a Pipeline.
    with config_context(enable_metadata_routing=False):
        if keyword is not None:
            return estimator.fit(X, y, **{keyword: weight})
        if np.ptp(weight) <= 1e-12 * weight.max():
            return estimator.fit(X, y)
    name = type(last_step(estimator)).__name__
    raise ValueError(
        f"student {name} cannot learn soft targets or weighted rows: its fit takes no "
        f"sample_weight; {remedy}."
    )


def takes_soft_targets(estimator: Any) -> bool:
    """Tell whether an estimator, or the last step of a Pipeline, learns soft targets itself."""
    return fit_keyword(estimator, "soft_targets") is not None


def reads_teacher(estimator: Any) -> bool:
    """Tell whether an estimator, or the last step of a Pipeline, is made of the teacher's parts."""
    return fit_keyword(estimator, "teacher") is not None


def takes_hints(estimator: Any) -> bool:
    """Tell whether a teacher's features and relations can shape an estimator."""
    return takes_soft_targets(estimator) and fit_keyword(estimator, "hints") is not None


def takes_measure(estimator: Any, measure: str) -> bool:
    """Tell whether an estimator that takes hints can compare rows by this measure.

    Those of the package without a hidden layer name what they can do; of others nothing is known.
    """
    measures = getattr(last_step(estimator), "_relation_measures", RELATION_MEASURES)
    return measure in measures


def fit_keyword(estimator: Any, name: str) -> str | None:
    """Return the keyword that brings an argument to the final learner, None if it takes none.

    For a Pipeline it has the name of the last step in front, as in ``"clf__sample_weight"``.
    """
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        inner = fit_keyword(last, name)
        return None if inner is None else f"{step}__{inner}"
    if not hasattr(estimator, "fit"):
        return None
    return name if name in inspect.signature(estimator.fit).parameters else None


def last_step(estimator: Any) -> Any:
    """Return the final learner of a Pipeline, or the estimator itself."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator
