"""``skdistill distill`` from files to files, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import joblib
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from cli_files import NUMBERS, TEXTS, make_frame
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.tree import DecisionTreeClassifier

import skdistill
from skdistill import load
from skdistill.cli import distill, main
from skdistill.export import to_onnx
from skdistill.students import make_student

# A booster cannot be refitted: it labels the rows that it was fitted to, and may be told so.
in_sample = pytest.mark.filterwarnings("default::skdistill.exceptions.OverconfidentTeacherWarning")


def everything_below(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


@pytest.mark.parametrize("files", ["binary", "three", "value"], indirect=True)
def test_a_pipeline_is_distilled_to_a_student_that_takes_raw_rows(files, capsys):
    assert files.distill("--test", files.test) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["teacher", "direct", "distilled"]
    assert "student.skd" in captured.out
    assert "[skdistill]" in captured.err

    summary = files.summary()
    assert summary["task"] == ("regression" if files.target == "value" else "classification")
    assert summary["columns"] == NUMBERS + TEXTS
    assert summary["test_rows"] == 60
    assert summary["warnings"] == []
    assert set(summary["measured"]) == {"teacher", "direct", "distilled"}
    assert summary["distillation"]["n_real"] == 150

    student = load(files.out / "student.skd")
    rows = pd.read_csv(files.test)[summary["columns"]]
    rows.loc[0, "city"] = "never seen"
    prediction = student.predict(rows)
    if files.target == "value":
        assert np.isfinite(prediction).all()
    else:
        assert set(prediction) <= set(files.frame[files.target])
        measured = summary["measured"]["distilled"]
        test = pd.read_csv(files.test)
        right = student.predict(test[summary["columns"]]) == test[files.target].to_numpy()
        assert measured["accuracy"] == pytest.approx(right.mean())
        assert measured["bytes"] > 0


@pytest.mark.parametrize("student", ["linear", "mlp", "boosting"])
def test_every_student_can_be_named(files, student, capsys):
    assert files.distill("--student", student, "--quiet") == 0
    assert files.summary()["distillation"]["student"].lower().startswith(student)
    assert capsys.readouterr().err == ""


def test_settings_of_the_distillation_are_set(files, capsys):
    assert files.distill("--setting", "augment=None", "--setting", "hard_label_weight=0.5") == 0
    record = files.summary()["distillation"]
    assert (record["augment"], record["hard_label_weight"]) == (None, 0.5)
    # The seed has an option of its own.
    assert files.distill("--setting", "random_state=1") == 1
    assert "--setting 'random_state=1': give NAME=VALUE" in capsys.readouterr().err


def test_parameters_of_the_student_are_set(files):
    assert files.distill("--param", "max_leaf_nodes=3", "--param", "min_samples_leaf=4") == 0
    student = load(files.out / "student.skd")
    assert (student.max_leaf_nodes, student.min_samples_leaf) == (3, 4)
    assert student.n_leaves_ <= 3


def test_the_seed_decides_everything(files):
    def run(seed, out):
        assert files.distill("--seed", seed, "--out", files.folder / out, "--quiet") == 0
        rows = files.frame[NUMBERS + TEXTS]
        return load(files.folder / out / "student.skd").predict_proba(rows)

    first = run(3, "first")
    np.testing.assert_array_equal(first, run(3, "second"))
    assert not np.array_equal(first, run(4, "third"))


def test_quiet_is_silent_on_stderr_and_a_held_out_fifth_is_said(files, capsys):
    assert files.distill("--quiet") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "held out from both students" in captured.out
    assert files.summary()["test_rows"] == 30


def test_out_may_be_new_and_nested(files):
    out = files.folder / "a" / "b c" / "d"
    assert files.distill("--out", out, "--quiet") == 0
    names = ["report.html", "student.skd", "summary.json"]
    assert everything_below(out) == [type(out)(name) for name in names]


def categories(frame):
    return frame[NUMBERS + TEXTS].astype(dict.fromkeys(TEXTS, "category"))


@in_sample
@pytest.mark.parametrize("kind", ["lightgbm.txt", "xgboost.json", "xgboost.ubj"])
def test_model_files_need_no_trust_and_see_their_categories(files, kind):
    X, y = categories(files.frame), (files.frame["binary"] == "yes").astype(int)
    if kind == "lightgbm.txt":
        params = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 4}
        booster = lgb.train(params, lgb.Dataset(X, y), num_boost_round=5)
        expected = booster.predict(X)
    else:
        data = xgb.DMatrix(X, y, enable_categorical=True)
        params = {"objective": "binary:logistic", "nthread": 1, "max_depth": 2}
        booster = xgb.train(params, data, num_boost_round=5)
        expected = booster.predict(data)
    booster.save_model(str(files.folder / kind))
    # The file has the columns in another order, and one that the model does not know.
    frame = files.frame.assign(extra=1.0)
    frame[["plan", "binary", "extra", "city", "age", "amount"]].to_csv(files.train, index=False)
    options = ["--test", files.train, "--quiet"]
    assert files.distill(*options, teacher=kind, trust=False) == 0
    summary = files.summary()
    assert summary["columns"] == NUMBERS + TEXTS
    accuracy = ((expected > 0.5) == y).mean()
    assert summary["measured"]["teacher"]["accuracy"] == pytest.approx(accuracy)
    student = load(files.out / "student.skd")
    assert set(student.predict(files.frame[NUMBERS + TEXTS])) == {"no", "yes"}


@in_sample
@pytest.mark.parametrize("files", ["binary", "value"], indirect=True)
def test_an_onnx_file_needs_no_trust_either(files):
    pytest.importorskip("onnxruntime")
    target = files.target
    X, y = files.frame[NUMBERS + TEXTS], files.frame[target]
    model = make_student("boosting", task="regression" if target == "value" else "classification")
    to_onnx(model.fit(X, y), files.folder / "teacher.onnx")
    frame = files.frame.assign(extra=1.0)
    frame[["plan", target, "extra", "city", "age", "amount"]].to_csv(files.train, index=False)
    options = ["--test", files.train, "--quiet"]
    assert files.distill(*options, teacher="teacher.onnx", trust=False) == 0
    summary = files.summary()
    assert summary["columns"] == NUMBERS + TEXTS
    name = "r2" if target == "value" else "accuracy"
    assert summary["measured"]["teacher"][name] == pytest.approx(model.score(X, y), abs=1e-4)
    size = (files.folder / "teacher.onnx").stat().st_size
    assert summary["measured"]["teacher"]["bytes"] == size
    assert summary["report"]["cost"]["teacher_bytes"] == size


@in_sample
@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_boosted_classifiers_get_categories_and_are_cross_fitted(files, kind):
    X, y = categories(files.frame), files.frame["binary"]
    if kind == "lightgbm":
        model = lgb.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(X, y)
    else:
        model = xgb.XGBClassifier(n_estimators=5, enable_categorical=True, n_jobs=1)
        model.fit(X, y == "yes")
        files.frame.assign(binary=y == "yes")[[*NUMBERS, *TEXTS, "binary"]].to_csv(
            files.train, index=False
        )
    joblib.dump(model, files.folder / "teacher.joblib")
    assert files.distill("--quiet") == 0
    assert files.summary()["distillation"]["teacher_labels"] == "cross_fit"


@in_sample
@pytest.mark.parametrize("kind", ["pipeline", "xgboost"])
def test_categories_that_only_the_test_file_has(files, kind):
    if kind == "xgboost":
        X, y = categories(files.frame), files.frame["binary"] == "yes"
        data = xgb.DMatrix(X, y, enable_categorical=True)
        params = {"objective": "binary:logistic", "nthread": 1}
        xgb.train(params, data, num_boost_round=3).save_model(files.folder / "teacher.json")
    test = make_frame(40, seed=2).assign(city="Oslo")
    test.to_csv(files.test, index=False)
    name = "teacher.json" if kind == "xgboost" else "teacher.joblib"
    assert files.distill("--test", files.test, "--quiet", teacher=name) == 0


@pytest.mark.parametrize("files", ["value"], indirect=True)
def test_a_measure_that_does_not_exist_is_null(files):
    # Nothing of a teacher that predicts a constant can be explained.
    teacher = DummyRegressor().fit(files.frame[NUMBERS], files.frame["value"])
    joblib.dump(teacher, files.folder / "teacher.joblib")
    assert files.distill("--quiet") == 0
    measured = files.summary()["measured"]
    assert measured["teacher"]["fidelity_r2"] is None
    assert measured["teacher"]["rmse"] > 0


@pytest.mark.filterwarnings("default::skdistill.exceptions.OverconfidentTeacherWarning")
def test_a_warning_is_one_line_and_is_kept_in_the_summary(files, capsys):
    X, y = files.frame[NUMBERS].interpolate().bfill(), files.frame["binary"]
    memorised = FrozenEstimator(DecisionTreeClassifier().fit(X, y))
    joblib.dump(memorised, files.folder / "teacher.joblib")
    X.assign(binary=y).to_csv(files.train, index=False)
    assert files.distill() == 0
    (note,) = files.summary()["warnings"]
    assert "nearly one-hot" in note
    assert f"[skdistill] warning: {note}\n" in capsys.readouterr().err


def test_an_ascii_terminal_gets_the_table_too(files):
    command = [sys.executable, "-m", "skdistill", "distill", "--trust", "--quiet"]
    command += ["--teacher", files.folder / "teacher.joblib", "--data", files.train]
    command += ["--target", "binary", "--out", files.folder / "Köln"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    assert "?s/row" in run.stdout
    assert (files.folder / "Köln" / "student.skd").exists()


def test_interruption_ends_with_130_and_writes_nothing(files, capsys, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(distill, "measure_models", interrupt)
    before = everything_below(files.folder)
    assert files.distill() == 130
    assert "interrupted" in capsys.readouterr().err
    assert everything_below(files.folder) == before


def test_version_and_help(capsys):
    for options, expected in (["--version"], skdistill.__version__), (["--help"], "distill"):
        with pytest.raises(SystemExit) as stop:
            main(options)
        assert stop.value.code == 0
        assert expected in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
