"""Plain values as JSON: parameters, levels of categories, labels of classes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np

from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import cut, shown
from skdistill.persistence._parts import UnknownContentsError

Scalar = None | bool | int | float | str

NOT_FINITE = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}

# Integers of 64 bits, signed or not: what other languages have. Larger ones can also be chosen so
# that all of them are in one place of a dict, which is then slow beyond all patience.
LEAST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1

# Characters that a dtype of strings may have beyond the longest label: each prediction is as wide.
SPARE_WIDTH = 1000

# Booleans, integers, floats up to float64, and strings of some width.
LABEL_DTYPE = re.compile(r"object|\|b1|\|[iu]1|[<>]([iu][248]|f[248]|U[1-9][0-9]{0,6})")


def encode_scalar(value: Any, what: str) -> Any:
    """Return what JSON has for None, a boolean, number or string.

    Numbers of NumPy become those of Python that are equal to them. What is infinite or NaN, which
    JSON does not know, becomes ``{"float": "inf"}``, ``"-inf"`` or ``"nan"``.

    Parameters
    ----------
    value : None, bool, int, float, str or NumPy scalar
        What is to be stored.
    what : str
        What it is, for the message.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer) and LEAST_INTEGER <= value <= LARGEST_INTEGER:
        return int(value)
    if isinstance(value, str):
        return "".join(value)  # a plain string, also of a subclass
    if isinstance(value, float | np.float32 | np.float16):
        number = float(value)
        return number if np.isfinite(number) else {"float": str(number)}
    raise TypeError(
        f"{what} is {value!r} of type {type(value).__name__}, which cannot be saved: only None, "
        "booleans, integers of 64 bits, floats and strings can."
    )


def decode_scalar(value: Any, what: str) -> Scalar:
    """Return what `encode_scalar` was given (PersistenceError for anything else)."""
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int) and LEAST_INTEGER <= value <= LARGEST_INTEGER:
        return value
    if isinstance(value, dict) and len(value) == 1:
        token = value.get("float")
        if isinstance(token, str) and token in NOT_FINITE:
            return NOT_FINITE[token]
    raise PersistenceError(f"{what} is {shown(value)}, where a plain value is expected")


def encode_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's parameters: plain values, and lists and tuples of them.

    Raises
    ------
    TypeError
        If one of them is anything else, such as a random generator.
    """
    encoded = {}
    for name, value in params.items():
        if isinstance(value, list | tuple):
            items = [encode_scalar(item, f"the parameter {name}") for item in value]
            encoded[name] = {"tuple": items} if isinstance(value, tuple) else items
            continue
        try:
            encoded[name] = encode_scalar(value, f"the parameter {name}")
        except TypeError as error:
            raise TypeError(
                f"{error} It plays no part in predictions: give a plain one first, such as "
                f"student.set_params({name}=0)."
            ) from None
    return encoded


def decode_params(params: Any, known: list[str]) -> dict[str, Any]:
    """Return what `encode_params` was given.

    Parameters
    ----------
    params : object
        From the document; it may lack some, which then have their defaults.
    known : list of str
        Names of all parameters.
    """
    if not isinstance(params, dict):
        raise PersistenceError("its parameters are no JSON object")
    decoded: dict[str, Any] = {}
    for name, value in params.items():
        if name not in known:
            raise UnknownContentsError(f"it has the unknown parameter {shown(name)}")
        what = f"the parameter {name}"
        items = value.get("tuple") if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(items, list):
            read = [decode_scalar(item, what) for item in items]
            decoded[name] = tuple(read) if items is not value else read
        else:
            decoded[name] = decode_scalar(value, what)
    return decoded


def encode_labels(labels: np.ndarray) -> dict[str, Any]:
    """Return class labels with their dtype (TypeError unless they are plain values)."""
    dtype = "object" if labels.dtype == object else labels.dtype.str
    if not LABEL_DTYPE.fullmatch(dtype):
        raise TypeError(
            f"classes_ has dtype {labels.dtype}, which cannot be saved; fit the student to labels "
            "that are strings, numbers or booleans."
        )
    return {
        "dtype": dtype,
        "labels": [encode_scalar(label, "a class label") for label in labels.tolist()],
    }


def decode_labels(entry: Any, *, max_bytes: int) -> np.ndarray:
    """Return class labels: at least two, increasing, and no larger in memory than allowed."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "labels"}:
        raise PersistenceError("its classes have no dtype and labels")
    dtype, labels = entry["dtype"], entry["labels"]
    if not isinstance(dtype, str) or not LABEL_DTYPE.fullmatch(dtype):
        raise PersistenceError(f"its classes have the dtype {shown(dtype)}")
    if not isinstance(labels, list) or len(labels) < 2:
        raise PersistenceError("a classifier has two classes or more")
    if np.dtype(dtype).itemsize * len(labels) > max_bytes:
        raise PersistenceError(f"its class labels take more than max_bytes={max_bytes}")
    plain = [decode_scalar(label, "a class label") for label in labels]
    longest = max((len(label) for label in plain if isinstance(label, str)), default=0)
    if np.dtype(dtype).kind == "U" and np.dtype(dtype).itemsize // 4 > longest + SPARE_WIDTH:
        raise PersistenceError(
            f"its class labels have the dtype {dtype}, but at most {longest} characters; a student "
            "fitted to np.array(y.tolist()) has a dtype as wide as its labels"
        )
    try:
        with np.errstate(all="ignore"):  # what overflows is found below
            array = np.array(plain, dtype=dtype)
        increasing = all(a < b for a, b in pairwise(plain))  # type: ignore[operator]
    except (TypeError, ValueError, OverflowError) as error:
        raise PersistenceError(f"its class labels do not fit together: {cut(error)}") from None
    kept = all(type(a) is type(b) and a == b for a, b in zip(array.tolist(), plain, strict=True))
    if not increasing or not kept:
        raise PersistenceError("its class labels are not increasing, or not of their dtype")
    return array
