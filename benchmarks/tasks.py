"""What the runner and the suites agree on: a task yields the result rows of its cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Row = dict[str, Any]
Emit = Callable[[Row], None]


class SkippedError(Exception):
    """Raised by a cell that has nothing to do here; the message says why."""


class Key(NamedTuple):
    """What names a cell; two rows of one key are two tries, of which the last counts."""

    suite: str
    dataset: str
    seed: int
    teacher: str
    student: str
    size: str
    method: str


def at_size(dataset: str, n_train: int) -> str:
    """Name a data set of which only so many rows have labels: ``"adult@200"``."""
    return f"{dataset}@{n_train}"


def split_size(place: str) -> tuple[str, int]:
    """Take such a name apart again; 0 where it names no number."""
    dataset, _, size = place.partition("@")
    return dataset, int(size or 0)


def key_of(row: Row) -> Key:
    """Return the key of a result row."""
    return Key(*(row[name] for name in Key._fields))


@dataclass(frozen=True)
class RunSettings:
    """What a task gets to know of the run.

    Attributes
    ----------
    folder : Path or None
        Where the data sets are; None for those that scikit-learn carries.
    cache : Path
        Where teachers and their labels are kept between cells and runs.
    done : frozenset of Key
        Cells that need not be computed again.
    """

    folder: Path | None
    cache: Path
    done: frozenset[Key] = frozenset()


class Task(Protocol):
    """A picklable piece of work that runs in a process of its own."""

    @property
    def name(self) -> str:
        """What the progress bar shows."""


class Suite(Protocol):
    """A module with the tasks of one suite."""

    def tasks(self, folder: Path | None) -> list[Any]:
        """List the tasks that can be done with the data of `folder`."""

    def expected_keys(self, task: Any) -> list[Key]:
        """List the cells of a task."""

    def run_task(self, task: Any, emit: Emit, settings: RunSettings) -> None:
        """Compute the cells of a task that are not done and emit a row for each."""
