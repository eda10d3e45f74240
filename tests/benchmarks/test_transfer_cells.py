"""Cells of the suites on the transfer set: samplers, learning curves, poor teachers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joblib import Memory

from benchmarks import plans
from benchmarks.cells import run_task
from benchmarks.datasets import load, split
from benchmarks.methods import METHODS, Context
from benchmarks.plans import CURVES, POOR, QUICK, SAMPLERS, TREES_PLAN, SuitePlan
from benchmarks.students import LINEAR, LINEAR_LEAVES, TREES
from benchmarks.suites import expected_keys, list_tasks
from benchmarks.tasks import Row, RunSettings, at_size, key_of, split_size
from benchmarks.teachers import make_teacher


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a small plan on scikit-learn's sets; return its rows by method."""

    def call(plan: SuitePlan) -> dict[str, Row]:
        monkeypatch.setitem(plans.PLANS, plan.name, plan)
        rows: list[Row] = []
        (task,) = list_tasks(plan, None)
        run_task(task, rows.append, RunSettings(None, tmp_path))
        assert [key_of(row) for row in rows] == expected_keys(task)
        return {row["method"]: row for row in rows}

    return call


def small(plan: SuitePlan, **changes: Any) -> SuitePlan:
    chosen = {"datasets": ("sklearn:breast_cancer",), "seeds": (0,), "students": (LINEAR,)}
    return replace(plan, **chosen, **changes)


def test_curves_label_some_rows_and_give_the_others_without(run: Any) -> None:
    rows = run(small(CURVES, teachers=("shallow",), train_sizes=(100, 5000), unlabeled_at=100))
    assert {row["dataset"] for row in rows.values()} == {"sklearn:breast_cancer@100"}
    assert {row["n_train"] for row in rows.values()} == {100}
    assert rows["ours"]["chosen"]["n_unlabeled"] == 0
    chosen = rows["ours-unlabeled"]["chosen"]
    assert chosen["n_unlabeled"] == (298 if chosen["used_teacher"] else 0)
    for name in ("ours-unlabeled_500", "ours-unlabeled_2000"):
        assert (rows[name]["status"], "only 298 rows" in rows[name]["reason"]) == ("skipped", True)


def test_ours_tells_its_search_and_rules_have_none(run: Any) -> None:
    rows = run(small(POOR, teachers=("noise",), max_train=150))
    ours, rules = rows["ours"], rows["ours-no_search"]
    assert ours["chosen"]["n_candidates"] > 1
    assert ours["n_fits"] > ours["chosen"]["n_candidates"]
    assert not ours["chosen"]["used_teacher"]
    assert (rules["n_fits"], rules["chosen"]["n_candidates"]) == (1, 0)
    assert rules["chosen"]["used_teacher"]
    assert 0.0 == rules["steps"]["search"] < ours["steps"]["search"]
    assert ours["metrics"]["log_loss"] < rules["metrics"]["log_loss"]


def test_samplers_are_told_from_real_rows_and_by_name(run: Any) -> None:
    names = ("munge", "mixup")
    base = ("ours-no_augment", *map(plans.sampler_method, names))
    rows = run(small(SAMPLERS, teachers=("shallow",), base=base, plausibility=names))
    for name in names:
        assert 0.3 < rows[f"plausibility-{name}"]["metrics"]["told_apart"] <= 1.0
        assert rows[f"ours-{name}"]["chosen"]["augment"].lower() == f"{name}sampler"
    assert rows["ours-no_augment"]["chosen"]["augment"] is None


def test_a_sampler_that_fails_becomes_a_row(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ValueError(f"no {name} today")

    monkeypatch.setattr("benchmarks.cells.resolve_sampler", fail)
    plan = small(SAMPLERS, teachers=("constant",), base=(), plausibility=("munge",))
    row = run(plan)["plausibility-munge"]
    assert (row["status"], row["reason"]) == ("failed", "ValueError: no munge today")


@pytest.mark.parametrize("method", ["ours-greedy", "ours-no_refinement"])
def test_greedy_trees_are_one_fit_without_refinement(method: str, tmp_path: Path) -> None:
    parts = split(load("sklearn:diabetes"), 0, 100, 50)
    teacher = make_teacher("shallow", "regression", 0).fit(parts.X_train, parts.y_train)
    memory = Memory(tmp_path, verbose=0)
    fitted = METHODS[method](Context(parts, "regression", teacher, TREES[0], 0, memory))
    assert not fitted.model.refine
    assert fitted.n_fits == 1


def test_numbers_of_labelled_rows_are_part_of_the_name() -> None:
    assert split_size(at_size("adult", 200)) == ("adult", 200)
    assert split_size("adult") == ("adult", 0)


def test_sets_without_rows_to_spare_have_no_task() -> None:
    plan = replace(CURVES, datasets=("sklearn:wine", "sklearn:diabetes"), seeds=(0,))
    places = [task.place for task in list_tasks(plan, None)]
    assert places == ["sklearn:wine@100", "sklearn:diabetes@100", "sklearn:diabetes@300"]


def test_single_fits_are_by_rules_wherever_they_are_compared() -> None:
    for spec in QUICK.students:
        assert {"ours", "ours-no_search"} <= set(QUICK.methods(spec, "classification"))
    assert TREES_PLAN.methods(TREES[0], "regression") == ["ours-greedy", "ours-no_search"]
    assert TREES_PLAN.methods(LINEAR_LEAVES[0], "regression") == ["ours-no_search"]
    assert SAMPLERS.methods(LINEAR, "regression")[0] == "ours-no_augment"
