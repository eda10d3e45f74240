"""The harness: cells, resumption, crashes and determinism, not the clock."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.cells import LABELLING, LIBRARY, ROOT, _state_of_code, cache_folder
from benchmarks.datasets import load
from benchmarks.plans import QUICK, SMOKE
from benchmarks.results import append_row, read_rows
from benchmarks.run import run_suite
from benchmarks.students import StudentSpec
from benchmarks.suites import PlannedSuite, expected_keys, list_tasks
from benchmarks.tasks import Key, RunSettings, key_of

TIMES = {"fit_seconds", "steps", "us_1", "us_10k", "date"}


@dataclass(frozen=True)
class ToyTask:
    name: str


class ToySuite:
    """Two cells a task; what they do is told by the name."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def tasks(self, folder: Path | None) -> list[ToyTask]:
        return [ToyTask(name) for name in self.names]

    def expected_keys(self, task: ToyTask) -> list[Key]:
        return [Key("toy", task.name, 0, "t", "s", "", method) for method in ("a", "b")]

    @property
    def run_task(self) -> Any:
        return run_toy


def run_toy(task: ToyTask, emit: Any, settings: RunSettings) -> None:
    for key in ToySuite().expected_keys(task):
        if key in settings.done:
            continue
        if task.name == "dies" and key.method == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        if task.name == "raises":
            raise OSError("no such table")
        emit({**key._asdict(), "status": "ok", "reason": ""})


def run_toys(tmp_path: Path, *names: str, resume: bool = False) -> dict[str, int]:
    settings = RunSettings(folder=None, cache=tmp_path / "cache")
    out = tmp_path / "toy.jsonl"
    return run_suite(ToySuite(*names), out, settings, jobs=2, resume=resume, progress=False)


def test_a_crashing_task_becomes_rows_and_does_not_end_the_run(tmp_path: Path) -> None:
    assert run_toys(tmp_path, "dies", "lives") == {"ok": 3, "skipped": 0, "failed": 1}
    (failed,) = [row for row in read_rows(tmp_path / "toy.jsonl") if row["status"] == "failed"]
    assert (failed["dataset"], failed["method"]) == ("dies", "b")
    assert "exit code -9" in failed["reason"]


def test_a_task_that_cannot_begin_gives_the_reason_in_every_row(tmp_path: Path) -> None:
    assert run_toys(tmp_path, "raises", "lives") == {"ok": 2, "skipped": 0, "failed": 2}
    failed = [row for row in read_rows(tmp_path / "toy.jsonl") if row["status"] == "failed"]
    assert {row["reason"] for row in failed} == {"raises failed: OSError: no such table"}


def test_other_code_has_another_cache(tmp_path: Path) -> None:
    assert cache_folder(tmp_path) == cache_folder(tmp_path) != tmp_path
    (tmp_path / "benchmarks").mkdir()
    file = tmp_path / "benchmarks" / "teachers.py"
    file.write_text("N_SETTINGS = 6")
    before = _state_of_code(tmp_path, LABELLING)
    file.write_text("N_SETTINGS = 7")
    assert _state_of_code(tmp_path, LABELLING) != before
    assert all(list(ROOT.glob(pattern)) for pattern in (*LABELLING, *LIBRARY))


def test_sets_of_openml_are_tasks(monkeypatch: Any) -> None:
    monkeypatch.setattr("benchmarks.suites.load", lambda name: load("sklearn:diabetes"))
    plan = replace(SMOKE, datasets=("openml:some", "sklearn:wine"))
    tasks = PlannedSuite(plan).tasks(None)
    assert [(task.dataset, task.task) for task in tasks] == [
        ("openml:some", "regression"),
        ("sklearn:wine", "classification"),
    ]


