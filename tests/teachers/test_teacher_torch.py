"""Teachers of PyTorch, run by PyTorch."""

import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, softmax
from sklearn.base import clone

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import TeacherError
from skdistill.knowledge import FeatureKnowledge
from skdistill.teachers import TorchTeacher, as_teacher, keep_fitted

torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")
nn = torch.nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))


def make_net(n_outputs=3, *, extra=(), seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, n_outputs), *extra]
    return nn.Sequential(*layers)


def weights(net):
    return [p.detach().numpy().astype(float) for p in net.parameters()]


def hidden(net, rows=X):
    W, b, *_ = weights(net)
    return np.maximum(rows @ W.T + b, 0)


def logits(net, rows=X):
    *_, V, c = weights(net)
    return hidden(net, rows) @ V.T + c


class Recorder(nn.Module):
    """Returns the first columns, and notes how it was called."""

    def __init__(self):
        super().__init__()
        self.part = nn.Dropout(0.9)
        self.calls = []

    def forward(self, rows):
        self.calls.append((tuple(rows.shape), rows.dtype, self.training, torch.is_grad_enabled()))
        return self.part(rows)[:, :2]


class Embedded(nn.Module):
    """Takes a column of codes beside numbers."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(3, 2)
        self.head = nn.Linear(3, 2)

    def forward(self, codes, numbers):
        return self.head(torch.cat([self.table(codes), numbers], dim=1))


def test_logits_are_those_of_the_layers():
    net = make_net()
    teacher = TorchTeacher(net, output="logits", classes=["c", "a", "b"])
    expected = softmax(logits(net), axis=1)
    P = teacher.predict_proba(X, ["a", "b", "c"])
    np.testing.assert_allclose(P, expected[:, [1, 2, 0]], atol=1e-6)
    in_frame = sp.csr_matrix(X)
    np.testing.assert_array_equal(teacher.predict_proba(in_frame, ["a", "b", "c"]), P)
    assert teacher.classes.tolist() == ["a", "b", "c"]
    assert teacher.name == "Sequential"
    assert teacher.is_fitted
    assert not teacher.refittable
    assert teacher.fitted_models == [net]
    assert clone(teacher) is teacher


def test_probabilities_and_predictions():
    net = make_net(extra=[nn.Softmax(dim=1)])
    teacher = TorchTeacher(net, output="probabilities")
    assert teacher.has_implicit_order
    expected = softmax(logits(net), axis=1)
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), expected, atol=1e-6)
    single = make_net(1)
    values = as_teacher(TorchTeacher(single, output="predictions"), task="regression").predict(X)
    np.testing.assert_allclose(values, logits(single)[:, 0], atol=1e-6)
    odds = TorchTeacher(single, output="logits").predict_proba(X, [0, 1])
    np.testing.assert_allclose(odds[:, 1], expit(logits(single)[:, 0]), atol=1e-6)
    with pytest.raises(ValueError, match=r"returns logits.*give TorchTeacher\("):
        as_teacher(TorchTeacher(net, output="logits"), task="regression")


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_batches_do_not_matter(batch_size):
    net = make_net()
    whole = TorchTeacher(net, output="logits", batch_size=50).predict_proba(X, [0, 1, 2])
    teacher = TorchTeacher(net, output="logits", batch_size=batch_size)
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), whole, atol=1e-6)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.coo_array, sp.csc_matrix])
def test_a_sparse_table_is_dense_batch_by_batch(make, monkeypatch):
    rows, shapes = make(X), []
    for kind in (sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_array):
        to_array = kind.toarray
        monkeypatch.setattr(
            kind,
            "toarray",
            lambda self, *args, f=to_array: shapes.append(self.shape) or f(self, *args),
        )
    teacher = TorchTeacher(make_net(), output="logits", batch_size=20)
    P = teacher.predict_proba(rows, [0, 1, 2])
    assert shapes == [(20, 4), (20, 4), (10, 4)]
    np.testing.assert_array_equal(P, teacher.predict_proba(X, [0, 1, 2]))


def test_it_runs_in_evaluation_mode_and_leaves_no_trace():
    module = Recorder()
    module.part.eval()  # frozen by the user; the rest is in training mode
    teacher = TorchTeacher(module, output="logits", batch_size=20)
    P = teacher.predict_proba(X, [0, 1])
    np.testing.assert_allclose(P, softmax(X[:, :2], axis=1), atol=1e-6)
    assert module.calls == [((n, 4), torch.float32, False, False) for n in (20, 20, 10)]
    assert module.training
    assert not module.part.training
    assert torch.is_grad_enabled()


def test_modes_are_restored_after_a_failure():
    module = Recorder()
    with pytest.raises(TeacherError, match="teacher Recorder failed in predict_proba on 50 rows"):
        TorchTeacher(module, output="logits").predict_proba(X[:, 0], [0, 1])
    assert module.training
    assert module.part.training


def test_numbers_get_the_dtype_of_the_parameters():
    net = make_net().double()
    P = TorchTeacher(net, output="logits").predict_proba(X, [0, 1, 2])
    np.testing.assert_allclose(P, softmax(logits(net), axis=1), atol=1e-14)


def test_preprocess_may_make_several_inputs():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"word": ["a", "c", "b", "a"], "x": [0.0, 1.0, 2.0, 3.0]})
    module = Embedded()

    def prepare(rows):
        codes = rows["word"].map({"a": 0, "b": 1, "c": 2}).to_numpy()
        return codes, torch.tensor(rows[["x"]].to_numpy())

    teacher = TorchTeacher(module, output="logits", preprocess=prepare, batch_size=3)
    P = teacher.predict_proba(frame, [0, 1])
    answer = module(torch.tensor([0, 2, 1, 0]), torch.arange(4.0)[:, None])
    np.testing.assert_allclose(P, softmax(answer.detach().numpy(), axis=1), atol=1e-6)
    with pytest.raises(TeacherError, match=r"no matrix of numbers.*preprocess=f"):
        TorchTeacher(module, output="logits").predict_proba(frame, [0, 1])
    short = TorchTeacher(module, output="logits", preprocess=lambda rows: np.zeros((1, 2)))
    with pytest.raises(TeacherError, match=r"arrays or tensors of 4 rows, got \(1, 2\)"):
        short.predict_proba(frame, [0, 1])


def test_an_answer_that_is_no_tensor():
    class Several(nn.Module):
        def forward(self, rows):
            return {"logits": rows}

    with pytest.raises(TypeError, match="returns a dict where a tensor is expected"):
        TorchTeacher(Several(), output="logits").predict_proba(X, [0, 1])


def test_representation():
    net = make_net()
    teacher = TorchTeacher(net, output="logits", batch_size=20)
    np.testing.assert_allclose(teacher.represent(X), hidden(net), atol=1e-6)
    np.testing.assert_allclose(teacher.represent(X, where="1"), hidden(net), atol=1e-6)
    np.testing.assert_allclose(teacher.represent(X, where="2"), logits(net), atol=1e-6)
    assert not net[1]._forward_hooks
    assert not net[2]._forward_pre_hooks
    with pytest.raises(TeacherError, match=r"\['0', '1', '2'\]: 'inner' is none of them"):
        teacher.represent(X, where="inner")
    with pytest.raises(TeacherError, match=r"has no torch\.nn\.Linear"):
        TorchTeacher(Recorder(), output="logits").represent(X)


def test_the_last_linear_is_the_one_that_runs_last():
    class Reversed(nn.Module):
        """The head is registered first, and called by the name of its argument."""

        def __init__(self):
            super().__init__()
            self.head, self.body, self.idle = net[2], net[:2], nn.Linear(4, 2)

        def forward(self, rows):
            return self.head(input=self.body(rows))

    net = make_net()
    module = Reversed()
    teacher = TorchTeacher(module, output="logits", batch_size=20)
    np.testing.assert_allclose(teacher.represent(X), hidden(net), atol=1e-6)
    assert not any(part._forward_pre_hooks for part in module.modules())


def test_a_hook_is_removed_after_a_failure():
    module = Recorder()
    with pytest.raises(TeacherError):
        TorchTeacher(module, output="logits").represent(X[:, 0], where="part")
    assert not module.part._forward_hooks


def test_a_module_that_is_never_used_shows_nothing():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle = nn.Linear(4, 2)

        def forward(self, rows):
            return rows[:, :2]

    with pytest.raises(TeacherError, match="'idle' is not used"):
        TorchTeacher(Idle(), output="logits").represent(X, where="idle")
    with pytest.raises(TeacherError, match=r"no torch\.nn\.Linear is used"):
        TorchTeacher(Idle(), output="logits").represent(X)


def test_fingerprint_sees_what_it_computes_with():
    def key(net, **options):
        return TorchTeacher(net, output="logits", **options).fingerprint()

    net = make_net()
    changed = make_net()
    with torch.no_grad():
        changed[0].bias[0] += 1
    other = nn.Sequential(net[0], nn.Tanh(), net[2])
    leaky = [nn.Sequential(net[0], nn.LeakyReLU(slope), net[2]) for slope in (0.1, 0.2)]
    keys = [key(net) for net in (net, changed, other, *leaky)]
    keys += [key(net, classes=list("abc")), key(net, preprocess=lambda X: X + 1)]
    assert len(set(keys)) == len(keys)
    assert key(make_net()) == keys[0]
    net.eval()
    assert key(net) == keys[0]
    assert key(net.to(torch.bfloat16)) != keys[0]


def test_fingerprint_is_the_same_in_another_process(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(make_net().state_dict(), path)
    code = f"""
