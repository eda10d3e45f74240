import sys

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks import peers
from benchmarks.datasets import load, split
from benchmarks.encoding import make_encoder
from benchmarks.methods import Context
from benchmarks.students import StudentSpec
from benchmarks.tasks import SkippedError

NEEDS = {"figs": "imodels", "hstree_cv": "imodels", "trustee": "trustee"}


def context(task):
    name = "sklearn:wine" if task == "classification" else "sklearn:diabetes"
    parts = split(load(name), 0, 200, 100)
    tree = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    teacher = make_pipeline(make_encoder(), tree(random_state=0)).fit(parts.X_train, parts.y_train)
    return Context(parts, task, teacher, StudentSpec("tree", "8"), 0, None)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", NEEDS)
# The peers' own warnings are not ours to mend.
@pytest.mark.filterwarnings("ignore")
def test_peers_stay_within_the_leaves_and_learn(name, task, monkeypatch):
    pytest.importorskip(NEEDS[name])
    monkeypatch.setattr(peers, "TRUSTEE_ROUNDS", 5)
    given = context(task)
    fitted = peers.fit(name, given)
    again = peers.fit(name, given)
    X, y = given.split.X_test, given.split.y_test
    assert 1 < fitted.model.n_leaves_ <= 8
    np.testing.assert_array_equal(fitted.model.predict(X), again.model.predict(X))
    if task == "classification":
        np.testing.assert_allclose(fitted.model.predict_proba(X).sum(axis=1), 1.0)
        assert np.mean(fitted.model.predict(X) == y) > 0.7
    else:
        assert np.corrcoef(fitted.model.predict(X), y)[0, 1] > 0.1


@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_that_is_not_installed_is_skipped_with_the_reason(name, monkeypatch):
    for package in ("imodels", "trustee", "tabtune", "autogluon", "autogluon.tabular"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SkippedError, match="could not be imported"):
        peers.fit(name, context("classification"))


def test_an_unknown_peer_is_told():
    with pytest.raises(ValueError, match="name must be one of"):
        peers.fit("oracle", context("classification"))


def test_the_global_generator_is_left_as_it_was(monkeypatch):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    monkeypatch.setitem(peers.PEERS, "made", lambda given: np.random.rand())  # noqa: NPY002
    assert peers.fit("made", context("regression")) == peers.fit("made", context("regression"))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
