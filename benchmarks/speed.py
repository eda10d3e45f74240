"""What a fit costs as the rows grow: seconds and peak memory, beside scikit-learn's own models.

Every fit has a process of its own and runs on one thread; ours and scikit-learn's follow each
other, so that their ratio is of one machine in one state. The rows are made up: thirty normal
columns, of which ten matter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

import skdistill
from benchmarks.tasks import Emit, Key, Row, RunSettings
from skdistill.students import MLPStudentRegressor, TreeStudentRegressor

N_COLUMNS = 30
TREE_ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
MLP_ROWS = (10_000, 100_000)
LEAVES, HIDDEN = 64, 32

# Both networks make so many passes in equal batches, and nothing else.
PASSES, BATCH = 5, 100

METHODS = ("ours", "scikit-learn")
CHUNK = 100_000


@dataclass(frozen=True)
class SpeedTask:
    """All fits, one after the other: a second one beside would spoil the times."""

    tree_rows: tuple[int, ...] = TREE_ROWS
    mlp_rows: tuple[int, ...] = MLP_ROWS

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return "speed"


def tasks(folder: Path | None) -> list[SpeedTask]:
    """List the one task, which needs no data."""
    return [SpeedTask()]


def expected_keys(task: SpeedTask) -> list[Key]:
    """List the cells: each number of rows, ours first."""
    cells = [("tree", str(LEAVES), rows) for rows in task.tree_rows]
    cells += [("mlp", str(HIDDEN), rows) for rows in task.mlp_rows]
    return [
        Key("speed", str(rows), 0, "", family, size, method)
        for family, size, rows in cells
        for method in METHODS
    ]


def run_task(task: SpeedTask, emit: Emit, settings: RunSettings) -> None:
    """Compute the cells that are not done and emit a row for each.

    Parameters
    ----------
    task : SpeedTask
        Numbers of rows.
    emit : callable
        Takes one row.
    settings : RunSettings
        Cells that are done.
    """
    for key in expected_keys(task):
        if key in settings.done:
            continue
        n_rows = int(key.dataset)
        row: Row = {**key._asdict(), "task": "regression", "data_hash": f"normal-{n_rows}"}
        row.update(n_train=n_rows, n_test=0, n_features=N_COLUMNS, n_classes=0)
        try:
            emit({**row, "status": "ok", **_in_own_process(key)})
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            emit({**row, "status": "failed", "reason": reason})


def make_rows(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Make the rows and their values, with hardly more memory than they take."""
    rng = np.random.default_rng(0)
    X = np.empty((n_rows, N_COLUMNS))
    rng.standard_normal(out=X)
    y = np.empty(n_rows)
    for start in range(0, n_rows, CHUNK):
        part = X[start : start + CHUNK]
        smooth = np.sin(2.0 * part[:, :4]).sum(axis=1) + np.abs(part[:, 4:7]).sum(axis=1)
        y[start : start + CHUNK] = smooth + part[:, 7] * (part[:, 8] > 0) + part[:, 9]
    y += 0.5 * rng.standard_normal(n_rows)
    return X, y


def make_model(family: str, method: str, n_rows: int) -> Any:
    """Make the unfitted model of a cell."""
    if family == "tree":
        tree = TreeStudentRegressor if method == "ours" else DecisionTreeRegressor
        return tree(max_leaf_nodes=LEAVES, random_state=0)
    if method == "ours":
        return MLPStudentRegressor(
            hidden_layer_sizes=(HIDDEN,),
            batch_size=BATCH,
            max_iter=PASSES * -(-n_rows // BATCH),
            input_transform="standard",
            alpha=1.0,
            polish=0,
            n_restarts=1,
            early_stopping=False,
        )
    return MLPRegressor(
        hidden_layer_sizes=(HIDDEN,),
        batch_size=BATCH,
        max_iter=PASSES,
        tol=0.0,
        n_iter_no_change=PASSES + 1,
    )


def measure(family: str, method: str, n_rows: int) -> Row:
    """Fit once and tell the seconds, and the peak of memory in units of the rows' own.

    Parameters
    ----------
    family : {"tree", "mlp"}
        The kind of model.
    method : {"ours", "scikit-learn"}
        Whose.
    n_rows : int
        Rows to fit.

    Returns
    -------
    costs : dict
        "fit_seconds", and "peak_over_x": the peak with the rows in it, without the libraries;
        None where the system does not tell.
    """
    model = make_model(family, method, n_rows)
    before = _memory("VmRSS")
    X, y = make_rows(n_rows)
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    peak = _memory("VmHWM")
    over_x = None if before is None or peak is None else (peak - before) / X.nbytes
    return {"fit_seconds": seconds, "peak_over_x": over_x}


def _memory(field: str) -> int | None:
    """Return a line of Linux's account of this process, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def _in_own_process(key: Key) -> Row:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    root = str(Path(skdistill.__file__).parents[1])
    done = subprocess.run(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-W", "ignore", "-m", __name__, key.student, key.method, key.dataset],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **one_thread, "PYTHONPATH": root},
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    found: Row = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
