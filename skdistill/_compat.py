"""The only module that touches private parts of scikit-learn.

Supported: scikit-learn 1.6 up to the newest release. What is imported here exists, with the
same meaning, at both ends; when scikit-learn moves one of them, this is the file to change.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import _check_sample_weight, _is_fitted, _num_samples

from skdistill._optional import comes_from

__all__ = [
    "HistGradientBoostingParts",
    "check_sample_weight",
    "clone_keeping",
    "concat_rows",
    "estimator_type",
    "has_fitted_attributes",
    "hist_gradient_boosting_parts",
    "num_samples",
    "seed_estimator",
    "single_precision_tree",
    "take_rows",
]


def num_samples(X: Any) -> int:
    """Count the rows of anything scikit-learn takes for X."""
    return int(_num_samples(X))


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Select rows by integer index; the result has the type of `X`.

    Sparse formats that have no rows to select (COO, DIA, BSR) become CSR.
    """
    if sp.issparse(X) and X.format in ("coo", "dia", "bsr"):
        X = X.tocsr()
    return _safe_indexing(X, rows)


def concat_rows(parts: list[Any]) -> Any:
    """Stack blocks of rows that share one type; the result has that type.

    Columns keep their dtype where the blocks agree on it. A categorical column of the first
    block stays one and gets the categories of all blocks; otherwise the dtype is the common one.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if sp.issparse(first):
        return sp.vstack(parts, format="csr")
    if comes_from(first, "pandas"):
        return _concat_pandas(parts)
    if comes_from(first, "polars"):
        import polars as pl

        return pl.concat(parts, how="vertical_relaxed")
    if isinstance(first, np.ndarray):
        return np.concatenate(parts, axis=0)
    return [row for part in parts for row in part]


def _concat_pandas(parts: list[Any]) -> Any:
    """Stack pandas objects; columns whose dtypes differ are brought together first."""
    import pandas as pd

    if parts[0].ndim == 2:
        parts = [part.copy(deep=False) for part in parts]
        for j in range(parts[0].shape[1]):
            columns = [part.iloc[:, j] for part in parts]
            if any(column.dtype != columns[0].dtype for column in columns):
                for part, column in zip(parts, _align_columns(columns), strict=True):
                    part.isetitem(j, column)
    return pd.concat(parts, axis=0, ignore_index=True)


def _align_columns(columns: list[Any]) -> list[Any]:
    """Bring pandas columns of several dtypes closer to the first, where that loses nothing."""
    import pandas as pd

    first = columns[0]
    if isinstance(first.dtype, pd.CategoricalDtype):
        dtype = _union_of_categories(columns)
        return [column.astype(dtype) for column in columns]
    # A column with nothing in it has its dtype by chance only. The first column, emptied and
    # lengthened, has the one that fits.
    empty = first.iloc[:0].reset_index(drop=True)
    return [
        empty.reindex(range(len(column))).set_axis(column.index) if column.isna().all() else column
        for column in columns
    ]


def _union_of_categories(columns: list[Any]) -> Any:
    """Return the categorical dtype of the first column, extended by the others' values."""
    import pandas as pd

    first = columns[0].dtype
    categories = first.categories
    for column in columns[1:]:
        values = pd.Index(getattr(column.dtype, "categories", column.dropna().unique()))
        new = values[~values.isin(categories)]
        if not len(new):
            continue
        if first.ordered:
            raise ValueError(
                f"column {column.name!r}: the values {new.tolist()} are not among the ordered "
                f"categories {categories.tolist()}; give all rows the same ordered categories."
            )
        categories = categories.append(new)
    return pd.CategoricalDtype(categories, ordered=first.ordered)


def check_sample_weight(sample_weight: Any, X: Any) -> np.ndarray:
    """Return float64 weights of shape (n_samples,), ones when None; negative ones raise."""
    return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def has_fitted_attributes(estimator: Any) -> bool:
    """Tell whether an estimator is fitted, the way ``check_is_fitted`` sees it."""
    if hasattr(estimator, "is_fitted") and not hasattr(estimator, "__sklearn_is_fitted__"):
        fitted = estimator.is_fitted
        return bool(fitted() if callable(fitted) else fitted)
    return bool(_is_fitted(estimator))


