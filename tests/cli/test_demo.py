"""``skdistill demo`` on a part of its digits, with fewer trees."""

from __future__ import annotations

import builtins
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier

from skdistill.cli import demo, main


@pytest.fixture
def small(monkeypatch):
    """All ten digits, but a fifth of the images and thirty trees."""
    X, y = load_digits(return_X_y=True)
    rows = np.sort(np.argsort(y, kind="stable")[::5])
    monkeypatch.setattr(demo, "load_digits", lambda return_X_y: (X[rows], y[rows]))
    monkeypatch.setattr(
        demo, "ExtraTreesClassifier", lambda n, **params: ExtraTreesClassifier(30, **params)
    )


def test_every_student_is_shown_direct_and_distilled(small, capsys):
    assert main(["demo", "--seed", "1"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.strip().splitlines()
    columns = ["accuracy", "log loss", "fidelity", "bytes", "µs/row"]
    assert " ".join(lines[0].split()) == " ".join(columns)
    names = [line[:32].strip() for line in lines[2:11]]
    assert names[0] == "teacher"
    for student, direct, distilled in zip(
        ["tree", "linear", "mlp", "boosting"], names[1::2], names[2::2], strict=True
    ):
        assert direct.startswith(student)
        assert direct.endswith(", direct")
        assert distilled == direct.replace("direct", "distilled")
    assert "skdistill distill" in captured.out
    assert captured.err.count("[skdistill]") == 5


def test_without_lightgbm_it_says_what_is_left_out_and_goes_on(small, capsys, monkeypatch):
    real_import = builtins.__import__

    def without_lightgbm(name, *args, **kwargs):
        if name == "lightgbm":
            raise ImportError("No module named 'lightgbm'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_lightgbm)
    assert main(["demo"]) == 0
    captured = capsys.readouterr()
    assert "boosting is left out" in captured.err
    assert "pip install 'skdistill[boosting]'" in captured.err
    assert "mlp, 32 hidden, distilled" in captured.out
    assert "boosting," not in captured.out


def test_interrupted(monkeypatch, capsys):
    def interrupt(return_X_y):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "load_digits", interrupt)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "skdistill demo: interrupted\n"


def test_python_dash_m():
    command = [sys.executable, "-m", "skdistill", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("skdistill ")
