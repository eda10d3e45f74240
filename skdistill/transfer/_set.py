"""The transfer set: the rows the student learns on, and what each weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._compat import check_sample_weight, concat_rows, num_samples, take_rows
from skdistill._validation import check_integer
from skdistill.transfer._sampler import Sampler


@dataclass(frozen=True)
class TransferSet:
    """Real, unlabelled and augmented rows, in this order.

    Parameters
    ----------
    X : array-like with ``n_rows`` rows
        The rows, of the user's type.
    n_real, n_unlabeled, n_augmented : int
        How many rows there are of each kind.
    weight : ndarray of shape (n_rows,), dtype float64
        Weights of the rows.
    trust : ndarray of shape (n_rows,), dtype float64, or None
        How much the teacher's label of each row counts beside that; None: all alike.
    """

    X: Any
    n_real: int
    n_unlabeled: int
    n_augmented: int
    weight: np.ndarray
    trust: np.ndarray | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows of all kinds."""
        return self.n_real + self.n_unlabeled + self.n_augmented

    @property
    def real(self) -> slice:
        """The real rows."""
        return slice(0, self.n_real)

    @property
    def others(self) -> Any:
        """The rows that are not real, of the type of ``X``."""
        return take_rows(self.X, np.arange(self.n_real, self.n_rows))

    def without_augmented(self) -> TransferSet:
        """Return the real and unlabelled rows alone."""
        n_kept = self.n_real + self.n_unlabeled
        kept = take_rows(self.X, np.arange(n_kept))
        trust = None if self.trust is None else self.trust[:n_kept]
        return TransferSet(kept, self.n_real, self.n_unlabeled, 0, self.weight[:n_kept], trust)

    @property
    def unlabeled(self) -> slice:
        """The unlabelled rows."""
        return slice(self.n_real, self.n_real + self.n_unlabeled)

    @property
    def augmented(self) -> slice:
        """The augmented rows."""
        return slice(self.n_real + self.n_unlabeled, self.n_rows)


def build_transfer_set(
    X: Any,
    *,
    X_unlabeled: Any = None,
    sampler: Sampler | None = None,
    n_augmented: int = 0,
    sample_weight: Any = None,
    random_state: Any = None,
) -> TransferSet:
    """Join real, unlabelled and augmented rows and weigh them.

    Unlabelled rows weigh as much as the mean real row. The augmented rows weigh the same each,
    and together as much as all other rows: many of them smooth the student, but the data keep
    their half of the say. Rows of weight zero are no parents of augmented rows.

    Parameters
    ----------
    X : array-like with n_real rows
        The real rows: an array, a data frame, a sparse matrix, a list of texts.
    X_unlabeled : like `X`, or None
        More rows, without labels, with the columns of `X`.
    sampler : Sampler or None
        Makes the augmented rows. It is fitted here, on the real and the unlabelled rows.
    n_augmented : int, default=0
        How many augmented rows to make.
    sample_weight : array-like of shape (n_real,) or None
        Weights of the real rows; None for ones.
    random_state : int, RandomState or None
        Passed on to ``sampler.sample``.

    Returns
    -------
    transfer_set : TransferSet

    Raises
    ------
    ValueError
        If `X_unlabeled` has another type or other columns than `X`, if augmented rows are wanted
        without a sampler, or if the sampler gives rows of another number, type or columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import MungeSampler, build_transfer_set
    >>> X = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 8.0]])
    >>> rows = build_transfer_set(X, sampler=MungeSampler(), n_augmented=6, random_state=0)
    >>> rows.n_rows, rows.weight
    (9, array([1. , 1. , 1. , 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]))
    """
    n_augmented = check_integer(n_augmented, "n_augmented", minimum=0)
    weight = check_sample_weight(sample_weight, X)
    n_real, n_unlabeled = len(weight), 0
    if X_unlabeled is not None:
        n_unlabeled = num_samples(X_unlabeled)
        X = append_unlabeled(X, X_unlabeled)
        weight = np.concatenate([weight, np.full(n_unlabeled, weight.mean())])
    if n_augmented:
        new = _sample(sampler, X, weight, n_augmented, random_state)
        X = concat_rows([X, new])
        weight = np.concatenate([weight, np.full(n_augmented, weight.sum() / n_augmented)])
    return TransferSet(X, n_real, n_unlabeled, n_augmented, weight)


def append_unlabeled(X: Any, X_unlabeled: Any) -> Any:
    """Return the rows of both, after a check that they have the same columns."""
    problem = difference(X_unlabeled, X)
    if problem:
        raise ValueError(
            f"X_unlabeled {problem}; give it the type and the columns of X, in their order."
        )
    return concat_rows([X, X_unlabeled])


def _sample(
    sampler: Sampler | None, X: Any, weight: np.ndarray, n_augmented: int, random_state: Any
) -> Any:
    """Fit the sampler, draw rows, and check that they fit to `X`."""
    if sampler is None:
        raise ValueError(f"n_augmented is {n_augmented}, but there is no sampler to make the rows.")
    if weight.any() and not weight.all():
        X = take_rows(X, np.flatnonzero(weight))
    new = sampler.fit(X).sample(n_augmented, random_state)
    problem = difference(new, X)
    if not problem and num_samples(new) != n_augmented:
        problem = f"has {num_samples(new)} rows where {n_augmented} were asked for"
    if problem:
        raise ValueError(
            f"augment: what sampler {sampler!r} returned {problem}; "
            "it must return n rows of the type and columns that it was fitted to."
        )
    return new


def difference(new: Any, X: Any) -> str:
    """Say in what `new` cannot be stacked below `X`; empty if it can."""
    both_sparse = sp.issparse(new) and sp.issparse(X)
    # Either may be a subclass: a memory map goes with an array.
    if not (isinstance(new, type(X)) or isinstance(X, type(new)) or both_sparse):
        return f"is a {type(new).__name__}, but X is a {type(X).__name__}"
    shape: tuple[int, ...] = getattr(new, "shape", ())
    expected: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) != len(expected):
        return f"has {len(shape)} dimensions, but X has {len(expected)}"
    if shape[1:] != expected[1:]:
        return f"has {shape[1]} columns, but X has {expected[1]}"
    if hasattr(X, "columns"):
        names, expected_names = list(new.columns), list(X.columns)
        if names != expected_names:
            j = [new == old for new, old in zip(names, expected_names, strict=True)].index(False)
            return f"has {names[j]!r} as column {j}, but X has {expected_names[j]!r} there"
    elif isinstance(X, np.ndarray) and (X.dtype.kind in "biufc") != (new.dtype.kind in "biufc"):
        return f"has dtype {new.dtype}, but X has {X.dtype}"
    return ""
