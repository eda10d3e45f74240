"""Checks of parameters and probabilities; every message names the argument and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

# A row of probabilities is accepted when it sums to one within this; float32 softmax over a
# hundred classes stays two orders of magnitude below it.
SUM_TOLERANCE = 1e-3


def check_real(
    value: Any,
    name: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    strict: bool = False,
) -> float:
    """Check a real parameter and its bounds.

    Parameters
    ----------
    value : object
        What the user gave.
    name : str
        The parameter's name, for the message.
    minimum, maximum : float or None
        Inclusive bounds; with `strict` the lower bound is excluded.
    strict : bool, default=False
        Exclude `minimum` itself.

    Returns
    -------
    value : float

    Raises
    ------
    TypeError
        If `value` is not a real number.
    ValueError
        If it is NaN, infinite or outside the bounds.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}).")
    number = float(value)
    too_low = minimum is not None and (number <= minimum if strict else number < minimum)
    too_high = maximum is not None and number > maximum
    if not np.isfinite(number) or too_low or too_high:
        lower = "" if minimum is None else f" {'>' if strict else '>='} {minimum:g}"
        upper = "" if maximum is None else f" <= {maximum:g}"
        bounds = " and".join(part for part in (lower, upper) if part)
        raise ValueError(f"{name} must be a finite number{bounds}, got {value!r}.")
    return number


def check_integer(value: Any, name: str, *, minimum: int) -> int:
    """Check an integer parameter and its lower bound (TypeError, ValueError as `check_real`)."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}).")
    if value < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value!r}.")
    return int(value)


def check_bool(value: Any, name: str) -> bool:
    """Check a switch (TypeError otherwise)."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Check that a parameter is one of a few strings (ValueError lists them)."""
    allowed = list(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")
    return value


def check_probabilities(
    proba: Any, name: str, *, n_rows: int, n_classes: int | None = None
) -> np.ndarray:
    """Check class probabilities and return them as float64 rows that sum to exactly one.

    Parameters
    ----------
    proba : array-like of shape (n_rows, n_classes) or (n_rows,)
        Probabilities. A single column is taken as that of the second of two classes.
    name : str
        Who gave them, for the message.
    n_rows : int
        How many rows there must be.
    n_classes : int or None
        How many columns there must be; None accepts any number above one.

    Returns
    -------
    proba : ndarray of shape (n_rows, n_classes), dtype float64

    Raises
    ------
    ValueError
        If the shape is wrong, or values are no numbers, NaN, infinite, negative, or rows do not
        sum to one.
    """
    try:
        P = np.asarray(proba, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be an array of probabilities, one row for each sample: {error}"
        ) from error
    if P.ndim == 2 and P.shape[1] == 1:
        P = P[:, 0]
    if P.ndim == 1 and n_classes in (None, 2):
        P = np.column_stack([1.0 - P, P])
    if P.ndim != 2:
        raise ValueError(
            f"{name} must be probabilities of shape (n_samples, n_classes), got shape {P.shape}."
        )
    if P.shape[0] != n_rows:
        raise ValueError(
            f"{name} has {P.shape[0]} rows where there are {n_rows} samples; "
            "give one row of probabilities for each sample."
        )
    if n_classes is not None and P.shape[1] != n_classes:
        raise ValueError(
            f"{name} has {P.shape[1]} columns where there are {n_classes} classes; "
            "give one column for each class, in the order of the sorted labels."
        )
    if not np.isfinite(P).all():
        raise ValueError(f"{name} contains NaN or infinite values; probabilities are in [0, 1].")
    if (P < -SUM_TOLERANCE).any():
        raise ValueError(
            f"{name} contains negative values (least: {P.min():.3g}); if these are logits or "
            "margins, say so: skdistill.teachers.CallableTeacher(f, output='logits')."
        )
    sums = P.sum(axis=1)
    worst = int(np.argmax(np.abs(sums - 1.0))) if n_rows else 0
    if n_rows and abs(sums[worst] - 1.0) > SUM_TOLERANCE:
        raise ValueError(
            f"{name}: row {worst} sums to {sums[worst]:.6g}, not to 1; "
            "give probabilities of mutually exclusive classes."
        )
    P = np.clip(P, 0.0, None)
    P /= P.sum(axis=1, keepdims=True)
    return P
