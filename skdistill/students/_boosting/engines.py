"""LightGBM and XGBoost behind one small interface: sums of trees of a bounded number of leaves."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from skdistill._optional import import_optional

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

    def with_values(self, booster: Any, values: Sequence[np.ndarray]) -> Any:
        """Give the leaves of each tree new values, by their numbers."""

    def scores(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Compute the sum of the trees, shape (n_samples, n_scores)."""

    def n_leaves(self, booster: Any) -> int:
        """Count the leaves of all trees."""

    def to_bytes(self, booster: Any) -> bytes:
        """Store what prediction needs, and nothing of the training."""

    def from_bytes(self, stored: bytes) -> Any:
        """Restore a booster for prediction."""


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

    def with_values(self, booster: Any, values: Sequence[np.ndarray]) -> Any:
        """Give the leaves of each tree new values, by their numbers."""
        for t, tree in enumerate(booster.dump_model()["tree_info"]):
            for leaf in range(tree["num_leaves"]):
                booster.set_leaf_output(t, leaf, values[t][leaf])
        return booster

    def scores(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Compute the sum of the trees, shape (n_samples, n_scores)."""
        raw = booster.predict(_as_matrix(Z), raw_score=True, num_threads=n_threads)
        return np.asarray(raw).reshape(Z.shape[0], -1)

    def n_leaves(self, booster: Any) -> int:
        """Count the leaves of all trees."""
        return sum(tree["num_leaves"] for tree in booster.dump_model()["tree_info"])

    def to_bytes(self, booster: Any) -> bytes:
        """Store what prediction needs, and nothing of the training."""
        trees, _, rest = booster.model_to_string().partition("\nend of trees\n")
        lines = [line.partition("=") for line in trees.split("\n")]
        kept = [
            # Ranges of the training data: only their number is read.
            key + "=" + " ".join(["none"] * len(value.split()))
            if key == "feature_infos"
            else key + equals + value
            for key, equals, value in lines
            if key not in _STATISTICS
        ]
        categories = rest[rest.rindex("pandas_categorical:") :]
        return zlib.compress("\n".join([*kept, "end of trees", "", categories]).encode())

    def from_bytes(self, stored: bytes) -> Any:
        """Restore a booster for prediction."""
        return _library("lightgbm").Booster(model_str=zlib.decompress(stored).decode())


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

    def with_values(self, booster: Any, values: Sequence[np.ndarray]) -> Any:
        """Give the leaves of each tree new values, by their numbers."""
        model = json.loads(booster.save_raw("json"))
        trees = model["learner"]["gradient_booster"]["model"]["trees"]
        for tree, value in zip(trees, values, strict=True):
            for node, child in enumerate(tree["left_children"]):
                if child < 0:  # where a split has its threshold, a leaf has its value
                    tree["split_conditions"][node] = float(value[node])
        return _library("xgboost").Booster(model_file=bytearray(json.dumps(model).encode()))

    def scores(self, booster: Any, Z: Any, n_threads: int) -> np.ndarray:
        """Compute the sum of the trees, shape (n_samples, n_scores)."""
        raw = booster.predict(_rows_for(booster, Z, n_threads), output_margin=True)
        return np.asarray(raw, dtype=np.float64).reshape(Z.shape[0], -1)

    def n_leaves(self, booster: Any) -> int:
        """Count the leaves of all trees."""
        return sum(tree.count("leaf=") for tree in booster.get_dump())

    def to_bytes(self, booster: Any) -> bytes:
        """Store what prediction needs, and nothing of the training."""
        return zlib.compress(bytes(booster.save_raw("ubj")))

    def from_bytes(self, stored: bytes) -> Any:
        """Restore a booster for prediction."""
        return _library("xgboost").Booster(model_file=bytearray(zlib.decompress(stored)))


ENGINES: dict[str, Engine] = {"lightgbm": LightGBMEngine(), "xgboost": XGBoostEngine()}

# Lines of LightGBM's text form that only describe the training. "tree_sizes" would be wrong
# without the others; LightGBM reads the trees one after the other when it is missing.
_STATISTICS = {
    "internal_count",
    "internal_value",
    "internal_weight",
    "leaf_count",
    "leaf_weight",
    "split_gain",
    "tree_sizes",
}


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
