"""A student's C form before it is written, and its comparison with the student."""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skdistill.exceptions import ParityError
from skdistill.export._c.build import Scorer, build, load
from skdistill.export._c.form import check_texts, sort_levels, to_single
from skdistill.export._c.header import write_header
from skdistill.export._c.quantize import quantize
from skdistill.export._c.rows import RowReader
from skdistill.export._c.source import categories, write_source
from skdistill.export._c.text import encode
from skdistill.export._form import Form
from skdistill.export._lowering import lower
from skdistill.export._parity import check_parity, predict_rows
from skdistill.export._probes import N_BASE_ROWS, probe_rows
from skdistill.export._scale import allowed_differences
from skdistill.export._single import check_cast
from skdistill.students._base import BaseStudent

# How far C may be from the student, besides what rounding does to large terms.
DOUBLE_TOLERANCE, SINGLE_TOLERANCE = 1e-12, 1e-5


@dataclass(frozen=True)
class Differences:
    """How far C is from the student, on some rows.

    Attributes
    ----------
    n_rows : int
    largest, mean : float
        Of the absolute differences of probabilities or values.
    same_labels : float or None
        Share of the rows with the same most probable class.
    """

    n_rows: int
    largest: float
    mean: float
    same_labels: float | None

    @classmethod
    def between(cls, expected: np.ndarray, outputs: np.ndarray) -> Differences:
        """Compare outputs of the student and of C."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(expected - outputs)
        apart = np.where(np.isnan(expected) & np.isnan(outputs), 0.0, apart)
        same = None
        if expected.ndim == 2:
            same = float(np.mean(expected.argmax(axis=1) == outputs.argmax(axis=1)))
        return cls(len(expected), float(apart.max()), float(apart.mean()), same)


class Draft:
    """A student's C form.

    Parameters
    ----------
    student : estimator
        Fitted.
    X : array-like, DataFrame or None
        Rows to compare on.
    prefix, header : str
        Prefix of all names, and name of the header file.
    single : bool, default=False
        Whether it computes in float.
    quantized : bool, default=False
        Whether values have 16 bits.

    Attributes
    ----------
    code : Code
        The source.
    tolerance : float
        How far it may be from the student, times the scale of the row.
    plain_bytes : int
        Bytes of tables of the plain double form.
    """

    def __init__(
        self,
        student: BaseStudent,
        X: Any,
        prefix: str,
        header: str,
        *,
        single: bool = False,
        quantized: bool = False,
    ) -> None:
        self.student, self.X, self.single = student, X, single
        self.prefix, self.header_name = prefix, header
        self.tolerance = SINGLE_TOLERANCE if single else DOUBLE_TOLERANCE
        form = sort_levels(lower(student))
        check_texts(form.inputs)
        self.reader = RowReader(student, form)
        self.plain_bytes = write_source(form, prefix, header).table_bytes
        if single:
            form = to_single(form, None if X is None else self._read(X))
            check_cast(student, form, X)
        self.form = form
        self.quantized = quantize(form) if quantized else None
        self.code = write_source(self.quantized or form, prefix, header, single=single)

    def memory(self) -> list[str]:
        """Tell what memory it takes."""
        sentences = [
            f"Memory: {self.code.table_bytes} bytes of read-only tables, and at most "
            f"{self.code.stack_bytes} bytes of stack for a call (gcc with -O1 or more, x86-64)."
        ]
        if self.code.table_bytes != self.plain_bytes:
            sentences.append(f"The tables of the plain double form take {self.plain_bytes} bytes.")
        return sentences

    def header(self, sentences: Sequence[str] = ()) -> str:
        """Write the header with sentences about memory and accuracy."""
        return self._write_header(self.prefix, sentences)

    def compare(self) -> Differences:
        """Compile, and compare with the student.

        Raises
        ------
        CompilerError
            If there is no compiler, or it fails.
        ParityError
            If predictions differ.
        """
        with tempfile.TemporaryDirectory(prefix="skdistill-") as name:
            library = self._build(Path(name))
            scorer = self._scorer(library, self.prefix)
            _check_texts(scorer, self.form)
            rows = probe_rows(self.form, self.X, single=self.single)
            coded = self.reader.read(rows)
            if self.quantized is None:
                outputs = scorer.outputs(coded)
                self._check(rows, outputs)
                return Differences.between(predict_rows(self.student, rows), outputs)
            plain = self._scorer(library, f"{self.prefix}_plain").outputs(coded)
            self._check(rows, plain)
            rounded = self._scorer(library, f"{self.prefix}_rounded").outputs(coded)
            allowed = allowed_differences(
                self.form, rows, rounded, tolerance=self.tolerance, single=self.single
            )
            _check_quantized(scorer.outputs(coded), rounded, allowed)
            if self.X is None:
                rows, coded = rows[:N_BASE_ROWS], coded[:N_BASE_ROWS]
                expected = predict_rows(self.student, rows)
            else:
                expected, coded = predict_rows(self.student, self.X), self._read(self.X)
            return Differences.between(expected, scorer.outputs(coded))

    def _write_header(self, prefix: str, sentences: Sequence[str]) -> str:
        version = sys.modules["skdistill"].__version__
        return write_header(self.form, prefix, single=self.single, costs=sentences, version=version)

    def _check(self, rows: np.ndarray, outputs: np.ndarray) -> None:
        try:
            check_parity(
                self.student,
                rows,
                outputs,
                tolerance=self.tolerance,
                target="C",
                single=self.single,
            )
        except ParityError as error:
            if not self.single:
                raise
            raise ParityError(
                f"{error}\nSums of this student need more digits than float32 has: use "
                "dtype='float64', or fit it to a target of smaller numbers."
            ) from error

    def _read(self, X: Any) -> np.ndarray:
        return self.reader.read(self.student._check_X(X, reset=False))

    def _build(self, folder: Path) -> ctypes.CDLL:
        """Compile; for quantised values also the forms that they are compared with."""
        files = {"source.c": self.code.text, self.header_name: self.header()}
        if self.quantized is not None:
            forms = {"plain": self.form, "rounded": self.quantized.form}
            for kind, form in forms.items():
                prefix, header = f"{self.prefix}_{kind}", f"{kind}%.h"  # no user's name has a %
                code = write_source(form, prefix, header, single=self.single, texts=False)
                files |= {f"{kind}.c": code.text, header: self._write_header(prefix, ())}
        build(files, folder, folder / "library")
        return load(folder / "library")

    def _scorer(self, library: ctypes.CDLL, prefix: str) -> Scorer:
        n_classes = None if self.form.classes is None else len(self.form.classes)
        return Scorer(library, prefix, len(self.form.inputs), n_classes, single=self.single)


def _check_texts(scorer: Scorer, form: Form) -> None:
    """Raise ParityError unless C finds each level and tells each class."""
    for j in categories(form.inputs):
        find = scorer.function("level")
        find.argtypes, find.restype = [ctypes.c_int, ctypes.c_char_p], scorer.real
        levels = form.inputs[j].levels or ()
        found = [find(j, encode(level)) for level in levels]
        if found != list(range(len(levels))) or find(j, None) == find(j, None):
            raise ParityError(
                f"The C form does not tell the levels of feature {form.inputs[j].name!r} apart; "
                "nothing was written."
            )
    if form.classes is not None:
        tell = scorer.function("class_name")
        tell.argtypes, tell.restype = [ctypes.c_int], ctypes.c_char_p
        told = [tell(k) for k in range(-1, len(form.classes) + 1)]
        if told != [None, *map(encode, form.classes), None]:
            raise ParityError("The C form does not name the classes; nothing was written.")


def _check_quantized(outputs: np.ndarray, expected: np.ndarray, allowed: np.ndarray) -> None:
    """Compare the packed code with plain code of the same rounded values."""
    apart = np.abs(outputs.astype(np.float64) - expected).reshape(len(allowed), -1).max(axis=1)
    if not (apart <= allowed).all():
        raise ParityError(
            f"The packed C form differs by {apart.max():.3g} from the plain one of the same "
            "rounded values; nothing was written."
        )