import torch
from skdistill.teachers import TorchTeacher
nn = torch.nn
net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
net.load_state_dict(torch.load({str(path)!r}))
print(TorchTeacher(net, output="logits").fingerprint())
"""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert run.stdout.strip() == TorchTeacher(make_net(), output="logits").fingerprint()


def test_as_teacher_says_what_a_module_needs():
    net = make_net()
    with pytest.raises(TypeError, match=r"TorchTeacher\(module, output='logits'\)"):
        as_teacher(net, task="classification")
    assert keep_fitted(net) is net
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module, got function"):
        TorchTeacher(make_net, output="logits")
    with pytest.raises(TypeError, match="preprocess must be callable"):
        TorchTeacher(net, output="logits", preprocess=1)
    with pytest.raises(ValueError, match="batch_size"):
        TorchTeacher(net, output="logits", batch_size=0)
    with pytest.raises(ValueError, match="output must be"):
        TorchTeacher(net, output="scores")


def test_distillation_from_a_network(tmp_path):
    net = make_net()
    y = np.array(["a", "b", "c"])[logits(net).argmax(axis=1)]
    teacher = TorchTeacher(net, output="logits", classes=["a", "b", "c"])
    fits = [
        DistilledClassifier(
            teacher, student="linear", search_budget=0, memory=str(tmp_path), random_state=0
        ).fit(X, y)
        for _ in range(2)
    ]
    assert fits[0].distillation_.teacher_rows_scored > 0
    assert fits[1].distillation_.teacher_rows_scored == 0
    np.testing.assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))
    assert fits[0].distillation_.teacher_labels == "in_sample"
    assert fits[0].score(X, y) > 0.8
    copy = pickle.loads(pickle.dumps(fits[0]))
    np.testing.assert_array_equal(
        copy.teacher_.predict_proba(X, ["a", "b", "c"]), teacher.predict_proba(X, ["a", "b", "c"])
    )
    assert joblib.hash(weights(net)) == joblib.hash(weights(make_net()))  # left as it was


def test_distillation_of_a_regression():
    net = make_net(1)
    values = logits(net)[:, 0]
    teacher = TorchTeacher(net, output="predictions")
    student = DistilledRegressor(teacher, student="linear", search_budget=0, random_state=0)
    assert student.fit(X, values).score(X, values) > 0.5


@pytest.mark.parametrize("where", ["auto", "1"])
def test_features_of_a_network_are_knowledge(where):
    net = make_net()
    teacher = TorchTeacher(net, output="logits", classes=[0, 1, 2])
    options = {"student": "tree", "search_budget": 0, "augment": None, "random_state": 0}
    knowledge = ["response", FeatureKnowledge(representation=where, n_components=3)]
    model = DistilledClassifier(teacher, knowledge=knowledge, **options)
    model.fit(X, logits(net).argmax(axis=1))
    assert model.distillation_.knowledge
    assert model.score(X, logits(net).argmax(axis=1)) > 0.6
