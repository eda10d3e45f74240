"""Names and texts in C: of files, functions, levels and classes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from c_programs import compile_files, needs_compiler
from hypothesis import given
from hypothesis import strategies as st
from random_students import make_student

from skdistill.exceptions import ExportError
from skdistill.export import to_c
from skdistill.export._c.text import encode, identifier, in_comment
from skdistill.students import LinearStudentRegressor

pytestmark = needs_compiler


def test_nasty_names_stay_names(tmp_path: Path) -> None:
    student = make_student("additive", 2, "frame")
    report = to_c(student, tmp_path / "bad name, int.c")
    header = report.header.read_text(encoding="utf-8")
    comment, code = header.split("*/", 1)
    assert "exit" in comment
    assert "exit" not in code
    assert "bad_name_int_predict_proba" in code
    compile_files([report.source], tmp_path / "model.o", "-c", "-Wtrigraphs", "-Wcomment")


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_header_is_cpp(tmp_path: Path) -> None:
    report = to_c(make_student("tree", 3, "frame"), tmp_path / "model.c")
    compile_files([report.source], tmp_path / "model.o", "-c")
    main = '#include "model.h"\nint main() { return model_class_name(0) == nullptr; }\n'
    (tmp_path / "main.cpp").write_text(main)
    command = ["g++", "-Wall", "-Werror", "-o", "program", "main.cpp", "model.o", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "program"], check=True)


@given(st.text(), st.text())
def test_texts_keep_their_difference(a: str, b: str) -> None:
    assert (encode(a) == encode(b)) == (a == b)
    assert b"\0" not in encode(a)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_comments_cannot_be_left(text: str) -> None:
    shown = in_comment(text + "*/ ??/\n /* \u2028 \\")
    shown.encode()  # no lone surrogates
    assert "*" not in shown
    assert "?" not in shown
    assert len(shown.splitlines()) == 1
    assert not shown.endswith("\\")


@given(st.text())
def test_prefixes_are_identifiers(stem: str) -> None:
    assert re.fullmatch("[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", identifier(stem))


def test_levels_of_one_text_are_refused(tmp_path: Path) -> None:
    X = pd.DataFrame({"size": pd.Series(["5", 5, "other"] * 20, dtype=object)})
    student = LinearStudentRegressor().fit(X, [0.0, 1.0, 2.0] * 20)
    with pytest.raises(ExportError, match="'size' has the levels '5' and 5"):
        to_c(student, tmp_path / "model.c")


@pytest.mark.parametrize("name", ["model", "model.h", 'a"b.c', "new\nline.c", "back\\slash.c"])
def test_wrong_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"path must end in \.c"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / name)


@pytest.mark.parametrize("stem", ["math", "stdint", "features", "Stdlib", "FLOAT", "endian"])
def test_headers_of_the_library_are_not_hidden(tmp_path: Path, stem: str) -> None:
    with pytest.raises(ValueError, match=f"<{stem.lower()}.h>"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / f"{stem}.c")


@pytest.mark.parametrize("stem", ["a" * 199, "ü" * 100])
def test_names_that_are_too_long(tmp_path: Path, stem: str) -> None:
    with pytest.raises(ValueError, match=r"at most 200 bytes, got 20[12]"):
        to_c(None, tmp_path / f"{stem}.c")  # before the student is looked at


def test_longest_name(tmp_path: Path) -> None:
    report = to_c(make_student("tree", 2, "numbers"), tmp_path / f"{'a' * 198}.c")
    compile_files([report.source], tmp_path / "model.o", "-c")


@pytest.mark.parametrize("stem", ["a@P@b", "@REAL@", "skdistill plain", "plain", "source"])
@pytest.mark.parametrize("quantize", [None, "int16"])
def test_names_that_are_used_inside(tmp_path: Path, stem: str, quantize: str | None) -> None:
    report = to_c(make_student("tree", 2, "frame"), tmp_path / f"{stem}.c", quantize=quantize)
    assert f'#include "{stem}.h"\n' in report.source.read_text()
    compile_files([report.source], tmp_path / "model.o", "-c")


def test_names_in_other_case_are_other_names(tmp_path: Path) -> None:
    main = ["int main(void)", "{", "    double row[4] = {0}, out[2];"]
    for stem in ("model", "Model"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / f"{stem}.c")
        main = [f'#include "{stem}.h"', *main, f"    {stem}_predict_proba(row, out);"]
    (tmp_path / "main.c").write_text("\n".join([*main, "    return 0;", "}", ""]))
    compile_files([*tmp_path.glob("*.c")], tmp_path / "program")
