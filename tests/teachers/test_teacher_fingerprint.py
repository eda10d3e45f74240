import functools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdistill.exceptions import TeacherError
from skdistill.teachers import CallableTeacher, as_teacher

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
Y = np.array([0, 0, 1, 1])
SCALE = {"factor": 1.0}


def key(function, **kwargs):
    return CallableTeacher(function, **{"output": "predictions", **kwargs}).fingerprint()


def define(source):
    """Define `f` as a script would: in a module, which a second run may have changed."""
    namespace = {"__name__": "script", "np": np}
    exec(textwrap.dedent(source), namespace)
    return namespace["f"]


def test_same_code_has_the_same_key():
    assert key(define("f = lambda X: X[:, 0]")) == key(define("\n\nf = lambda X: X[:, 0]"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(X): return X[:, 0] + 1.0", "def f(X): return X[:, 0] + 2.0"),
        ("def f(X): return np.sin(X)", "def f(X): return np.cos(X)"),
        ("def f(X, a=1): return a", "def f(X, a=2): return a"),
        ("def f(X, *, a=1): return a", "def f(X, *, a=2): return a"),
        ("m = 1\ndef f(X): return m", "m = 2\ndef f(X): return m"),
        ("m = 1\ndef f(X): return [m for _ in X]", "m = 2\ndef f(X): return [m for _ in X]"),
        (
            "def g(X): return 1\ndef f(X): return g(X)",
            "def g(X): return 2\ndef f(X): return g(X)",
        ),
        (
            "def make(a): return lambda X: X * a\nf = make(1)",
            "def make(a): return lambda X: X * a\nf = make(2)",
        ),
        ("def f(X): return X in {1, 2}", "def f(X): return X in {1, 3}"),
        ("def f(X): return (lambda x: x + 1)(X)", "def f(X): return (lambda x: x + 2)(X)"),
    ],
)
def test_changes_are_seen(before, after):
    assert key(define(before)) == key(define(before))
    assert key(define(before)) != key(define(after))


def test_state_of_what_is_called():
    weak, strong = LogisticRegression(C=0.1).fit(X, Y), LogisticRegression(C=10).fit(X, Y)
    assert key(weak.predict) != key(strong.predict)
    assert key(weak.predict) != key(weak.decision_function)
    assert key(lambda X: weak.predict(X)[0]) != key(lambda X: strong.predict(X)[0])
    assert key(functools.partial(np.multiply, 2)) != key(functools.partial(np.multiply, 3))
    assert key(weak.predict, classes=[0, 1]) != key(weak.predict, classes=[1, 0])


def scaled(X):
    return X * SCALE["factor"]


def test_globals_and_functions_that_use_themselves(monkeypatch):
    before = {key(scaled), key(functools.partial(scaled))}
    monkeypatch.setitem(SCALE, "factor", 2.0)
    assert len(before | {key(scaled), key(functools.partial(scaled))}) == 4

    def countdown(n):
        return n if n == 0 else countdown(n - 1)

    assert key(countdown) == key(countdown)


class Shift:
    def __init__(self, by):
        self.by = by

    def __call__(self, X):
        return X + self.by

    def back(self, X):
        return X - self.by


def test_objects_count_with_state_and_code(monkeypatch):
    before = key(Shift(1))
    assert before == key(Shift(1)) != key(Shift(2))
    monkeypatch.setattr(Shift, "__call__", lambda self, X: X - self.by)
    assert key(Shift(1)) != before
    before = key(Shift(1).back)
    assert before == key(Shift(1).back) != key(Shift(2).back)
    monkeypatch.setattr(Shift, "back", lambda self, X: X * self.by)
    assert key(Shift(1).back) != before


class Constant(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        return np.tile([self.rate, 1.0 - self.rate], (len(X), 1))

    @property
    def rate(self):
        return 0.2


class Derived(Constant):
    def fit(self, X, y):
        return super().fit(X, y)


@pytest.mark.parametrize("kind", [Constant, Derived])
def test_code_of_classes_that_are_not_installed_counts(kind, monkeypatch):
    teacher = as_teacher(kind().fit(X, Y), task="classification")
    keys = [teacher.fingerprint(), teacher.fingerprint()]
    assert keys[0] == keys[1]
    monkeypatch.setattr(Constant, "rate", property(lambda self: 0.7))
    keys.append(teacher.fingerprint())
    monkeypatch.setattr(Constant, "predict_proba", lambda self, X: np.tile([0.6, 0.4], (len(X), 1)))
    keys.append(teacher.fingerprint())
    assert len(set(keys)) == 3


def test_what_cannot_be_hashed():
    generator = (i for i in range(3))
    with pytest.raises(TeacherError, match=r"cannot be hashed.*memory=None"):
        key(lambda X: next(generator))


def test_estimators_with_lambdas_inside():
    def make(factor):
        return make_pipeline(FunctionTransformer(lambda X: X * factor), LogisticRegression())

    one, two = make(1.0).fit(X, Y), make(2.0).fit(X, Y)
    keys = [as_teacher(model, task="classification").fingerprint() for model in (one, two, one)]
    assert keys[0] == keys[2] != keys[1]


def test_key_is_the_same_in_another_process():
    code = """
    from sklearn.linear_model import LinearRegression
    from skdistill.teachers import CallableTeacher
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    f = lambda X: model.predict(X) if "b" not in {"a", "b", "c"} else {"x": 1, "y": {"p", "q"}}
    print(CallableTeacher(f, output="predictions").fingerprint())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert len(runs[0].stdout.strip()) == 32
    assert runs[0].stdout == runs[1].stdout


def test_masked_arrays():
    def with_mask(mask):
        array = np.ma.MaskedArray([1.0, 2.0], mask=mask)
        return key(lambda X: X + array)

    assert with_mask([True, False]) == with_mask([True, False]) != with_mask([False, False])


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_to_ask_nearest_neighbours_leaves_the_key_as_it_is(algorithm):
    def fit(X, **options):
        model = KNeighborsClassifier(1, algorithm=algorithm, **options).fit(X, Y)
        return as_teacher(model, task="classification")

    teacher = fit(X)
    key = teacher.fingerprint()
    teacher.predict_proba(X, [0, 1])
    assert teacher.fingerprint() == key == fit(X).fingerprint()
    others = [fit(X + 1), fit(X, p=1)]
    assert len({key, *(other.fingerprint() for other in others)}) == 3