def estimator_type(estimator: Any) -> str | None:
    """Return "classifier", "regressor" or another kind of scikit-learn's; None if it tells none."""
    try:
        kind = get_tags(estimator).estimator_type
    except (AttributeError, TypeError, ValueError):
        # Classes that follow the conventions without scikit-learn's base class have no tags.
        kind = getattr(estimator, "_estimator_type", None)
    return None if kind is None else str(kind)


def clone_keeping(estimator: BaseEstimator, **kept: Any) -> BaseEstimator:
    """Clone an estimator as scikit-learn does, but for parameters that are taken as they are."""
    params = {
        name: kept[name] if name in kept else clone(value, safe=False)
        for name, value in estimator.get_params(deep=False).items()
    }
    new = type(estimator)(**params)
    for private in ("_metadata_request", "_sklearn_output_config"):
        if hasattr(estimator, private):
            setattr(new, private, copy.deepcopy(getattr(estimator, private)))
    return new


def seed_estimator(estimator: Any, random_state: np.random.RandomState) -> Any:
    """Set every ``random_state`` that is None, nested ones too, in place; return the estimator."""
    if not hasattr(estimator, "get_params"):
        return estimator
    seeds = {
        name: int(random_state.randint(np.iinfo(np.int32).max))
        for name, value in sorted(estimator.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**seeds) if seeds else estimator


@dataclass(frozen=True)
class HistGradientBoostingParts:
    """What a fitted histogram boosting model is made of.

    Attributes
    ----------
    stages : list of list of (ndarray, ndarray)
        For each iteration and score column the table of nodes and the sets of codes that go left.
    init : ndarray of shape (n_scores,)
        What the trees are added to.
    encode : callable
        From rows to the float64 columns that the trees compare.
    """

    stages: list[list[tuple[np.ndarray, np.ndarray]]]
    init: np.ndarray
    encode: Callable[[Any], np.ndarray]


def hist_gradient_boosting_parts(model: Any) -> HistGradientBoostingParts:
    """Take a HistGradientBoostingClassifier or -Regressor apart."""

    def encode(X: Any) -> np.ndarray:
        X = X if model._preprocessor is None else model._preprocessor.transform(X)
        if comes_from(X, "pandas"):  # which may hold pandas.NA
            return np.asarray(X.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(X, dtype=np.float64)

    stages = [
        [(tree.nodes, tree.raw_left_cat_bitsets) for tree in stage] for stage in model._predictors
    ]
    return HistGradientBoostingParts(stages, np.ravel(model._baseline_prediction), encode)


def single_precision_tree(
    *,
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    missing_left: np.ndarray,
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Make a compiled tree of scikit-learn's that finds the leaves of float32 rows.

    Parameters
    ----------
    feature, threshold, left, right, missing_left : ndarray of shape (n_nodes,)
        What each node compares, the most that goes left, the children (-1 for both of a leaf),
        and whether NaN goes left. The first node is the root; children may be shared.

    Returns
    -------
    apply : callable or None
        From rows, an ndarray of shape (n_samples, n_columns) and dtype float32, to the leaf of
        each, shape (n_samples,), dtype intp. Not checked: the rows must have all columns that are
        compared. None where this scikit-learn has no such trees.
    """
    try:
        from sklearn.tree._tree import NODE_DTYPE, Tree

        nodes = np.zeros(len(feature), dtype=NODE_DTYPE)
        nodes["left_child"], nodes["right_child"] = left, right
        nodes["feature"], nodes["threshold"] = feature, threshold
        nodes["missing_go_to_left"] = missing_left
        n_columns = int(feature.max()) + 1
        tree = Tree(n_columns, np.ones(1, dtype=np.intp), 1)
        values = np.zeros((len(nodes), 1, 1))
        state = {"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": values}
        tree.__setstate__(state)
        tree.apply(np.zeros((1, n_columns), dtype=np.float32))
    except (AttributeError, ImportError, TypeError, ValueError):  # a newer one that has changed
        return None
    return tree.apply
