"""Find the models of trees inside a teacher, and the way from raw rows to their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaseEnsemble,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

from skdistill._columns import Factor, column_names, factor_codes, is_frame, read_column
from skdistill._compat import hist_gradient_boosting_parts
from skdistill._ensembles._boosters import read_lightgbm, read_xgboost
from skdistill._ensembles._forest import Forest
from skdistill._ensembles._sklearn_trees import (
    read_gradient_boosting,
    read_hist_gradient_boosting,
    read_trees,
)
from skdistill._optional import comes_from

Encode = Callable[[Any], Any]


@dataclass(frozen=True)
class Source:
    """One model of trees.

    Attributes
    ----------
    name : str
        The class of the model, for messages.
    forest : Forest
        Its trees.
    encode : callable
        From raw rows to the columns that the trees compare, shape (n_samples, n_columns), float64.
    """

    name: str
    forest: Forest
    encode: Callable[[Any], np.ndarray]


def find_sources(teacher: Any, *, missing_ok: bool = False) -> list[Source]:
    """Read all models of trees in a fitted teacher.

    Known are LightGBM, XGBoost, and scikit-learn's trees, forests, gradient and histogram
    boosting; in Pipelines, searches, frozen and calibrated models, bagging, voting, stacking,
    AdaBoost and feature elimination, teachers of skdistill, lists, and anything else that keeps
    its fitted members in ``estimator_`` or ``estimators_``. Members that are no trees are left out.

    Parameters
    ----------
    teacher : object
        Fitted.
    missing_ok : bool, default=False
        Whether there may be no trees with a split in it.

    Returns
    -------
    sources : list of Source
        Models with at least one split.

    Raises
    ------
    ValueError
        If there is none, unless `missing_ok`; or a model cannot be read or is not fitted
        (NotFittedError).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill._ensembles import find_sources
    >>> X, y = load_iris(return_X_y=True)
    >>> (source,) = find_sources(RandomForestClassifier(10, random_state=0).fit(X, y))
    >>> source.name, len(source.forest)
    ('RandomForestClassifier', 10)
    """
    found = [
        Source(
            type(model).__name__,
            _read(model),
            _chain([*steps, _checked(_matrix_maker(model), model)]),
        )
        for model, steps in _walk(teacher, [])
    ]
    found = [source for source in found if len(source.forest.levels()) > 1]
    if not found and not missing_ok:
        name = getattr(teacher, "name", type(teacher).__name__)
        raise ValueError(
            f"teacher {name} has no trees to be made a student of; give a LightGBM or XGBoost "
            "model, a forest or a boosting model of scikit-learn, or distil it into another "
            "student, such as student='boosting'."
        )
    return found


def _walk(model: Any, steps: list[Encode]) -> Iterator[tuple[Any, list[Encode]]]:
    """Yield each model of trees with the transformations before it."""
    if isinstance(model, list | tuple | np.ndarray):
        for member in model:
            yield from _walk(member, steps)
    elif hasattr(model, "fitted_models"):
        yield from _walk(model.fitted_models, steps)
    elif isinstance(model, FrozenEstimator):
        yield from _walk(model.estimator, steps)
    elif isinstance(model, Pipeline):
        before = [] if len(model.steps) == 1 else [model[:-1].transform]
        yield from _walk(model.steps[-1][1], [*steps, *before])
    elif _is_tree_model(model):
        yield model, steps
    else:
        yield from _walk_members(model, steps)


def _walk_members(model: Any, steps: list[Encode]) -> Iterator[tuple[Any, list[Encode]]]:
    if hasattr(model, "estimators_features_"):  # bagging draws columns, too
        for member, columns in zip(model.estimators_, model.estimators_features_, strict=True):
            yield from _walk(member, [*steps, _select(columns)])
        return
    if isinstance(model, RFE):  # its model is fitted to the columns that are left
        yield from _walk(model.estimator_, [*steps, model.transform])
        return
    if isinstance(model, AdaBoostClassifier | AdaBoostRegressor):  # `estimator_` is not fitted
        yield from _walk(getattr(model, "estimators_", []), steps)
        return
    for attribute in ("best_estimator_", "estimator_", "regressor_", "estimators_"):
        if hasattr(model, attribute):
            yield from _walk(getattr(model, attribute), steps)
            return
    for member in getattr(model, "calibrated_classifiers_", []):
        yield from _walk(member.estimator, steps)


def _is_tree_model(model: Any) -> bool:
    if comes_from(model, "lightgbm", "xgboost"):
        return True
    if isinstance(model, DecisionTreeClassifier | DecisionTreeRegressor):
        return hasattr(model, "tree_")
    if isinstance(model, _HIST | _GRADIENT):
        return True
    return _is_forest(model)


_HIST = HistGradientBoostingClassifier | HistGradientBoostingRegressor
_GRADIENT = GradientBoostingClassifier | GradientBoostingRegressor


def _is_forest(model: Any) -> bool:
    """Tell whether it is a plain mean of trees on the same columns."""
    members = getattr(model, "estimators_", None)
    return (
        isinstance(model, BaseEnsemble)
        and isinstance(members, list)
        and not hasattr(model, "estimators_features_")
        and not hasattr(model, "estimator_weights_")
        and all(isinstance(m, DecisionTreeClassifier | DecisionTreeRegressor) for m in members)
    )


def _read(model: Any) -> Forest:
    if hasattr(model, "fit"):  # boosters have none, and are fitted
        check_is_fitted(model)
    if comes_from(model, "lightgbm"):
        return read_lightgbm(_booster(model))
    if comes_from(model, "xgboost"):
        _check_missing(model)
        return read_xgboost(_booster(model))
    if isinstance(model, _HIST):
        return read_hist_gradient_boosting(model)
    if isinstance(model, _GRADIENT):
        return read_gradient_boosting(model)
    members = [model] if hasattr(model, "tree_") else model.estimators_
    return read_trees(members, classifier=isinstance(members[0], DecisionTreeClassifier))


def _check_missing(model: Any) -> None:
    """Refuse a number that stands for missing values, which trees do not write down."""
    missing = getattr(model, "missing", None)
    if missing is not None and not np.isnan(missing):
        raise ValueError(
            f"teacher is an XGBoost model with missing={missing!r}, which is not supported; train "
            "it with NaN for missing values."
        )


def _booster(model: Any) -> Any:
    """Return the booster of a wrapper, or the booster itself."""
    if hasattr(model, "get_booster"):
        return model.get_booster()
    return getattr(model, "booster_", model)


def _select(columns: np.ndarray) -> Encode:
    def select(X: Any) -> Any:
        return X.iloc[:, columns] if comes_from(X, "pandas") else X[:, columns]

    return select


def _chain(steps: list[Encode]) -> Callable[[Any], np.ndarray]:
    def encode(X: Any) -> np.ndarray:
        for step in steps:
            X = step(X)
        return np.asarray(X)

    return encode


def _checked(make: Encode, model: Any) -> Encode:
    """Wrap what makes the matrix: columns that the model does not know would be misread."""
    expected, own = (
        _n_columns(model),
        [str(name) for name in getattr(model, "feature_names_in_", [])],
    )

    def encode(X: Any) -> Any:
        if X.shape[1] != expected:
            raise ValueError(
                f"X has {X.shape[1]} columns where the teacher's {type(model).__name__} was fitted "
                f"to {expected}; give the columns that the teacher was fitted to."
            )
        given = column_names(X)
        if given is not None and given != own and sorted(given) == sorted(own):
            raise ValueError(
                f"X has the columns of the teacher's {type(model).__name__} in another order "
                f"than it was fitted to; give them as {own}."
            )
        return make(X)

    return encode


def _n_columns(model: Any) -> int:
    """Count the columns that a model was fitted to."""
    if hasattr(model, "n_features_in_"):
        return int(model.n_features_in_)
    booster = _booster(model)
    return int(booster.num_features() if comes_from(model, "xgboost") else booster.num_feature())


def _matrix_maker(model: Any) -> Encode:
    """Return what turns the rows that a model is given into the numbers that its trees compare."""
    if isinstance(model, _HIST):
        return hist_gradient_boosting_parts(model).encode
    categories, absent = None, 0.0
    if comes_from(model, "lightgbm"):
        categories = _booster(model).pandas_categorical
    elif comes_from(model, "xgboost"):
        absent = np.nan  # what a sparse matrix does not hold is missing to XGBoost

    def to_matrix(X: Any) -> np.ndarray:
        if sp.issparse(X):
            return _densify(X.tocsr(), absent)
        if not is_frame(X):
            return np.asarray(X, dtype=np.float64)
        # LightGBM keeps the categories of its categorical columns, in their order.
        lists = iter(categories or [])
        columns = [read_column(X, j) for j in range(X.shape[1])]
        return np.column_stack([_numbers(X, j, column, lists) for j, column in enumerate(columns)])

    return to_matrix


def _densify(X: Any, absent: float) -> np.ndarray:
    """Write a sparse matrix out, with a value for the cells that it does not hold."""
    Z = np.full(X.shape, absent)
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    Z[rows, X.indices] = X.data
    return Z


def _numbers(X: Any, j: int, column: Any, lists: Iterator[list[Any]]) -> np.ndarray:
    if not isinstance(column, Factor):
        return np.asarray(column)
    levels = next(lists, None)
    if levels is None:
        raise ValueError(
            f"the trees of the teacher compare numbers, but column {X.columns[j]!r} holds "
            f"{column.levels[:1]}; give the teacher with the steps that encode it, as a Pipeline."
        )
    table = {level: code for code, level in enumerate(levels)}
    codes = factor_codes(column, table, -1).astype(np.float64)
    codes[codes < 0] = np.nan  # unknown and missing levels alike
    return codes
