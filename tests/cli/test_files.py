"""Wrong files and options: a message that says what to do, exit 1, nothing written or executed."""

from __future__ import annotations

import gzip
import os
import pickle
import re
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from cli_files import NUMBERS, TEXTS, make_frame, make_teacher

from skdistill.cli._files import (
    as_teacher_saw_it,
    as_train_has_it,
    check_folder,
    read_table,
    text_columns,
)


def fails(files, capsys, *options, **kwargs):
    """Run, expect failure and an untouched folder; return the message."""
    before = {path: path.stat().st_mtime_ns for path in files.folder.rglob("*")}
    assert files.distill("--quiet", *options, **kwargs) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("skdistill distill: error: ")
    assert {path: path.stat().st_mtime_ns for path in files.folder.rglob("*")} == before
    return captured.err


class Touch:
    """Makes a file when it is unpickled: any other code could stand there."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "name", ["teacher.joblib", "model.pkl", "model", "m.txt", "m.json", "m.onnx"]
)
def test_a_pickle_is_not_executed_without_trust(files, capsys, name):
    proof = files.folder / "proof"
    (files.folder / name).write_bytes(pickle.dumps(Touch(proof)))
    message = fails(files, capsys, teacher=name, trust=False)
    assert not proof.exists()
    if name not in ("m.txt", "m.json", "m.onnx"):
        assert "can run any code" in message
        assert "--trust" in message
        assert ".onnx" in message
        files.distill(teacher=name)  # this is what would have happened
        assert proof.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.joblib", b"no pickle", "t.joblib could not be loaded"),
        ("t.joblib", b"", "t.joblib could not be loaded"),
        ("t.pkl", b"cno_such_package\nModel\n.", "t.pkl needs a package to load.*no_such_package"),
        ("t.pkl", pickle.dumps({"weights": [1]}), "teacher of type dict is not understood"),
        ("t.txt", b"no model", "t.txt is no LightGBM model"),
        ("t.txt", b"tree\nversion=v4\nnum_class=1\n", "or not the whole of one"),
        ("t.txt", b"tree\n\nend of trees\n", "t.txt is no LightGBM model: "),
        ("t.json", b"{", "t.json is no XGBoost model"),
        ("t.json", b"[1, 2]", "t.json is no XGBoost model"),
        ("t.ubj", b"\x00\x01", "t.ubj is no XGBoost model"),
        ("t.onnx", b"", "t.onnx cannot teach: "),
        ("t.onnx", b"no model", "t.onnx cannot teach: "),
    ],
)
def test_files_that_hold_no_teacher(files, capsys, name, content, message):
    (files.folder / name).write_bytes(content)
    error = fails(files, capsys, teacher=name)
    assert re.search(message, error), error
    assert "bt]" not in error  # no native stack trace


def test_files_that_are_not_there(files, capsys):
    assert "--teacher: there is no file" in fails(files, capsys, teacher="missing.joblib")
    assert "--data: there is no file" in fails(files, capsys, "--data", files.folder / "no.csv")
    assert "--data: there is no file" in fails(files, capsys, "--data", files.folder)
    assert "--test: there is no file" in fails(files, capsys, "--test", files.folder / "no.csv")


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n1,2,3,4\n", b"a,b\n\xff\xfe,1\n", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4]],
)
def test_tables_that_cannot_be_read(files, capsys, content):
    path = files.folder / ("bad.csv.gz" if content[:2] == b"\x1f\x8b" else "bad.csv")
    path.write_bytes(content)
    for option in ("--data", "--test"):
        error = fails(files, capsys, option, path)
        assert f"{option}: {path} could not be read as a CSV file: " in error


def test_targets_that_cannot_be_used(files, capsys):
    error = fails(files, capsys, "--target", "label")
    assert "--target" in error
    assert "no column 'label'" in error
    assert "'amount', 'age', 'city', 'plan', 'binary'" in error
    files.frame[NUMBERS].to_csv(files.test, index=False)
    assert f"{files.test} has no column 'binary'" in fails(files, capsys, "--test", files.test)
    files.frame.loc[:4, "binary"] = None
    files.frame.to_csv(files.train, index=False)
    assert "--target: 5 rows of" in fails(files, capsys)


@pytest.mark.parametrize("files", ["value"], indirect=True)
def test_text_as_the_target_of_a_regressor(files, capsys):
    files.frame.assign(value="high").to_csv(files.test, index=False)
    for option in ("--data", "--test"):
        error = fails(files, capsys, option, files.test)
        assert f"--target: the column 'value' of {files.test} holds text" in error


def test_rows_that_do_not_fit(files, capsys):
    make_frame(20).assign(binary="maybe").to_csv(files.test, index=False)
    error = fails(files, capsys, "--test", files.test)
    assert "--test" in error
    assert "['maybe']" in error
    make_frame(20).drop(columns="city").to_csv(files.test, index=False)
    assert "lacks the columns ['city'] of --data" in fails(files, capsys, "--test", files.test)
    files.frame.drop(columns="age").to_csv(files.train, index=False)
    # In the words of the teacher, which newer releases of scikit-learn let name the column.
    assert "teacher Pipeline failed" in fails(files, capsys)
    files.frame.head(0).to_csv(files.train, index=False)
    assert "has no rows" in fails(files, capsys)
    files.frame.head(5).to_csv(files.train, index=False)
    assert "5 rows, too few to hold some out; give --test" in fails(files, capsys)


def test_parameters_that_do_not_exist_or_are_invalid(files, capsys):
    for pair in ("depth=3", "max_leaf_nodes", "=3"):
        error = fails(files, capsys, "--param", pair)
        assert f"--param {pair!r}" in error
        assert "'max_leaf_nodes'" in error
    assert "max_leaf_nodes" in fails(files, capsys, "--param", "max_leaf_nodes=many")


def test_the_folder_is_checked_before_the_work(files, capsys):
    assert "is no folder" in fails(files, capsys, "--out", files.train)
    assert "is no folder" in fails(files, capsys, "--out", files.train / "below")


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError, match=f"--out: no permission to write to '{tmp_path}'"):
        check_folder(tmp_path / "new" / "below")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_files(files, capsys, monkeypatch, error):
    files.out.mkdir()
    for name in ("student.skd", "summary.json"):
        (files.out / name).write_text("old")

    def fail(*args):
        raise error

    monkeypatch.setattr("skdistill._output.os.replace", fail)
    assert files.distill("--quiet") == (1 if isinstance(error, OSError) else 130)
    assert sorted(path.name for path in files.out.iterdir()) == ["student.skd", "summary.json"]
    assert {path.read_text() for path in files.out.iterdir()} == {"old"}


def test_texts_stay_texts_where_they_look_like_numbers(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("code,n,y\n1,1,2\n,2,3\n")
    X, y = read_table(path, "y", "--test", texts=["code", "y"])
    assert text_columns(X.assign(y=y)) == ["code", "y"]
    assert X["code"].isna().tolist() == [False, True]
    plain, _ = read_table(path, "y", "--test")
    assert text_columns(plain) == []


def test_unseen_categories_become_missing_and_codes_stay():
    train = pd.DataFrame({"c": pd.Categorical(["x", "y"]), "n": [1, 2]})
    test = pd.DataFrame({"n": [3, 4, 5], "extra": 0, "c": ["y", "new", None]})
    kept = test.copy()
    same = as_train_has_it(test, train, Path("test.csv"))
    assert same.dtypes.to_dict() == train.dtypes.to_dict()
    assert same["c"].cat.codes.tolist() == [1, -1, -1]
    pd.testing.assert_frame_equal(test, kept)


def test_only_boosters_get_categories():
    frame = make_frame(30)
    pipeline = make_teacher(frame, "binary")
    X = as_teacher_saw_it(frame, pipeline, ["plan", "age"])
    assert list(X) == ["plan", "age"]
    assert X["plan"].dtype == frame["plan"].dtype
    # Where a column is missing the frame stays whole, for the teacher to say what it lacks.
    assert list(as_teacher_saw_it(frame[NUMBERS], pipeline, ["plan", "age"])) == NUMBERS
    assert np.isin(TEXTS, text_columns(frame)).all()


def test_text_for_a_booster_that_knows_no_categories(files, capsys):
    codes = files.frame[TEXTS].apply(lambda column: pd.factorize(column)[0])
    y = (files.frame["binary"] == "yes").astype(int)
    params = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(files.frame[NUMBERS].join(codes), y), 2)
    booster.save_model(files.folder / "teacher.txt")
    error = fails(files, capsys, teacher="teacher.txt")
    assert "--data: the columns ['city', 'plan'] hold text" in error
    assert "the numbers that it was trained on" in error
