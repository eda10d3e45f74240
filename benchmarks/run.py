"""Run a suite: tasks in processes of their own, results as they come, progress, resumption."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import platform
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.results import append_row, read_rows
from benchmarks.tasks import Key, Row, RunSettings, key_of
from skdistill import __version__

# Each process computes on one thread, so that speeds can be compared.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

PACKAGES = ("scikit-learn", "numpy", "scipy", "lightgbm", "xgboost")


class RunInterruptedError(Exception):
    """Raised when the user stops a run; finished cells are kept."""


def run_suite(
    suite: Any, out: Path, settings: RunSettings, *, jobs: int, resume: bool, progress: bool = True
) -> dict[str, int]:
    """Run all cells of a suite that are not done yet.

    Parameters
    ----------
    suite : module
        With ``tasks``, ``expected_keys`` and ``run_task``.
    out : Path
        Result file, one JSON object a line.
    settings : RunSettings
        Data folder and cache.
    jobs : int
        Processes at the same time.
    resume : bool
        Keep the finished cells of `out`; failed ones are tried again. Without it the file starts
        afresh.
    progress : bool, default=True
        Show a progress bar on stderr.

    Returns
    -------
    counts : dict
        How many cells ended "ok", "skipped" and "failed".

    Raises
    ------
    ValueError
        If the suite has no task with this data.
    RunInterruptedError
        On Ctrl-C; every finished cell is in the file.
    """
    listed = suite.tasks(settings.folder)
    if not listed:
        raise ValueError("none of the suite's data sets are there; name their folder with --data")
    out.parent.mkdir(parents=True, exist_ok=True)
    if not resume:
        out.unlink(missing_ok=True)
    finished = [row for row in read_rows(out) if row["status"] != "failed"]
    settings = replace(settings, done=frozenset(map(key_of, finished)))
    wanted = {task: suite.expected_keys(task) for task in listed}
    pending = deque(task for task, keys in wanted.items() if set(keys) - settings.done)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    bar = ProgressBar(out, {key for keys in wanted.values() for key in keys}, shown=progress)
    running: dict[BaseProcess, Any] = {}
    try:
        while pending or running:
            while pending and len(running) < jobs:
                task = pending.popleft()
                running[_start(suite, task, out, settings, wanted[task])] = task
            time.sleep(0.2)
            for process in [p for p in running if not p.is_alive()]:
                task = running.pop(process)
                _mend(task, process.exitcode, wanted[task], out)
            bar.show([task.name for task in running.values()])
    except KeyboardInterrupt:
        raise RunInterruptedError(f"finished cells are in {out}; go on with --resume") from None
    finally:
        for process in running:  # none is left unless the run stops early, whatever stops it
            process.terminate()
        bar.close()
    return _count(out, wanted)


def _start(suite: Any, task: Any, out: Path, settings: RunSettings, keys: list[Key]) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(suite.run_task, task, out, settings, keys), daemon=False
    )
    process.start()
    return process


def _work(
    run_task: Callable[..., None],
    task: Any,
    out: Path,
    settings: RunSettings,
    keys: Sequence[Key],
) -> None:
    """Run one task in a process of its own."""
    try:
        run_task(task, lambda row: append_row(out, {**row, **provenance()}), settings)
    except KeyboardInterrupt:  # the parent says what there is to say
        sys.exit(130)
    except Exception as error:  # before any cell: the data cannot be read, the teacher fails
        reason = f"{task.name} failed: {type(error).__name__}: {error}"[:300]
        _fail_unreached(keys, reason, out)
        sys.exit(1)


def _mend(task: Any, exitcode: int | None, keys: list[Key], out: Path) -> None:
    """Give cells that a crashed task never reached a row that says so."""
    if exitcode != 0:
        _fail_unreached(keys, f"the process of {task.name} ended with exit code {exitcode}", out)


def _fail_unreached(keys: Sequence[Key], reason: str, out: Path) -> None:
    """Append a failed row for each cell that has none."""
    reached = {key_of(row) for row in read_rows(out)}
    for key in keys:
        if key not in reached:
            row: Row = {**key._asdict(), "status": "failed", "reason": reason}
            append_row(out, {**row, **provenance()})


def provenance() -> dict[str, str]:
    """Tell versions, machine and date; no name of a host or user."""
    found = [f"skdistill={__version__}"]
    for package in PACKAGES:
        try:
            found.append(f"{package}={version(package)}")
        except PackageNotFoundError:
            continue
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return {
        "versions": f"python={platform.python_version()} {' '.join(found)}",
        "machine": machine,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def _count(out: Path, wanted: dict[Any, list[Key]]) -> dict[str, int]:
    keys = {key for listed in wanted.values() for key in listed}
    counts = {"ok": 0, "skipped": 0, "failed": 0}
    for row in {key_of(row): row for row in read_rows(out)}.values():
        if key_of(row) in keys:
            counts[row["status"]] += 1
    return counts


class ProgressBar:
    """One line on stderr, fed by the result file."""

    def __init__(self, out: Path, keys: set[Key], *, shown: bool) -> None:
        self.out, self.keys, self.shown = out, keys, shown
        self.start, self.last = time.monotonic(), 0.0
        self.before = self._finished()

    def _finished(self) -> int:
        return len({key_of(row) for row in read_rows(self.out)} & self.keys)

    def show(self, names: list[str]) -> None:
        """Draw the bar, at most once a second."""
        now = time.monotonic()
        if not self.shown or now - self.last < 1.0:
            return
        self.last = now
        done, total = self._finished(), len(self.keys)
        rate = (done - self.before) / (now - self.start)
        left = f"{(total - done) / rate / 60:.0f} min left" if rate else "estimating"
        filled = "#" * (30 * done // max(total, 1))
        line = f"[{filled:<30}] {done}/{total} cells, {left} ({', '.join(names)})"
        end = "" if sys.stderr.isatty() else "\n"
        print(f"\r{line:<100}", end=end, file=sys.stderr, flush=True)
        if not sys.stderr.isatty():
            self.last += 29.0  # a log wants a line now and then

    def close(self) -> None:
        """Leave the line."""
        if self.shown and sys.stderr.isatty():
            print(file=sys.stderr)
