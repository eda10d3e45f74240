"""ONNX models as teachers, run by ONNX Runtime."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import TeacherError
from skdistill.export import to_onnx
from skdistill.students import (
    LinearStudentClassifier,
    TreeStudentClassifier,
    TreeStudentRegressor,
)
from skdistill.teachers import OnnxTeacher, as_teacher, find_task, keep_fitted

onnx = pytest.importorskip("onnx", reason="needs onnx (extra 'onnx')")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra 'onnx')")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT

X, CODES = load_iris(return_X_y=True)
X = X.astype(np.float32).astype(float)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CODES]
W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def make_model(nodes, inputs, outputs, *, constants=None):
    """Build a model by hand; operator sets as converters use them."""
    tensors = [onnx.numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "by_hand", inputs, outputs, tensors)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=domains, ir_version=8)


def matrix(name="X", width=4, rows="N"):
    return helper.make_tensor_value_info(name, FLOAT, [rows, width])


def linear_model(rows="N"):
    """Logits alone, as PyTorch exports them."""
    node = helper.make_node("MatMul", ["X", "W"], ["output"])
    return make_model([node], [matrix(rows=rows)], [matrix("output", 3, rows)], constants={"W": W})


def classifier(labels, *, zipmap):
    """A linear classifier as scikit-learn's converter writes it."""
    kind = "strings" if isinstance(labels[0], str) else "ints"
    linear = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=W.T.ravel().tolist(),
        intercepts=[0.0, 0.0, 0.0],
        post_transform="SOFTMAX",
        **{f"classlabels_{kind}": labels},
    )
    nodes = [linear]
    label_type = onnx.TensorProto.STRING if kind == "strings" else onnx.TensorProto.INT64
    label = helper.make_tensor_value_info("label", label_type, ["N"])
    proba = matrix("scores", 3)
    if zipmap:
        kind = "strings" if kind == "strings" else "int64s"
        nodes.append(
            helper.make_node(
                "ZipMap",
                ["scores"],
                ["output_probability"],
                domain="ai.onnx.ml",
                **{f"classlabels_{kind}": labels},
            )
        )
        of_map = helper.make_map_type_proto(label_type, helper.make_tensor_type_proto(FLOAT, []))
        proba = onnx.ValueInfoProto(
            name="output_probability", type=helper.make_sequence_type_proto(of_map)
        )
    return make_model(nodes, [matrix()], [label, proba])


def write(model, path):
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def expected_proba():
    Z = X @ W
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("labels", [["c", "a", "b"], [7, 3, 5]])
def test_labels_are_read_from_the_graph(labels, zipmap, tmp_path):
    path = write(classifier(labels, zipmap=zipmap), tmp_path / "model.onnx")
    for teacher in (OnnxTeacher(path), as_teacher(str(path), task="classification")):
        assert teacher.columns.tolist() == labels
        assert teacher.output == "probabilities"
        assert not teacher.has_implicit_order
        assert teacher.name == "model.onnx"
        P = teacher.predict_proba(X, sorted(labels))
        np.testing.assert_allclose(P, expected_proba()[:, np.argsort(labels)], atol=1e-5)


def test_labels_alone_are_predictions():
    model = classifier(["c", "a", "b"], zipmap=False)
    del model.graph.output[1]
    teacher = OnnxTeacher(model.SerializeToString())
    assert teacher.output == "predictions"
    best = np.array(["c", "a", "b"])[expected_proba().argmax(axis=1)]
    P = teacher.predict_proba(X, ["a", "b", "c"])
    np.testing.assert_array_equal(P.argmax(axis=1), np.searchsorted(["a", "b", "c"], best))
    np.testing.assert_array_equal(P.max(axis=1), 1.0)
    with pytest.raises(ValueError, match="returns labels alone, which are no logits"):
        OnnxTeacher(model.SerializeToString(), output="logits")


def test_logits_must_be_declared():
    content = linear_model().SerializeToString()
    with pytest.raises(ValueError, match=r"does not tell what they are.*output='logits'"):
        as_teacher(OnnxTeacher(content), task="classification")
    teacher = as_teacher(OnnxTeacher(content, output="logits"), task="classification")
    assert teacher.has_implicit_order
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), expected_proba(), atol=1e-5)
    named = OnnxTeacher(content, output="logits", classes=["b", "c", "a"])
    P = named.predict_proba(X, ["a", "b", "c"])
    np.testing.assert_allclose(P, expected_proba()[:, [2, 0, 1]], atol=1e-5)
    with pytest.raises(ValueError, match="returns logits, which regression cannot use"):
        as_teacher(teacher, task="regression")


