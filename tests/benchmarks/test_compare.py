"""Two result files are compared cell by cell."""

from __future__ import annotations

import pytest
from result_rows import crashed, row, suite_rows

from benchmarks.compare import compare
from benchmarks.results import append_row

DATASETS = ("adult", "concrete", "yeast")


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        for one in rows:
            append_row(tmp_path / name, one)
        return tmp_path / name

    return write


def changed(rows, method, factor, **names):
    """Multiply the main loss of the rows that match."""
    found = []
    for one in rows:
        hit = one["method"] == method and all(one[key] == value for key, value in names.items())
        loss = "log_loss" if one["task"] == "classification" else "rmse"
        scaled = {loss: one["metrics"][loss] * factor} if hit and one["metrics"] else {}
        found.append({**one, "metrics": {**one["metrics"], **scaled}})
    return found


def test_a_file_is_like_itself(write):
    file = write("a.jsonl", suite_rows(datasets=DATASETS))
    text, code = compare(file, file, fail_on_worse=True)
    assert code == 0
    assert "No cell changed by more than noise." in text
    assert "No new failures." in text
    assert "0 only in the first, 0 only in the second" in text


@pytest.mark.parametrize(
    ("method", "factor", "code", "word"),
    [
        ("ours", 1.10, 1, "**worse**"),
        ("ours", 0.90, 0, "better"),
        ("direct", 1.10, 0, "**worse**"),
        ("ours-no_augment", 1.10, 0, "**worse**"),
    ],
)
def test_changes_are_listed_and_only_ours_is_judged(write, method, factor, code, word):
    rows = suite_rows(datasets=DATASETS)
    old = write("a.jsonl", rows)
    new = write("b.jsonl", changed(rows, method, factor, dataset="adult", student="mlp"))
    text, found = compare(old, new, fail_on_worse=True)
    assert found == code
    assert f"| {method} | mlp 32 | adult | ensemble | {word} |" in text
    assert "+10.0 %" in text if factor > 1 else "-10.0 %" in text
    assert compare(old, new)[1] == 0


def test_noise_is_no_change(write):
    rows = suite_rows(datasets=DATASETS)
    text, code = compare(
        write("a.jsonl", rows), write("b.jsonl", changed(rows, "ours", 1.004)), fail_on_worse=True
    )
    assert code == 0
    assert "No cell changed by more than noise." in text


def test_costs_are_summed_up_by_student(write):
    rows = [row(seed=seed) for seed in range(3)]
    new = [{**one, "bytes": 2000, "us_1": 150.0} for one in rows]
    text, _ = compare(write("a.jsonl", rows), write("b.jsonl", new))
    assert "| ours | tree 16 | 0/1/0 | 0.0 % | -50.0 % | +25.0 % | 0.0 % | 0.0 % |" in text


@pytest.mark.parametrize("method", ["ours", "figs"])
def test_new_failures_count_for_every_method(write, method):
    old = write("a.jsonl", [row(), row(method, seed=1)])
    new = write("b.jsonl", [row(), crashed(method, seed=1)])
    text, code = compare(old, new, fail_on_worse=True)
    assert code == 1
    assert "## New failures" in text
    assert "`exit code -9`" in text
    assert compare(new, old, fail_on_worse=True)[1] == 0


def test_other_data_is_not_compared(write):
    old = write("a.jsonl", [row(), row(dataset="yeast"), row(dataset="gone")])
    new = write("b.jsonl", [row(), row(dataset="yeast", data_hash="other", loss=0.9)])
    text, code = compare(old, new, fail_on_worse=True)
    assert code == 0
    assert "1 cells in both; 1 only in the first, 0 only in the second, 1 on other data" in text


def test_suites_are_kept_apart(write):
    rows = [row(), row(suite="full", loss=0.3)]
    new = [row(), row(suite="full", loss=0.2)]
    text, _ = compare(write("a.jsonl", rows), write("b.jsonl", new))
    assert text.index("## full") < text.index("| better |") < text.index("## quick")


def test_files_without_common_cells_are_refused(write, tmp_path):
    old, new = write("a.jsonl", [row()]), write("b.jsonl", [row(dataset="yeast")])
    with pytest.raises(ValueError, match="share no cell"):
        compare(old, new)
    with pytest.raises(ValueError, match=r"none\.jsonl: no results"):
        compare(old, tmp_path / "none.jsonl")
