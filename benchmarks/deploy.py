"""What a model costs where it runs: bytes, microseconds a row, cold start and memory.

Teachers and students are pickled as they are, which is what a user has without an export. Tables
of numbers are given as arrays, as a service would, others as frames. Much of a cold start is the
import of scikit-learn, the same for every pickled model.
"""

from __future__ import annotations

import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Memory
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

import skdistill
from benchmarks.datasets import list_available, load, split
from benchmarks.encoding import make_encoder
from benchmarks.measures import evaluate, latency, size_of
from benchmarks.students import BOOSTINGS, LINEAR, MLPS, TREES, StudentSpec
from benchmarks.tasks import Emit, Key, Row, RunSettings
from skdistill import DistilledClassifier
from skdistill._compat import take_rows
from skdistill._optional import import_optional
from skdistill.metrics import classification_fidelity

TEACHERS = ("lightgbm500", "forest500")

# The one that the students learn from.
MAIN_TEACHER = "lightgbm500"

# The first is numbers only, the second has categories and missing values.
DATASETS = ("magic_gamma", "adult")
BUNDLED = "sklearn:breast_cancer"

MAX_ROWS = 5000
COLD_STARTS = 3

# Runs in a process of its own. The peak of memory is read where it belongs to this program alone:
# Linux hands a parent's peak on to its children in `ru_maxrss`.
_COLD_START = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    model, row = pickle.load(file)
model.predict_proba(row)
print("ready", flush=True)
try:
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
except OSError:
    try:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:
        peak = ""
print(peak)
"""


@dataclass(frozen=True)
class DeployTask:
    """All models of one data set.

    Attributes
    ----------
    dataset : str
        A set with classes.
    students : tuple of StudentSpec
        What the main teacher is distilled into.
    teacher_trees, cold_starts : int
        Trees of both teachers; processes that are started for each model.
    """

    dataset: str
    students: tuple[StudentSpec, ...] = (*TREES, LINEAR, *MLPS, *BOOSTINGS)
    teacher_trees: int = 500
    cold_starts: int = COLD_STARTS

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return f"deploy {self.dataset}"

    def key(self, teacher: str, spec: StudentSpec | None) -> Key:
        """Name one cell; a teacher's own has no student."""
        if spec is None:
            return Key("deploy", self.dataset, 0, teacher, "", "", "teacher")
        return Key("deploy", self.dataset, 0, teacher, spec.family, spec.size, "ours")


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
    """List the cells of a task: the teachers, then the students."""
    keys = [task.key(teacher, None) for teacher in TEACHERS]
    return keys + [task.key(MAIN_TEACHER, spec) for spec in task.students]


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
    models = _Models(task, settings)
    for key in expected_keys(task):
        if key not in settings.done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a result file has no place for them
                row = models.row(key)
            emit(row)


