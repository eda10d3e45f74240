"""Files with a valid checksum and absurd contents: refused, or a student that just predicts."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_students import FAMILIES, TABLES, TASKS, fitted, predictions

from skdistill import __version__
from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import pack, unpack
from skdistill.persistence._student import decode, encode

LIMIT = 2**24


def take_apart(family, task="three", table="mixed"):
    return unpack(encode(fitted(family, task, table)))


def refuse(document, arrays, message):
    with pytest.raises(PersistenceError, match=message):
        decode(pack(document, arrays), max_bytes=LIMIT)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([2**31, -(2**63), 10**40])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=2)
)


def change_document(data, node):
    """Replace, remove or add something, somewhere in a document."""
    while True:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        action = data.draw(st.sampled_from(["go", "go", "go", "set", "remove", "repeat"]))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if action == "go" and isinstance(node[key], dict | list):
            node = node[key]
            continue
        if action == "remove":
            del node[key]
        elif action == "repeat" and isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = data.draw(values)
        return


def change_array(data, arrays):
    """Change numbers, the length or the type of an array, or leave it out."""
    name = data.draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    action = data.draw(st.sampled_from(["number", "number", "number", "length", "type", "remove"]))
    if action == "remove":
        del arrays[name]
    elif action == "length":
        arrays[name] = np.concatenate([array, array]) if array.ndim else array[None]
    elif action == "type":
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(data.draw(st.sampled_from(["f4", "f8", "i4", "?"])))
    elif array.size:
        flat = array.copy().ravel()
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, array.size - 1))
            if array.dtype.kind == "f":
                number = data.draw(st.floats(width=32 if array.itemsize == 4 else 64))
            else:
                bounds = np.iinfo(array.dtype if array.dtype.kind == "i" else np.uint8)
                small = st.integers(max(-8, bounds.min), 8)
                number = data.draw(small | st.integers(bounds.min, bounds.max))
            flat[place] = number
        arrays[name] = flat.reshape(array.shape)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_file_says_it_is_refused_or_predicts(family, data):
    task, table = data.draw(st.sampled_from(TASKS)), data.draw(st.sampled_from(TABLES))
    document, arrays = take_apart(family, task, table)
    for _ in range(data.draw(st.integers(1, 2))):
        if arrays and data.draw(st.booleans()):
            change_array(data, arrays)
        else:
            change_document(data, document)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of casts in this test
            written = pack(document, arrays)
        student = decode(written, max_bytes=LIMIT)
    except PersistenceError:
        return
    if student.n_features_in_ > 1000:
        return
    X = np.random.default_rng(0).normal(size=(20, student.n_features_in_)) * 100.0
    X[::4, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sums of absurd numbers overflow; names are missed
        for rows in (X, X[:1]):
            assert len(predictions(student, rows)) == len(rows)


@pytest.mark.parametrize("family", ["tree", "tree_linear", "boosting", "pruned"])
def test_trees_that_are_none(family):
    document, arrays = take_apart(family)
    n_splits, n_leaves = len(arrays["trees.left"]), len(arrays["trees.value"])

    def changed(name, place, number):
        other = arrays[name].astype("i4" if arrays[name].dtype.kind == "i" else "f8")
        other[place] = number
        return {**arrays, name: other}

    refuse(document, changed("trees.left", 0, n_splits), "outside of")
    refuse(document, changed("trees.left", 0, -n_leaves - 1), "outside of")
    refuse(document, changed("trees.left", 0, 0), "child of none, or of several")
    refuse(document, changed("trees.left", 0, arrays["trees.right"][0]), "child of none")
    refuse(document, changed("trees.feature", 0, 100), "outside of")
    refuse(document, changed("trees.feature", 0, -1), "outside of")
    refuse(document, changed("trees.threshold", 0, np.nan), "not finite")
    if "trees.roots" in arrays:
        refuse(document, changed("trees.roots", 0, 1), "child of none")
        refuse(document, changed("trees.output", 0, 3), "outside of")


def test_a_circle_apart_from_the_root():
    document, arrays = take_apart("tree", "value", "numbers")
    # The root has two leaves; splits 1 and 2 have each other and the other two leaves.
    arrays.update(
        {
            "trees.feature": arrays["trees.feature"][:1].repeat(3),
            "trees.threshold": np.zeros(3),
            "trees.left": np.array([-1, 2, 1]),
            "trees.right": np.array([-2, -3, -4]),
            "trees.missing_left": np.zeros(3, dtype=bool),
            "trees.value": np.zeros((4, 1)),
            "leaf_shares": np.full(4, 0.25),
        }
    )
    refuse(document, arrays, "circle")
    arrays["trees.left"] = np.array([1, 2, -1])
    assert decode(pack(document, arrays), max_bytes=LIMIT).n_leaves_ == 4


def test_a_long_chain_is_checked_quickly():
    n = 200_000
    document, arrays = take_apart("tree", "value", "numbers")
    arrays.update(
        {
            "trees.feature": arrays["trees.feature"][:1].repeat(n),
            "trees.threshold": np.zeros(n),
            "trees.left": np.append(np.arange(1, n), -n - 1),
            "trees.right": ~np.arange(n),
            "trees.missing_left": np.zeros(n, dtype=bool),
            "trees.value": np.zeros((n + 1, 1)),
            "leaf_shares": np.zeros(n + 1),
        }
    )
    assert decode(pack(document, arrays), max_bytes=LIMIT).n_leaves_ == n + 1


def test_booleans_of_other_bytes_are_refused():
    document, arrays = take_apart("tree", "value", "numbers")
    arrays["trees.missing_left"] = np.full(len(arrays["trees.left"]), 2, np.uint8).view(bool)
    refuse(document, arrays, "neither 0 nor 1")


def set_in(document, path, value):
    *way, last = path
    for key in way:
        document = document[key]
    document[last] = value


@pytest.mark.parametrize(
    ("family", "path", "value", "message"),
    [
        ("linear", ["student"], "LinearStudentRegressor", "unknown parameter 'max_iter'"),
        ("linear", ["student"], "TreeStudentClassifier", "parameter"),
        ("linear", ["extra"], 1, "unknown entries: extra"),
        ("linear", ["fitted", "extra"], 1, "unknown entries: extra"),
        ("linear", ["params", "power"], 1, "unknown parameter 'power'"),
        ("linear", ["params", "alpha"], "hello", "that no student has: alpha must be"),
        ("linear", ["params", "tol"], None, "that no student has: tol must be"),
        ("tree", ["params", "max_leaf_nodes"], "hello", "no student has: max_leaf_nodes must be"),
        ("tree", ["params", "random_state"], [1, 2], "no student has: .*seed"),
        ("tree", ["params", "random_state"], -1, "no student has: .*eed must be"),
        ("mlp_standard", ["params", "hidden_layer_sizes"], [], "no student has: hidden_layer"),
        ("boosting", ["params", "backend"], "none", "no student has: backend must be"),
        ("linear", ["skdistill"], 1, "a string is expected"),
        ("linear", ["skdistill"], "1.0\n\x1b[2J", "a version is expected"),
        ("linear", ["params"], [], "no JSON object"),
        ("linear", ["params", "alpha"], {"a": 1}, "plain value"),
        ("linear", ["params", "alpha"], {"float": "1"}, "plain value"),
        ("linear", ["params", "alpha"], [[1]], "plain value"),
        ("linear", ["n_features_in"], 0, "integer from 1"),
        ("linear", ["n_features_in"], 7, "a list of 7"),
        ("linear", ["n_features_in"], 2**20 + 1, "integer from 1 to 1048576"),
        ("linear", ["n_features_in"], True, "integer from 1"),
        ("linear", ["feature_names_in"], ["a", "b", "c", "d", "e", 6], "a list of str"),
        ("linear", ["feature_names_in"], list("abcdea"), "two columns have the same name"),
        ("linear", ["classes", "labels"], [1], "two classes or more"),
        ("linear", ["classes", "labels"], [1, 3, 2], "not increasing"),
        ("linear", ["classes", "labels"], [1, 1, 2], "not increasing"),
        ("linear", ["classes", "labels"], [1, 2.5, 3], "not of their dtype"),
        ("linear", ["classes", "labels"], [1, "a", 3], "do not fit together"),
        ("linear", ["classes", "labels"], [1, 2, 2**63], "do not fit together"),
        ("linear", ["classes", "labels"], [1, 2, 2**64], "plain value"),
        ("linear", ["classes", "labels"], [1, 2, 3, 4], "'coef' has"),
        ("linear", ["classes", "dtype"], "O", "dtype 'O'"),
        ("linear", ["classes", "dtype"], "<M8[s]", "dtype"),
        ("linear", ["classes", "dtype"], "<U9999999", "more than max_bytes"),
        ("linear", ["classes", "dtype"], "<U2000", "<U2000, but at most 0 characters"),
        ("linear", ["classes"], {"dtype": "object", "labels": [False, 0, 1]}, "not increasing"),
        ("linear", ["classes", "dtype"], "|b1", "not of their dtype"),
        ("linear", ["encoder"], None, "no JSON object"),
        ("linear", ["encoder", "n_numeric"], 2, "numbers, not 2"),
        ("linear", ["encoder", "names"], ["a"], "a list of 6"),
        ("linear", ["encoder", "categories", 0, "column"], 6, "integer from 0 to 5"),
        ("linear", ["encoder", "categories", 0, "column"], 4, "wrong codes"),
        ("linear", ["encoder", "categories", 0, "other"], 0, "integer from -1 to -1"),
        ("linear", ["encoder", "categories", 0, "codes", 0], 1, "wrong codes"),
        ("linear", ["encoder", "categories", 0, "codes"], [0], "a list of"),
        ("linear", ["encoder", "categories", 0, "levels", 0], {"float": "nan"}, "not distinct"),
        ("linear", ["encoder", "categories", 0, "levels"], [1, True, 1.0, "a", 2, 3], "distinct"),
        ("linear", ["encoder", "categories", 0, "strings"], False, "but held no strings"),
        ("linear", ["encoder", "categories", 0, "strings"], 1, "true or false"),
        ("tree_linear", ["encoder", "categories", 0, "codes", 0], -1, "wrong codes"),
        ("tree_linear", ["encoder", "categories", 0, "other"], -1, "integer from 0"),
        ("mlp_quantile", ["fitted", "n_layers"], 4, "lacks the array 'coefs.3'"),
        ("mlp_quantile", ["fitted", "n_layers"], 2, "unknown arrays: coefs.2"),
        ("mlp_quantile", ["fitted", "input_transform"], "standard", "unknown arrays: tables"),
        ("mlp_standard", ["fitted", "input_transform"], "quantile", "lacks the array 'tables"),
        ("mlp_standard", ["fitted", "alpha"], "1", "a number"),
        ("boosting", ["fitted", "zero_is_missing"], 0, "true or false"),
        ("pruned", ["encoder"], {}, "no list"),
        ("pruned", ["encoder", 0, "input"], 6, "integer from 0 to 5"),
    ],
)
def test_entries_that_do_not_fit(family, path, value, message):
    document, arrays = take_apart(family)
    set_in(document, path, value)
    refuse(document, arrays, message)


@pytest.mark.parametrize(
    ("family", "name", "change", "message"),
    [
        ("linear", "coef", lambda a: a[:, 1:], "'coef' has"),
        ("linear", "coef", lambda a: a * np.inf, "not finite"),
        ("linear", "coef", lambda a: a > 0, "kind 'f'"),
        ("linear", "encoder.missing", lambda a: a[[0, 0]], "or twice"),
        ("linear", "encoder.missing", lambda a: a + 3, "of a category"),
        ("linear", "encoder.means", lambda a: a[:-1], "'encoder.means' has"),
        ("tree", "encoder.read", lambda a: a[:-1], "not all categories|does not read"),
        ("tree", "encoder.read", lambda a: a[::-1], "reads columns twice"),
        ("tree", "leaf_shares", lambda a: a[:-1], "'leaf_shares' has"),
        ("tree", "leaf_shares", lambda a: a - 1.0, "a negative share"),
        ("tree", "trees.value", lambda a: a * 1.001, "no probabilities"),
        ("tree", "trees.value", lambda a: a * [[-1.0, 1.0, 1.0]] + [[0.9, 0, 0]], "no probab"),
        ("tree", "missing_features", lambda a: np.array([0, 0]), "not increasing"),
        ("tree", "missing_features", lambda a: np.array([1, 0]), "not increasing"),
        ("tree", "missing_features", lambda a: np.array([6]), "outside of"),
        ("tree_linear", "leaves.slope", lambda a: a[:, :, :1], "'leaves.slope' has"),
        ("additive", "terms.columns", lambda a: a[:-1], "n_cuts"),
        ("additive", "terms.columns", lambda a: a * 0, "the same one twice"),
        ("additive", "terms.columns", lambda a: a - 1, "has no column|outside"),
        ("additive", "terms.n_cuts", lambda a: a + 1, "'terms.cuts' has"),
        ("additive", "terms.cuts", lambda a: a[::-1], "not increasing"),
        ("additive", "terms.points", lambda a: a[1:], "'terms.points' has"),
        ("mlp_quantile", "tables.ends", lambda a: a[::-1], "tables.knots|negative|increasing"),
        ("mlp_quantile", "tables.ends", lambda a: a - 1, "'tables.knots' has|outside"),
        ("mlp_quantile", "tables.knots", lambda a: a[::-1], "not increasing"),
        ("boosting", "init", lambda a: a[:1], "'init' has"),
    ],
)
def test_arrays_that_do_not_fit(family, name, change, message):
    document, arrays = take_apart(family)
    arrays[name] = change(arrays[name])
    refuse(document, arrays, message)


def test_parameters_that_a_file_lacks_have_their_defaults():
    document, arrays = take_apart("linear")
    del document["params"]["max_iter"]
    assert decode(pack(document, arrays), max_bytes=LIMIT).max_iter == 1000


def test_columns_of_trees_that_contradict_one_another():
    document, arrays = take_apart("pruned")
    place = next(i for i, column in enumerate(document["encoder"]) if "levels" in column)
    column = document["encoder"][place]
    number = next(i for i, other in enumerate(document["encoder"]) if "levels" not in other)
    column["strings"] = True
    document["encoder"][number]["input"] = column["input"]
    refuse(document, arrays, "holds strings and does not")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["student"], "ForestStudentClassifier"),
        (["params", "power"], 1),
        (["extra"], 1),
        (["fitted", "extra"], 1),
        (["encoder", "extra"], 1),
        (["arrays", "extra"], 1),
        (["fitted", "input_transform"], "spline"),
    ],
)
def test_what_a_newer_release_wrote_is_refused_with_the_remedy(path, value):
    document, arrays = take_apart("mlp_standard")
    document["skdistill"] = "7.8.9"
    if path[0] == "arrays":
        arrays["extra"] = np.zeros(1)
    else:
        set_in(document, path, value)
    remedy = "was written by skdistill 7.8.9: load it with that release or newer"
    refuse(document, arrays, f"(unknown|expected).*this is skdistill {__version__}.*{remedy}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["skdistill"], "9" * 10_000),
        (["student"], "x" * 10_000),
        (["x" * 10_000], 1),
        (["params", "x" * 10_000], 1),
        (["params", "alpha"], "x" * 10_000),
        (["classes", "labels"], [1, 2, "x" * 10_000]),
        (["classes", "dtype"], "x" * 10_000),
        (["feature_names_in"], ["x" * 10_000] * 6),
        (["fitted", "x" * 10_000], 1),
    ],
)
def test_messages_are_short(path, value):
    document, arrays = take_apart("linear")
    set_in(document, path, value)
    with pytest.raises(PersistenceError) as error:
        decode(pack(document, arrays), max_bytes=LIMIT)
    assert len(str(error.value)) < 700
