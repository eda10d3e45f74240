"""Trees as nested conditions of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from skdistill.export._form import LeafModels, Lookup, Number, Trees
from skdistill.export._python.code import Code, weighted
from skdistill.export._python.text import (
    INDENT,
    bound,
    in_comment,
    number,
    numbers,
    tuple_of,
    wrapped,
)

# Conditions that are nested in one function. Python takes 99, readers take fewer.
MAX_DEPTH = 24

# Levels that the comment of a condition lists.
SHOWN_LEVELS = 6


def write_trees(trees: Trees, code: Code) -> None:
    """Write a tree whose leaves are the outputs, or a sum of trees."""
    nests = _Nests(trees, code)
    if len(trees.output) == 1 and trees.output[0] < 0:
        values = trees.init + trees.value
        code.body += nests.write(0, lambda leaf: _outputs(numbers(values[leaf])), "return ")
        code.outputs = ""
        return
    names = ["z"] if len(trees.init) == 1 else [f"z{k}" for k in range(len(trees.init))]
    code.body += [f"{z} = {number(v)}" for z, v in zip(names, trees.init.tolist(), strict=True)]
    for i, k in enumerate(trees.output.tolist()):
        code.body.append(f"# Tree {i + 1} of {len(trees.output)}.")
        code.body += nests.write(i, lambda leaf: number(trees.value[leaf, 0]), f"{names[k]} += ")
    code.outputs = _outputs(names)


def write_leaf_models(models: LeafModels, code: Code) -> None:
    """Write a tree whose leaves are linear models."""
    nests = _Nests(models.trees, code)
    sloped = np.flatnonzero(models.slope.any(axis=(0, 2))).tolist()
    for k in sloped:
        value, low, high = nests.variable(k), number(models.low[k]), number(models.high[k])
        # The centre's sign turned: a number minus a negative one reads badly.
        clipped = f"min(max({value}, {low}), {high}) + {number(-models.centre[k])}"
        if isinstance(models.trees.features[k], Number):
            clipped += f" if {value} == {value} else 0.0"
        nests.variables.append(f"u{k}")
        code.body.append(f"u{k} = {clipped}  # {nests.shown(k)}")

    def model(leaf: int) -> str:
        outputs = [
            weighted([(w, f"u{k}") for k in sloped if (w := float(slope[k]))], float(start))
            for start, slope in zip(models.intercept[leaf], models.slope[leaf].T, strict=True)
        ]
        if len(outputs) == 1:
            return outputs[0]
        return "\n".join(["(", *(f"{INDENT}{output}," for output in outputs), ")"])

    code.body += nests.write(0, model, "z = ")


def _outputs(items: list[str]) -> str:
    return items[0] if len(items) == 1 else tuple_of(items)


class _Nests:
    """Writer of trees.

    Attributes
    ----------
    variables : list of str
        What the conditions and leaves use; branches that are too deep are functions of them.
    """

    def __init__(self, trees: Trees, code: Code) -> None:
        self.trees, self.code = trees, code
        self.variables: list[str] = []
        self._known: dict[int, str] = {}
        self._deep: list[int] = []  # nodes that are to become functions
        for k in np.unique(trees.feature).tolist():
            self.variable(k)

    def variable(self, k: int) -> str:
        """Return the variable of a feature, which is made on the first call."""
        if k in self._known:
            return self._known[k]
        feature = self.trees.features[k]
        name = f"x{feature.input}" if isinstance(feature, Number) else f"t{k}"
        if isinstance(feature, Lookup):
            # The table has an entry for each code.
            ranks = self.code.constant(f"_RANKS_{k}", feature.values[feature.axis.rows])
            place = self.code.place(feature.axis, f"_BINS_{k}")
            self.code.body.append(f"{name} = {ranks}[{place}]  # {self.shown(k)}")
        self._known[k] = name
        if name not in self.variables:
            self.variables.append(name)
        return name

    def shown(self, k: int) -> str:
        """Return the name of a feature as comments show it."""
        feature = self.trees.features[k]
        return self.code.name(feature.axis.input if isinstance(feature, Lookup) else feature.input)

    def write(self, i: int, leaf: Callable[[int], str], statement: str) -> list[str]:
        """Write a tree: in each leaf the statement with the leaf's expression behind it."""
        lines = self._branch(int(self.trees.roots[i]), leaf, statement, 0)
        while self._deep:
            node = self._deep.pop()
            body = self._branch(node, leaf, "return ", 0)
            head = f"def _branch_{node}{wrapped(self.variables)}:"
            self.code.function("\n".join([head, *(INDENT + line for line in body)]))
        return lines

    def _branch(
        self, node: int, leaf: Callable[[int], str], statement: str, depth: int
    ) -> list[str]:
        if node < 0:
            return f"{statement}{leaf(~node)}".split("\n")
        if depth == MAX_DEPTH:
            self._deep.append(node)
            return [f"{statement}_branch_{node}{wrapped(self.variables)}"]
        lines = [self._condition(node)]
        for side in (self.trees.left, self.trees.right):
            inside = self._branch(int(side[node]), leaf, statement, depth + 1)
            lines += [INDENT + line for line in inside] + ["else:"]
        return lines[:-1]

    def _condition(self, node: int) -> str:
        k = int(self.trees.feature[node])
        name, threshold = self._known[k], bound(float(self.trees.threshold[node]))
        feature = self.trees.features[k]
        if isinstance(feature, Lookup):
            return f"if {name} <= {threshold}:  # {self.shown(k)}{self._levels(k, node)}"
        if self.trees.missing_left[node]:
            return f"if not {name} > {threshold}:  # {self.shown(k)}, or missing"
        return f"if {name} <= {threshold}:  # {self.shown(k)}"

    def _levels(self, k: int, node: int) -> str:
        """List what goes left of a category, as a comment."""
        feature = self.trees.features[k]
        axis = cast(Lookup, feature).axis
        left = cast(Lookup, feature).values[axis.rows] <= self.trees.threshold[node]
        if axis.cuts is None:
            levels = self.code.inputs[axis.input].levels or ()
            of_level, missing, unseen = left[:-2], left[-2], left[-1]
        else:
            # Numbers that are levels: every second bin is one of them, of no width.
            levels = tuple(axis.cuts[1::2].tolist())
            of_level, missing, unseen = left[1:-1:2], left[-1], left[0]
        names = [in_comment(level) for level, goes in zip(levels, of_level, strict=True) if goes]
        names = names[:SHOWN_LEVELS] + ["..."] * (len(names) > SHOWN_LEVELS)
        names += [what for what, goes in (("missing", missing), ("unseen", unseen)) if goes]
        return f" in {', '.join(names)}"
