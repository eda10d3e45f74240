"""A reader that knows the page on student files alone predicts what the students do."""

from __future__ import annotations

import hashlib
import json
import math
import struct

import numpy as np
import pytest
from small_students import CASES, fitted, other_rows, predictions, sparse_students

from skdistill import save

FORMATS = {"b1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}


def read(path):
    """Take a file apart: the document, and the arrays as flat lists with their shapes."""
    data = path.read_bytes()
    assert data[:8] == b"\x89SKD\r\n\x1a\n"
    version, n = struct.unpack_from("<II", data, 8)
    assert version == 1
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    document = json.loads(data[16 : 16 + n])
    arrays, start = {}, 16 + n
    for name, dtype, shape, *order in document["arrays"]:
        form = f"<{math.prod(shape)}{FORMATS[dtype]}"
        values = struct.unpack_from(form, data, start)
        start += struct.calcsize(form)
        arrays[name] = np.array(values).reshape(shape, order=(order or ["C"])[0])
    assert start == len(data) - 32
    return document, arrays


class Reader:
    """Predicts one row at a time, as the page says."""

    def __init__(self, path):
        self.document, self.arrays = read(path)
        self.fitted = self.document["fitted"]
        self.family = self.document["student"].partition("Student")[0]
        self.n_classes = len(self.document.get("classes", {}).get("labels", ()))

    def predict(self, row):
        """Probabilities, or a value."""
        scores = getattr(self, f"scores_{self.family.lower()}")(row)
        if not self.n_classes:
            return float(scores[0])
        if self.family == "Tree" and "leaves.slope" not in self.arrays:
            return scores
        logits = np.array([0.0, *scores]) if self.n_classes == 2 else np.array(scores)
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    def ordered(self, row):
        z = [math.nan if value is None else value for value in row]
        for category in self.document["encoder"]["categories"]:
            j = category["column"]
            z[j] = dict(zip(category["levels"], category["codes"], strict=True)).get(
                row[j], category["other"]
            )
        return z

    def onehot(self, row):
        tables = {c["column"]: c["levels"] for c in self.document["encoder"]["categories"]}
        numbers = [row[j] for j in range(len(row)) if j not in tables]
        means = self.arrays["encoder.means"]
        z = [m if x is None else x for x, m in zip(numbers, means, strict=True)]
        z += [row[j] is None for j in self.arrays["encoder.missing"].astype(int)]
        for j, levels in tables.items():
            z += [row[j] == level for level in levels]
        return np.array(z, dtype=float)

    def leaf(self, z, place):
        a = self.arrays
        while place >= 0:
            x = z[a["trees.feature"][place]]
            left = x <= a["trees.threshold"][place]
            if math.isnan(x):
                left = a["trees.missing_left"][place]
            place = a["trees.left" if left else "trees.right"][place]
        return -place - 1

    def sum_of_trees(self, z, total):
        for root, output in zip(
            self.arrays["trees.roots"], self.arrays["trees.output"], strict=True
        ):
            total[output] += self.arrays["trees.value"][self.leaf(z, root)]
        return total

    def scores_tree(self, row):
        z, a = self.ordered(row), self.arrays
        leaf = self.leaf(z, 0 if len(a["trees.feature"]) else -1)
        if "leaves.slope" not in a:
            return a["trees.value"][leaf]
        z = np.where(np.isnan(z), a["leaves.centre"], np.clip(z, a["leaves.low"], a["leaves.high"]))
        return a["leaves.intercept"][leaf] + (z - a["leaves.centre"]) @ a["leaves.slope"][leaf]

    def scores_linear(self, row):
        coef = np.atleast_2d(self.arrays["coef"])
        return coef @ self.onehot(row) + self.arrays.get("intercept", self.fitted.get("intercept"))

    def scores_additive(self, row):
        z, a = self.ordered(row), self.arrays
        total, cut, point = a["intercept"].copy(), 0, 0
        for columns, n_cuts in zip(a["terms.columns"], a["terms.n_cuts"], strict=True):
            place, size = 0, 1
            for j, n in zip(columns, n_cuts, strict=True):
                if j < 0:
                    continue
                cuts = a["terms.cuts"][cut : cut + n]
                cut += n
                place = place * (n + 2) + (n + 1 if math.isnan(z[j]) else (cuts < z[j]).sum())
                size *= n + 2
            total += a["terms.points"][point + place]
            point += size
        return total

    def scores_mlp(self, row):
        z, a = self.onehot(row), self.arrays
        if self.fitted["input_transform"] == "quantile":
            start = 0
            for j, end in enumerate(a["tables.ends"]):
                table = slice(start, end)
                z[j] = np.interp(z[j], a["tables.knots"][table], a["tables.values"][table])
                start = end
        for i in range(self.fitted["n_layers"]):
            z = np.maximum(z, 0.0) if i else z
            z = z @ a[f"coefs.{i}"] + a[f"intercepts.{i}"]
        return z

    def scores_boosting(self, row):
        z = self.ordered(row)
        if self.fitted["zero_is_missing"]:
            z = [math.nan if x == 0 else x for x in z]
        if self.n_classes:
            return self.sum_of_trees(z, self.arrays["init"].copy())
        total = self.sum_of_trees(z, np.zeros(1))
        return total * self.fitted["scale"] + self.fitted["init"]

    def scores_pruned(self, row):
        z = []
        for column in self.document["encoder"]:
            value = row[column["input"]]
            if "levels" in column:
                value = float(value in column["levels"])
            z.append(math.nan if value is None else value)
        total = self.sum_of_trees(z, self.arrays["init"].copy())
        return total if self.n_classes else self.fitted["centre"] + self.fitted["scale"] * total


def plain(X):
    """Rows of Python values, None for missing."""
    rows = np.asarray(X, dtype=object).tolist()
    return [[None if x != x else x for x in row] for row in rows]  # noqa: PLR0124


@pytest.mark.parametrize(("family", "task", "table"), CASES)
def test_the_page_tells_all_that_predictions_need(family, task, table, tmp_path):
    student, X = fitted(family, task, table), other_rows(table)
    save(student, tmp_path / "student.skd")
    reader = Reader(tmp_path / "student.skd")
    found = [reader.predict(row) for row in plain(X)]
    np.testing.assert_allclose(found, predictions(student, X), rtol=1e-10, atol=1e-13)


def test_the_page_tells_of_sparse_students_too(tmp_path):
    for student, X in sparse_students():
        save(student, tmp_path / "student.skd")
        reader = Reader(tmp_path / "student.skd")
        found = [reader.predict(row) for row in X.toarray().tolist()]
        np.testing.assert_allclose(found, predictions(student, X), rtol=1e-10, atol=1e-13)