def test_resume_keeps_finished_cells_and_tries_failed_ones_again(tmp_path: Path) -> None:
    out = tmp_path / "toy.jsonl"
    first, second = (key._asdict() for key in ToySuite().expected_keys(ToyTask("x")))
    append_row(out, {**first, "status": "ok", "reason": "kept"})
    append_row(out, {**second, "status": "failed", "reason": "tried again"})
    with out.open("a") as file:
        file.write('{"suite": "toy", "cut sho')
    with pytest.warns(UserWarning, match="left out a cut line"):
        assert run_toys(tmp_path, "x", resume=True) == {"ok": 2, "skipped": 0, "failed": 0}
    with pytest.warns(UserWarning, match="left out a cut line"):
        reasons = {row["method"]: row["reason"] for row in read_rows(out)}
    assert reasons == {"a": "kept", "b": ""}


def test_a_run_without_resume_starts_afresh(tmp_path: Path) -> None:
    run_toys(tmp_path, "x")
    assert run_toys(tmp_path, "y") == {"ok": 2, "skipped": 0, "failed": 0}
    assert {row["dataset"] for row in read_rows(tmp_path / "toy.jsonl")} == {"y"}


def test_smoke_slice_is_complete_and_deterministic(tmp_path: Path) -> None:
    runs: list[dict[Key, Any]] = []
    for name, sets in (("one", []), ("two", ["--sets", "sklearn:diabetes"])):
        out = tmp_path / f"{name}.jsonl"
        arguments = ["run", "--suite", "smoke", "--jobs", "2", "--out", str(out), *sets]
        assert main([*arguments, "--cache", str(tmp_path / name)]) == 0
        rows = {key_of(row): row for row in read_rows(out)}
        runs.append(
            {
                key: {name: value for name, value in row.items() if name not in TIMES}
                for key, row in rows.items()
            }
        )
    assert runs[1]
    assert runs[1] == {key: row for key, row in runs[0].items() if key in runs[1]}
    wanted = {key for task in list_tasks(SMOKE, None) for key in expected_keys(task)}
    assert set(runs[0]) == wanted
    statuses = [row["status"] for row in runs[0].values()]
    assert statuses.count("failed") == 0
    for row in rows.values():
        assert {"data_hash", "seed", "versions", "machine", "date"} <= set(row)
        assert os.uname().nodename not in row["machine"]
    told = {row["reason"] for row in runs[0].values() if row["status"] == "skipped"}
    assert all(told)


def test_quick_is_what_was_written_down() -> None:
    assert len(QUICK.datasets) == 12
    assert QUICK.seeds == (0, 1)
    assert (QUICK.max_train, QUICK.max_test, QUICK.teachers) == (2000, 4000, ("ensemble",))
    students = [(spec.family, spec.size) for spec in QUICK.students]
    assert students == [
        ("tree", "16"),
        ("tree", "64"),
        ("linear", ""),
        ("additive", ""),
        ("mlp", "32"),
        ("boosting", "155"),
        ("pruned", "155"),
    ]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_direct_fit_comes_first(task: str) -> None:
    for spec in QUICK.students:
        methods = QUICK.methods(spec, task)
        assert methods[0] == "direct"
        assert len(set(methods)) == len(methods)
        assert ("hard_labels" in methods) == (task == "classification")


def test_sizes_reach_the_student() -> None:
    assert StudentSpec("tree", "8").make("regression").max_leaf_nodes == 8
    assert StudentSpec("mlp", "8").make("classification").hidden_layer_sizes == (8,)
    assert StudentSpec("boosting", "620").make("regression").max_total_leaves == 620


def test_suites_fall_back_to_bundled_data() -> None:
    names = {task.dataset for task in PlannedSuite(QUICK).tasks(None)}
    assert names
    assert all(name.startswith("sklearn:") for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--data", "no/such/folder"], "--data: there is no folder"),
        (["run", "--suite", "dao"], "name their folder with --data"),
        (["run", "--sets", "sklearn:wine"], "--sets needs --out"),
        (["run", "--sets", "none", "--out", "x.jsonl"], "['none'] are not there"),
        (["run", "--suite", "dao", "--sets", "adult"], "'dao' are fixed"),
        (["run", "--jobs", "0"], "--jobs must be at least 1"),
        (["compare", "no.jsonl", "no.jsonl"], "no results"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("SKDISTILL_DATA", raising=False)
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
