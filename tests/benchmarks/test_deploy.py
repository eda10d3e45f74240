"""The deployment suite, on tiny data."""

import pytest

from benchmarks import deploy, measures
from benchmarks.students import LINEAR, TREES
from benchmarks.tasks import RunSettings, key_of

TASK = deploy.DeployTask(
    "sklearn:breast_cancer", students=(TREES[0], LINEAR), teacher_trees=5, cold_starts=1
)


def test_tasks_fall_back_on_a_bundled_set():
    tasks = deploy.tasks(None)
    assert [task.dataset for task in tasks] == ["sklearn:breast_cancer"]
    keys = deploy.expected_keys(tasks[0])
    assert len(keys) == len(set(keys)) == 2 + 8


def test_run_measures_each_model(monkeypatch, tmp_path):
    monkeypatch.setattr(measures, "SECONDS", 0.02)
    rows, keys = [], deploy.expected_keys(TASK)
    done = frozenset([keys[1], keys[3]])
    deploy.run_task(TASK, rows.append, RunSettings(None, tmp_path, done=done))
    assert [key_of(row) for row in rows] == [keys[0], keys[2]]
    for row in rows:
        assert row["status"] == "ok", row.get("reason")
        for field in ("bytes", "us_1", "us_10k", "cold_seconds", "rss_bytes", "n_leaves"):
            assert row[field] > 0, field
        assert row["metrics"]["auc"] > 0.8
        assert row["chosen"] == {"format": "pickle", "input": "array"}
    teacher, student = rows
    assert student["bytes"] < teacher["bytes"]
    assert student["n_leaves"] <= 8


def test_cold_start_tells_why_it_failed():
    with pytest.raises(RuntimeError, match=r"cold start failed: AttributeError: .*predict_proba"):
        deploy.cold_start("no model", [[0.0]], repeats=1)


def test_a_failing_cell_becomes_a_row(monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise RuntimeError("no process today")

    monkeypatch.setattr(deploy, "cold_start", fail)
    keys = deploy.expected_keys(TASK)
    rows = []
    deploy.run_task(TASK, rows.append, RunSettings(None, tmp_path, done=frozenset(keys[:-1])))
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("failed", "RuntimeError: no process today")
    ]
