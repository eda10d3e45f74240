"""``skdistill distill`` with budgets: the smallest student, its exports and its report."""

from __future__ import annotations

import argparse
import json
import shutil

import pandas as pd
import pytest

from skdistill import load
from skdistill.cli._compact import NOT_GOOD_ENOUGH, parse_students
from skdistill.cli.distill import _without_nan

FEW = ("--student", "linear,tree", "--quiet")


@pytest.mark.parametrize("files", ["binary", "value"], indirect=True)
def test_the_smallest_student_is_written_with_all_that_was_asked_for(files, capsys):
    forms = "python,c" if shutil.which("cc") else "python"
    code = files.search(
        *FEW, "--tolerance", "50%", "--max-bytes", "10kB", "--export", forms, "--groups", "plan",
        "--test", files.test,
    )  # fmt: skip
    assert code == 0
    names = {path.name for path in files.out.iterdir()}
    wanted = {"student.skd", "summary.json", "report.html", "student.py"}
    assert names == wanted | ({"student.c", "student.h"} if "c" in forms.split(",") else set())
    summary = files.summary()
    chosen = [row for row in summary["frontier"] if row["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["bytes"] <= 10_000
    assert type(load(files.out / "student.skd")).__name__ == chosen[0]["student"]
    assert "plan" in (files.out / "report.html").read_text(encoding="utf-8")
    assert summary["verdict"] in capsys.readouterr().out


@pytest.mark.filterwarnings("default::skdistill.exceptions.UnmetToleranceWarning")
@pytest.mark.parametrize("files", ["binary"], indirect=True)
def test_no_student_within_the_tolerance_leaves_its_own_code(files):
    # On a few hundred rows nothing can be shown to be no worse at all.
    code = files.search("--student", "tree", "--max-leaves", 4, "--tolerance", 0, "--quiet")
    assert code == NOT_GOOD_ENOUGH
    assert files.summary()["verdict"]


@pytest.mark.parametrize("files", ["binary"], indirect=True)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-bytes", "1"), "max_bytes"),
        (("--tolerance", "1%", "--param", "max_leaf_nodes=4"), "--param"),
        (("--tolerance", "1%", "--metric", "nonsense"), "metric='nonsense'"),
        (("--tolerance", "1%", "--groups", "nobody"), "--groups: 'nobody'"),
        (("--tolerance", "1%", "--export", "cobol"), "--export 'cobol'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(files, capsys, options, said):
    assert files.search(*FEW, *options) == 1
    assert said in capsys.readouterr().err
    assert not files.out.exists()


@pytest.mark.parametrize("files", ["binary"], indirect=True)
def test_a_parquet_file_says_what_its_columns_hold(files, capsys):
    pytest.importorskip("pyarrow")
    table = files.folder / "train.parquet"
    pd.read_csv(files.train).to_parquet(table)
    assert files.distill("--data", table, "--json", "--quiet") == 0
    said = capsys.readouterr().out
    assert json.loads(said) == files.summary()
    table.write_bytes(b"PAR1 and no more")
    assert files.distill("--data", table) == 1
    assert "could not be read as a Parquet file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "names"), [("all", "all"), ("tree", "tree"), ("mlp,tree,mlp", ["mlp", "tree"])]
)
def test_students_are_names_with_commas(text, names):
    assert parse_students(text) == names


@pytest.mark.parametrize("text", ["", "forest", "tree,forest", "all,tree"])
def test_unknown_students_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not all, or one or more of"):
        parse_students(text)


def test_what_json_does_not_know_becomes_null_wherever_it_stands():
    found = _without_nan({"a": [{"upper": float("inf")}, 1.5], "b": (float("nan"),)})
    assert found == {"a": [{"upper": None}, 1.5], "b": [None]}
