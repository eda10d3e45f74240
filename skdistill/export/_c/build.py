"""The system's C compiler, and the libraries that it makes."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

# No machine options: a library in a shared home folder must run on all machines. Products and
# sums are rounded one by one, as NumPy does.
FLAGS = ("-std=c99", "-O2", "-fPIC", "-shared", "-ffp-contract=off")

# A compiler that takes longer has been stopped by something else.
TIMEOUT = 300.0

_NAMES = ("cc", "gcc", "clang")


class CompilerError(RuntimeError):
    """There is no compiler, or it failed."""


def find_compiler() -> list[str]:
    """Return the command of the C compiler: that in $CC, or the first of cc, gcc and clang.

    Raises
    ------
    CompilerError
        If there is none, or CC is no command.
    """
    try:
        given = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise CompilerError(
            f"the environment variable CC, {os.environ['CC']!r}, is no command ({error})"
        ) from error
    if given:
        found = shutil.which(given[0])
        if found is None:
            raise CompilerError(
                f"the compiler in the environment variable CC, {given[0]!r}, is not there"
            )
        return [found, *given[1:]]
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None:
            return [found]
    raise CompilerError(f"there is no C compiler ({', '.join(_NAMES)}; or name one in CC)")


@lru_cache(maxsize=8)
def compiler_version(command: tuple[str, ...]) -> str:
    """Return what the compiler says of itself."""
    return _run([*command, "--version"])


def build(files: Mapping[str, str], folder: Path, library: Path) -> None:
    """Write source files and compile those in C into a shared library.

    Parameters
    ----------
    files : mapping of str to str
        Texts of sources and headers by name.
    folder : Path
        Where they go: a folder of this user alone.
    library : Path
        The library.

    Raises
    ------
    CompilerError
        If there is no compiler, or it rejects the source.
    """
    command = find_compiler()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = [str(folder / name) for name in files if name.endswith(".c")]
    _run([*command, *FLAGS, "-o", str(library), *sources, "-lm"])


def load(library: Path) -> ctypes.CDLL:
    """Load a shared library; OSError where the system refuses."""
    return ctypes.CDLL(str(library))


class Scorer:
    """The functions of a compiled source.

    Parameters
    ----------
    library : CDLL
    prefix : str
        Of its names.
    n_features : int
    n_classes : int or None
        None for a regressor.
    single : bool, default=False
        Whether it reads float.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        prefix: str,
        n_features: int,
        n_classes: int | None,
        *,
        single: bool = False,
    ) -> None:
        self.library, self.prefix = library, prefix
        self.n_features, self.n_classes = n_features, n_classes
        self.dtype = np.float32 if single else np.float64
        self.real: Any = ctypes.c_float if single else ctypes.c_double
        name = "predict_batch" if n_classes is None else "predict_proba_batch"
        self._batch = self.function(name)
        self._batch.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self._batch.restype = None

    def function(self, name: str) -> Any:
        """Return one of the public functions, by its name without the prefix."""
        return self.library[f"{self.prefix}_{name}"]

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """Compute probabilities, or values of a regressor.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Numbers and codes.

        Returns
        -------
        outputs : ndarray of shape (n_rows, n_classes) or (n_rows,)
            As precise as the source.

        Raises
        ------
        ValueError
            If rows are not as long as those that C reads.
        """
        if rows.shape[1:] != (self.n_features,):
            raise ValueError(
                f"rows must have the shape (n_rows, {self.n_features}), got {rows.shape}."
            )
        if rows.dtype != self.dtype:
            with np.errstate(over="ignore", under="ignore"):
                rows = rows.astype(self.dtype)
        rows = np.ascontiguousarray(rows)
        shape = rows.shape[:1] if self.n_classes is None else (len(rows), self.n_classes)
        out = np.empty(shape, dtype=self.dtype)
        self._batch(rows.ctypes.data, len(rows), out.ctypes.data)
        return out


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own compiler
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(f"the compiler {command[0]} did not run ({error})") from error
    if done.returncode:
        raise CompilerError(f"the compiler {command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout + sys.platform
