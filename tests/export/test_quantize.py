"""Values of 16 bits and packed trees: what they cost, and that only rounding is lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_programs import needs_compiler, run_program
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from random_students import make_student

from skdistill.exceptions import ExportError, ParityError
from skdistill.export import to_c
from skdistill.export._c import draft
from skdistill.export._c.build import Scorer, build, load
from skdistill.export._c.draft import Draft
from skdistill.export._c.form import sort_levels
from skdistill.export._c.header import write_header
from skdistill.export._c.quantize import LARGEST, Quantized, _round_shares, quantize
from skdistill.export._c.source import write_source
from skdistill.export._form import Form, Input, Number, Trees
from skdistill.export._lowering import lower
from skdistill.export._parity import predict_rows
from skdistill.export._probes import probe_rows
from skdistill.students import TreeStudentClassifier

fast = settings(max_examples=30, deadline=None)

CASES = [
    (family, n_classes, table)
    for family, table in [
        ("tree", "frame"),
        ("boosting", "missing"),
        ("pruned", "frame"),
        ("additive", "frame"),
    ]
    for n_classes in (0, 2, 3)
]


@needs_compiler
@pytest.mark.parametrize(("family", "n_classes", "table"), CASES)
def test_sanitized_program_is_off_by_rounding_alone(
    tmp_path: Path, family: str, n_classes: int, table: str
) -> None:
    student = make_student(family, n_classes, table)
    report = to_c(student, tmp_path / "model.c", quantize="int16")
    rows = probe_rows(lower(student))[::5]
    coded = Draft(student, None, "model", "model.h").reader.read(rows)
    told = run_program(report.source, coded, classifier=n_classes > 0, single=False)
    outputs = told[:, :-1] if n_classes else told[:, 0]
    expected = predict_rows(student, rows)
    apart = np.abs(outputs - expected).max()
    # Half a step for each leaf or point, and the largest of them all is LARGEST steps.
    span = np.ptp(expected) if n_classes == 0 else 5.0
    assert 0.0 < apart < 40 * span / LARGEST
    assert report.max_difference is not None
    assert report.max_difference < 40 * span / LARGEST
    assert report.mean_difference is not None
    assert report.mean_difference <= report.max_difference
    if n_classes:
        assert report.same_labels is not None
        assert report.same_labels > 0.99
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-12)
    assert "Values of 16 bits" in report.header.read_text()


@needs_compiler
def test_small_devices(tmp_path: Path) -> None:
    student = make_student("boosting", 2, "missing")
    report = to_c(student, tmp_path / "model.c", dtype="float32", quantize="int16")
    assert 3 * report.table_bytes < report.plain_bytes
    assert report.same_labels is not None
    assert report.same_labels > 0.999
    # A threshold and its feature are there once; a split takes two bytes, as does a leaf.
    trees = lower(student).scorer
    assert isinstance(trees, Trees)
    n_tests = len(set(zip(trees.feature.tolist(), trees.threshold.tolist(), strict=True)))
    n_splits, n_leaves, n_trees = len(trees.feature), len(trees.value), len(trees.roots)
    assert report.table_bytes <= 5 * n_tests + 2 * n_splits + 2 * n_leaves + n_trees + 16


@needs_compiler
def test_accuracy_is_measured_on_the_rows_given(tmp_path: Path) -> None:
    student = make_student("additive", 2, "missing")
    X = np.random.default_rng(0).normal(size=(300, 4))
    report = to_c(student, tmp_path / "model.c", quantize="int16", X=X)
    coded = Draft(student, None, "model", "model.h").reader.read(X)
    told = run_program(report.source, coded, classifier=True, single=False)[:, :-1]
    apart = np.abs(told - student.predict_proba(X))
    assert report.max_difference == pytest.approx(apart.max(), rel=1e-9)
    assert report.mean_difference == pytest.approx(apart.mean(), rel=1e-9)
    assert "on 300 rows" in report.header.read_text()


@needs_compiler
@pytest.mark.parametrize("family", ["linear", "mlp", "linear_leaves"])
def test_other_families_are_refused(tmp_path: Path, family: str) -> None:
    with pytest.raises(ExportError, match="use dtype='float32'"):
        to_c(make_student(family, 2, "numbers"), tmp_path / "model.c", quantize="int16")
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_wrong_packing_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_leaf_off(form: object) -> Quantized:
        made = quantize(form)  # type: ignore[arg-type]
        return Quantized(made.form, np.roll(made.whole, 1), made.scale)

    monkeypatch.setattr(draft, "quantize", one_leaf_off)
    with pytest.raises(ParityError, match="packed"):
        to_c(make_student("boosting", 2, "missing"), tmp_path / "model.c", quantize="int16")
    assert list(tmp_path.iterdir()) == []


def random_trees(seed: int, sizes: list[int], *, n_tests: int, shape: str) -> Form:
    """Make trees of so many splits: chains to one side, or of any shape."""
    rng = np.random.default_rng(seed)
    tests = np.column_stack([rng.integers(3, size=n_tests), rng.normal(size=n_tests)])
    left, right, roots, n_leaves = [], [], [], 0
    for size in sizes:
        roots.append(len(left) if size else ~n_leaves)
        first, open_ends = len(left), []
        for i in range(size):
            if i:
                k = {"left": -2, "right": -1}.get(shape, int(rng.integers(len(open_ends))))
                side, node = open_ends.pop(k)
                side[node] = first + i
            left.append(0)
            right.append(0)
            open_ends += [(left, first + i), (right, first + i)]
        for side, node in open_ends:
            side[node] = ~n_leaves
            n_leaves += 1
        n_leaves += size == 0
    test = tests[rng.integers(n_tests, size=len(left))]
    trees = Trees(
        features=tuple(Number(j) for j in range(3)),
        feature=test[:, 0].astype(np.int32),
        threshold=test[:, 1],
        left=np.array(left, dtype=np.int32),
        right=np.array(right, dtype=np.int32),
        missing_left=rng.random(len(left)) < 0.5,
        roots=np.array(roots, dtype=np.int32),
        output=np.arange(len(sizes), dtype=np.int32) % 2,
        value=rng.permutation(np.arange(n_leaves, dtype=np.float64))[:, None],
        init=np.array([1.0, -2.0]),
    )
    inputs = tuple(Input(f"x{j}") for j in range(3))
    return Form("Trees", inputs, ("a", "b"), trees, "identity")


@needs_compiler
@pytest.mark.parametrize(
    ("sizes", "n_tests", "shape"),
    [
        ([400], 300, "left"),
        ([400], 300, "right"),
        ([1000, 3], 900, "any"),
        ([0, 5, 0, 1, 17, 0], 4, "any"),
        ([7] * 30, 1, "any"),
        ([40_000], 20_000, "any"),  # a node takes more bits than a word has
    ],
)
def test_packed_trees_go_like_plain_ones(
    tmp_path: Path, sizes: list[int], n_tests: int, shape: str
) -> None:
    form = random_trees(0, sizes, n_tests=n_tests, shape=shape)
    # Shares of a value are not rounded as such here: outputs are sums.
    made = quantize(replace(form, link="logits"))
    made = replace(made, form=replace(made.form, link="identity"))
    files = {}
    for prefix, what in (("packed", made), ("plain", made.form)):
        files[f"{prefix}.c"] = write_source(what, prefix, f"{prefix}.h", texts=False).text
        files[f"{prefix}.h"] = write_header(form, prefix, single=False, costs=(), version="")
    build(files, tmp_path, tmp_path / "library")
    library = load(tmp_path / "library")
    rows = np.random.default_rng(1).normal(size=(5000, 3))
    rows[np.random.default_rng(2).random(rows.shape) < 0.1] = np.nan
    packed, plain = (Scorer(library, name, 3, 2).outputs(rows) for name in ("packed", "plain"))
    np.testing.assert_allclose(packed, plain, rtol=1e-12, atol=1e-9)
    assert len(np.unique(plain.sum(axis=1))) > 2


@needs_compiler
def test_single_leaf(tmp_path: Path) -> None:
    leaf = TreeStudentClassifier().fit(np.zeros((40, 1)), [0, 1] * 20)
    report = to_c(leaf, tmp_path / "leaf.c", quantize="int16")
    assert report.max_difference == pytest.approx(0.0, abs=1 / LARGEST)


@fast
@given(arrays(float, (5, 4), elements=st.floats(0.0, 1.0)))
def test_shares_sum_to_one(shares: np.ndarray) -> None:
    shares = shares + 1e-9
    shares /= shares.sum(axis=1, keepdims=True)
    whole = _round_shares(shares)
    np.testing.assert_array_equal(whole.sum(axis=1), LARGEST)
    assert whole.min() >= 0
    assert np.abs(whole / LARGEST - shares).max() < 1.0 / LARGEST


@pytest.mark.parametrize("family", ["boosting", "pruned", "additive"])
def test_values_fit_into_16_bits(family: str) -> None:
    form = sort_levels(lower(make_student(family, 3, "missing")))
    made = quantize(form)
    assert np.abs(made.whole).max() == LARGEST
    assert made.scale > 0.0


def test_without_compiler_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    student = make_student("boosting", 2, "missing")
    report = to_c(student, tmp_path / "model.c", quantize="int16", check=False)
    assert report.max_difference is None
    assert report.table_bytes < report.plain_bytes / 2
