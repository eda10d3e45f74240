"""The speed suite, on few rows."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import speed
from benchmarks.tasks import RunSettings, key_of
from skdistill.students._mlp import fit as _network_fit

TASK = speed.SpeedTask(tree_rows=(500,), mlp_rows=(300,))


def test_each_fit_is_measured_in_its_own_process(tmp_path: Path) -> None:
    rows, keys = [], speed.expected_keys(TASK)
    assert len(set(keys)) == 4
    done = frozenset(keys[1:3])
    speed.run_task(TASK, rows.append, RunSettings(None, tmp_path, done=done))
    assert [key_of(row) for row in rows] == [keys[0], keys[3]]
    for row in rows:
        assert row["status"] == "ok", row.get("reason")
        assert row["fit_seconds"] > 0


def test_the_one_task_needs_no_data() -> None:
    (task,) = speed.tasks(None)
    assert {int(key.dataset) for key in speed.expected_keys(task)} >= {10_000, 1_000_000}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # as is meant
@pytest.mark.parametrize("method", speed.METHODS)
def test_both_networks_make_the_same_steps(method: str) -> None:
    model = speed.make_model("mlp", method, 250).fit(*speed.make_rows(250))
    passes = model.n_iter_ if method == "scikit-learn" else model.n_iter_ / 3
    assert passes == speed.PASSES


def test_our_network_makes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    train = _network_fit.train

    def counted(*args: Any, last_step: int, **how: Any) -> None:
        steps.append(last_step)
        train(*args, last_step=last_step, **how)

    monkeypatch.setattr(_network_fit, "train", counted)
    model = speed.make_model("mlp", "ours", 250).fit(*speed.make_rows(250))
    assert steps == [3 * speed.PASSES]
    assert model.n_polish_ == 0


def test_a_failing_fit_becomes_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(key: object) -> None:
        raise RuntimeError("no process today")

    monkeypatch.setattr(speed, "_in_own_process", fail)
    rows = []
    speed.run_task(speed.SpeedTask((10,), ()), rows.append, RunSettings(None, tmp_path))
    assert {(row["status"], row["reason"]) for row in rows} == {
        ("failed", "RuntimeError: no process today")
    }
