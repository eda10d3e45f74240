"""Values of 16 bits, and trees in as few bits as they need, for small devices.

The layout follows ToaD [1]_: splits of all trees share one table of thresholds, nodes refer to it
by as few bits as it has entries, and children are implicit. Nodes are in preorder, so that the left
child is the next node; a node stores how many splits its left subtree has, from which follow both
the place of the right child and the number of the leaf where a row ends.

References
----------
.. [1] Herrmann, N., Stenkamp, J., Karic, B., Oehmcke, S., Gieseke, F. (2026). Boosted Trees on a
   Diet: Compact Models for Resource-Constrained Devices. ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export._c.parts import Source, write_features
from skdistill.export._c.sums import fill_sum, write_points
from skdistill.export._c.trees import write_tree_outputs, write_trees
from skdistill.export._form import Form, Sum, Trees

# Largest value of 16 bits; probabilities are in units of one by this.
LARGEST = 2**15 - 1

NODE = """\
/* The bits of a node: the test, the number of splits on the left, where missing values go. */
static @WORD@ node_bits(@WORD@ node)
{
    const uint8_t *byte = nodes + node * NODE_BITS / 8;
    @WORD@ bits = 0;
    int i;
    for (i = 0; i < NODE_BYTES; ++i)
        bits |= (@WORD@)byte[i] << (8 * i);
    return bits >> (node * NODE_BITS % 8);
}

