"""Whether `CompactSearch` keeps what it promises on rows that it never saw.

One search for each data set and seed: all families, a tolerance, and the ensemble as the teacher.
The student that it chooses meets the teacher as it is on the test rows; sizes are the teacher's
pickle and the student's tables in C.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Memory
from sklearn.metrics import get_scorer

from benchmarks.cells import fit_teacher
from benchmarks.datasets import Dataset, Split, list_available, load, split
from benchmarks.measures import size_of
from benchmarks.tasks import Emit, Key, Row, RunSettings
from skdistill import CompactSearch
from skdistill._intervals import allowed, paired_interval, parse_tolerance
from skdistill._scorers import Answers, make_metric

DATASETS = (
    "magic_gamma",
    "adult",
    "bank_marketing",
    "credit_default_taiwan",
    "telco_churn",
    "dry_bean",
    "california_housing",
    "bike_sharing",
    "diamonds",
    "kin8nm",
)
BUNDLED = ("sklearn:breast_cancer",)
SEEDS = (0, 1)
TEACHER = "ensemble"
MAX_TRAIN, MAX_TEST = 6_000, 20_000

# Metric and tolerance by the kind of target.
PROMISES: dict[str, tuple[str, float | str]] = {
    "binary": ("roc_auc", 0.005),
    "multiclass": ("roc_auc_ovr", 0.005),
    "regression": ("neg_root_mean_squared_error", "2%"),
}


@dataclass(frozen=True)
class CompactTask:
    """The search on one data set with one seed.

    Attributes
    ----------
    dataset : str
        The set.
    seed : int
        Splits the rows, and seeds teacher and search.
    students : str or tuple of str
        Families that are tried.
    """

    dataset: str
    seed: int
    students: str | tuple[str, ...] = "all"

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return f"compact {self.dataset} {self.seed}"

    @property
    def key(self) -> Key:
        """The name of its only cell."""
        return Key("compact", self.dataset, self.seed, TEACHER, "", "", "search")


def tasks(folder: Path | None) -> list[CompactTask]:
    """List the tasks, one seed after the other.

    Parameters
    ----------
    folder : Path or None
        Where the data sets are.

    Returns
    -------
    tasks : list of CompactTask
    """
    available = list_available(folder)
    names = [name for name in DATASETS if name in available] or BUNDLED
    return [CompactTask(name, seed) for seed in SEEDS for name in names]


def expected_keys(task: CompactTask) -> list[Key]:
    """List the cells of a task."""
    return [task.key]


def run_task(task: CompactTask, emit: Emit, settings: RunSettings) -> None:
    """Search, measure on the test rows, and emit the row.

    Parameters
    ----------
    task : CompactTask
        Data set and seed.
    emit : callable
        Takes the row.
    settings : RunSettings
        Data folder and cache.
    """
    dataset = load(task.dataset, settings.folder)
    parts = split(dataset, task.seed, MAX_TRAIN, MAX_TEST)
    row: Row = task.key._asdict()
    row.update(
        data_hash=dataset.hash,
        task=dataset.task,
        n_train=len(parts.y_train),
        n_test=len(parts.y_test),
        n_features=parts.X_train.shape[1],
        n_classes=0 if dataset.task == "regression" else len(np.unique(parts.y_train)),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a tolerance that is not met is in the row
            emit({**row, "status": "ok", "reason": "", **_measure(task, dataset, parts, settings)})
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:300]
        emit({**row, "status": "failed", "reason": reason})


def _measure(task: CompactTask, dataset: Dataset, parts: Split, settings: RunSettings) -> Row:
    fit = Memory(settings.cache, verbose=0).cache(fit_teacher)
    teacher, _ = fit(TEACHER, dataset.task, parts.X_train, parts.y_train, task.seed)
    metric, tolerance = PROMISES[_kind(parts.y_train, dataset.task)]
    start = time.perf_counter()
    search = CompactSearch(
        teacher,
        students=task.students if isinstance(task.students, str) else list(task.students),
        metric=metric,
        tolerance=tolerance,
        random_state=task.seed,
    ).fit(parts.X_train, parts.y_train)
    seconds = time.perf_counter() - start
    (chosen,) = (found for found in search.candidates_ if found["chosen"])
    n_bytes, teacher_bytes = chosen["bytes"], size_of(teacher)["bytes"] or 0
    return {
        "metric": metric,
        "tolerance": str(tolerance),
        "chosen": chosen["name"],
        "distilled": chosen["distilled"],
        "promised": search.within_tolerance_,
        "searched": {name: chosen[name] for name in ("score", "teacher_score", "upper")},
        "bytes": n_bytes,
        "teacher_bytes": teacher_bytes,
        "latency_us": chosen["latency_us"],
        "metrics": {"ratio": teacher_bytes / n_bytes, **_test(teacher, search, parts, metric)},
        "fit_seconds": seconds,
    }


def _kind(y: np.ndarray, task: str) -> str:
    if task == "regression":
        return task
    return "binary" if len(np.unique(y)) == 2 else "multiclass"


def _test(teacher: Any, search: CompactSearch, parts: Split, name: str) -> dict[str, float]:
    """Compare the student with the teacher on the test rows."""
    scorer = get_scorer(name)
    X, y = parts.X_test, parts.y_test
    of_teacher, of_student = scorer(teacher, X, y), scorer(search.student_, X, y)
    tolerance = parse_tolerance(PROMISES[_kind(parts.y_train, _task(search))][1])
    limit = allowed(tolerance, of_teacher)
    gap = paired_interval(
        make_metric(name, getattr(search, "classes_", None)),
        y,
        *(_answers(search)(model, X) for model in (search.student_, teacher)),
    )
    return {
        "teacher_score": of_teacher,
        "student_score": of_student,
        "shortfall": of_teacher - of_student,
        "limit": limit,
        "holds": float(of_teacher - of_student <= limit),
        "standard_error": gap.standard_error,
    }


def _task(search: CompactSearch) -> str:
    return "classification" if hasattr(search, "classes_") else "regression"


def _answers(search: CompactSearch) -> Callable[[Any, Any], Answers]:
    """Return what takes a model's answers."""
    if _task(search) == "regression":
        return lambda model, X: Answers.of(None, model.predict(X))
    return lambda model, X: Answers.of(search.classes_, model.predict_proba(X))
