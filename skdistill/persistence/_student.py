"""A student as bytes, and bytes as a student."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import cut, pack, unpack
from skdistill.persistence._families import FAMILIES, Draft, Parts
from skdistill.persistence._parts import Arrays, Fields, UnknownContentsError
from skdistill.persistence._values import (
    decode_labels,
    decode_params,
    encode_labels,
    encode_params,
)
from skdistill.students._unwrap import unwrap

# Most columns of a table: each may cost memory that the file does not have.
MAX_FEATURES = 2**20

# What a file may weigh, and the class labels that are made of it, unless the caller knows better.
MAX_BYTES = 2**30

# What the version of a release looks like; messages show it.
RELEASE = re.compile(r"[0-9A-Za-z.!+_-]{1,40}")


def encode(student: Any) -> bytes:
    """Return the bytes of a file that holds a student.

    Parameters
    ----------
    student : estimator
        As for :func:`skdistill.save`.

    Returns
    -------
    data : bytes

    Raises
    ------
    TypeError
        If it is no built-in student, or holds values that are not plain.
    PersistenceError
        If what was written cannot be read again.
    """
    student = unwrap(student)
    data = _encode(student)
    # What is written must be what is read, and a broken student must not wait to be found.
    try:
        same = _encode(decode(data, max_bytes=max(MAX_BYTES, 8 * len(data)))) == data
    except PersistenceError as error:
        raise PersistenceError(f"the student cannot be saved: {error}") from None
    if not same:
        raise PersistenceError("the student cannot be saved: it would not be the same once loaded")
    return data


def _encode(student: Any) -> bytes:
    kind = type(student).__name__
    family = FAMILIES.get(kind)
    if family is None or family.cls is not type(student):
        raise TypeError(
            f"student is a {kind}, and only the built-in students can be saved: {list(FAMILIES)}; "
            "keep classes of your own by joblib."
        )
    document: dict[str, Any] = {
        "skdistill": _release(),
        "student": kind,
        "n_features_in": int(student.n_features_in_),
    }
    names = None
    if hasattr(student, "feature_names_in_"):
        names = document["feature_names_in"] = [str(name) for name in student.feature_names_in_]
    if is_classifier(student):
        document["classes"] = encode_labels(student.classes_)
    document["params"] = encode_params(student.get_params(deep=False))
    draft = Draft(names)
    family.write(student, draft)
    document["encoder"], document["fitted"] = draft.encoder, draft.fitted
    return pack(document, draft.arrays)


def decode(data: bytes, *, max_bytes: int) -> Any:
    """Make the student that a file holds.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_bytes : int
        What class labels may take in memory.

    Returns
    -------
    student : estimator

    Raises
    ------
    PersistenceError
        If anything in it is not as it must be.
    """
    document, stored = unpack(data)
    fields, arrays = Fields(document, "the document"), Arrays(stored)
    release = fields.text("skdistill")
    if not RELEASE.fullmatch(release):
        raise fields.wrong("skdistill", release, "a version")
    try:
        return _make(fields, arrays, max_bytes=max_bytes)
    except UnknownContentsError as error:
        raise PersistenceError(
            f"{error}; this is skdistill {_release()}, and the file was written by skdistill "
            f"{release}: load it with that release or newer"
        ) from None


def _make(fields: Fields, arrays: Arrays, *, max_bytes: int) -> Any:
    """Make the student of what is in a file, and check that nothing is left over."""
    family = FAMILIES[fields.choice("student", FAMILIES)]
    params = decode_params(fields.take("params"), family.cls().get_params(deep=False).keys())
    student = family.cls(**params)
    try:
        student._check_params()
        check_random_state(params.get("random_state"))
    except (TypeError, ValueError) as error:
        raise PersistenceError(f"it has parameters that no student has: {cut(error)}") from None
    n_inputs = fields.integer("n_features_in", 1, MAX_FEATURES)
    student.n_features_in_ = n_inputs
    names = None
    if "feature_names_in" in fields:
        names = fields.items("feature_names_in", str, length=n_inputs)
        if len(set(names)) < n_inputs:
            raise PersistenceError("two columns have the same name; give each a name of its own")
        student.feature_names_in_ = np.array(names, dtype=object)
    n_classes = 0
    if is_classifier(student):
        student.classes_ = decode_labels(fields.take("classes"), max_bytes=max_bytes)
        n_classes = len(student.classes_)
    fitted = Fields(fields.take("fitted"), "the fitted values")
    family.read(student, Parts(n_inputs, names, n_classes, fitted, arrays, fields.take("encoder")))
    for part in (fitted, arrays, fields):
        part.finish()
    return student


def _release() -> str:
    """Return the version of skdistill, which is complete by the time that anything is saved."""
    return str(sys.modules["skdistill"].__version__)
