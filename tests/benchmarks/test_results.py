"""Result files keep finished cells whatever happens to the run."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from result_rows import crashed, row

from benchmarks.results import (
    append_row,
    drop_superseded,
    main_teacher,
    metric,
    read_rows,
    short,
    student_label,
    student_order,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "deep" / "quick.jsonl"


def test_rows_come_back_as_they_were(file):
    rows = [row(seed=0), crashed(seed=1), row("teacher", chosen={"depth": [1, 2]})]
    for one in rows:
        append_row(file, one)
    assert read_rows(file) == rows
    assert file.read_text().count("\n") == 3


def test_floats_are_short_and_numpy_is_plain(file):
    append_row(file, row(bytes=np.int64(7), fit_seconds=np.float32(1 / 3), us_1=float("nan")))
    stored = json.loads(file.read_text())
    assert stored["bytes"] == 7
    assert stored["fit_seconds"] == 0.333333
    assert stored["us_1"] is None
    assert math.isnan(metric(stored, "us_1"))


def test_a_row_without_its_key_is_refused(file):
    with pytest.raises(KeyError, match="method"):
        append_row(
            file,
            {"suite": "quick", "dataset": "adult", "seed": 0, "teacher": ""}
            | {"student": "tree", "size": "16"},
        )
    assert not file.exists()


def test_a_cut_last_line_costs_only_itself(file):
    append_row(file, row(seed=0))
    append_row(file, row(seed=1))
    file.write_text(file.read_text()[:-30])
    with pytest.warns(UserWarning, match=r"quick\.jsonl:2: left out a cut line"):
        assert read_rows(file) == [row(seed=0)]
    append_row(file, row(seed=2))
    with pytest.warns(UserWarning, match="cut line"):
        assert read_rows(file) == [row(seed=0), row(seed=2)]


@pytest.mark.parametrize("line", ["<<<<<<< HEAD", "{}", "[1, 2]", '"text"'])
def test_foreign_lines_are_not_passed_over(file, line):
    append_row(file, row())
    with file.open("a") as handle:
        handle.write(line + "\n")
    with pytest.raises(ValueError, match=r"quick\.jsonl:2: not a result row"):
        read_rows(file)


def test_the_last_try_of_a_cell_counts(file):
    failed, other, better = crashed(), row(seed=1), row(loss=0.3)
    for one in (failed, other, better):
        append_row(file, one)
    assert read_rows(file) == [better, other]
    assert drop_superseded([better, other]) == [better, other]


def test_writers_do_not_cut_each_other(file):
    rows = [row(seed=seed, reason="x" * 2000) for seed in range(60)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: append_row(file, one), rows))
    assert sorted(read_rows(file), key=lambda one: one["seed"]) == rows


def test_folders_and_missing_files(tmp_path):
    append_row(tmp_path / "quick.jsonl", row())
    append_row(tmp_path / "dao.jsonl", row(suite="dao"))
    assert [one["suite"] for one in read_rows(tmp_path)] == ["dao", "quick"]
    assert read_rows(tmp_path / "none.jsonl") == []


def test_measures_are_found_by_name():
    one = row(loss=0.25)
    assert metric(one, "log_loss") == 0.25
    assert metric(one, "fidelity.agreement") == 0.9
    assert metric(one, "bytes") == 4000
    assert math.isnan(metric(one, "n_parameters"))
    assert math.isnan(metric(one, "fidelity.r2"))
    assert math.isnan(metric(crashed(), "log_loss"))


def test_students_are_ordered_by_family_and_number():
    students = [("mlp", "8"), ("other", ""), ("tree", "64"), ("tree", "8"), ("linear", "")]
    ordered = sorted(students, key=student_order)
    assert [student_label(*one) for one in ordered] == [
        "tree 8",
        "tree 64",
        "linear",
        "mlp 8",
        "other",
    ]


def test_names():
    assert short("sklearn:wine") == "wine"
    assert short("adult") == "adult"
    rows = [row(teacher="b"), row(teacher="a"), row(teacher="b", seed=1), crashed(teacher="a")]
    assert main_teacher(rows) == "b"
    assert main_teacher(rows[:2]) == "a"
    assert main_teacher([]) == ""