@pytest.mark.parametrize("n_rows", [1, 4, 6])
def test_a_fixed_number_of_rows(n_rows):
    teacher = OnnxTeacher(linear_model(rows=4).SerializeToString(), output="logits")
    P = teacher.predict_proba(X[:n_rows], [0, 1, 2])
    np.testing.assert_allclose(P, expected_proba()[:n_rows], atol=1e-5)


@pytest.mark.parametrize("make", [TreeStudentClassifier, LinearStudentClassifier])
@pytest.mark.parametrize("y", [CODES, NAMES, CODES > 0], ids=["int", "str", "bool"])
def test_models_of_this_package(make, y, tmp_path):
    student = make().fit(X, y)
    path = to_onnx(student, tmp_path / "student.onnx")
    teacher = as_teacher(path, task="classification")
    assert teacher.classes.tolist() == np.unique(y).tolist()
    P = teacher.predict_proba(X, np.unique(y))
    np.testing.assert_allclose(P, student.predict_proba(X), atol=1e-9)


def make_frame():
    pd = pytest.importorskip("pandas")
    colour = np.array(["red", "blue", None, "7"], dtype=object)[np.arange(len(X)) % 4]
    return pd.DataFrame(
        {
            "a b": X[:, 0],
            "colour": colour,
            "grade": np.where(X[:, 1] > 3, 2.0, np.nan),
            "unused": 1.0,
        }
    )


def test_columns_of_a_model_of_this_package(tmp_path):
    frame = make_frame()
    frame["grade"] = frame["grade"].astype(object)
    value = X[:, 0] + (frame["colour"] == "red") - (frame["colour"].isna())
    student = TreeStudentRegressor(max_leaf_nodes=30, random_state=0).fit(frame, value)
    teacher = as_teacher(to_onnx(student, tmp_path / "m.onnx"), task="regression")
    np.testing.assert_allclose(teacher.predict(frame), student.predict(frame), rtol=1e-9)
    # Found by name, in any order, with others beside them; without names by position.
    np.testing.assert_allclose(
        teacher.predict(frame.assign(more=0)[["more", *frame.columns[::-1]]]),
        student.predict(frame),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        teacher.predict(frame.to_numpy(dtype=object)), student.predict(frame), rtol=1e-9
    )
    with pytest.raises(ValueError, match=r"X lacks \['colour'\], which teacher m.onnx takes"):
        teacher.check_features(frame.drop(columns="colour"))
    with pytest.raises(TeacherError, match="X has 2 columns without names"):
        teacher.predict(frame.to_numpy(dtype=object)[:, :2])


def columns_model(kinds):
    """One input for each column, strings and numbers, whose sum or lengths are returned."""
    inputs = [helper.make_tensor_value_info(name, kind, ["N", 1]) for name, kind in kinds.items()]
    nodes, summands = [], []
    for name, kind in kinds.items():
        if kind == onnx.TensorProto.STRING:
            keys = {"keys_strings": ["x", "5"], "values_floats": [10.0, 20.0]}
            nodes.append(
                helper.make_node(
                    "LabelEncoder",
                    [name],
                    [f"{name}_n"],
                    domain="ai.onnx.ml",
                    default_float=0.0,
                    **keys,
                )
            )
        else:
            nodes.append(helper.make_node("Cast", [name], [f"{name}_n"], to=FLOAT))
        summands.append(f"{name}_n")
    nodes.append(helper.make_node("Sum", summands, ["variable"]))
    return make_model(nodes, inputs, [matrix("variable", 1)]).SerializeToString()


def test_inputs_of_foreign_models_are_found_by_name():
    pd = pytest.importorskip("pandas")
    types = onnx.TensorProto
    kinds = {"age": types.INT64, "word": types.STRING, "size": types.DOUBLE, "old": types.BOOL}
    teacher = as_teacher(OnnxTeacher(columns_model(kinds)), task="regression")
    frame = pd.DataFrame(
        {
            "word": ["x", "y", "5"],
            "old": [True, False, True],
            "size": [0.5, 0.25, 0.0],
            "age": [1, 2, 3],
        }
    )
    np.testing.assert_allclose(teacher.predict(frame), [12.5, 2.25, 24.0])
    numbers = frame.assign(word=[5, 6, 5])
    np.testing.assert_allclose(teacher.predict(numbers), [22.5, 2.25, 24.0])
    with pytest.raises(TeacherError, match="column 'age' of X has values that are missing or not"):
        teacher.predict(frame.assign(age=[1.5, 2, 3]))
    with pytest.raises(TeacherError, match="column 'word' of X has missing values"):
        teacher.predict(frame.assign(word=["x", None, "y"]))
    with pytest.raises(TeacherError, match="column 'size' of X holds strings"):
        teacher.predict(frame.assign(size=list("abc")))


