"""Tools of the tests of C: warnings and sanitizers as strict as can be, and programs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from random_students import FAMILIES, TABLES, TASKS

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler"
)

STRICT = (
    "-std=c99",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Wundef",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
)
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

# Reads rows of numbers, and writes what is predicted of each with all digits.
MAIN = """\
#include "@NAME@.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static @REAL@ row[@UPPER@_N_FEATURES];
    char word[64];
    int j = 0;
    while (scanf("%63s", word) == 1) {
        row[j++] = (@REAL@)strtod(word, NULL);
        if (j == @UPPER@_N_FEATURES) {
            @PREDICT@
            j = 0;
        }
    }
    return 0;
}
"""

CLASSES = """\
@REAL@ proba[@UPPER@_N_CLASSES];
            int k;
            @LOWER@_predict_proba(row, proba);
            for (k = 0; k < @UPPER@_N_CLASSES; ++k)
                printf("%.17g ", (double)proba[k]);
            printf("%d\\n", @LOWER@_predict(row));"""

VALUE = 'printf("%.17g\\n", (double)@LOWER@_predict(row));'


def all_students() -> list[tuple[str, int, str]]:
    """Every family with every task, on the tables in turn."""
    pairs = [(family, task) for family in FAMILIES for task in TASKS]
    return [(f, t, TABLES[(i + i // 3) % len(TABLES)]) for i, (f, t) in enumerate(pairs)]


def run_program(source: Path, rows: np.ndarray, *, classifier: bool, single: bool) -> np.ndarray:
    """Compile a source with a main program, with sanitizers, and run it on rows.

    Returns one line of numbers for each row: the value, or probabilities and the class.
    """
    main = MAIN.replace("@PREDICT@", CLASSES if classifier else VALUE)
    names = {
        "@NAME@": source.stem,
        "@UPPER@": source.stem.upper(),
        "@LOWER@": source.stem,
        "@REAL@": "float" if single else "double",
    }
    for name, value in names.items():
        main = main.replace(name, value)
    folder = source.parent
    (folder / "main.c").write_text(main)
    program = folder / "program"
    compile_files([source, folder / "main.c"], program, *SANITIZE)
    text = "\n".join(" ".join(f"{x:.17g}" for x in row) for row in rows)
    done = subprocess.run(
        [program], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.array([line.split() for line in done.stdout.splitlines()], dtype=np.float64)


def compile_files(sources: list[Path], output: Path, *options: str) -> str:
    """Compile with all warnings as errors; return what the compiler says."""
    command = [find_compiler(), *STRICT, *options, *map(str, sources), "-o", str(output), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def find_compiler() -> str:
    found = [path for path in map(shutil.which, ("cc", "gcc", "clang")) if path]
    return found[0]


def compiler_name() -> str:
    """Return what the compiler says of itself."""
    command = [find_compiler(), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
