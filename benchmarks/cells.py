"""Run the cells of one data set, seed and teacher, and measure them."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from joblib import Memory

from benchmarks import peers
from benchmarks.datasets import Dataset, Split, load, split
from benchmarks.measures import evaluate, latency, row_losses, size_of
from benchmarks.methods import METHODS, Context, Fitted
from benchmarks.plans import plausibility_method
from benchmarks.run import provenance
from benchmarks.students import StudentSpec
from benchmarks.suites import CellTask
from benchmarks.tasks import Emit, Row, RunSettings, SkippedError
from benchmarks.teachers import tune
from skdistill._compat import num_samples
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.transfer import Sampler, plausibility, resolve_sampler

# What a cached teacher or its labels depend on besides their arguments: a change of any of these
# files, or of a version, begins a new cache. Students fitted in a search depend on all the library.
ROOT = Path(__file__).parents[1]
LABELLING = (
    "benchmarks/teachers.py",
    "benchmarks/ensemble.py",
    "benchmarks/poor_teachers.py",
    "benchmarks/encoding.py",
    "skdistill/_compat.py",
    "skdistill/targets.py",
    "skdistill/teachers/*.py",
    "skdistill/transfer/_cross_fit.py",
    "skdistill/transfer/_folds.py",
)

LIBRARY = ("skdistill/**/*.py",)

# So many rows of a sampler, and real ones, are told apart.
PLAUSIBILITY_ROWS = 1000

# Speed is read off these; the others have models of the same form.
TIMED = ("teacher", "direct", "ours")


class CellRunner:
    """Computes cells one after the other on one split with one teacher."""

    def __init__(self, task: CellTask, settings: RunSettings) -> None:
        self.task = task
        teachers = Memory(settings.cache, verbose=0)
        self.memory = Memory(settings.cache / _state_of_code(ROOT, LIBRARY), verbose=0)
        self.dataset: Dataset = load(task.dataset, settings.folder)
        self.split: Split = split(self.dataset, task.seed, task.max_train, task.plan.max_test)
        self.classification = self.dataset.task == "classification"
        self.classes = np.unique(self.split.y_train) if self.classification else None
        fit = teachers.cache(fit_teacher)
        self.teacher, self.teacher_seconds = fit(
            task.teacher, self.dataset.task, self.split.X_train, self.split.y_train, task.seed
        )
        self.said = self._predict(self.teacher)(self.split.X_test)

    def teacher_row(self) -> Row:
        """Measure the teacher."""
        fitted = Fitted(self.teacher, n_fits=0)
        return self._measure(None, "teacher", fitted, self.teacher_seconds, None)[0]

    def sampler_row(self, name: str) -> Row:
        """Measure how well rows of a sampler are told from real rows that it has not seen."""
        method = plausibility_method(name)
        n_rows = min(PLAUSIBILITY_ROWS, len(self.split.X_train), len(self.split.X_test))
        start = time.perf_counter()
        try:
            sampler = cast(Sampler, resolve_sampler(name))
            drawn = sampler.fit(self.split.X_train[:n_rows]).sample(
                n_rows, random_state=self.task.seed
            )
            auc = plausibility(self.split.X_test[:n_rows], drawn, random_state=self.task.seed)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            return self._row(None, method, status="failed", reason=reason)
        seconds = time.perf_counter() - start
        return self._row(None, method, metrics={"told_apart": auc}, fit_seconds=seconds)

    def student_rows(self, spec: StudentSpec, emit: Emit, settings: RunSettings) -> None:
        """Run the methods of a student; each is compared with the direct fit, which is first."""
        methods = self.task.methods(spec)
        missing = [m for m in methods if self.task.key(spec, m) not in settings.done]
        baseline: np.ndarray | None = None
        for method in methods:
            if method not in missing and not (method == "direct" and missing):
                continue
            row, losses = self._cell(spec, method, baseline)
            baseline = losses if method == "direct" else baseline
            if method in missing:
                emit(row)

    def _cell(
        self, spec: StudentSpec, method: str, baseline: np.ndarray | None
    ) -> tuple[Row, np.ndarray | None]:
        """Fit and measure one cell; whatever goes wrong becomes its row."""
        context = Context(
            self.split, self.dataset.task, self.teacher, spec, self.task.seed, self.memory
        )
        run = METHODS.get(method) or (lambda context: peers.fit(method, context))
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # results tell what warnings would
                fitted = run(context)
                seconds = time.perf_counter() - start
                return self._measure(spec, method, fitted, seconds, baseline)
        except SkippedError as skipped:
            return self._row(spec, method, status="skipped", reason=str(skipped)), None
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            return self._row(spec, method, status="failed", reason=reason), None

    def _measure(
        self,
        spec: StudentSpec | None,
        method: str,
        fitted: Fitted,
        seconds: float,
        baseline: np.ndarray | None,
    ) -> tuple[Row, np.ndarray]:
        predict = self._predict(fitted.model)
        X, y = self.split.X_test, self.split.y_test
        said = predict(X)
        fidelity = classification_fidelity if self.classification else regression_fidelity
        losses = row_losses(said, y, self.classes)
        row = self._row(
            spec,
            method,
            metrics=evaluate(said, y, self.classes),
            fidelity=fidelity(self.said, said),
            fit_seconds=seconds,
            teacher_rows=fitted.teacher_rows,
            n_fits=fitted.n_fits,
            chosen=fitted.chosen,
            steps=fitted.steps,
            **size_of(fitted.model),
        )
        if baseline is not None:
            row["loss_se"] = float(np.std(losses - baseline, ddof=1) / np.sqrt(len(losses)))
        if method in TIMED:
            row.update(latency(predict, X))
        return row, losses

    def _predict(self, model: Any) -> Any:
        """Give a model one way to predict: probabilities of all classes, or values."""
        classes = self.classes
        if classes is None:
            return model.predict
        columns = np.searchsorted(classes, model.classes_)

        def predict_proba(X: Any) -> np.ndarray:
            P = np.zeros((num_samples(X), len(classes)))
            P[:, columns] = model.predict_proba(X)
            return P

        return predict_proba

    def _row(self, spec: StudentSpec | None, method: str, **values: Any) -> Row:
        row: Row = self.task.key(spec, method)._asdict()
        row.update(
            data_hash=self.dataset.hash,
            task=self.dataset.task,
            n_train=len(self.split.y_train),
            n_test=len(self.split.y_test),
            n_features=self.split.X_train.shape[1],
            n_classes=0 if self.classes is None else len(self.classes),
            status="ok",
            reason="",
        )
        row.update(values)
        return row


def fit_teacher(name: str, task: str, X: Any, y: Any, seed: int) -> tuple[Any, float]:
    """Tune and fit a teacher; cached by the content of its arguments."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        teacher = tune(name, task, X, y, seed).fit(X, y)
    return teacher, time.perf_counter() - start


