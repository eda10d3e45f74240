"""What a model costs where it runs: every model in every form that it can be deployed in.

The teachers are there as they are, and LightGBM also as compiled C and in ONNX Runtime; each
student as a pickled estimator, in the forms that `skdistill.export` writes, and beside
scikit-learn's own model of the same kind. All of a data set is measured in one run, on one thread:

- the microseconds of one row, warm and after the caches were emptied, and of a row in a batch of
  10,000, as :mod:`benchmarks.timing` takes them;
- the bytes on disk;
- the seconds from the start of a process to its first prediction, and the peak of its memory;
- the largest difference to the probabilities of the estimator, on the test rows.

What a form is given, and what is in its time, is told in :mod:`benchmarks.deploy_forms`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import list_available
from benchmarks.deploy_forms import Ready, ready_compiled, ready_estimator, ready_python
from benchmarks.deploy_models import FOREST, LIGHTGBM, TWINS, Models
from benchmarks.deploy_native import ready_c, ready_c_int16, ready_onnx
from benchmarks.measures import evaluate, size_of
from benchmarks.processes import cold_start
from benchmarks.students import ADDITIVE, BOOSTINGS, LINEAR, MLPS, PRUNED, TREES, StudentSpec
from benchmarks.tasks import Emit, Key, Row, RunSettings, SkippedError
from benchmarks.timing import Calls, batch, evicted, warm
from skdistill.exceptions import ExportError, ParityError
from skdistill.metrics import classification_fidelity

# The first is numbers only, the second has categories and missing values.
DATASETS = ("magic_gamma", "adult")
BUNDLED = "sklearn:breast_cancer"

STUDENTS = (TREES[1], TREES[2], LINEAR, ADDITIVE, MLPS[1], BOOSTINGS[0], PRUNED)

# Forms of a model: the first three are estimators, pickled.
TEACHER, OURS, TWIN = "teacher", "ours", "scikit-learn"
FORMS: dict[str, Callable[[Any, Models, Path], Ready]] = {
    TEACHER: ready_estimator,
    OURS: ready_estimator,
    TWIN: ready_estimator,
    "compiled": ready_compiled,
    "python": ready_python,
    "c": ready_c,
    "c_int16": ready_c_int16,
    "onnx": ready_onnx,
}
TEACHER_FORMS = {LIGHTGBM: (TEACHER, "c", "onnx"), FOREST: (TEACHER,)}
STUDENT_FORMS = tuple(form for form in FORMS if form != TEACHER)

# What says that a form cannot be had: not installed, no compiler, or not of such a student.
SKIPPING = (SkippedError, ImportError, ExportError)


@dataclass(frozen=True)
class DeployTask:
    """All models of one data set.

    Attributes
    ----------
    dataset : str
        A set with classes.
    students : tuple of StudentSpec
        What LightGBM is distilled into.
    teacher_trees : int
        Trees of both teachers.
    starts : int or None
        Processes that are started for each model; None: as many as give a steady median.
    """

    dataset: str
    students: tuple[StudentSpec, ...] = STUDENTS
    teacher_trees: int = 500
    starts: int | None = None

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return f"deploy {self.dataset}"

    def key(self, teacher: str, spec: StudentSpec | None, form: str) -> Key:
        """Name one cell; a teacher's own has no student."""
        family, size = ("", "") if spec is None else (spec.family, spec.size)
        return Key("deploy", self.dataset, 0, teacher, family, size, form)


def tasks(folder: Path | None) -> list[DeployTask]:
    """List the tasks: two sets of the folder, or one that scikit-learn carries.

    Parameters
    ----------
    folder : Path or None
        Where the data sets are.

    Returns
    -------
    tasks : list of DeployTask
    """
    available = list_available(folder)
    return [DeployTask(dataset) for dataset in DATASETS if dataset in available] or [
        DeployTask(BUNDLED)
    ]


def expected_keys(task: DeployTask) -> list[Key]:
    """List the cells of a task: the teachers, then the students, each in its forms."""
    keys = [task.key(name, None, form) for name, forms in TEACHER_FORMS.items() for form in forms]
    return keys + [
        task.key(LIGHTGBM, spec, form)
        for spec in task.students
        for form in STUDENT_FORMS
        if form != TWIN or spec.family in TWINS
    ]


def run_task(task: DeployTask, emit: Emit, settings: RunSettings) -> None:
    """Compute the cells of a task that are not done and emit a row for each.

    Parameters
    ----------
    task : DeployTask
        Data set and models.
    emit : callable
        Takes one row.
    settings : RunSettings
        Data folder, cache and cells that are done.
    """
    models = Models(task.dataset, settings, teacher_trees=task.teacher_trees)
    for key in expected_keys(task):
        if key not in settings.done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a result file has no place for them
                row = _row(task, models, key)
            emit(row)


def _row(task: DeployTask, models: Models, key: Key) -> Row:
    """Compute a cell; what goes wrong, or cannot be had here, becomes its row."""
    row: Row = key._asdict()
    row.update(
        data_hash=models.dataset.hash,
        task=models.dataset.task,
        n_train=len(models.y_train),
        n_test=len(models.y_test),
        n_features=models.dataset.X.shape[1],
        n_classes=len(models.classes),
        input="array" if models.as_arrays else "frame",
    )
    try:
        return {**row, "status": "ok", **_measure(task, models, key)}
    except Exception as error:
        if isinstance(error, SKIPPING) and not isinstance(error, ParityError):
            return {**row, "status": "skipped", "reason": str(error)[:300]}
        reason = f"{type(error).__name__}: {error}"[:300]
        return {**row, "status": "failed", "reason": reason}


def _measure(task: DeployTask, models: Models, key: Key) -> Row:
    """Bring a model into a form and measure that."""
    model, rival = _estimators(task, models, key)
    with tempfile.TemporaryDirectory() as folder:
        ready = FORMS[key.method](model, models, Path(folder))
        said = ready.predict()
        return {
            "metrics": evaluate(said, models.y_test, models.classes),
            "fidelity": classification_fidelity(models.said, said),
            "difference": float(np.abs(said - model.predict_proba(models.X_test)).max()),
            **size_of(model),
            "bytes": ready.n_bytes,
            **ready.details,
            **_times(ready, models, rival),
            **cold_start(ready.start, repeats=task.starts),
        }


def _estimators(task: DeployTask, models: Models, key: Key) -> tuple[Any, Any]:
    """Return the estimator of a cell, and scikit-learn's own to compare it with, or None."""
    if not key.student:
        return models.teacher(key.teacher), None
    spec = next(one for one in task.students if (one.family, one.size) == (key.student, key.size))
    twin = models.twin(spec) if key.student in TWINS and key.method in (OURS, TWIN) else None
    return (twin, None) if key.method == TWIN else (models.student(spec), twin)


def _times(ready: Ready, models: Models, rival: Any) -> Row:
    """Measure microseconds a row; an empty call, and batches of the rival, take turns with it."""
    several = [ready.single] if ready.bare is None else [ready.single, ready.bare]
    hot, cold = warm(*several), evicted(*several)
    found = {"us_1": hot[0], "us_evicted": cold[0]}
    if ready.bare is not None:
        found |= {"bare_us": hot[1], "bare_us_evicted": cold[1]}
    batches = [ready.batch]
    if rival is not None:
        batches.append(Calls(rival.predict_proba, ready.batch.arguments))
    per_row = [1e6 * seconds / len(models.X_batch) for seconds in batch(*batches)]
    return {**found, **dict(zip(("us_10k", "rival_us_10k"), per_row, strict=False))}
