"""Fit any student to soft targets, in the way that it can learn them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import config_context

from skdistill.hints import Hints
from skdistill.students._expansion import (
    fit_by_expansion,
    fit_keyword,
    fit_weighted,
    last_step,
    takes_hints,
)
from skdistill.targets import mix_targets, one_hot


def fit_student(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    *,
    classes: np.ndarray | None,
    soft_targets: np.ndarray | None,
    weight: np.ndarray,
    temperature: float = 1.0,
    hard_label_weight: float | np.ndarray = 0.0,
    labeled: np.ndarray | None = None,
    teacher: Any = None,
    hints: Hints | None = None,
) -> Any:
    """Fit a student to soft targets mixed with hard labels.

    The built-in students minimise the combined loss. Any other classifier learns the mixed
    targets by weighted row expansion, any other regressor learns the mixed values.

    Parameters
    ----------
    estimator : estimator
        Unfitted student or Pipeline; it is fitted in place.
    X : array-like, DataFrame, sparse matrix or list of length n_samples
        Rows, passed on in the type they have.
    y : ndarray of shape (n_samples,)
        Labels or values. Where `hard_label_weight` is zero, any label or value.
    classes : ndarray of shape (n_classes,) or None
        Sorted labels; None means regression.
    soft_targets : ndarray of shape (n_samples, n_classes) or (n_samples,), or None
        What the teacher says. None fits to `y` alone.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    temperature : float, default=1.0
        Softens both sides of the loss; for built-in classifiers only.
    hard_label_weight : float or ndarray of shape (n_samples,), default=0.0
        Weight of `y` against the soft targets, in [0, 1].
    labeled : ndarray of shape (n_samples,), dtype bool, or None
        Which rows of `y` are true, for students that choose settings of their own on them.
    teacher : object
        The fitted teacher, for students that are made of its parts.
    hints : Hints or None
        What the teacher knows of the rows beyond its outputs.

    Returns
    -------
    estimator : estimator
        The one given, fitted.

    Raises
    ------
    ValueError
        If `temperature` is not one or `hints` are given for a student that cannot use them, or
        the student takes no weights and needs them.
    """
    keyword = fit_keyword(estimator, "soft_targets")
    if temperature != 1.0 and (classes is None or keyword is None):
        raise ValueError(_no_temperature(estimator, temperature, regression=classes is None))
    if hints is not None and not takes_hints(estimator):
        raise ValueError(_no_hints(estimator, hints))
    if keyword is not None:
        options: dict[str, Any] = {
            "sample_weight": weight,
            "soft_targets": soft_targets,
            "hard_label_weight": hard_label_weight,
        }
        if classes is not None:
            options |= {"classes": classes, "temperature": temperature}
        if fit_keyword(estimator, "labeled") and soft_targets is not None:
            options["labeled"] = labeled
        if fit_keyword(estimator, "teacher"):
            options["teacher"] = teacher
        if hints is not None:
            options["hints"] = hints
        prefix = keyword.removesuffix("soft_targets")
        # A Pipeline would want requests for what is named explicitly here.
        with config_context(enable_metadata_routing=False):
            return estimator.fit(X, y, **{prefix + name: v for name, v in options.items()})
    if classes is None:
        return fit_weighted(
            estimator,
            X,
            _mixed_values(y, soft_targets, hard_label_weight),
            weight,
            remedy="give rows of equal weight, or a student whose fit takes sample_weight",
        )
    codes = np.searchsorted(classes, y)
    targets = one_hot(codes, len(classes)) if soft_targets is None else soft_targets
    mixed = mix_targets(targets, codes, hard_label_weight)
    return fit_by_expansion(estimator, X, classes=classes, targets=mixed, weight=weight)


def _mixed_values(
    y: np.ndarray, soft_targets: np.ndarray | None, hard_label_weight: float | np.ndarray
) -> np.ndarray:
    if soft_targets is None:
        return y
    w = np.asarray(hard_label_weight, dtype=np.float64)
    return (1.0 - w) * soft_targets + w * y


def _no_hints(estimator: Any, hints: Hints) -> str:
    known = {"feature": hints.features, "relation": hints.relations}
    names = " and ".join(name for name, values in known.items() if values is not None)
    return (
        f"student {type(last_step(estimator)).__name__} cannot learn {names} knowledge: its "
        "fit takes no hints; set knowledge='response', or give a tree, an additive or an mlp "
        "student."
    )


def _no_temperature(estimator: Any, temperature: float, *, regression: bool) -> str:
    name = type(last_step(estimator)).__name__
    if regression:
        return (
            f"temperature must be 1 for regression, got {temperature!r}: "
            "there are no probabilities to soften."
        )
    return (
        f"temperature must be 1 for student {name}, got {temperature!r}: it learns softened "
        "targets as they are and would predict flattened probabilities; set temperature=1.0, or "
        "give a student of skdistill.students, whose loss softens both sides."
    )
