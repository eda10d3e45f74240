"""The bytes of a file: a header, a JSON document, arrays one after the other, and a checksum.

What is read is taken for hostile: every size is compared with the bytes that are there before
anything of that size is made, and nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdistill.exceptions import PersistenceError

# As PNG has it: a byte that is no text, and line ends that a transfer as text would change.
MAGIC = b"\x89SKD\r\n\x1a\n"
VERSION = 1
HEADER = struct.Struct("<8sII")  # magic, version of the format, bytes of the document
DIGEST_BYTES = 32

# A document in memory takes up to forty times its bytes, where someone means it to.
MAX_DOCUMENT = 16 * 2**20

# Characters of other errors in a message.
MAX_SHOWN = 300

MAX_DIMENSIONS = 3
MAX_LENGTH = 2**31 - 1

# Names of the dtypes in a document; all of them little-endian.
DTYPES = {
    "b1": np.dtype("?"),
    "i1": np.dtype("i1"),
    "i2": np.dtype("<i2"),
    "i4": np.dtype("<i4"),
    "f4": np.dtype("<f4"),
    "f8": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def pack(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Make the bytes of a file.

    Parameters
    ----------
    document : mapping
        Of what JSON has: objects, lists, strings, finite numbers, booleans and None.
    arrays : mapping of str to ndarray
        Of integers, booleans, float32 or float64. Integers take as few bytes as they need.

    Returns
    -------
    data : bytes
        The same for the same contents.
    """
    listing, parts = [], []
    for name, array in arrays.items():
        stored = _narrow(array)
        entry: list[Any] = [name, _NAMES[stored.dtype], list(stored.shape)]
        # Products of matrices are rounded by their layout, so that it is kept.
        fortran = stored.flags.f_contiguous and not stored.flags.c_contiguous
        listing.append([*entry, "F"] if fortran else entry)
        parts.append(stored.tobytes("F" if fortran else "C"))
    text = json.dumps(
        {**document, "arrays": listing},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )
    # Half of a surrogate pair can be in a string of Python's, and must come back as it is.
    encoded = text.encode("utf-8", "surrogatepass")
    body = b"".join([HEADER.pack(MAGIC, VERSION, len(encoded)), encoded, *parts])
    return body + hashlib.sha256(body).digest()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the bytes of a file.

    Parameters
    ----------
    data : bytes
        All of it.

    Returns
    -------
    document : dict
        Of what JSON has.
    arrays : dict of ndarray
        Copies, in the dtypes of the file.

    Raises
    ------
    PersistenceError
        If this is no such file, not the whole of one, or one of a newer format.
    """
    size = _check_frame(data)
    start = HEADER.size + size
    document = _parse(data[HEADER.size : start])
    listing = document.pop("arrays", None)
    if not isinstance(listing, list):
        raise PersistenceError("the document lists no arrays")
    arrays: dict[str, np.ndarray] = {}
    end = len(data) - DIGEST_BYTES
    for entry in listing:
        name, dtype, shape, order = _read_entry(entry)
        n_bytes = math.prod(shape) * dtype.itemsize
        if name in arrays or n_bytes > end - start:
            raise PersistenceError(f"the array {shown(name)} is listed twice, or is not all there")
        flat = np.frombuffer(data, dtype, count=math.prod(shape), offset=start)
        arrays[name] = flat.reshape(shape, order=order).copy(order="K")
        start += n_bytes
    if start != end:
        raise PersistenceError(f"{end - start} bytes belong to no array")
    return document, arrays


def shown(value: Any) -> str:
    """Write a value of a document for a message; lists may be deep, and are not written out."""
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else repr(value)[:80]


def cut(error: Exception) -> str:
    """Write an error for a message; it may show values that are long."""
    text = str(error)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _check_frame(data: bytes) -> int:
    """Check magic, version, checksum and sizes; return the bytes of the document."""
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        pickled = ", a pickle, which joblib.load reads" if data[:1] == b"\x80" else ""
        raise PersistenceError(
            f"it is no file of skdistill.save: it begins with {data[:8]!r}{pickled}"
        )
    if len(data) < HEADER.size + DIGEST_BYTES:
        raise PersistenceError(f"it is cut short: it has {len(data)} bytes")
    _, version, size = HEADER.unpack_from(data)
    if not 1 <= version <= VERSION:
        raise PersistenceError(
            f"it has format {version}, and this release of skdistill reads formats 1 to {VERSION}; "
            "load it with the release that wrote it, or a newer one"
        )
    if hashlib.sha256(data[:-DIGEST_BYTES]).digest() != data[-DIGEST_BYTES:]:
        raise PersistenceError(
            "it is cut short or was changed: the checksum is not that of the bytes"
        )
    if size > min(MAX_DOCUMENT, len(data) - HEADER.size - DIGEST_BYTES):
        raise PersistenceError(
            f"it has a document of {size} bytes, which is not there or too large"
        )
    return int(size)


def _parse(text: bytes) -> dict[str, Any]:
    """Parse JSON strictly: no NaN or infinity, no name twice, an object outside."""
    try:
        document = json.loads(
            text.decode("utf-8", "surrogatepass"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:  # wrong JSON, huge integers, deep nesting
        raise PersistenceError(f"its document cannot be read: {cut(error)}") from None
    if not isinstance(document, dict):
        raise PersistenceError("its document is no JSON object")
    return document


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("an object has the same name twice")
    return entries


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _read_entry(entry: Any) -> tuple[str, np.dtype, list[int], Any]:
    """Check an entry of the list of arrays."""
    if isinstance(entry, list) and len(entry) in (3, 4):
        name, dtype, shape, *order = entry
        if (
            isinstance(name, str)
            and isinstance(dtype, str)
            and dtype in DTYPES
            and isinstance(shape, list)
            and len(shape) <= MAX_DIMENSIONS
            and all(type(n) is int and n >= 0 for n in shape)
            and math.prod(n or 1 for n in shape) <= MAX_LENGTH
            and order in ([], ["F"])
        ):
            return name, DTYPES[dtype], shape, "F" if order else "C"
    raise PersistenceError(f"{shown(entry)} is no entry of the list of arrays")


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return integers in the smallest dtype that holds them, all else little-endian."""
    if array.dtype.kind == "i":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        return array.astype(np.min_scalar_type(min(low, -high - 1)))
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
