"""LightGBM and XGBoost behind one small interface: sums of trees of a bounded number of leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from skdistill._ensembles import LEAF, Forest
from skdistill._ensembles._boosters import read_lightgbm, read_xgboost
from skdistill._optional import import_optional
from skdistill.students._tree_sum import TreeSum, from_forest

# Scores of shape (n_samples, n_scores) to their gradient and curvature, of the same shape.
Objective = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

# Called after each round with the leaf of each row in its trees, shape (n_samples, n_scores).
Watcher = Callable[[np.ndarray], None]


@dataclass(frozen=True)
class TreePlan:
    """What to grow, in the same words for both libraries.

    Parameters
    ----------
    n_rounds, n_leaves, n_scores : int
        Rounds of boosting, leaves of a tree at most, and trees of a round.
    learning_rate, reg_lambda : float
        Shrinkage of each tree, and the penalty of the squares of its leaves' values.
    min_rows, min_curvature : float
        Least rows of a leaf (LightGBM), and least sum of curvatures (XGBoost has nothing else).
    seed, n_threads : int
        Seed and number of threads.
    """

    n_rounds: int
    n_leaves: int
    n_scores: int
    learning_rate: float
    reg_lambda: float
    min_rows: int
    min_curvature: float
    seed: int
    n_threads: int


class Engine(Protocol):
    """A boosting library: stateless, imports the library when it is used.

    Leaves have numbers below `n_slots` of the leaves that a tree may have.
    """

    def fit(
        self, Z: Any, plan: TreePlan, objective: Objective, watch: Watcher | None = None
    ) -> Any:
        """Boost trees from scores of zero; return the library's own booster."""

    def n_slots(self, n_leaves: int) -> int:
        """Return how many numbers the leaves of a tree are taken from."""

    def leaves(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Find the leaf of each row in each tree, shape (n_samples, n_trees), dtype int32."""

    def read(self, booster: Any, values: Sequence[np.ndarray] | None = None) -> TreeSum:
        """Take the trees out; their leaves may get new values, by tree and number."""


class LightGBMEngine:
    """Trees by LightGBM: leaf-wise, on histograms of 255 bins."""

    def fit(
        self, Z: Any, plan: TreePlan, objective: Objective, watch: Watcher | None = None
    ) -> Any:
        """Boost trees from scores of zero."""
        lib, n_samples = _library("lightgbm"), Z.shape[0]

        def by_score(scores: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
            gradient, curvature = objective(scores.reshape(n_samples, -1, order="F"))
            shape = scores.shape
            return gradient.reshape(shape, order="F"), curvature.reshape(shape, order="F")

        n_seen = 0

        def after_round(env: Any) -> None:
            nonlocal n_seen
            n_rounds = env.model.current_iteration()
            if watch is not None and n_rounds > n_seen:  # else there was nothing to split
                watch(_lightgbm_leaves(env.model, Z, plan.n_threads, n_seen))
            n_seen = n_rounds

        params = {
            "objective": by_score,
            "num_class": plan.n_scores,
            "num_leaves": plan.n_leaves,
            "learning_rate": plan.learning_rate,
            "lambda_l2": plan.reg_lambda,
            "min_data_in_leaf": plan.min_rows,
            "min_sum_hessian_in_leaf": 1e-3,
            "min_data_in_bin": min(3, plan.min_rows),
            "seed": plan.seed,
            "num_threads": plan.n_threads,
            "deterministic": True,
            "force_col_wise": True,  # else it is chosen by timing, which is not reproducible
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        data = lib.Dataset(_with_a_value(_as_matrix(Z)), label=np.zeros(n_samples), params=params)
        return lib.train(
            params,
            data,
            num_boost_round=plan.n_rounds,
            callbacks=None if watch is None else [after_round],
        )

    def n_slots(self, n_leaves: int) -> int:
        """Return how many numbers the leaves of a tree are taken from."""
        return n_leaves

    def leaves(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Find the leaf of each row in each tree, shape (n_samples, n_trees), dtype int32."""
        return _lightgbm_leaves(booster, Z, n_threads, 0)

    def read(self, booster: Any, values: Sequence[np.ndarray] | None = None) -> TreeSum:
        """Take the trees out; their leaves may get new values, by tree and number."""
        forest = read_lightgbm(booster)
        return from_forest(_with_values(forest, values, after_splits=True))


class XGBoostEngine:
    """Trees by XGBoost: leaf-wise, on histograms of 256 bins."""

    def fit(
        self, Z: Any, plan: TreePlan, objective: Objective, watch: Watcher | None = None
    ) -> Any:
        """Boost trees from scores of zero."""
        lib, n_samples = _library("xgboost"), Z.shape[0]

        def by_score(scores: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
            return objective(scores.reshape(n_samples, -1))

        params = {
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_leaves": plan.n_leaves,
            "max_depth": 0,
            "learning_rate": plan.learning_rate,
            "reg_lambda": plan.reg_lambda,
            "min_child_weight": plan.min_curvature,
            "base_score": 0.0,
            "disable_default_eval_metric": True,
            "seed": plan.seed,
            "nthread": plan.n_threads,
            "verbosity": 0,
        }
        if plan.n_scores > 1:
            params["num_class"] = plan.n_scores
        data = _dmatrix(Z, plan.n_threads)

        class AfterRound(lib.callback.TrainingCallback):  # type: ignore[name-defined]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                if watch is not None:
                    watch(_xgboost_leaves(model[epoch : epoch + 1], data))
                return False

        booster = lib.train(
            params, data, num_boost_round=plan.n_rounds, obj=by_score, callbacks=[AfterRound()]
        )
        booster.set_attr(sparse="1" if sp.issparse(Z) else None)
        return booster

    def n_slots(self, n_leaves: int) -> int:
        """Return how many numbers the leaves of a tree are taken from: those of its nodes."""
        return 2 * n_leaves - 1

    def leaves(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Find the leaf of each row in each tree, shape (n_samples, n_trees), dtype int32."""
        return _xgboost_leaves(booster, _rows_for(booster, Z, n_threads))

    def read(self, booster: Any, values: Sequence[np.ndarray] | None = None) -> TreeSum:
        """Take the trees out; their leaves may get new values, by tree and number."""
        forest = read_xgboost(booster)
        return from_forest(_with_values(forest, values, after_splits=False))


ENGINES: dict[str, Engine] = {"lightgbm": LightGBMEngine(), "xgboost": XGBoostEngine()}

# What LightGBM takes for zero.
LIGHTGBM_ZERO = 1e-35


def _library(name: str) -> Any:
    return import_optional(name, extra="boosting", purpose=f"backend={name!r}")


def _lightgbm_leaves(booster: Any, Z: Any, n_threads: int, first_round: int) -> np.ndarray:
    leaves = booster.predict(
        _as_matrix(Z),
        pred_leaf=True,
        start_iteration=first_round,
        num_iteration=-1,
        num_threads=n_threads,
    )
    return np.asarray(leaves, dtype=np.int32).reshape(Z.shape[0], -1)


def _xgboost_leaves(booster: Any, data: Any) -> np.ndarray:
    leaves = booster.predict(data, pred_leaf=True)
    return np.asarray(leaves, dtype=np.int32).reshape(data.num_row(), -1)


def _with_values(
    forest: Forest, values: Sequence[np.ndarray] | None, *, after_splits: bool
) -> Forest:
    """Give leaves the values of their numbers; these count all nodes, or those after the splits."""
    if values is None:
        return forest
    table = forest.value.copy()
    ends = np.append(forest.roots[1:], len(forest.feature)).tolist()
    for start, end, own in zip(forest.roots.tolist(), ends, values, strict=True):
        n_splits = np.count_nonzero(forest.feature[start:end] != LEAF)
        first = start + (n_splits if after_splits else 0)
        table[first:end, 0] = own[: end - first]
    return replace(forest, value=table)


def _as_matrix(Z: Any) -> Any:
    """Make SciPy's sparse arrays the older sparse matrices, which are all LightGBM knows."""
    return sp.csr_matrix(Z) if sp.issparse(Z) else Z


def _with_a_value(Z: Any) -> Any:
    """Return `Z`, or a constant matrix of its shape where it is all zeros.

    LightGBM drops columns of zeros (1e-35 is one) and fails when none is left; a constant grows
    trees of one leaf.
    """
    values = Z.data if sp.issparse(Z) else Z
    if not (np.abs(values) <= LIGHTGBM_ZERO).all():  # missing values are worth a split too
        return Z
    rows = np.arange(Z.shape[0])
    return sp.csr_matrix((np.ones(len(rows)), (rows, np.zeros_like(rows))), shape=Z.shape)


def _dmatrix(Z: Any, n_threads: int) -> Any:
    """Wrap rows for XGBoost, which takes what a sparse matrix does not store for missing.

    Without stored zeros, and with dense rows made sparse where the booster was fitted to sparse
    ones, zeros always go the same way.
    """
    if sp.issparse(Z) and (Z.data == 0).any():
        Z = Z.copy()
        Z.eliminate_zeros()
    return _library("xgboost").DMatrix(Z, missing=np.nan, nthread=n_threads)


def _rows_for(booster: Any, Z: Any, n_threads: int) -> Any:
    """Wrap rows in the form, sparse or dense, to which an XGBoost booster was fitted."""
    if booster.attr("sparse"):
        Z = sp.csr_matrix(Z)
    elif sp.issparse(Z):
        Z = Z.toarray()
    return _dmatrix(Z, n_threads)