def test_what_rows_do_not_fit_to():
    wide = helper.make_tensor_value_info("b", FLOAT, ["N", 2])
    node = helper.make_node("Add", ["a", "b"], ["out"])
    model = make_model([node], [matrix("a", 1), wide], [matrix("out", 2)])
    with pytest.raises(ValueError, match=r"input 'b' of shape \['N', 2\].*not that of a column"):
        OnnxTeacher(model.SerializeToString())
    teacher = OnnxTeacher(linear_model().SerializeToString(), output="logits")
    with pytest.raises(TeacherError, match="X has 3 columns, the model takes 4"):
        teacher.predict_proba(X[:, :3], [0, 1, 2])


def test_several_outputs():
    model = linear_model()
    model.graph.node.append(helper.make_node("Identity", ["output"], ["more"]))
    model.graph.output.append(matrix("more", 3))
    with pytest.raises(ValueError, match=r"has the outputs \['output', 'more'\]"):
        OnnxTeacher(model.SerializeToString(), output="logits")


def test_a_session_is_known_by_its_outputs_alone():
    content = classifier(["c", "a", "b"], zipmap=True).SerializeToString()
    session = onnxruntime.InferenceSession(content)
    teacher = as_teacher(session, task="classification")
    assert teacher.classes is None
    P = teacher.predict_proba(X, ["a", "b", "c"])
    np.testing.assert_allclose(P, expected_proba()[:, [1, 2, 0]], atol=1e-5)
    with pytest.raises(TeacherError, match="give the path of the model"):
        teacher.fingerprint()
    with pytest.raises(TypeError, match="give the path of the model"):
        pickle.dumps(teacher)
    assert keep_fitted(session) is session


def test_fingerprint_is_that_of_the_content(tmp_path):
    path = write(linear_model(), tmp_path / "m.onnx")
    key = OnnxTeacher(path, output="logits").fingerprint()
    assert OnnxTeacher(path.read_bytes(), output="logits").fingerprint() == key
    assert OnnxTeacher(path, output="logits", classes=list("abc")).fingerprint() != key
    changed = linear_model()
    changed.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(W + 1, "W"))
    write(changed, path)
    assert OnnxTeacher(path, output="logits").fingerprint() != key


def test_weights_in_a_further_file(tmp_path):
    teachers = []
    for factor in (np.float32(1), np.float32(2)):
        model, folder = linear_model(), tmp_path / str(factor)
        folder.mkdir()  # onnx appends to a file that is there
        model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(W * factor, "W"))
        options = {"save_as_external_data": True, "location": "m.data", "size_threshold": 0}
        onnx.save_model(model, folder / "m.onnx", **options)
        teachers.append(OnnxTeacher(folder / "m.onnx", output="logits"))
    first, second = teachers
    assert first.model != second.model
    np.testing.assert_allclose(first.predict_proba(X, [0, 1, 2]), expected_proba(), atol=1e-5)
    assert (tmp_path / "1.0" / "m.onnx").read_bytes() == (tmp_path / "2.0" / "m.onnx").read_bytes()
    assert first.fingerprint() != second.fingerprint()


@pytest.mark.parametrize("form", ["absolute", "outside", "missing", "folder"])
def test_no_file_is_opened_outside_the_folder(form, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(W.tobytes())
    named = {"absolute": str(secret), "outside": "../secret", "missing": "gone", "folder": "."}
    model = linear_model()
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, location=named[form])
    tensor.ClearField("raw_data")
    path, opened = write(model, tmp_path / "in" / "m.onnx"), []
    monkeypatch.setattr(type(path), "open", lambda self, *args: opened.append(self))
    monkeypatch.setattr(type(path), "read_bytes", lambda self: model.SerializeToString())
    with pytest.raises(ValueError, match="which is no file in its folder"):
        OnnxTeacher(path, output="logits")
    assert not opened


def test_a_changed_file_is_not_unpickled(tmp_path):
    path = write(classifier(["a", "b", "c"], zipmap=False), tmp_path / "m.onnx")
    pickled = pickle.dumps(OnnxTeacher(path))
    assert pickle.loads(pickled).classes.tolist() == ["a", "b", "c"]
    write(classifier(["c", "b", "a"], zipmap=False), path)
    with pytest.raises(TeacherError, match=r"m\.onnx', has changed since.*make a new OnnxTeacher"):
        pickle.loads(pickled)


def test_what_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'gone.onnx' is not there"):
        as_teacher("gone.onnx", task="classification")
    with pytest.raises(ValueError, match="no ONNX model"):
        as_teacher(write(b"text", tmp_path / "m.onnx"), task="classification")
    with pytest.raises(TypeError, match=r"path of an ONNX file.*got int"):
        OnnxTeacher(1)
    with pytest.raises(TypeError, match="type str is not understood"):
        as_teacher("model.pkl", task="classification")


