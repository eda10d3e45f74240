"""Read the trees of LightGBM and XGBoost from what the libraries write down themselves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from skdistill._ensembles._forest import LEAF, Forest, Tree, plant

# Bits of LightGBM's decision_type.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_IS_NONE, _MISSING_IS_ZERO, _MISSING_IS_NAN = 0, 1, 2


def read_lightgbm(booster: Any) -> Forest:
    """Read a ``lightgbm.Booster``, up to its best iteration.

    Parameters
    ----------
    booster : lightgbm.Booster

    Returns
    -------
    forest : Forest
        Its scores are the booster's raw ones.

    Raises
    ------
    ValueError
        If the model takes zeros for missing values, or has linear leaves.
    """
    header, *blocks = booster.model_to_string().split("\nend of trees")[0].split("\nTree=")
    fields = _fields(header)
    per_round = int(fields["num_tree_per_iteration"])
    trees = [_lightgbm_tree(_fields(b), t % per_round) for t, b in enumerate(blocks)]
    return plant(trees, np.zeros(per_round), single=False)


def _fields(text: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in text.split("\n"))


def _lightgbm_tree(fields: dict[str, str], output: int) -> Tree:
    """Split nodes come first, as LightGBM numbers them; leaf i follows as node n_splits + i."""
    n_splits, n_leaves = int(fields["num_leaves"]) - 1, int(fields["num_leaves"])
    if fields.get("is_linear", "0") != "0":
        raise ValueError("teacher has linear leaves (linear_tree=True), which are not supported.")
    leaf_value = _numbers(fields["leaf_value"], np.float64)
    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    kinds = (np.int64, np.float64, np.int64, np.int64, np.int64)
    feature, threshold, decision, left, right = (
        _numbers(fields.get(name, "") if n_splits else "", kind)
        for name, kind in zip(names, kinds, strict=True)
    )
    missing = (decision >> 2) & 3
    if (missing == _MISSING_IS_ZERO).any():
        raise ValueError(
            "teacher takes zeros for missing values (zero_as_missing=True), which is not "
            "supported; train it with NaN for missing values."
        )
    categorical = (decision & _CATEGORICAL) > 0
    # Without missing values in training NaN is taken for zero.
    missing_left = np.where(
        missing == _MISSING_IS_NAN, (decision & _DEFAULT_LEFT) > 0, threshold >= 0.0
    )
    level_sets = {}
    if categorical.any():
        bounds = _numbers(fields["cat_boundaries"], np.int64)
        words = _numbers(fields["cat_threshold"], np.int64)
        for node in np.flatnonzero(categorical).tolist():
            which = int(threshold[node])
            level_sets[node] = bits_set(words[bounds[which] : bounds[which + 1]])
    return Tree(
        feature=np.concatenate([feature, np.full(n_leaves, LEAF)]),
        threshold=np.concatenate([threshold, np.zeros(n_leaves)]),
        left=np.concatenate([np.where(left < 0, n_splits + ~left, left), np.zeros(n_leaves)]),
        right=np.concatenate([np.where(right < 0, n_splits + ~right, right), np.zeros(n_leaves)]),
        missing_left=np.concatenate([missing_left & ~categorical, np.zeros(n_leaves, dtype=bool)]),
        value=np.concatenate([np.zeros(n_splits), leaf_value])[:, None],
        level_sets=level_sets,
        output=output,
    )


def _numbers(text: str, kind: Any) -> np.ndarray:
    return np.array(text.split(), dtype=kind)


def bits_set(words: np.ndarray) -> np.ndarray:
    """List the bits that are set in a sequence of 32-bit words.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill._ensembles._boosters import bits_set
    >>> bits_set(np.array([5, 1]))
    array([ 0,  2, 32])
    """
    bits = (np.asarray(words, dtype=np.int64)[:, None] >> np.arange(32)) & 1
    return np.flatnonzero(bits.ravel())


def read_xgboost(booster: Any) -> Forest:
    """Read an ``xgboost.Booster``, up to its best iteration.

    Parameters
    ----------
    booster : xgboost.Booster

    Returns
    -------
    forest : Forest
        Its scores are the booster's margins, but for a constant: `init` is zero. With dropout
        only the splits are those of the booster, as the weights of trees are not read.

    Raises
    ------
    ValueError
        If the booster is not "gbtree", has trees of several outputs or categorical splits.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        name = learner["gradient_booster"]["name"]
        raise ValueError(f"teacher is an XGBoost model with booster={name!r}; give one of gbtree.")
    model = learner["gradient_booster"]["model"]
    best = booster.attr("best_iteration")
    n_trees = len(model["trees"])
    if best is not None:
        n_trees = int(model["iteration_indptr"][int(best) + 1])
    outputs = model["tree_info"][:n_trees]
    pairs = zip(model["trees"][:n_trees], outputs, strict=True)
    n_scores = max(1, int(learner["learner_model_param"]["num_class"]))
    return plant([_xgboost_tree(t, k) for t, k in pairs], np.zeros(n_scores), single=True)


def _xgboost_tree(tree: dict[str, Any], output: int) -> Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise ValueError("teacher has trees of several outputs; use multi_strategy of one a tree.")
    if any(tree["split_type"]):
        raise ValueError(
            "teacher is an XGBoost model with categorical splits, which are not supported; train "
            "it on encoded categories (a Pipeline with an encoder)."
        )
    left, right = (np.array(tree[side]) for side in ("left_children", "right_children"))
    leaf = left < 0
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    # Less than a float32 is at most the one before it.
    below = np.nextafter(condition, np.float32(-np.inf), dtype=np.float32)
    return Tree(
        feature=np.where(leaf, LEAF, tree["split_indices"]),
        threshold=np.where(leaf, 0.0, below),
        left=left,
        right=right,
        missing_left=np.array(tree["default_left"], dtype=bool),
        value=np.where(leaf, condition, 0.0)[:, None],
        level_sets={},
        output=output,
    )