def run_task(task: CellTask, emit: Emit, settings: RunSettings) -> None:
    """Compute the cells of a task that are not done and emit a row for each.

    Parameters
    ----------
    task : CellTask
        Data set, seed and teacher.
    emit : callable
        Takes one row.
    settings : RunSettings
        Data folder, cache and cells that are done.
    """
    runner = CellRunner(task, settings)
    if task.key(None, "teacher") not in settings.done:
        emit(runner.teacher_row())
    for name in task.plan.plausibility:
        if task.key(None, plausibility_method(name)) not in settings.done:
            emit(runner.sampler_row(name))
    for spec in task.plan.students:
        runner.student_rows(spec, emit, settings)


def cache_folder(path: Path | None) -> Path:
    """Choose where teachers are kept: below what was asked for, or below the user's cache.

    Code and versions have a folder of their own: the cache knows the content of arguments only, and
    would answer with a teacher of older code.
    """
    base = path if path is not None else Path.home() / ".cache" / "skdistill-benchmarks"
    return base / _state_of_code(ROOT, LABELLING)


def _state_of_code(root: Path, patterns: Sequence[str]) -> str:
    """Hash the versions and the files of these names."""
    digest = hashlib.sha256(provenance()["versions"].encode())
    for pattern in patterns:
        for file in sorted(root.glob(pattern)):
            digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]
