"""C that looks many inputs up side by side: any number of cuts, levels, inputs and classes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from c_programs import compile_files, needs_compiler
from form_evaluator import evaluate_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.export._c.build import Scorer, load
from skdistill.export._c.form import to_single
from skdistill.export._c.header import write_header
from skdistill.export._c.lookups import BLOCK
from skdistill.export._c.quantize import quantize
from skdistill.export._c.source import write_source
from skdistill.export._form import Axis, Form, Input, Sum, Table

pytestmark = needs_compiler

N_LEVELS = 3


def random_form(seed: int, sizes: list[int], *, n_outputs: int, n_pairs: int) -> Form:
    """Make a sum of tables: inputs with so many cuts, or levels where there are -1."""
    rng = np.random.default_rng(seed)
    axes = [_axis(rng, j, n) for j, n in enumerate(sizes)]
    parts = [(axis,) for axis in axes]
    for _ in range(n_pairs):
        j, k = rng.choice(len(axes), size=2, replace=False)
        parts.append((_coarse(rng, axes[j]), _coarse(rng, axes[k])))
    shapes = [[int(axis.rows.max()) + 1 for axis in part] for part in parts]
    tables = tuple(
        Table(part, rng.normal(size=(*shape, n_outputs)))
        for part, shape in zip(parts, shapes, strict=True)
    )
    levels = tuple("abcdefgh"[:N_LEVELS])
    inputs = tuple(Input(f"x{j}", levels if n < 0 else None) for j, n in enumerate(sizes))
    classes = tuple("pqrs"[: 2 if n_outputs == 1 else n_outputs])
    link = "margin" if n_outputs == 1 else "logits"
    return Form("Sum", inputs, classes, Sum(rng.normal(size=n_outputs), (), tables), link)


def _axis(rng: np.random.Generator, j: int, n: int) -> Axis:
    if n < 0:
        return Axis(j, None, rng.integers(3, size=N_LEVELS + 2))
    cuts = np.unique(rng.normal(size=n).astype(np.float32)).astype(np.float64)
    return Axis(j, cuts, np.arange(len(cuts) + 2))


def _coarse(rng: np.random.Generator, axis: Axis) -> Axis:
    """Merge bins, as pairs do; or have cuts of their own, which no search of the table finds."""
    if axis.cuts is None:
        return Axis(axis.input, None, rng.integers(2, size=N_LEVELS + 2))
    cuts = axis.cuts[:: int(rng.integers(1, 4))]
    if rng.random() < 0.2:
        cuts = np.append(cuts, 9.0)
    return Axis(axis.input, cuts, np.arange(len(cuts) + 2))


def random_rows(form: Form, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rows at cuts, beside them and anywhere, and the same with codes for levels."""
    rng = np.random.default_rng(seed)
    rows = np.empty((80, len(form.inputs)), dtype=object)
    coded = np.empty(rows.shape)
    cuts = {t.axes[0].input: t.axes[0].cuts for t in form.scorer.tables if len(t.axes) == 1}
    for j, column in enumerate(form.inputs):
        if column.levels is None:
            at = np.append(cuts[j], [0.0, np.inf, -np.inf, np.nan]).astype(np.float32)
            beside = [np.nextafter(at, np.float32(side)) for side in (-np.inf, np.inf)]
            points = np.concatenate([at, *beside, rng.normal(size=9).astype(np.float32)])
            coded[:, j] = rng.choice(points, size=len(rows))
            rows[:, j] = coded[:, j].tolist()
        else:
            levels = np.array([*column.levels, None, "unseen"], dtype=object)
            codes = np.array([*range(N_LEVELS), np.nan, -1.0])
            chosen = rng.integers(len(levels), size=len(rows))
            rows[:, j], coded[:, j] = levels[chosen], codes[chosen]
    return rows, coded


def check(form: Form, *, kind: str, seed: int) -> None:
    """Compile a form with all warnings, and compare it with what forms mean."""
    single = kind == "float32"
    written = quantize(form) if kind == "int16" else form
    meant = getattr(written, "form", form)
    rows, coded = random_rows(form, seed)
    if single:
        written = to_single(form, None)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "m.c"), Path(folder, "m.so")
        code = write_source(written, "m", "m.h", single=single)
        source.write_text(code.text)
        header = write_header(form, "m", single=single, costs=[], version="0")
        source.with_suffix(".h").write_text(header)
        compile_files([source], library, "-shared", "-fPIC")
        scorer = Scorer(load(library), "m", len(form.inputs), len(form.classes), single=single)
        found = scorer.outputs(coded)
    np.testing.assert_allclose(
        found, evaluate_rows(meant, rows), rtol=0, atol=1e-4 if single else 1e-12
    )


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.one_of(st.integers(-1, 18), st.just(254)), min_size=2, max_size=9),
    n_outputs=st.sampled_from([1, 3]),
    n_pairs=st.integers(0, 5),
    kind=st.sampled_from(["float64", "float32", "int16"]),
)
def test_forms_of_any_shape(
    seed: int, sizes: list[int], n_outputs: int, n_pairs: int, kind: str
) -> None:
    check(random_form(seed, sizes, n_outputs=n_outputs, n_pairs=n_pairs), kind=kind, seed=seed)


@pytest.mark.parametrize("n_pairs", [0, 12])
def test_more_inputs_than_are_searched_side_by_side(n_pairs: int) -> None:
    sizes = [n % 9 - 1 for n in range(2 * BLOCK + 3)]
    check(random_form(0, sizes, n_outputs=1, n_pairs=n_pairs), kind="float64", seed=1)


def test_inputs_are_searched_once() -> None:
    form = random_form(0, [15, 31, 7], n_outputs=1, n_pairs=0)
    axes = [table.axes[0] for table in form.scorer.tables]
    coarse = [
        Axis(axis.input, axis.cuts[1::2], np.arange(len(axis.cuts) // 2 + 2)) for axis in axes
    ]
    points = np.zeros((9, 17, 1))
    pairs = tuple(Table((coarse[0], coarse[1]), points) for _ in range(5))
    scorer = Sum(form.scorer.intercept, (), form.scorer.tables + pairs)
    text = write_source(Form("Sum", form.inputs, ("a", "b"), scorer, "margin"), "m", "m.h").text
    assert text.count("= row[") == 3
    assert f"real cuts[{15 + 31 + 7}]" in text
