"""The deployment suite, on tiny data, with the compiler and ONNX Runtime that are there."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import deploy, processes, timing
from benchmarks.processes import Start, cold_start
from benchmarks.students import LINEAR, TREES
from benchmarks.tasks import RunSettings, key_of
from benchmarks.timing import Calls

TASK = deploy.DeployTask(
    "sklearn:breast_cancer", students=(TREES[0], LINEAR), teacher_trees=5, starts=1
)
MEASURES = ("bytes", "us_1", "us_evicted", "us_10k", "cold_seconds", "rss_bytes")


needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch, tmp_path):
    """Take no time for precise times, and keep compiled students out of the user's cache."""
    monkeypatch.setattr(timing, "SECONDS", 0.01)
    monkeypatch.setattr(timing, "EVICTED_CALLS", 2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where teachers are kept between tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path):
    """A data folder with a set of numbers and categories, some missing."""
    rng = np.random.default_rng(0)
    x, kind = rng.normal(size=300), rng.choice(["a b", "ü", '"c"'], size=300)
    frame = pd.DataFrame({"x 1": x, "kind": kind, "target": np.where(x > (kind == "ü"), "y", "n")})
    frame.loc[::7, "x 1"] = np.nan
    frame.loc[::9, "kind"] = None
    frame.to_csv(tmp_path / "made.csv.gz", index=False)
    entry = {"name": "made", "task": "binary", "file": "made.csv.gz", "notes": ""}
    (tmp_path / "manifest.json").write_text(json.dumps([entry]))
    return tmp_path


def run(task, keys, cache, folder=None):
    """Compute some cells of a task; return their rows by student and form."""
    done = frozenset(deploy.expected_keys(task)) - frozenset(keys)
    rows = []
    deploy.run_task(task, rows.append, RunSettings(folder, cache, done=done))
    assert [key_of(row) for row in rows] == list(keys)
    return {(row["student"], row["method"]): row for row in rows}


def test_tasks_fall_back_on_a_bundled_set():
    tasks = deploy.tasks(None)
    assert [task.dataset for task in tasks] == ["sklearn:breast_cancer"]
    keys = deploy.expected_keys(tasks[0])
    assert len(keys) == len(set(keys)) == 3 + 1 + 7 * 7 - 2


@needs_compiler
def test_every_form_is_measured_and_predicts_the_same(cache):
    for package in ("lightgbm", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    keys = [key for key in deploy.expected_keys(TASK) if "forest" not in key.teacher]
    kept = [key for key in keys if key.student != "linear" or key.method in ("c", "c_int16")]
    rows = run(TASK, kept, cache)
    refused = rows.pop(("linear", "c_int16"))
    assert refused["status"] == "skipped"
    assert "quantize='int16' is for trees" in refused["reason"]
    for row in rows.values():
        assert row["status"] == "ok", row.get("reason")
        assert all(row[name] > 0 for name in MEASURES)
        assert row["metrics"]["auc"] > 0.8
        assert row["input"] == "array"
        assert row["difference"] <= (0.01 if row["method"] == "c_int16" else 1e-9)
        in_c = row["method"] in ("c", "c_int16")
        assert ("bare_us" in row) == ("table_bytes" in row) == in_c
    assert [key for key, row in rows.items() if "rival_us_10k" in row] == [("tree", "ours")]
    assert rows["tree", "python"]["rss_bytes"] < rows["tree", "ours"]["rss_bytes"] / 3
    assert rows["tree", "ours"]["bytes"] < rows["", "teacher"]["bytes"]
    assert rows["tree", "c_int16"]["table_bytes"] < rows["tree", "c"]["table_bytes"]


@needs_compiler
def test_categories_reach_every_form(cache, folder):
    pytest.importorskip("lightgbm")
    pytest.importorskip("onnxruntime")
    task = deploy.DeployTask("made", students=(TREES[0],), teacher_trees=5, starts=1)
    wanted = ("python", "c", "onnx")
    keys = [key for key in deploy.expected_keys(task) if key.method in wanted]
    rows = run(task, keys, cache, folder)
    for form in ("c", "onnx"):
        assert rows["", form]["status"] == "skipped"
        assert "encoder" in rows["", form]["reason"]
    for form in wanted:
        row = rows["tree", form]
        assert row["status"] == "ok", row.get("reason")
        assert row["input"] == "frame"
        assert row["difference"] < 1e-9
        assert row["metrics"]["accuracy"] > 0.75


def test_what_is_not_there_is_skipped(cache, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    keys = [TASK.key("lightgbm500", None, "c")]
    keys += [TASK.key("lightgbm500", TREES[0], form) for form in ("compiled", "c", "onnx")]
    rows = run(TASK, keys, cache)
    assert {row["status"] for row in rows.values()} == {"skipped"}
    for place, reason in {
        ("", "c"): "no-such-compiler",
        ("tree", "compiled"): "no C compiler",
        ("tree", "c"): "no-such-compiler",
        ("tree", "onnx"): "onnxruntime",
    }.items():
        assert reason in rows[place]["reason"]


def test_a_failing_cell_becomes_a_row(monkeypatch, cache):
    def fail(*args, **kwargs):
        raise RuntimeError("no process today")

    monkeypatch.setattr(deploy, "cold_start", fail)
    rows = run(TASK, [TASK.key("lightgbm500", LINEAR, "ours")], cache)
    row = rows["linear", "ours"]
    assert (row["status"], row["reason"]) == ("failed", "RuntimeError: no process today")


def test_cold_start_tells_why_it_failed():
    with pytest.raises(RuntimeError, match=r"cold start failed: ValueError: nothing here"):
        cold_start(Start("raise ValueError('nothing here')", plain=True), repeats=1)


def test_plain_starts_have_no_packages(monkeypatch):
    monkeypatch.setattr(processes, "PLAIN_STARTS", 1)
    with pytest.raises(RuntimeError, match="No module named 'numpy'"):
        cold_start(Start("import numpy", plain=True))
    assert cold_start(Start("import numpy"), repeats=1)["cold_seconds"] > 0


def test_calls_take_turns_over_all_arguments():
    seen = {"a": [], "b": []}
    several = [Calls(seen[name].append, [(i,) for i in range(5)]) for name in seen]
    times = timing.warm(*several)
    assert all(seconds > 0 for seconds in times)
    assert all(set(found) == set(range(5)) for found in seen.values())
    assert len(timing.evicted(*several)) == 2
    assert all(seconds > 0 for seconds in timing.batch(*several))


def test_slow_calls_use_fewer_arguments(monkeypatch):
    seen = []
    monkeypatch.setattr(timing, "MOST_SECONDS", 0.0)
    timing.warm(Calls(seen.append, [(i,) for i in range(5)]))
    assert set(seen) == {0, 1, 2}
