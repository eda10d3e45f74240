"""Students as C99: a header and a source without allocation, for servers and small devices."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skdistill._output import check_path, write_files
from skdistill._validation import check_bool, check_choice
from skdistill.exceptions import ExportError
from skdistill.export._c.build import CompilerError
from skdistill.export._c.draft import Differences, Draft
from skdistill.export._c.text import identifier
from skdistill.export._lowering import unwrap

# Headers of C, POSIX and their libraries: another file of such a name, beside a source or in a
# folder of headers, could take the place of one that they include.
_HEADERS = """
aio alloca argp argz assert byteswap complex cpio crypt ctype dirent dlfcn elf endian err errno
error execinfo fcntl features features-time64 fenv float fmtmsg fnmatch fts ftw getopt glob
gnu-versions grp iconv ifaddrs inttypes iso646 langinfo libgen libintl limits link locale malloc
math mcheck memory monetary mqueue ndbm netdb nl_types obstack paths poll printf pthread pty pwd
regex resolv sched search semaphore setjmp shadow signal spawn stdalign stdarg stdatomic stdbit
stdbool stdc-predef stdckdint stddef stdint stdio stdlib stdnoreturn string strings stropts
syscall sysexits syslog tar term termios tgmath threads time trace uchar ucontext ulimit unistd
utime utmp utmpx values wait wchar wctype windows wordexp
"""
SYSTEM_HEADERS = frozenset(_HEADERS.split())

# Bytes of a file name that all systems allow, and some for those of temporary files.
LONGEST_NAME = 200


@dataclass(frozen=True)
class CReport:
    """What was written as C, what it costs, and how close it is.

    Attributes
    ----------
    source, header : Path
        The files.
    table_bytes : int
        Bytes of read-only tables.
    plain_bytes : int
        The same of the plain double form.
    stack_bytes : int
        Bytes of stack that are enough for a call, by gcc with -O1 or more on x86-64.
    max_difference, mean_difference : float or None
        Largest and mean difference of probabilities, or of values, between C and the student.
        None if nothing was checked.
    same_labels : float or None
        Share of the rows with the same most probable class; None for regressors too.
    """

    source: Path
    header: Path
    table_bytes: int
    plain_bytes: int
    stack_bytes: int
    max_difference: float | None = None
    mean_difference: float | None = None
    same_labels: float | None = None


def to_c(
    student: Any,
    path: str | Path,
    *,
    dtype: str = "float64",
    quantize: str | None = None,
    X: Any = None,
    check: bool = True,
) -> CReport:
    """Write a fitted student as a C99 source and its header.

    The code allocates nothing, keeps no state, and needs nothing but the C library: ``exp`` and the
    like, and ``strcmp`` for categories. The header tells how to call it, what a row holds, and what
    memory it takes; C++ may include it.
    All names begin with the stem of `path`: ``churn.c`` has ``churn_predict_proba(row, proba)``,
    ``churn_predict(row)``, forms for many rows, ``churn_class_name(index)`` and, for categories,
    ``churn_level(feature, text)``.

    Unless `check` is False the system's compiler makes a library of it, and its predictions are
    compared with the student's on sampled rows and on rows at, just below and just above every
    threshold, with missing values, with each level and with one never seen. Nothing is written
    where they differ.

    Parameters
    ----------
    student : estimator
        A fitted student of :mod:`skdistill.students`, or a distilled estimator that has one.
    path : str or Path
        Of the source, which ends in ``.c``. The header is written beside it.
    dtype : {"float64", "float32"}, default="float64"
        What rows hold and the code computes in. Thresholds are rounded down to float32, so that
        every row of float32 numbers goes as in the student; predictions are within 1e-5 of the
        student's, with float64 within 1e-12. Both are of probabilities, or of values in units
        of their spread; where sums have far larger terms, rounding may add 4.8e-7 or 1.4e-14 of
        these.
    quantize : {"int16"} or None, default=None
        Write trees bit by bit with shared thresholds, and values of leaves or points of additive
        students in 16 bits, for small devices: about half of the memory, with float32 a third, at
        the cost in accuracy that the report and the header tell. Not for linear students,
        networks and trees with linear leaves, whose weights differ too much in size.
    X : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        Rows to compare and to measure on. With float32 they must go the same way after rounding,
        which may change their probabilities, or values relative to their size or spread, by 1e-5
        at most. None samples rows; what rounding does to yours is then not checked. Without
        float32 and `check` it is not looked at.
    check : bool, default=True
        Compile and compare. Without it nothing is known of the accuracy of quantised values.

    Returns
    -------
    report : CReport
        The two paths, bytes of memory, and differences to the student.

    Raises
    ------
    ExportError
        If float32 or 16 bits cannot hold what the student learned, levels of a category have the
        same text or are whole numbers of 2**53 or more, or there is no C compiler to check with.
    ParityError
        If the compiled code predicts something else; nothing is written.
    ValueError, TypeError
        If an argument is wrong; NotFittedError if the student is not fitted.

    Notes
    -----
    Trees are tables that one loop walks through, not nested conditions: on most students as fast,
    and a fraction of the size. The functions check nothing: infinite numbers, which the student
    refuses, are compared and multiplied as they are.

    Examples
    --------
    >>> import shutil, tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.export import to_c
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> student = TreeStudentClassifier(max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = to_c(student, Path(folder) / "iris.c", check=shutil.which("cc") is not None)
    ...     report.source.name, report.header.name, report.table_bytes < 300
    ('iris.c', 'iris.h', True)
    """
    single = check_choice(dtype, "dtype", ["float64", "float32"]) == "float32"
    if quantize is not None:
        check_choice(quantize, "quantize", ["int16"])
    check_bool(check, "check")
    source, header = _paths(path)
    student = unwrap(student)
    draft = Draft(
        student,
        X,
        identifier(source.stem),
        header.name,
        single=single,
        quantized=quantize is not None,
    )
    differences = None
    if check:
        try:
            differences = draft.compare()
        except (CompilerError, OSError) as error:
            raise ExportError(
                f"The C form of {type(student).__name__} cannot be checked: {error}. Install a C "
                "compiler, or give check=False to write it unchecked."
            ) from error
    text = draft.header([*draft.memory(), _accuracy(draft, differences)])
    write_files({source: draft.code.text.encode(), header: text.encode()})
    return CReport(
        source,
        header,
        draft.code.table_bytes,
        draft.plain_bytes,
        draft.code.stack_bytes,
        *((differences.largest, differences.mean, differences.same_labels) if differences else ()),
    )


def _accuracy(draft: Draft, differences: Differences | None) -> str:
    """Tell how close the code is to the student."""
    if differences is None:
        return "It was not compared with the student."
    if draft.quantized is None:
        return (
            f"Compared with the student on {differences.n_rows} rows, at and beside every "
            f"threshold: no difference above {draft.tolerance:g} (of values, in units of their "
            "spread) but for the rounding of sums of large terms."
        )
    labels = ""
    if differences.same_labels is not None:
        labels = f", and {differences.same_labels:.2%} have the same label"
    return (
        f"Values of 16 bits: on {differences.n_rows} rows outputs differ from the student's by at "
        f"most {differences.largest:.2g}, by {differences.mean:.2g} on average{labels}."
    )


def _paths(path: str | Path) -> tuple[Path, Path]:
    source = check_path(path)
    if source.stem.casefold() in SYSTEM_HEADERS:
        raise ValueError(
            f"path must not be {source.name!r}, whose header would take the place of "
            f"<{source.stem.casefold()}.h>; give another name."
        )
    if len(os.fsencode(source.name)) > LONGEST_NAME:
        raise ValueError(
            f"path must have a name of at most {LONGEST_NAME} bytes, got "
            f"{len(os.fsencode(source.name))}; give a shorter one."
        )
    if source.suffix != ".c" or not re.fullmatch(r"[\w .,+@=~()-]+", source.stem):
        raise ValueError(
            f"path must end in .c, in a name of letters, digits and any of ' _.,+@=~()-', got "
            f"{str(path)!r}."
        )
    return source, source.with_suffix(".h")
