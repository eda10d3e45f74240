"""Arrays of a fitted student, and how they are pickled."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


class Arrays:
    """Base of dataclasses of arrays that are pickled small.

    Integers are int32 in memory, and stored in as few bytes as they need. What is prepared from
    the arrays for prediction is not stored.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: _narrow(vars(self)[f.name]) for f in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: _widen(array) for name, array in state.items()})


def _narrow(array: Any) -> Any:
    """Return integers in the smallest dtype that holds them; all else as it is."""
    if not _is_of_integers(array) or array.size == 0:
        return array
    smallest = np.min_scalar_type(min(int(array.min()), -int(array.max()) - 1))
    return array.astype(smallest)


def _widen(array: Any) -> Any:
    return array.astype(np.int32) if _is_of_integers(array) else array


def _is_of_integers(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "i"
