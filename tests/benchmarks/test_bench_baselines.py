from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_wine
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.baselines import HSTreeClassifier, HSTreeRegressor


def by_the_formula(cart, X, reg_param):
    """Sum the shrunken steps along every row's path."""
    tree = cart.tree_
    values = []
    for path in cart.decision_path(X):
        nodes = path.indices  # sorted by number, and so from root to leaf
        value = tree.value[nodes[0]].copy()
        for parent, child in pairwise(nodes):
            step = tree.value[child] - tree.value[parent]
            value += step / (1 + reg_param / tree.n_node_samples[parent])
        values.append(value[0])
    return np.array(values)


@pytest.mark.parametrize("reg_param", [0.0, 1.0, 100.0])
def test_probabilities_follow_the_formula(reg_param):
    X, y = load_wine(return_X_y=True)
    cart = DecisionTreeClassifier(max_leaf_nodes=8, random_state=0).fit(X, y)
    shrunk = HSTreeClassifier(8, reg_param=reg_param, random_state=0).fit(X, y)
    assert_allclose(shrunk.predict_proba(X), by_the_formula(cart, X, reg_param))
    assert shrunk.n_leaves_ == cart.get_n_leaves()


@pytest.mark.parametrize("reg_param", [0.0, 10.0])
def test_values_follow_the_formula(reg_param):
    X, y = load_diabetes(return_X_y=True)
    cart = DecisionTreeRegressor(max_leaf_nodes=16, random_state=0).fit(X, y)
    shrunk = HSTreeRegressor(16, reg_param=reg_param, random_state=0).fit(X, y)
    assert_allclose(shrunk.predict(X), by_the_formula(cart, X, reg_param)[:, 0])


def test_infinite_shrinkage_leaves_the_root():
    X, y = load_diabetes(return_X_y=True)
    assert_allclose(HSTreeRegressor(8, reg_param=1e15).fit(X, y).predict(X), y.mean())


def test_labels_of_any_kind_come_back():
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"], dtype=object)[y]
    assert set(HSTreeClassifier(4, random_state=0).fit(X, names).predict(X)) == {"a", "b", "c"}