def cold_start(model: Any, row: Any, *, repeats: int = COLD_STARTS) -> dict[str, float | None]:
    """Start a process that unpickles a model and predicts one row.

    Parameters
    ----------
    model : estimator
        With ``predict_proba``.
    row : array or DataFrame with one row
        What it predicts.
    repeats : int
        Processes; the median is returned, so that reading files for the first time does not
        count.

    Returns
    -------
    costs : dict
        "cold_seconds" from the start of the process to the first prediction, and "rss_bytes",
        the peak of its memory (None where the system does not tell).

    Raises
    ------
    RuntimeError
        If the process fails; the message is the last line that it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pickle"
        path.write_bytes(pickle.dumps((model, row), protocol=5))
        runs = [_start_once(path) for _ in range(repeats)]
    peaks = [peak for _, peak in runs if peak is not None]
    return {
        "cold_seconds": statistics.median(seconds for seconds, _ in runs),
        "rss_bytes": statistics.median(peaks) if peaks else None,
    }


def _start_once(path: Path) -> tuple[float, int | None]:
    """Return the seconds to the first prediction and the peak of memory in bytes."""
    root = str(Path(skdistill.__file__).parents[1])
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "PYTHONPATH": root}
    with path.with_name("errors").open("w+", encoding="utf-8") as errors:
        start = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 (our own interpreter and script)
            [sys.executable, "-W", "ignore", "-c", _COLD_START, str(path)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None  # noqa: S101 (tells the type)
            ready = process.stdout.readline().strip()
            seconds = time.perf_counter() - start
            peak = process.stdout.read().strip()
        errors.seek(0)
        lines = errors.read().strip().splitlines() or ["no message"]
    if ready != "ready":
        raise RuntimeError(f"cold start failed: {lines[-1]}")
    return seconds, int(peak) if peak else None


class _Models:
    """Data, teachers and students of a task."""

    def __init__(self, task: DeployTask, settings: RunSettings) -> None:
        self.task = task
        self.memory = Memory(settings.cache, verbose=0)
        self.dataset = load(task.dataset, settings.folder)
        parts = split(self.dataset, 0, MAX_ROWS, MAX_ROWS)
        self.y_train, self.y_test = parts.y_train, parts.y_test
        self.classes = np.unique(parts.y_train)
        numeric = self.dataset.X.select_dtypes("number").shape[1] == self.dataset.X.shape[1]
        self.as_arrays = numeric and not self.dataset.X.isna().any(axis=None)
        self.X_train, self.X_test = parts.X_train, parts.X_test
        if self.as_arrays:
            self.X_train, self.X_test = self.X_train.to_numpy(float), self.X_test.to_numpy(float)

    def row(self, key: Key) -> Row:
        """Compute a cell; what goes wrong becomes its row."""
        row: Row = key._asdict()
        row.update(
            data_hash=self.dataset.hash,
            task=self.dataset.task,
            n_train=len(self.y_train),
            n_test=len(self.y_test),
            n_features=self.dataset.X.shape[1],
            n_classes=len(self.classes),
        )
        try:
            return {**row, "status": "ok", **self._measures(key)}
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            return {**row, "status": "failed", "reason": reason}

    def _measures(self, key: Key) -> Row:
        if key.method != "teacher":
            _ = self.main_teacher  # outside of the student's time
        start = time.perf_counter()
        model = self._model(key)
        seconds = time.perf_counter() - start
        said = np.asarray(model.predict_proba(self.X_test))
        return {
            "metrics": evaluate(said, self.y_test, self.classes),
            "fidelity": classification_fidelity(self.said, said),
            "fit_seconds": seconds,
            "chosen": {"format": "pickle", "input": "array" if self.as_arrays else "frame"},
            **size_of(model),
            **latency(model.predict_proba, self.X_test),
            **cold_start(
                model, take_rows(self.X_test, np.array([0])), repeats=self.task.cold_starts
            ),
        }

    def _model(self, key: Key) -> Any:
        if key.method == "teacher":
            return self.main_teacher if key.teacher == MAIN_TEACHER else self._fit(key.teacher)
        spec = next(spec for spec in self.task.students if self.task.key(key.teacher, spec) == key)
        distilled = DistilledClassifier(
            self.main_teacher,
            student=spec.make("classification"),
            search_budget=0,  # what a model costs does not depend on how it was chosen
            memory=self.memory,
            random_state=0,
        )
        return distilled.fit(self.X_train, self.y_train).student_

    @cached_property
    def main_teacher(self) -> Any:
        """The fitted teacher of the students."""
        return self._fit(MAIN_TEACHER)

    @cached_property
    def said(self) -> np.ndarray:
        """The main teacher's probabilities of the test rows."""
        return np.asarray(self.main_teacher.predict_proba(self.X_test))

    def _fit(self, teacher: str) -> Any:
        n_trees = self.task.teacher_trees
        if teacher == "forest500":
            model = RandomForestClassifier(n_trees, n_jobs=1, random_state=0)
        else:
            lightgbm = import_optional("lightgbm", extra="boosting", purpose="The deploy suite")
            model = lightgbm.LGBMClassifier(
                n_estimators=n_trees, learning_rate=0.05, n_jobs=1, verbose=-1, random_state=0
            )
        if not self.as_arrays:
            model = make_pipeline(make_encoder(), model)
        return model.fit(self.X_train, self.y_train)
