"""Choose how much a tree is regularised, by cross-validation on the rows with a true label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from skdistill.students._real_rows import RealRows
from skdistill.students._tree.leaf_fit import TreeTargets, fit_leaves, predict_leaves
from skdistill.students._tree.leaves import Places, Totals, prune, shrunk_means
from skdistill.students._tree.nodes import Nodes
from skdistill.students._weights import one_row

# What "auto" compares; the first is the default where there is nothing to choose on.
LEAST_ROWS = (5, 10, 20, 40)
LEAST_ROWS_LINEAR = (20,)
PENALTIES = (0.0, 3e-4, 1e-3, 3e-3)
SHRINKAGES = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
# Few labels in a leaf are no proof of certainty, and slopes always need some restraint.
SHRINKAGES_HARD = (10.0, 1.0, 3.0, 30.0, 100.0, 300.0)
SHRINKAGES_LINEAR = (10.0, 0.1, 0.3, 1.0, 3.0, 30.0, 100.0)

# With fewer real rows a choice would be chance, and with more for each leaf there is nothing to
# regularise. In between so many, drawn at random, are enough to choose.
FEWEST_ROWS = 50
ENOUGH_ROWS_A_LEAF = 1000
MOST_ROWS = 20_000

N_FOLDS = 3


@dataclass(frozen=True)
class Settings:
    """How much a tree is regularised; the parameters of the same names."""

    min_samples_leaf: int
    ccp_alpha: float
    shrinkage: float


@dataclass(frozen=True)
class Grid:
    """The values of each setting that are to be compared, the first being the default."""

    min_samples_leaf: tuple[int, ...]
    ccp_alpha: tuple[float, ...]
    shrinkage: tuple[float, ...]
    linear: bool

    def default(self) -> Settings:
        """Return the first of each."""
        return Settings(self.min_samples_leaf[0], self.ccp_alpha[0], self.shrinkage[0])

    def all(self) -> list[Settings]:
        """Return every combination, the last setting changing fastest."""
        lists = product(self.min_samples_leaf, self.ccp_alpha, self.shrinkage)
        return [Settings(*values) for values in lists]


def grid(
    min_samples_leaf: int | str,
    ccp_alpha: float | str,
    shrinkage: float | str,
    *,
    hard: bool,
    linear: bool,
) -> Grid:
    """Make the grid of parameters, each of which may be "auto".

    Linear leaves are not pruned, since what a split saves them is not known before they are
    fitted, and their fewest rows are fixed: shrinkage does the same for them.
    """
    rows = LEAST_ROWS_LINEAR if linear else LEAST_ROWS
    penalties = (0.0,) if linear else PENALTIES
    strengths = SHRINKAGES_HARD if hard else SHRINKAGES
    if linear:
        strengths = SHRINKAGES_LINEAR
    return Grid(
        rows if isinstance(min_samples_leaf, str) else (min_samples_leaf,),
        penalties if isinstance(ccp_alpha, str) else (ccp_alpha,),
        strengths if isinstance(shrinkage, str) else (shrinkage,),
        linear,
    )


@dataclass(frozen=True)
class _Training:
    """The rows on which the compared trees are grown; `unit` is the weight of one row."""

    Z: np.ndarray
    targets: TreeTargets
    weight: np.ndarray
    unit: float


# Grow a tree on rows, their targets and weights, with a least weight of a leaf.
Grow = Callable[[np.ndarray, TreeTargets, np.ndarray, float], Nodes]


def choose_settings(
    compared: Grid,
    grow: Grow,
    Z: np.ndarray,
    targets: TreeTargets,
    weight: np.ndarray,
    real: RealRows,
    *,
    rng: np.random.Generator,
) -> Settings:
    """Choose the settings that predict held-out true labels best.

    The trees that are compared are grown on the other real rows alone. Augmented rows lie next
    to those held out, and their teacher has seen these: with them the least regularisation
    always seems the best (median gap closed with 64 leaves over the quick benchmark .316 with
    them, .355 without).

    Parameters
    ----------
    compared : Grid
        What is compared.
    grow : callable
        Grows a tree. A greedy one is enough: what is chosen hardly depends on the refinement.
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    targets : TreeTargets
        What the tree learns.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    real : RealRows
        The rows with a true label, with the truth in the units of the targets.
    rng : numpy.random.Generator
        Draws the folds.

    Returns
    -------
    settings : Settings
    """
    unit = one_row(weight)
    settings = compared.all()
    losses = np.zeros(len(settings))
    score = _score_linear if compared.linear else _score_constant
    for rows, held_out in _folds(real, len(Z), rng):
        train = _Training(Z[rows], targets.take(rows), weight[rows], unit)
        Z_out = Z[held_out.rows]
        for i, least in enumerate(compared.min_samples_leaf):
            nodes = grow(train.Z, train.targets, train.weight, least * unit)
            scored = score(compared, nodes, train, Z_out, held_out)
            losses[i * len(scored) : (i + 1) * len(scored)] += scored
    return settings[int(np.argmin(losses))]


def is_worth_choosing(n_real: int, max_leaf_nodes: int) -> bool:
    """Tell whether there are enough real rows to choose on, and not more than need it."""
    return FEWEST_ROWS <= n_real <= ENOUGH_ROWS_A_LEAF * max_leaf_nodes


def _folds(
    real: RealRows, n_rows: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, RealRows]]:
    """Split the real rows, or as many as are enough, into training and held-out parts."""
    if len(real) > MOST_ROWS:
        real = real.take(np.sort(rng.choice(len(real), MOST_ROWS, replace=False)))
    is_real = np.zeros(n_rows, dtype=bool)
    is_real[real.rows] = True
    for train, held_out in real.folds(N_FOLDS, n_rows, rng):
        yield train[is_real[train]], held_out


def _score_constant(
    compared: Grid, nodes: Nodes, train: _Training, Z_out: np.ndarray, held_out: RealRows
) -> np.ndarray:
    """Compute the loss of held-out rows for each penalty and shrinkage, from sums by node."""
    entropy = train.targets.cross_entropy
    places = Places.of(nodes)
    inside = Totals.of(places, nodes.apply(train.Z), train.targets.values, train.weight)
    truth = held_out.truth.reshape(len(held_out), -1)
    outside = Totals.of(places, nodes.apply(Z_out), truth, held_out.weight)
    values = [shrunk_means(places, inside, s * train.unit) for s in compared.shrinkage]
    losses = np.column_stack([outside.losses(v, cross_entropy=entropy) for v in values])
    own = inside.losses(shrunk_means(places, inside, 0.0), cross_entropy=entropy)
    ends = np.array([prune(places, own, alpha * own[0]) for alpha in compared.ccp_alpha])
    return np.ravel(ends @ losses)


def _score_linear(
    compared: Grid, nodes: Nodes, train: _Training, Z_out: np.ndarray, held_out: RealRows
) -> np.ndarray:
    """Compute the loss of held-out rows for each penalty and shrinkage of linear leaves."""
    losses = []
    for alpha, shrinkage in product(compared.ccp_alpha, compared.shrinkage):
        tree, leaves, _ = fit_leaves(
            nodes,
            train.Z,
            train.targets,
            train.weight,
            ccp_alpha=alpha,
            strength=shrinkage * train.unit,
            linear=True,
        )
        said = predict_leaves(tree, leaves, Z_out, cross_entropy=train.targets.cross_entropy)
        losses.append(held_out.losses(said.reshape(held_out.truth.shape)) @ held_out.weight)
    return np.array(losses)
