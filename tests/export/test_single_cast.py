"""Rows whose predictions change once their numbers are float32 are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skdistill.exceptions import ExportError
from skdistill.export import to_c, to_onnx
from skdistill.export._lowering import lower
from skdistill.export._single import check_cast
from skdistill.students import (
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentRegressor,
    TreeStudentRegressor,
)

RNG = np.random.default_rng(0)
SECONDS = 1.7e9 + 1e4 * RNG.random(300)
X = pd.DataFrame(
    {
        "size": 1e7 * RNG.random(300),
        "seconds": SECONDS,
        "kind": RNG.choice(["a", "b"], 300),
        "noise": RNG.normal(size=300),
    }
)
Y = (SECONDS - 1.7e9) / 100 + X["noise"] + 1e-6 * X["size"]

MLP = {"hidden_layer_sizes": (4,), "max_iter": 30, "alpha": 1e-3, "random_state": 0}
STUDENTS = {
    "linear": LinearStudentRegressor(alpha=1.0).fit(X, Y),
    "labels": LinearStudentClassifier(alpha=0.01).fit(X, (Y > 50).astype(int)),
    "mlp": MLPStudentRegressor(input_transform="standard", **MLP).fit(X, Y),
    "leaves": TreeStudentRegressor(leaf="linear", max_leaf_nodes=2, min_samples_leaf=150).fit(X, Y),
}


def to_c_unchecked(student, path, **options):
    return to_c(student, path.with_suffix(".c"), check=False, **options)


def to_onnx_file(student, path, **options):
    return to_onnx(student, path.with_suffix(".onnx"), **options)


@pytest.mark.parametrize("export", [to_onnx_file, to_c_unchecked])
@pytest.mark.parametrize("name", ["linear", "labels", "mlp"])
def test_a_cast_that_changes_predictions_is_refused(name, export, tmp_path):
    with pytest.raises(ExportError, match=r"changes predictions .* mostly by feature 'seconds'"):
        export(STUDENTS[name], tmp_path / "student", dtype="float32", X=X)
    assert list(tmp_path.iterdir()) == []


def test_linear_leaves():
    form = lower(STUDENTS["leaves"])
    with pytest.raises(ExportError, match=r"feature 'seconds', where 17000.* use dtype='float64'"):
        check_cast(STUDENTS["leaves"], form, X)


@pytest.mark.parametrize("name", list(STUDENTS))
def test_rows_of_float32_pass(name):
    single = X.assign(seconds=X["seconds"].astype("float32"), size=X["size"].astype("float32"))
    single["noise"] = single["noise"].astype("float32")
    check_cast(STUDENTS[name], lower(STUDENTS[name]), single)
    check_cast(STUDENTS[name], lower(STUDENTS[name]), None)


def test_values_are_compared_by_size_and_spread():
    numbers = RNG.normal(size=(200, 2)) + 5.0
    for size in (1e-9, 1.0, 1e9):
        student = LinearStudentRegressor(alpha=0.0).fit(numbers, size * numbers[:, 0])
        check_cast(student, lower(student), numbers)
    constant = LinearStudentRegressor(alpha=0.0).fit(numbers, np.zeros(200))
    check_cast(constant, lower(constant), numbers)
    # Small values of a target do not hide what is lost.
    far = numbers + np.array([1e8, 0.0])
    student = LinearStudentRegressor(alpha=0.0).fit(far, 1e-6 * numbers[:, 0])
    with pytest.raises(ExportError, match="feature 'x0'"):
        check_cast(student, lower(student), far)
