"""C code of trees: tables of splits, and a walk through them."""

from __future__ import annotations

import numpy as np

from skdistill.export._c.parts import Source, write_features
from skdistill.export._form import LeafModels, Trees

FIND_LEAF = """\
/* The leaf where a row ends; a child c that is negative is the leaf -1 - c. */
static int find_leaf(const real *row, int node)
{
    while (node >= 0) {
        const struct split *s = &splits[node];
        const real x = @VALUE@;
        node = @LEFT@ ? s->left : s->right;
    }
    return -1 - node;
}
"""

NO_SPLITS = """\
static int find_leaf(const real *row, int node)
{
    (void)row;
    return -1 - node;
}
"""

ONE_TREE = """\
static void outputs(const real *row, real *out)
{
    const real *value = leaf_values + N_OUTPUTS * find_leaf(row, @ROOT@);
    int k;
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = value[k];
}
"""

CONSTANT = """\
static void outputs(const real *row, real *out)
{
    int k;
    (void)row;
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = constant[k];
}
"""

MANY_TREES = """\
static void outputs(const real *row, real *out)
{
    int k, t;
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = constant[k];
    for (t = 0; t < N_TREES; ++t)
        out[@OUTPUT@] += leaf_values[find_leaf(row, roots[t])];
}
"""

LEAF_MODELS = """\
static void outputs(const real *row, real *out)
{
    const int leaf = find_leaf(row, @ROOT@);
    const real *slope = slopes + (ptrdiff_t)leaf * N_COLUMNS * N_OUTPUTS;
    int i, k;
    for (k = 0; k < N_OUTPUTS; ++k)
        out[k] = intercepts[leaf * N_OUTPUTS + k];
    for (i = 0; i < N_COLUMNS; ++i) {
        const struct column *c = &columns[i];
        real x = @VALUE@;
        if (isnan(x))
            continue;
        if (x < c->low)
            x = c->low;
        if (x > c->high)
            x = c->high;
        for (k = 0; k < N_OUTPUTS; ++k)
            out[k] += (x - c->centre) * slope[i * N_OUTPUTS + k];
    }
}
"""


def write_trees(source: Source, trees: Trees) -> None:
    """Add ``outputs``, which takes the values of the only leaf, or sums those of all trees."""
    source.constant("N_OUTPUTS", len(trees.init))
    if len(trees.roots) == 0 or (len(trees.roots) == 1 and len(trees.feature) == 0):
        _write_constant(source, trees)
    elif (trees.output < 0).any():  # one tree, whose leaves have a value for each output
        write_splits(source, trees)
        source.tables.reals("leaf_values", trees.value + trees.init)
        source.function(ONE_TREE.replace("@ROOT@", str(trees.roots[0])))
    else:
        write_splits(source, trees)
        source.tables.reals("leaf_values", trees.value)
        source.tables.reals("constant", trees.init)
        source.tables.ints("roots", trees.roots)
        source.constant("N_TREES", len(trees.roots))
        source.function(MANY_TREES.replace("@OUTPUT@", write_tree_outputs(source, trees)))


def write_tree_outputs(source: Source, trees: Trees) -> str:
    """Return the C expression of the output that tree `t` adds to."""
    if len(trees.init) == 1:
        return "0"
    source.tables.ints("tree_outputs", trees.output)
    return "tree_outputs[t]"


def write_splits(source: Source, trees: Trees) -> tuple[np.ndarray, str]:
    """Add the splits, the features that they compare, and the walk through them.

    Returns
    -------
    places, read
        As `write_features`.
    """
    places, read = write_features(source, trees.features)
    if len(trees.feature) == 0:
        source.function(NO_SPLITS)
        return places, read
    struct = {
        "threshold": trees.threshold,
        "left": trees.left,
        "right": trees.right,
        "feature": places[trees.feature],
    }
    left = "x <= s->threshold"
    if trees.missing_left.any():
        struct["missing_left"] = trees.missing_left.astype(np.int64)
        left = f"{left} || (s->missing_left && isnan(x))"
    source.tables.structs("splits", "split", struct)
    code = FIND_LEAF.replace("@VALUE@", read.replace("@", "s->feature"))
    source.function(code.replace("@LEFT@", f"({left})"))
    return places, read


def write_leaf_models(source: Source, models: LeafModels) -> None:
    """Add ``outputs``, the linear model of the leaf in which a row ends."""
    tables, trees = source.tables, models.trees
    source.constant("N_OUTPUTS", models.intercept.shape[1])
    source.constant("N_COLUMNS", len(models.low))
    places, read = write_splits(source, trees)
    columns = {
        "low": models.low,
        "high": models.high,
        "centre": models.centre,
        "feature": places,
    }
    tables.structs("columns", "column", columns)
    tables.reals("intercepts", models.intercept)
    tables.reals("slopes", models.slope)
    code = LEAF_MODELS.replace("@ROOT@", str(trees.roots[0]))
    source.function(code.replace("@VALUE@", read.replace("@", "c->feature")))


def _write_constant(source: Source, trees: Trees) -> None:
    """Add the outputs where no row is looked at."""
    values = trees.init.copy()
    if len(trees.roots):
        vector, value = trees.output[0] < 0, trees.value[-1 - trees.roots[0]]
        values[slice(None) if vector else trees.output[:1]] += value
    source.tables.reals("constant", values)
    source.function(CONSTANT)