/* Which leaf of a tree of `size` splits, the first of them `node`, a row ends in. */
static int find_leaf(const real *row, int node, int size)
{
    int leaf = 0;
    while (size > 0) {
        const @WORD@ bits = node_bits((@WORD@)node);
        const int test = (int)(bits & (((@WORD@)1 << TEST_BITS) - 1));
        const int n_left = (int)(bits >> TEST_BITS & (((@WORD@)1 << LEFT_BITS) - 1));
        const real x = @VALUE@;
        if (@LEFT@) {
            node += 1;
            size = n_left;
        } else {
            node += 1 + n_left;
            leaf += 1 + n_left;
            size -= 1 + n_left;
        }
    }
    return leaf;
}
"""

ONE_TREE = """\
static void outputs(const real *row, real *out)
{
    const int leaf = find_leaf(row, 0, N_SPLITS);
    int k;
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = constant[k] + scale[0] * (real)leaf_values[leaf * N_OUTPUTS + k];
}
"""

MANY_TREES = """\
static void outputs(const real *row, real *out)
{
    int32_t sums[N_OUTPUTS] = {0};
    int k, t, node = 0;
    for (t = 0; t < N_TREES; ++t) {
        /* before the leaves of a tree are those of `node` splits in `t` trees */
        sums[@OUTPUT@] += leaf_values[node + t + find_leaf(row, node, tree_sizes[t])];
        node += tree_sizes[t];
    }
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = constant[k] + scale[0] * (real)sums[k];
}
"""

SUM = """\
static void outputs(const real *row, real *out)
{
    int32_t sums[N_SUMS] = {0};
    int i, k;
@PARTS@    for (k = 0; k < N_SUMS; ++k)
        out[k] = intercepts[k] + scale[0] * (real)sums[k];
}
"""


@dataclass(frozen=True)
class Quantized:
    """A form whose values are whole multiples of a scale.

    Attributes
    ----------
    form : Form
        It predicts what the quantised C code does.
    whole : ndarray of int64
        Values of the leaves, tree by tree in preorder, or points: 16 bits each.
    scale : float
        What they are multiples of.
    """

    form: Form
    whole: np.ndarray
    scale: float


def quantize(form: Form) -> Quantized:
    """Round the values of leaves, or points, to multiples of one scale.

    Probabilities in leaves still sum to one.

    Parameters
    ----------
    form : Form
        Of a student whose outputs are sums over trees or tables.

    Returns
    -------
    quantized : Quantized

    Raises
    ------
    ExportError
        If the student is of another family.
    """
    scorer = form.scorer
    if isinstance(scorer, Trees):
        return _quantize_trees(form, scorer)
    if isinstance(scorer, Sum) and scorer.tables and not scorer.slopes:
        points = np.concatenate([table.points.ravel() for table in scorer.tables])
        whole, scale = _round(points)
        ends = np.cumsum([table.points.size for table in scorer.tables])[:-1]
        tables = tuple(
            replace(table, points=part.reshape(table.points.shape))
            for table, part in zip(scorer.tables, np.split(scale * whole, ends), strict=True)
        )
        return Quantized(replace(form, scorer=replace(scorer, tables=tables)), whole, scale)
    raise ExportError(
        f"quantize='int16' is for trees, sums of trees and points of additive students, not for "
        f"{form.name}, whose weights differ too much in size; use dtype='float32', or another "
        "student."
    )


def write_quantized(source: Source, quantized: Quantized) -> None:
    """Add tables and ``outputs`` of a quantised form."""
    scorer = quantized.form.scorer
    if isinstance(scorer, Sum):
        _write_points(source, scorer, quantized)
    elif isinstance(scorer, Trees):
        if len(scorer.feature):
            _write_trees(source, scorer, quantized)
        else:
            write_trees(source, scorer)  # nothing but a constant


def _quantize_trees(form: Form, trees: Trees) -> Quantized:
    order = np.concatenate([np.zeros(0, dtype=np.int64), *(w.leaves for w in _walk_trees(trees))])
    value, init = trees.value.astype(np.float64), trees.init.astype(np.float64)
    if form.classes is not None and form.link == "identity":
        whole, scale = _round_shares(value + init), 1.0 / LARGEST
        init = np.zeros_like(init)
    else:
        value = value.copy()
        for walk, output in zip(_walk_trees(trees), trees.output, strict=True):
            # What all leaves of a tree have in common needs no bits.
            common = (value[walk.leaves].max(axis=0) + value[walk.leaves].min(axis=0)) / 2.0
            value[walk.leaves] -= common
            init[slice(None) if output < 0 else [output]] += common
        whole, scale = _round(value)
    scorer = replace(trees, value=scale * whole, init=init)
    return Quantized(replace(form, scorer=scorer), whole[order], scale)


def _round(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Round numbers to whole multiples of the smallest scale that 16 bits allow."""
    largest = float(np.abs(values).max(initial=0.0))
    scale = largest / LARGEST if largest > 0.0 else 1.0
    return np.rint(values / scale).astype(np.int64), scale


def _round_shares(shares: np.ndarray) -> np.ndarray:
    """Round rows that sum to one to whole numbers that sum to the largest one."""
    whole = np.floor(shares * LARGEST).astype(np.int64)
    rest = shares * LARGEST - whole
    # The units that are left over go to the largest remainders, at most one to each.
    left = LARGEST - whole.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(-rest, axis=1, kind="stable"), axis=1)
    return np.asarray(whole + (rank < left))


@dataclass(frozen=True)
class _Walk:
    """A tree in preorder.

    Attributes
    ----------
    splits, leaves : ndarray of int64
        Indices of its splits and leaves.
    n_left : ndarray of int64
        For each split, how many there are on its left.
    """

    splits: np.ndarray
    leaves: np.ndarray
    n_left: np.ndarray


def _walk_trees(trees: Trees) -> list[_Walk]:
    """Go through each tree, parents before children, left before right."""
    return [_walk(trees, int(root)) for root in trees.roots]


def _walk(trees: Trees, root: int) -> _Walk:
    splits: list[int] = []
    leaves: list[int] = []
    ends: dict[int, int] = {}  # of a split, how many were met when its left side was done
    todo: list[tuple[int, int | None]] = [(root, None)]
    while todo:
        node, parent = todo.pop()
        if parent is not None:
            ends[parent] = len(splits)
        if node < 0:
            leaves.append(~node)
            continue
        todo.append((int(trees.right[node]), len(splits)))
        todo.append((int(trees.left[node]), None))
        splits.append(node)
    n_left = [ends[place] - place - 1 for place in range(len(splits))]
    return _Walk(*(np.array(part, dtype=np.int64) for part in (splits, leaves, n_left)))


