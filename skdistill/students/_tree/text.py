"""A fitted tree student in words: conditions with names and sets of levels, and what leaves say."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_integer
from skdistill.students._words import shorten

# Levels of a set that a drawing names.
MOST_LEVELS = 3


def export_text(student: Any, *, decimals: int | None = None, n_terms: int = 5) -> str:
    """Write a fitted tree student as rules, in the manner of :func:`sklearn.tree.export_text`.

    Categories are written as sets of levels. A level that no set names goes with "not in", and one
    that could be taken for several, or for a missing value, stands in quotes. Linear leaves see
    the rank of a category, in the order of the mean targets; the ranks stand below the rules.

    Parameters
    ----------
    student : TreeStudentClassifier or TreeStudentRegressor
        A fitted student.
    decimals : int or None, default=None
        Digits of thresholds and values behind the point; of slopes below one, digits that are
        not leading zeros. None writes about four digits that are not leading zeros, and of large
        numbers one digit behind the point, so that a threshold between whole numbers stays there.
        The exact thresholds are in ``student.tree_.threshold``.
    n_terms : int, default=5
        Most slopes that are written for each score of a linear leaf: those with the largest
        effect over the range of their column.

    Returns
    -------
    text : str
        One line for each condition and each leaf, with the leaf's share of the training rows, and
        one for the ranks of each category in linear leaves.

    Raises
    ------
    TypeError
        If `student` is no tree student.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.students import TreeStudentClassifier, export_text
    >>> data = load_iris(as_frame=True)
    >>> y = data.target_names[data.target]
    >>> student = TreeStudentClassifier(max_leaf_nodes=2, shrinkage=0, random_state=0)
    >>> print(export_text(student.fit(data.data[["petal width (cm)"]], y), decimals=2))
    |--- petal width (cm) <= 0.80
    |   |--- setosa 1.00 (33.3 % of rows)
    |--- petal width (cm) > 0.80
    |   |--- versicolor 0.50, virginica 0.50 (66.7 % of rows)
    """
    writer = TreeWriter(student, decimals=decimals, n_terms=n_terms)
    lines: list[str] = []
    tree = student.tree_
    # Places that are still to be written: the deepest last, left before right.
    waiting = [(0 if len(tree.feature) else ~0, 0, "")]
    while waiting:
        place, depth, condition = waiting.pop()
        if condition:
            lines.append("|   " * (depth - 1) + "|--- " + condition)
        if place < 0:
            says = [*writer.leaf(~place), writer.share(~place)]
            if student.leaves_ is None:
                says = [" ".join(says)]
            lines += ["|   " * depth + "|--- " + line for line in says]
        else:
            left, right = writer.split(place)
            waiting.append((int(tree.right[place]), depth + 1, right))
            waiting.append((int(tree.left[place]), depth + 1, left))
    return "\n".join([*lines, *writer.ranks()])


class TreeWriter:
    """Words for the splits and leaves of a fitted tree student.

    Those of a drawing are narrow: lists stand below each other, and long ones are cut short.
    """

    def __init__(
        self,
        student: Any,
        *,
        decimals: int | None = None,
        n_terms: int = 5,
        drawing: bool = False,
    ) -> None:
        check_is_fitted(student)
        if not hasattr(student, "leaf_shares_"):
            raise TypeError(
                f"student must be a TreeStudentClassifier or TreeStudentRegressor, "
                f"got {type(student).__name__}."
            )
        if decimals is not None:
            check_integer(decimals, "decimals", minimum=0)
        self.n_terms = check_integer(n_terms, "n_terms", minimum=1)
        self.student, self.decimals = student, decimals
        self.names = student._encoder.feature_names_out()
        self.drawing, self.space = drawing, "\n" if drawing else " "
        self.ranked: set[int] = set()  # categories of which a linear leaf has told the rank

    def number(self, value: float) -> str:
        """Write a number, rounded."""
        if self.decimals is not None:
            return f"{value:.{self.decimals}f}"
        if 1e3 <= abs(value) < 1e9:
            return f"{value:.1f}".removesuffix(".0")
        return f"{value:.4g}"

    def slope(self, value: float) -> str:
        """Write the size of a slope, however small: its column may be in large units."""
        if self.decimals is None or abs(value) >= 1.0:
            return self.number(abs(value))
        return f"{abs(value):.{max(self.decimals, 1)}g}"

    def split(self, split: int) -> tuple[str, str]:
        """Write the conditions of the left and the right side of a split."""
        tree, encoder = self.student.tree_, self.student._encoder
        j, threshold = int(tree.feature[split]), float(tree.threshold[split])
        if j in encoder.tables_:
            return self._sets(j, threshold)
        if np.isinf(threshold):  # divides missing values from all others
            sides = [f"{self.names[j]} is not missing", f"{self.names[j]} is missing"]
            return (sides[0], sides[1]) if threshold > 0 else (sides[1], sides[0])
        sides = [f"{self.names[j]} <= {self.number(threshold)}"]
        sides.append(f"{self.names[j]} > {self.number(threshold)}")
        if j in self.student.missing_features_:
            sides[0 if tree.missing_left[split] else 1] += " or missing"
        return sides[0], sides[1]

    def _sets(self, j: int, threshold: float) -> tuple[str, str]:
        """Write a split of categories by the levels that go another way than unknown ones."""
        table, default = self.student._encoder.tables_[j], self.student._encoder.defaults_[j]
        others_left = default <= threshold
        levels = [level for level, code in table.items() if (code <= threshold) != others_left]
        words = [_word(level) for level in levels]
        if self.drawing:
            words = [shorten(word) for word in words]
            if len(words) > MOST_LEVELS + 1:
                words[MOST_LEVELS:] = [f"{len(words) - MOST_LEVELS} more"]
        listed = f",{self.space}".join(words)
        named = f"{self.names[j]} in {{{listed}}}"
        rest = f"{self.names[j]} not in {{{listed}}}"
        return (rest, named) if others_left else (named, rest)

    def share(self, leaf: int) -> str:
        """Write the share of the training rows in a leaf."""
        words = f"{100 * self.student.leaf_shares_[leaf]:.3g} % of rows"
        return words if self.drawing else f"({words})"

    def leaf(self, leaf: int) -> list[str]:
        """Write what a leaf predicts: a line for a constant one, else one for each score."""
        if self.student.leaves_ is not None:
            return self._linear(leaf)
        value = self.student.tree_.value[leaf]
        if not hasattr(self.student, "classes_"):
            return [self.number(value[0])]
        likeliest = self._shown(_likeliest(value))
        short = self.drawing and self.decimals is None
        words = [
            f"{self.student.classes_[k]} {f'{value[k]:.3f}' if short else self.number(value[k])}"
            for k in likeliest
        ]
        return words if self.drawing else [", ".join(words)]

    def ranks(self) -> list[str]:
        """List the ranks of the categories that linear leaves have told of."""
        lines = []
        for j in sorted(self.ranked):
            encoder = self.student._encoder
            words = [f"{_word(level)} {code:.4g}" for level, code in encoder.tables_[j].items()]
            words.append(f"any other {encoder.defaults_[j]:.4g}")
            lines.append(f"rank of {self.names[j]}: {', '.join(words)}")
        return lines

    def _shown(self, order: np.ndarray) -> np.ndarray:
        """Keep of more than three classes only the first two in a drawing."""
        many = self.drawing and len(self.student.classes_) > 3
        return order[:2] if many else order

    def _linear(self, leaf: int) -> list[str]:
        """Write the linear scores of a leaf."""
        leaves = self.student.leaves_
        effect = leaves.slope[leaf] * (leaves.inputs.high - leaves.inputs.low)[:, None]
        scores, lines = self._scores(), []
        shown = np.arange(len(scores))
        if len(scores) > 1:  # at the centre of the columns the intercepts order the classes
            likeliest = np.argsort(-leaves.intercept[leaf], kind="stable")
            shown = np.sort(self._shown(likeliest))
        for k in shown:
            strongest = np.argsort(-np.abs(effect[:, k]), kind="stable")[: self.n_terms]
            terms = [self.number(leaves.intercept[leaf, k])]
            for j in strongest[effect[strongest, k] != 0]:
                slope = leaves.slope[leaf, j, k]
                sign = "-" if slope < 0 else "+"
                name = self.names[j]
                if j in self.student._encoder.tables_:
                    self.ranked.add(int(j))
                    name = f"rank of {name}"
                centre = self.number(leaves.inputs.centre[j])
                minus = f"+ {centre[1:]}" if centre.startswith("-") else f"- {centre}"
                terms.append(f"{sign} {self.slope(slope)} * ({name} {minus})")
            n_left = np.count_nonzero(effect[:, k]) - len(terms) + 1
            if n_left:
                terms.append(f"+ {n_left} smaller term{'s' if n_left > 1 else ''}")
            lines.append(f"{scores[k]} = {self.space.join(terms)}")
        if len(shown) < len(scores):
            lines.append(f"{len(scores) - len(shown)} more scores")
        return lines

    def _scores(self) -> list[str]:
        """Name the scores: the value, the margin of the second of two classes, or logits."""
        if not hasattr(self.student, "classes_"):
            return ["value"]
        classes = self.student.classes_
        return [f"logit {name}" for name in (classes[1:] if len(classes) == 2 else classes)]


def _word(level: Any) -> str:
    """Write a level, in quotes if it could be taken for several, or for a missing value."""
    if level is None:
        return "missing"
    text = str(level)
    unclear = text in ("", "missing") or text != text.strip() or any(c in text for c in ",{}\n")
    return repr(text) if unclear else text


def _likeliest(proba: np.ndarray) -> np.ndarray:
    """Order the classes of a leaf by probability, without those that have none to speak of."""
    order = np.argsort(-proba, kind="stable")
    return order[proba[order] >= 0.005]
