"""The suites of students: their tasks, each a data set, a seed and a teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets import TEST_SHARE, list_available, load
from benchmarks.plans import PLANS, SuitePlan, plausibility_method
from benchmarks.students import StudentSpec
from benchmarks.tasks import Emit, Key, RunSettings, at_size

# What names of sets at OpenML begin with.
OPENML = "openml:"


@dataclass(frozen=True)
class CellTask:
    """All cells of one data set, seed and teacher, and in learning curves of one size."""

    suite: str
    dataset: str
    seed: int
    teacher: str
    task: str
    n_train: int = 0  # 0: as many as the plan allows

    @property
    def place(self) -> str:
        """The data set as rows name it: with the number of labelled rows, where that varies."""
        return at_size(self.dataset, self.n_train) if self.n_train else self.dataset

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return f"{self.place} {self.seed} {self.teacher}"

    @property
    def max_train(self) -> int:
        """Most rows to fit."""
        return self.n_train or self.plan.max_train

    @property
    def plan(self) -> SuitePlan:
        """The suite's plan."""
        return PLANS[self.suite]

    def key(self, spec: StudentSpec | None, method: str) -> Key:
        """Name one cell; the teacher's own has no student."""
        family, size = ("", "") if spec is None else (spec.family, spec.size)
        return Key(self.suite, self.place, self.seed, self.teacher, family, size, method)

    def methods(self, spec: StudentSpec) -> list[str]:
        """List the methods for a student."""
        return self.plan.methods(spec, self.task, self.n_train)


def list_tasks(plan: SuitePlan, folder: Path | None) -> list[CellTask]:
    """List the tasks of a plan for the data that there are.

    Parameters
    ----------
    plan : SuitePlan
        The suite.
    folder : Path or None
        The data folder; without it, the plan's sets that scikit-learn carries, or all of those
        if the plan names none of them. Sets of OpenML are fetched to know their task.

    Returns
    -------
    tasks : list of CellTask
    """
    available = list_available(folder)
    available |= {name: load(name).task for name in plan.datasets if name.startswith(OPENML)}
    wanted = [name for name in plan.datasets if name in available]
    if not wanted:
        wanted = list(available)
    return [
        CellTask(plan.name, dataset, seed, teacher, available[dataset], n_train)
        for seed in plan.seeds
        for dataset in wanted
        if plan.task in {"", available[dataset]}
        for n_train in _train_sizes(plan, dataset, folder)
        for teacher in plan.teachers
    ]


def _train_sizes(plan: SuitePlan, dataset: str, folder: Path | None) -> list[int]:
    """List the numbers of labelled rows that leave some without label; [0] without a curve."""
    if not plan.train_sizes:
        return [0]
    there = int(len(load(dataset, folder).y) * (1 - TEST_SHARE))
    return [size for size in plan.train_sizes if size < there]


@dataclass(frozen=True)
class PlannedSuite:
    """A plan as the runner wants it."""

    plan: SuitePlan

    def tasks(self, folder: Path | None) -> list[CellTask]:
        """List the tasks for the data that there are."""
        return list_tasks(self.plan, folder)

    def expected_keys(self, task: CellTask) -> list[Key]:
        """List the cells of a task."""
        return expected_keys(task)

    @property
    def run_task(self) -> Callable[[CellTask, Emit, RunSettings], None]:
        """The function that computes the cells of a task."""
        from benchmarks.cells import run_task

        return run_task


def expected_keys(task: CellTask) -> list[Key]:
    """List the cells of a task."""
    keys = [task.key(None, "teacher")]
    keys += [task.key(None, plausibility_method(name)) for name in task.plan.plausibility]
    for spec in task.plan.students:
        keys += [task.key(spec, method) for method in task.methods(spec)]
    return keys
