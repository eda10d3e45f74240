"""What a file holds, taken out entry by entry; each is checked, and none may be left over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import MAX_LENGTH, shown

# Sizes of a shape: a number, or None for any.
Shape = Sequence[int | None]


class UnknownContentsError(PersistenceError):
    """The file holds something that this release knows nothing of."""


class Fields:
    """Entries of a JSON object.

    Parameters
    ----------
    entries : object
        From the document.
    what : str
        What they describe, for messages.
    """

    def __init__(self, entries: Any, what: str) -> None:
        if not isinstance(entries, dict):
            raise PersistenceError(f"{what} is no JSON object")
        self._entries, self._what = dict(entries), what

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def take(self, name: str) -> Any:
        """Take an entry of any kind."""
        if name not in self._entries:
            raise PersistenceError(f"{self._what} lacks {name!r}")
        return self._entries.pop(name)

    def integer(self, name: str, low: int = 0, high: int = MAX_LENGTH) -> int:
        """Take an integer between two bounds, which are allowed."""
        value = self.take(name)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, value, f"an integer from {low} to {high}")
        return value

    def number(self, name: str) -> float:
        """Take a finite number, an integer or not."""
        value = self.take(name)
        if type(value) is int and abs(value) <= 2**53:
            return value
        if type(value) is not float:
            raise self.wrong(name, value, "a number")
        return value

    def boolean(self, name: str) -> bool:
        """Take a boolean."""
        value = self.take(name)
        if type(value) is not bool:
            raise self.wrong(name, value, "true or false")
        return value

    def text(self, name: str) -> str:
        """Take a string."""
        value = self.take(name)
        if not isinstance(value, str):
            raise self.wrong(name, value, "a string")
        return value

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Take one of a few strings."""
        value = self.text(name)
        if value not in choices:
            raise UnknownContentsError(str(self.wrong(name, value, f"one of {list(choices)}")))
        return value

    def items(self, name: str, kind: type | None = None, *, length: int | None = None) -> list[Any]:
        """Take a list, of some length and of items of one type."""
        value = self.take(name)
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise self.wrong(name, value, "a list" if length is None else f"a list of {length}")
        if kind is not None and any(type(item) is not kind for item in value):
            raise self.wrong(name, value, f"a list of {kind.__name__}")
        return value

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._entries:
            names = _some(self._entries)
            raise UnknownContentsError(f"{self._what} has unknown entries: {names}")

    def wrong(self, name: str, value: Any, expected: str) -> PersistenceError:
        """Make the error of an entry that is not what it should be."""
        return PersistenceError(
            f"{name!r} of {self._what} is {shown(value)}, where {expected} is expected"
        )


class Arrays:
    """The arrays of a file."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def floats(
        self, name: str, shape: Shape, *, infinite: bool = False, single: bool = False
    ) -> np.ndarray:
        """Take numbers that are not NaN, nor infinite unless allowed.

        With `single` float32 stays float32; without it all are float64.
        """
        array = self._take(name, "f", shape)
        if np.isnan(array).any() or (not infinite and np.isinf(array).any()):
            raise PersistenceError(f"the array {name!r} has values that are not finite")
        return array if single else array.astype(np.float64, copy=False)

    def integers(self, name: str, shape: Shape, *, low: int, high: int) -> np.ndarray:
        """Take integers from `low` to below `high`, as int32."""
        array = self._take(name, "i", shape)
        if array.size and not low <= array.min() <= array.max() < high:
            raise PersistenceError(f"the array {name!r} has values outside of [{low}, {high})")
        return array.astype(np.int32)

    def booleans(self, name: str, shape: Shape) -> np.ndarray:
        """Take booleans; a byte that is neither 0 nor 1 is an error."""
        array = self._take(name, "b", shape)
        if (array.view(np.uint8) > 1).any():
            raise PersistenceError(f"the array {name!r} has bytes that are neither 0 nor 1")
        return array

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._arrays:
            raise UnknownContentsError(f"it has unknown arrays: {_some(self._arrays)}")

    def _take(self, name: str, kind: str, shape: Shape) -> np.ndarray:
        if name not in self._arrays:
            raise PersistenceError(f"it lacks the array {name!r}")
        array = self._arrays.pop(name)
        fits = len(shape) == array.ndim and all(
            size in (None, found) for size, found in zip(shape, array.shape, strict=True)
        )
        if array.dtype.kind != kind or not fits:
            wanted = tuple("any" if size is None else size for size in shape)
            raise PersistenceError(
                f"the array {name!r} has dtype {array.dtype} and shape {array.shape}, where kind "
                f"{kind!r} and shape {wanted} are expected"
            )
        return array


def is_increasing(values: np.ndarray) -> bool:
    """Tell whether each value is larger than the one before."""
    return bool((values[1:] > values[:-1]).all())


def split_at(array: np.ndarray, sizes: np.ndarray, name: str) -> list[np.ndarray]:
    """Cut an array into parts of given sizes, which must use it up."""
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    if total != len(array):
        raise PersistenceError(f"the array {name!r} has {len(array)} rows, not {total}")
    return np.split(array, ends[:-1]) if len(ends) else []


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names))[:200]
