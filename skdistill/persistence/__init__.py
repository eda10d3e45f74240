"""Save fitted students to files, and load them, without pickle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skdistill._output import check_path, write_files
from skdistill._validation import check_integer
from skdistill.exceptions import PersistenceError
from skdistill.persistence._student import MAX_BYTES, decode, encode

__all__ = ["load", "save"]


def save(student: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted student to a file, which :func:`load` reads.

    The file holds what the student needs to predict, and its parameters, as numbers and strings
    in a documented format. The same student gives the same bytes. They are written under another
    name first, so that a file of this name is either the old one or the whole new one.

    Parameters
    ----------
    student : estimator
        One of the built-in students, fitted; or a `DistilledClassifier` or `DistilledRegressor`
        with such a `student_`, which alone is written.
    path : str or path-like
        Where to write; the folder must exist. The usual ending is ``.skd``.

    Raises
    ------
    NotFittedError
        If the student is not fitted.
    TypeError
        If it is no built-in student, or holds a value that is not plain: a parameter such as a
        ``RandomState``, or class labels and levels of categories that are neither strings nor
        numbers nor booleans.
    PersistenceError
        If what was written could not be read again: coefficients that are not finite, parameters
        set since to what no student has, two columns of the same name, more than 2**20 columns.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Read such a file.

    Notes
    -----
    Metadata requests (``set_fit_request``) and attributes that others put onto the student are
    not stored.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skdistill
    >>> from sklearn.datasets import load_iris
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> student = TreeStudentClassifier(max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "student.skd"
    ...     skdistill.save(student, path)
    ...     loaded = skdistill.load(path)
    >>> bool((loaded.predict_proba(X) == student.predict_proba(X)).all())
    True
    """
    path = check_path(path)
    write_files({path: encode(student)})


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Any:
    """Read a student that :func:`save` wrote.

    Nothing in the file is executed, and everything is checked before a student is made of it: a
    file that is cut short, altered or made up gives an error. The checksum finds accidents; who
    can write the file can also make a valid one with other numbers in it.

    Parameters
    ----------
    path : str or path-like
        The file.
    max_bytes : int, default=1073741824
        Largest file that is read, so that a wrong one cannot fill the memory. A gigabyte is far
        above any student; loading takes a few times the size of the file, and up to 0.7 gigabytes
        more where its document, of 16 MiB at most, is made up to that end.

    Returns
    -------
    student : estimator
        Fitted, of the class that was saved. It predicts bit for bit what the saved one did, and
        can be cloned, fitted again and exported.

    Raises
    ------
    PersistenceError
        If the file is no saved student, not the whole of one, altered, larger than `max_bytes`,
        or holds what this release does not know; the message names the release that wrote it.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Write such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skdistill
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "student.skd"
    ...     _ = path.write_bytes(b"something else")
    ...     try:
    ...         skdistill.load(path)
    ...     except skdistill.exceptions.PersistenceError as error:
    ...         print(str(error).partition(": ")[2])
    it is no file of skdistill.save: it begins with b'somethin'
    """
    path = Path(path)
    check_integer(max_bytes, "max_bytes", minimum=1)
    size = path.stat().st_size
    if not path.is_file():
        raise PersistenceError(f"{path} is no file")
    if size > max_bytes:
        raise PersistenceError(f"{path} has {size} bytes, more than max_bytes={max_bytes}")
    try:
        return decode(path.read_bytes(), max_bytes=max_bytes)
    except PersistenceError as error:
        raise PersistenceError(f"{path} cannot be loaded: {error}") from None