def _write_trees(source: Source, trees: Trees, quantized: Quantized) -> None:
    """Add the shared tests, the packed nodes and the values of 16 bits."""
    tables, walks = source.tables, _walk_trees(trees)
    places, read = write_features(source, trees.features)
    splits = np.concatenate([walk.splits for walk in walks])
    n_left = np.concatenate([walk.n_left for walk in walks])
    pairs = np.column_stack([trees.feature, trees.threshold])[splits]
    tests, test = np.unique(pairs, axis=0, return_inverse=True)
    tables.numbers("thresholds", tests[:, 1])
    tables.ints("test_features", places[tests[:, 0].astype(np.int64)])
    missing = trees.missing_left[splits]
    source.constant("N_SPLITS", len(splits))
    code = _write_nodes(source, test.ravel(), n_left, missing)
    code = code.replace("@VALUE@", read.replace("@", "test_features[test]"))
    source.function(code)
    tables.ints("leaf_values", quantized.whole)
    tables.reals("scale", np.array([quantized.scale]))
    tables.reals("constant", trees.init)
    source.constant("N_OUTPUTS", len(trees.init))
    if trees.output[0] < 0:
        source.function(ONE_TREE)
        return
    tables.ints("tree_sizes", [len(walk.splits) for walk in walks])
    source.constant("N_TREES", len(walks))
    source.stack_bytes += 4 * len(trees.init)
    source.function(MANY_TREES.replace("@OUTPUT@", write_tree_outputs(source, trees)))


def _write_nodes(source: Source, test: np.ndarray, n_left: np.ndarray, missing: np.ndarray) -> str:
    """Add the nodes; return the code that reads them."""
    test_bits, left_bits = (max(1, int(v.max()).bit_length()) for v in (test, n_left))
    parts = [(test, test_bits), (n_left, left_bits)]
    left = "x <= (real)thresholds[test]"
    if missing.any():
        parts.append((missing.astype(np.int64), 1))
        left += " || (isnan(x) && (bits >> (TEST_BITS + LEFT_BITS) & 1))"
    n_bits = sum(width for _, width in parts)
    # A node may start at any bit of its first byte.
    n_bytes = (n_bits + 7 + 7) // 8
    bits = np.concatenate([_bits(values, width) for values, width in parts], axis=1)
    packed = np.packbits(bits.ravel(), bitorder="little")
    n_whole = (len(test) - 1) * n_bits // 8 + n_bytes  # the last node is read whole, too
    nodes = np.zeros(max(n_whole, len(packed)), dtype=np.int64)
    nodes[: len(packed)] = packed
    source.tables.ints("nodes", nodes)
    source.constant("TEST_BITS", test_bits)
    source.constant("LEFT_BITS", left_bits)
    source.constant("NODE_BITS", n_bits)
    source.constant("NODE_BYTES", n_bytes)
    word = "uint32_t" if n_bytes <= 4 else "uint64_t"
    return NODE.replace("@WORD@", word).replace("@LEFT@", left)


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    """Return the bits of numbers, the lowest first."""
    return (values[:, None] >> np.arange(width) & 1).astype(np.uint8)


def _write_points(source: Source, total: Sum, quantized: Quantized) -> None:
    source.constant("N_SUMS", len(total.intercept))
    source.tables.reals("intercepts", total.intercept)
    parts = write_points(source, total.tables, "sums")
    source.tables.ints("points", quantized.whole)
    source.tables.reals("scale", np.array([quantized.scale]))
    source.stack_bytes += 4 * len(total.intercept)
    source.function(fill_sum(SUM, parts))
