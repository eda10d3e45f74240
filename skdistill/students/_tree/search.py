"""The search for the best tree of a given size, from the greedy one on.

Greedy growth of a small tree is short-sighted. The search starts from the better of two refined
trees, grown by squared error and by the loss itself, and goes on in rounds: a random split is
replaced by a leaf or by one of its children, leaves grow best-first until the size is reached
again, with random tastes for columns so that something else may come of it, and the splits that
this touches are refined. The better tree stays: an iterated local search [1]_ whose steps are
those of alternating optimisation [2]_.

References
----------
.. [1] Lourenço, H. R., Martin, O. C., Stützle, T. (2003). Iterated Local Search. In: Handbook of
   Metaheuristics. Kluwer.
.. [2] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision Trees,
   with Application to Learning Sparse Oblique Trees. NeurIPS.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skdistill.students._tree.bins import bin_columns
from skdistill.students._tree.coded_tree import STUMP, CodedTree
from skdistill.students._tree.growth import Task, grow_best_first
from skdistill.students._tree.nodes import Nodes
from skdistill.students._tree.refinement import ROUNDING, refine

# Rows that are searched on: enough for the splits of a small tree, and the cost of the search does
# not grow beyond. A leaf has some of them, however many rows it stands for.
SEARCH_ROWS = 20_000
FEWEST_SEARCH_ROWS = 5

# Rounds of the search, and how often a split is replaced by a child rather than by a leaf.
ROUNDS = 100
KEEP_CHILD = 0.3

# Sums over bins that are computed for one node, beyond which there are fewer rounds, but not less
# than a tenth: hundreds of columns or tens of classes make a round slow.
MANY_SUMS = 65_536

# Spread of the logarithm of the tastes.
SPREAD = 0.5

# Sweeps over all splits at the beginning and at the end; most trees stop changing before.
MAX_SWEEPS = 12


def grow_tree(
    Z: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    *,
    max_leaf_nodes: int,
    max_depth: int | None,
    min_weight: float,
    cross_entropy: bool,
    search: bool,
    rng: np.random.Generator,
    n_hints: int = 0,
) -> Nodes:
    """Grow a tree best-first, and search for a better one.

    Cost and memory are in proportion to the rows: a byte a value for the bins; of more than
    `SEARCH_ROWS` rows the search looks at a random sample of so many.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows, NaN for missing.
    targets : ndarray of shape (n_rows, n_outputs)
        Probabilities of all classes, or values with mean zero and unit spread; and then hints.
    weight : ndarray of shape (n_rows,)
        Positive weights of the rows.
    max_leaf_nodes : int
        Most leaves.
    max_depth : int or None
        Most splits in a row.
    min_weight : float
        Least weight of a leaf.
    cross_entropy : bool
        The loss that is searched for: cross-entropy of probabilities, or squared error. The
        greedy tree grows by squared error in both cases, which is CART's Gini criterion.
    search : bool
        Whether to search, or to leave it at the greedy tree.
    rng : numpy.random.Generator
        Draws samples and tastes.
    n_hints : int, default=0
        How many of the last targets are hints.

    Returns
    -------
    nodes : Nodes
        Its leaves are empty. The loss of the targets is not above that of the greedy tree.
    """
    # A leaf of exactly the least weight passes in spite of rounding.
    least = min_weight * (1.0 - 1e-9)
    bins = bin_columns(Z, weight, rng)
    if not len(bins.columns):
        return STUMP.to_nodes(Z, bins, weight)
    task = Task(bins, targets, weight, least, max_depth, cross_entropy, n_hints)
    tree = grow_best_first(replace(task, cross_entropy=False), STUMP, max_leaf_nodes)
    if search and len(tree.feature):
        found = _search(task, tree, max_leaf_nodes, rng)
        tree = min(tree, found, key=lambda one: _loss(task, one))
    return tree.to_nodes(Z, bins, weight)


def _search(task: Task, start: CodedTree, n_leaves: int, rng: np.random.Generator) -> CodedTree:
    """Search on all rows, or on a sample; leaves weigh enough on all rows."""
    n_rows = len(task.bins)
    if n_rows <= SEARCH_ROWS:
        return search_locally(task, start, n_leaves, rng)
    rows = np.sort(rng.choice(n_rows, SEARCH_ROWS, replace=False))
    weight = task.weight[rows]
    few_rows = min(task.min_weight, FEWEST_SEARCH_ROWS * weight.mean())
    sample = replace(
        task,
        bins=task.bins.take(rows),
        targets=task.targets[rows],
        weight=weight,
        min_weight=max(few_rows, task.min_weight * weight.sum() / task.weight.sum()),
    )
    start = merge_light_leaves(sample, start)
    return merge_light_leaves(task, search_locally(sample, start, n_leaves, rng))


def search_locally(
    task: Task, start: CodedTree, n_leaves: int, rng: np.random.Generator
) -> CodedTree:
    """Improve a tree by rounds of removal, regrowth and refinement.

    Parameters
    ----------
    task : Task
        What to learn.
    start : CodedTree
        A tree whose leaves weigh enough.
    n_leaves : int
        Most leaves.
    rng : numpy.random.Generator

    Returns
    -------
    found : CodedTree
        Its loss is not above that of `start`.
    """
    grown = grow_best_first(task, STUMP, n_leaves)
    best, least = refine(task, start, max_sweeps=MAX_SWEEPS)
    other, loss = refine(task, grown, max_sweeps=MAX_SWEEPS)
    if loss < least - ROUNDING * abs(least):
        best, least = other, loss
    n_rounds = round(ROUNDS * min(1.0, max(0.1, MANY_SUMS / task.n_sums)))
    for _ in range(n_rounds if len(best.feature) else 0):
        tree, loss = _replace_part(task, best, n_leaves, rng)
        if loss < least - ROUNDING * abs(least):
            best, least = tree, loss
    return refine(task, best, max_sweeps=MAX_SWEEPS)[0]


def _replace_part(
    task: Task, tree: CodedTree, n_leaves: int, rng: np.random.Generator
) -> tuple[CodedTree, float]:
    """Remove a split, grow others, and refine what this touches; return the tree and its loss."""
    node, place = int(rng.integers(len(tree.feature))), -1
    if rng.random() < KEEP_CHILD:
        place = int((tree.left if rng.random() < 0.5 else tree.right)[node])
    smaller, changed = tree.replaced(node, place)
    taste = np.exp(SPREAD * rng.normal(size=len(task.bins.columns)))
    grown = grow_best_first(task, smaller, n_leaves, taste=taste)
    changed.update(range(len(smaller.feature), len(grown.feature)))
    return refine(task, grown, max_sweeps=1, changed=changed)


def merge_light_leaves(task: Task, tree: CodedTree) -> CodedTree:
    """Hand the rows of the lightest leaf to its sibling until every leaf weighs enough."""
    rows = np.arange(len(task.bins), dtype=np.int32)
    while len(tree.feature):
        leaf = tree.route(task.bins, rows, tree.root)
        mass = np.bincount(leaf, weights=task.weight, minlength=tree.n_leaves)
        light = ~int(np.argmin(mass))
        if mass[~light] >= task.min_weight:
            break
        above = int(np.flatnonzero((tree.left == light) | (tree.right == light))[0])
        sibling = int(tree.left[above] + tree.right[above]) - light
        tree, _ = tree.replaced(above, sibling)
    return tree


def _loss(task: Task, tree: CodedTree) -> float:
    leaf = tree.route(task.bins, np.arange(len(task.bins), dtype=np.int32), tree.root)
    return task.loss(leaf, tree.n_leaves)
