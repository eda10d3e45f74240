"""A column of strings stays one in every export, also where the student needs none of them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from python_module import run
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from skdistill import load, save
from skdistill.cli.export import read_rows
from skdistill.export import compile as compile_student
from skdistill.export import to_onnx, to_python
from skdistill.export._lowering import lower
from skdistill.students import PrunedStudentClassifier, TreeStudentClassifier


def make_table(special):
    """Strings but for one value, which alone tells the class."""
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.4).astype(int)
    note = rng.choice(list("abc"), 200).astype(object)
    note[y == 1] = special
    return pd.DataFrame({"note": note, "number": rng.normal(size=200)}), y


def make_student(family, special):
    """Fit a student with a single split, that tells the special value from all others."""
    X, y = make_table(special)
    if family == "tree":
        return TreeStudentClassifier(max_leaf_nodes=2, random_state=0).fit(X, y), X
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["note"]), remainder="passthrough"
    )
    teacher = make_pipeline(encoder, DecisionTreeClassifier(max_depth=1)).fit(X, y)
    student = PrunedStudentClassifier(max_total_leaves=2, reg_lambda=1.0)
    return student.fit(X, y, soft_targets=teacher.predict_proba(X), teacher=teacher), X


# The special value, and the levels that are left.
CASES = [("tree", None, ()), ("tree", 7, (7,)), ("pruned", None, ())]


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize(("family", "special", "levels"), CASES)
def test_every_export_takes_strings(family, special, levels, with_rows, tmp_path):
    student, X = make_student(family, special)
    assert lower(student).inputs[0].levels == levels
    rows = pd.DataFrame({"note": ["a", "never seen", None, special], "number": 0.0}, dtype=object)
    expected = student.predict_proba(rows)
    assert expected[0, 0] > 0.9
    assert expected[3, 0] < 0.1
    known = X if with_rows else None

    path = to_python(student, tmp_path / "student.py", X=known)
    form = run(path.read_text(encoding="utf-8"))
    found = [form["predict_proba"](row) for row in rows.values.tolist()]
    np.testing.assert_allclose(found, expected, atol=1e-12)

    compiled = compile_student(student, X=known)
    np.testing.assert_allclose(compiled.predict_proba(rows), expected, atol=1e-12)

    session = onnxruntime.InferenceSession(str(to_onnx(student, tmp_path / "s.onnx", X=known)))
    (taken,) = session.get_inputs()
    assert (taken.name, taken.type) == ("note", "tensor(string)")
    texts = ["" if value is None else str(value) for value in rows["note"]]
    given = {"note": np.array(texts, dtype=object)[:, None]}
    np.testing.assert_allclose(session.run(None, given)[1], expected, atol=1e-9)


@pytest.mark.parametrize(("family", "special", "levels"), CASES)
def test_a_loaded_student_knows_it_too(family, special, levels, tmp_path):
    student, _ = make_student(family, special)
    save(student, tmp_path / "student.skd")
    loaded = load(tmp_path / "student.skd")
    assert lower(loaded).inputs == lower(student).inputs
    (tmp_path / "rows.csv").write_text("note,number\n01,1\n7,2\n")
    assert read_rows(tmp_path / "rows.csv", loaded)["note"].tolist() == ["01", "7"]


def test_categories_of_numbers_stay_numbers():
    X, y = make_table("d")
    X["note"] = pd.Categorical(X["note"].map({"a": 1, "b": 2, "c": 3, "d": 4}))
    student = TreeStudentClassifier(max_leaf_nodes=2, random_state=0).fit(X, y)
    assert student._encoder.tables_
    assert lower(student).inputs[0].levels is None