def test_a_model_that_onnx_runtime_cannot_run():
    node = helper.make_node("NoSuchOperator", ["X"], ["output"])
    content = make_model([node], [matrix()], [matrix("output", 3)]).SerializeToString()
    with pytest.raises(ValueError, match=r"ONNX model cannot be run .*NoSuchOperator"):
        OnnxTeacher(content)


def test_distillation_from_a_file(tmp_path):
    path = write(classifier([0, 1, 2], zipmap=False), tmp_path / "m.onnx")
    y = expected_proba().argmax(axis=1)
    fits = [
        DistilledClassifier(
            str(path),
            student="linear",
            search_budget=0,
            memory=str(tmp_path / "cache"),
            random_state=0,
        ).fit(X, y)
        for _ in range(2)
    ]
    assert fits[0].distillation_.teacher_labels == "in_sample"
    assert fits[1].distillation_.teacher_rows_scored == 0
    assert fits[0].fidelity(X)["agreement"] > 0.9
    copy = pickle.loads(pickle.dumps(fits[0]))
    np.testing.assert_array_equal(
        copy.teacher_.predict_proba(X, [0, 1, 2]), fits[0].teacher_.predict_proba(X, [0, 1, 2])
    )
    student = TreeStudentRegressor(random_state=0).fit(X, X[:, 2])
    regressor = to_onnx(student, tmp_path / "r.onnx")
    assert find_task(str(regressor)) == "regression"
    distilled = DistilledRegressor(str(regressor), student="tree", search_budget=0, random_state=0)
    assert distilled.fit(X, X[:, 2]).score(X, X[:, 2]) > 0.9


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        LogisticRegression(max_iter=1000),
        make_pipeline(StandardScaler(), MLPClassifier(max_iter=2000, tol=0.01, random_state=0)),
    ],
    ids=["forest", "logistic", "mlp"],
)
@pytest.mark.parametrize("y", [CODES, NAMES], ids=["int", "str"])
def test_models_of_skl2onnx(model, y, zipmap):
    skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    model.fit(X, y)
    # Scores of single precision: it has no double tree.
    made = skl2onnx.to_onnx(model, X[:1].astype(np.float32), options={"zipmap": zipmap})
    teacher = as_teacher(OnnxTeacher(made.SerializeToString()), task="classification")
    assert teacher.classes.tolist() == model.classes_.tolist()
    P = teacher.predict_proba(X, model.classes_)
    np.testing.assert_allclose(P, model.predict_proba(X), atol=1e-5)


def test_texts_and_numbers_of_skl2onnx():
    skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    kinds = skl2onnx.common.data_types
    texts = ["a good film", "a bad film", "good", "bad bad film"]
    model = make_pipeline(TfidfVectorizer(lowercase=False), LogisticRegression()).fit(
        texts, [1, 0, 1, 0]
    )
    made = skl2onnx.to_onnx(model, initial_types=[("text", kinds.StringTensorType([None, 1]))])
    teacher = OnnxTeacher(made.SerializeToString())
    P = teacher.predict_proba(texts, [0, 1])
    np.testing.assert_allclose(P, model.predict_proba(texts), atol=1e-5)
    linear = LinearRegression().fit(X, X[:, 2] - 2 * X[:, 1])
    made = skl2onnx.to_onnx(linear, X[:1])
    teacher = as_teacher(OnnxTeacher(made.SerializeToString()), task="regression")
    np.testing.assert_allclose(teacher.predict(X), linear.predict(X), atol=1e-9)


def test_models_of_onnxmltools():
    tools = pytest.importorskip("onnxmltools", reason="needs onnxmltools")
    lightgbm = pytest.importorskip("lightgbm")
    from onnxmltools.convert.common.data_types import FloatTensorType

    for y in (CODES, NAMES, CODES.clip(max=1)):
        model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(X, y)
        for zipmap in (False, True):
            made = tools.convert_lightgbm(
                model, initial_types=[("X", FloatTensorType([None, 4]))], zipmap=zipmap
            )
            teacher = OnnxTeacher(made.SerializeToString())
            assert teacher.classes.tolist() == model.classes_.tolist()
            P = teacher.predict_proba(X, model.classes_)
            np.testing.assert_allclose(P, model.predict_proba(X), atol=1e-5)


def test_models_exported_by_torch(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).eval()
    rows = torch.tensor(X, dtype=torch.float32)
    path = tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of the exporter that needs no more packages
        torch.onnx.export(
            net,
            (rows[:2],),
            path,
            dynamo=False,
            input_names=["X"],
            dynamic_axes={"X": {0: "N"}},
        )
    teacher = OnnxTeacher(path, output="logits")
    expected = net(rows).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), expected, atol=1e-5)
