"""Make copies of boosters ready for a fit without evaluation set, console and files."""

from __future__ import annotations

from typing import Any

from skdistill._optional import comes_from

_CATBOOST_ROUNDS = ("iterations", "n_estimators", "num_boost_round", "num_trees")
_CATBOOST_OUTPUT = ("verbose", "verbose_eval", "logging_level", "silent")
_LIGHTGBM_STOPPING = (
    "early_stopping_round",
    "early_stopping_rounds",
    "early_stopping",
    "n_iter_no_change",
)


def prepare_refit(original: Any, fresh: Any) -> None:
    """Change parameters of boosters in `fresh`, a clone of `original`, so that it can be refitted.

    A booster that stopped early gets the number of rounds it stopped at, and no early stopping:
    with no evaluation set it would fail or train all rounds. CatBoost is told not to print each
    round and not to write a directory, unless the user said otherwise.

    Parameters
    ----------
    original : estimator
        The teacher's estimator, fitted or not.
    fresh : estimator
        Its clone; changed in place.
    """
    fitted = {"": original, **original.get_params(deep=True)}
    for name, part in {"": fresh, **fresh.get_params(deep=True)}.items():
        if not hasattr(part, "get_params"):
            continue
        if comes_from(part, "lightgbm"):
            _prepare_lightgbm(fitted[name], part)
        elif comes_from(part, "xgboost"):
            _prepare_xgboost(fitted[name], part)
        elif comes_from(part, "catboost"):
            _prepare_catboost(fitted[name], part)


def _prepare_lightgbm(fitted: Any, fresh: Any) -> None:
    rounds = getattr(fitted, "best_iteration_", None)
    if rounds is None or rounds <= 0:
        return
    present = [name for name in _LIGHTGBM_STOPPING if name in fresh.get_params()]
    fresh.set_params(n_estimators=rounds, **dict.fromkeys(present, 0))


def _prepare_xgboost(fitted: Any, fresh: Any) -> None:
    try:
        rounds = fitted.best_iteration + 1
    except AttributeError:  # not fitted, or fitted without early stopping
        return
    fresh.set_params(n_estimators=rounds, early_stopping_rounds=None)


def _prepare_catboost(fitted: Any, fresh: Any) -> None:
    params = fresh.get_params()
    changes: dict[str, Any] = {}
    if not any(name in params for name in _CATBOOST_OUTPUT):
        changes["verbose"] = False
    if "allow_writing_files" not in params:
        changes["allow_writing_files"] = False
    if fitted.is_fitted():
        rounds = next((name for name in _CATBOOST_ROUNDS if name in params), "iterations")
        changes[rounds] = fitted.tree_count_
        if params.get("use_best_model"):
            changes["use_best_model"] = False
    fresh.set_params(**changes)
