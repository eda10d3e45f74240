"""Trees on codes: routing, removal of splits, and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdistill.students._tree.bins import Bins, bin_columns
from skdistill.students._tree.coded_tree import STUMP, CodedTree

# Splits 0, 1 and 2 divide numbers at 4.5, 1.5 and 7.5; leaves from the left are 0, 1, 2 and 3.
SPLITS = [(0, 4, False), (0, 1, False), (0, 7, True)]
CHILDREN = [[1, 2], [~0, ~1], [~2, ~3]]


def digits() -> tuple[np.ndarray, Bins]:
    Z = np.arange(10.0)[:, None]
    return Z, bin_columns(Z, np.ones(10), np.random.default_rng(0))


def leaves(tree: CodedTree, bins: Bins) -> list[int]:
    return tree.route(bins, np.arange(len(bins)), tree.root).tolist()


def test_rows_find_their_leaves() -> None:
    _, bins = digits()
    tree = CodedTree.from_lists(SPLITS, CHILDREN)
    assert leaves(tree, bins) == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    assert leaves(STUMP, bins) == [0] * 10
    assert tree.top_down() == [0, 1, 2]
    assert tree.depths() == {0: 0, 1: 1, 2: 1, ~0: 2, ~1: 2, ~2: 2, ~3: 2}
    seen = {node: rows.tolist() for node, rows, _ in tree.rows_of_splits(bins)}
    assert seen == {0: list(range(10)), 1: list(range(5)), 2: list(range(5, 10))}


@pytest.mark.parametrize(
    ("node", "place", "expected", "changed"),
    [
        (1, -1, [0, 0, 0, 0, 0, 1, 1, 1, 2, 2], {0}),
        (2, ~3, [0, 0, 1, 1, 1, 2, 2, 2, 2, 2], {0}),
        (0, 2, [0] * 8 + [1, 1], {0}),
        (0, -1, [0] * 10, set()),
    ],
)
def test_a_split_is_replaced(node: int, place: int, expected: list[int], changed: set[int]) -> None:
    _, bins = digits()
    tree, seen = CodedTree.from_lists(SPLITS, CHILDREN).replaced(node, place)
    assert leaves(tree, bins) == expected
    assert seen == changed


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_thresholds_send_rows_where_codes_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    Z = np.column_stack([np.full(400, 7.0), rng.normal(size=400), rng.integers(0, 9, 400) / 10])
    Z[rng.random(Z.shape) < 0.1] = np.nan
    bins = bin_columns(Z, np.ones(400), rng)
    splits = [
        (j, int(rng.integers(len(bins.cuts[j]))), bool(rng.random() < 0.5))
        for j in rng.integers(0, len(bins.columns), 3)
    ]
    tree = CodedTree.from_lists(splits, CHILDREN)
    nodes = tree.to_nodes(Z, bins, np.ones(400))
    assert_array_equal(nodes.apply(Z), leaves(tree, bins))
    assert nodes.value.shape == (4, 0)


def test_a_copy_is_another_tree() -> None:
    tree = CodedTree.from_lists(SPLITS, CHILDREN)
    copy = tree.copy()
    copy.cut[0] = 0
    assert tree.split(0) == (0, 4, False)
    assert copy.split(0) == (0, 0, False)
