"""What is measured of a model: its losses, its size, its speed."""

from __future__ import annotations

import pickle
import re
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score
from threadpoolctl import threadpool_limits

from skdistill._compat import take_rows
from skdistill._optional import comes_from

# No probability counts as less than this in the log loss: a wrong certainty costs 34.5.
MIN_PROBABILITY = 1e-15
ECE_BINS = 15

# Speed: calls for single rows, rows of a batch, runs of a batch, and seconds for each of the two.
SINGLE_CALLS = 200
BATCH_ROWS = 10_000
BATCH_RUNS = 3
SECONDS = 0.4


def row_losses(said: np.ndarray, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Compute each row's loss: the log loss of probabilities, the squared error of values.

    Parameters
    ----------
    said : ndarray of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, or predicted values.
    y : ndarray of shape (n_samples,)
        True labels or values.
    classes : ndarray of shape (n_classes,) or None
        The labels of the columns, sorted; None for values.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        A label that is not among the classes has probability zero.
    """
    if classes is None:
        return np.asarray((said - y) ** 2, dtype=np.float64)
    return -np.log(np.clip((said * _hits(y, classes)).sum(axis=1), MIN_PROBABILITY, None))


def evaluate(
    said: np.ndarray, y: np.ndarray, classes: np.ndarray | None
) -> dict[str, float | None]:
    """Measure predictions against the truth.

    Parameters
    ----------
    said, y, classes
        As for `row_losses`.

    Returns
    -------
    metrics : dict
        For classes "log_loss", "brier" (squared distance summed over classes, 0 to 2), "auc"
        (of the second class, or the mean of one against the rest over the classes that occur;
        None if only one occurs), "accuracy" and "ece" (15 equal bins of the top probability).
        For values "r2" (None if all are equal) and "rmse".

    Examples
    --------
    >>> import numpy as np
    >>> from benchmarks.measures import evaluate
    >>> said = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> metrics = evaluate(said, np.array(["no", "yes"]), np.array(["no", "yes"]))
    >>> metrics["brier"], metrics["auc"]
    (0.3125, 1.0)
    """
    losses = row_losses(said, y, classes)
    if classes is None:
        constant = np.ptp(y) == 0
        return {
            "r2": None if constant else float(r2_score(y, said)),
            "rmse": float(np.sqrt(losses.mean())),
        }
    hits = _hits(y, classes)
    top = said.argmax(axis=1)
    correct = hits[np.arange(len(y)), top] > 0
    return {
        "log_loss": float(losses.mean()),
        "brier": float(((said - hits) ** 2).sum(axis=1).mean()),
        "auc": _auc(said, hits),
        "accuracy": float(correct.mean()),
        "ece": _ece(said[np.arange(len(y)), top], correct),
    }


def size_of(model: Any) -> dict[str, int | None]:
    """Measure a fitted model's size.

    Parameters
    ----------
    model : estimator
        Of this package, scikit-learn, LightGBM or XGBoost, also in pipelines and ensembles.

    Returns
    -------
    size : dict
        "bytes" pickled (None if it cannot be pickled), "n_leaves" of all trees and
        "n_parameters" of all linear and network layers, None where there are none.
    """
    try:
        n_bytes: int | None = len(pickle.dumps(model, protocol=5))
    except Exception:  # whatever a foreign class raises, the size is unknown
        n_bytes = None
    n_leaves, n_parameters = _count(model)
    return {"bytes": n_bytes, "n_leaves": n_leaves or None, "n_parameters": n_parameters or None}


def latency(predict: Callable[[Any], Any], X: Any) -> dict[str, float]:
    """Measure microseconds a row, on one thread.

    Parameters
    ----------
    predict : callable
        Takes rows.
    X : DataFrame or ndarray
        Rows to predict, repeated as needed.

    Returns
    -------
    speed : dict
        "us_1": median over 200 calls with one row each; "us_10k": the best of three batches of
        10,000 rows, divided by the rows. Models for which either takes more than about .4 s get
        fewer calls, or a smaller batch.
    """
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        singles = [take_rows(X, np.array([i % len(X)])) for i in range(20)]
        seconds = _seconds(predict, singles[0])  # the first call warms up
        seconds = _seconds(predict, singles[1])
        n_calls = int(np.clip(SECONDS / max(seconds, 1e-9), 3, SINGLE_CALLS))
        one = [_seconds(predict, singles[i % 20]) for i in range(n_calls)]

        n_rows = BATCH_ROWS // 20
        seconds = _seconds(predict, _repeat(X, n_rows))
        if seconds * 20 <= 2 * SECONDS:
            n_rows = BATCH_ROWS
            batch = _repeat(X, n_rows)
            seconds = _seconds(predict, batch)
            n_runs = int(np.clip(SECONDS / seconds - 1, 0, BATCH_RUNS - 1))
            seconds = min([seconds, *(_seconds(predict, batch) for _ in range(n_runs))])
    return {"us_1": float(np.median(one)) * 1e6, "us_10k": seconds / n_rows * 1e6}


def _hits(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """One column for each class, one where it is the row's."""
    return np.asarray(y[:, None] == classes[None, :], dtype=np.float64)


def _auc(said: np.ndarray, hits: np.ndarray) -> float | None:
    """Area under the ROC curve: of the second of two classes, else the mean over classes."""
    occurs = (hits.sum(axis=0) > 0) & (hits.sum(axis=0) < len(hits))
    if not occurs.any():
        return None
    columns = [1] if hits.shape[1] == 2 else np.flatnonzero(occurs)
    return float(np.mean([roc_auc_score(hits[:, j], said[:, j]) for j in columns]))


def _ece(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Compute the expected calibration error: how far confidence is from accuracy in its bin."""
    bins = np.clip((confidence * ECE_BINS).astype(int), 0, ECE_BINS - 1)
    surplus = np.bincount(bins, weights=confidence - correct, minlength=ECE_BINS)
    return float(np.abs(surplus).sum() / len(bins))


def _count(model: Any) -> tuple[int, int]:
    """Count the leaves and the parameters of a model, its parts included."""
    if comes_from(model, "lightgbm"):
        booster = getattr(model, "booster_", model)
        leaves = re.findall(r"^num_leaves=(\d+)$", booster.model_to_string(), flags=re.MULTILINE)
        return sum(map(int, leaves)), 0
    if comes_from(model, "xgboost"):
        dump = model.get_booster().get_dump() if hasattr(model, "get_booster") else model.get_dump()
        return sum(tree.count("leaf=") for tree in dump), 0
    if hasattr(model, "get_n_leaves"):
        return int(model.get_n_leaves()), 0
    if hasattr(model, "n_leaves_"):
        return int(model.n_leaves_), 0
    for weights, constants in (("coefs_", "intercepts_"), ("coef_", "intercept_")):
        if hasattr(model, weights):
            return 0, _n_values(getattr(model, weights)) + _n_values(getattr(model, constants))
    counts = [_count(part) for part in _parts(model)]
    return sum(leaves for leaves, _ in counts), sum(others for _, others in counts)


def _parts(model: Any) -> list[Any]:
    """List the fitted parts of a composite that take part in predicting."""
    if hasattr(model, "steps"):
        return [step for _, step in model.steps]
    for name in ("estimators_", "estimator_", "regressor_", "student_"):
        if hasattr(model, name):
            parts = getattr(model, name)
            if isinstance(parts, np.ndarray):
                return list(parts.flat)
            return list(parts) if isinstance(parts, list) else [parts]
    return []


def _n_values(arrays: Any) -> int:
    """Count the numbers in an array or a list of arrays."""
    parts: Iterable[Any] = arrays if isinstance(arrays, list | tuple) else [arrays]
    return sum(int(np.size(part)) for part in parts)


def _repeat(X: Any, n_rows: int) -> Any:
    """Repeat the rows of a table up to a number."""
    return take_rows(X, np.arange(n_rows) % len(X))


def _seconds(predict: Callable[[Any], Any], X: Any) -> float:
    """Time one call."""
    start = time.perf_counter()
    predict(X)
    return time.perf_counter() - start
