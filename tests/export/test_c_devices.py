"""What C takes of a device: memory, options of its compiler, and the sizes of its numbers."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from c_programs import all_students, compile_files, compiler_name, needs_compiler
from random_students import FAMILIES, make_student

from skdistill.export import to_c
from skdistill.students import LinearStudentRegressor

pytestmark = needs_compiler


def symbols(source: Path) -> list[tuple[int, str, str]]:
    """Return size, type and name of what a compiled source defines."""
    compile_files([source], source.with_suffix(".o"), "-c", "-O0")
    told = subprocess.run(
        ["nm", "-S", "--defined-only", source.with_suffix(".o")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.split() for line in told.splitlines()]
    return [(int(line[1], 16), line[2], line[3]) for line in lines if len(line) == 4]


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm tells the sizes")
@pytest.mark.parametrize(("family", "n_classes", "table"), all_students())
def test_table_bytes_are_what_the_compiler_makes(
    tmp_path: Path, family: str, n_classes: int, table: str
) -> None:
    student = make_student(family, n_classes, table)
    dtype = "float32" if n_classes == 2 else "float64"
    report = to_c(student, tmp_path / "model.c", dtype=dtype, check=False)
    found = symbols(report.source)
    assert sum(size for size, kind, _ in found if kind == "r") == report.table_bytes
    assert {kind for _, kind, _ in found} <= {"r", "t", "T"}  # nothing that can be written to
    assert all(name.startswith("model_") for _, kind, name in found if kind == "T")
    assert f"{report.table_bytes} bytes of read-only tables" in report.header.read_text()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_stack_bytes_are_enough(tmp_path: Path, family: str, dtype: str) -> None:
    student = make_student(family, 3, "frame")
    report = to_c(student, tmp_path / "model.c", dtype=dtype, check=False)
    if "Free Software Foundation" not in compiler_name():
        pytest.skip("only gcc tells the stack")
    for level in ("-O1", "-O3"):
        compile_files([report.source], tmp_path / "model.o", "-c", level, "-fstack-usage")
        lines = (tmp_path / "model.su").read_text().splitlines()
        # No more than all functions at once, each with a return address.
        used = sum(int(line.split("\t")[1]) + 8 for line in lines)
        assert used <= report.stack_bytes
    assert report.stack_bytes < 2000


def test_fast_math_is_refused(tmp_path: Path) -> None:
    report = to_c(make_student("tree", 2, "numbers"), tmp_path / "model.c")
    with pytest.raises(AssertionError, match="without -ffast-math"):
        compile_files([report.source], tmp_path / "model.o", "-c", "-ffast-math")


def test_float_constants_are_refused(tmp_path: Path) -> None:
    if "Free Software Foundation" not in compiler_name():
        pytest.skip("only gcc has such options")
    for dtype, name in (("float64", "double"), ("float32", "single")):
        report = to_c(make_student("tree", 2, "numbers"), tmp_path / f"{name}.c", dtype=dtype)
        for expected, options in {
            "constants_are_double": ["-fsingle-precision-constant"],
            "dtype='float32'": ["-U__DBL_MANT_DIG__", "-D__DBL_MANT_DIG__=24"],
        }.items():
            allowed = contextlib.nullcontext() if dtype == "float32" else None
            with allowed or pytest.raises(AssertionError, match=expected):
                compile_files([report.source], tmp_path / "model.o", "-c", *options)


def test_small_int_is_refused_where_tables_are_long(tmp_path: Path) -> None:
    small = to_c(make_student("tree", 2, "numbers"), tmp_path / "small.c")
    X = pd.DataFrame({"c": ["a" * 2**15, "b", "c"] * 20})
    large = to_c(LinearStudentRegressor().fit(X, [0.0, 1.0, 2.0] * 20), tmp_path / "large.c")
    options = ["-U__INT_MAX__", "-D__INT_MAX__=32767", "-c"]
    compile_files([small.source], tmp_path / "small.o", *options)
    compile_files([large.source], tmp_path / "large.o", "-c")
    with pytest.raises(AssertionError, match="int of 16 bits"):
        compile_files([large.source], tmp_path / "large.o", *options)
