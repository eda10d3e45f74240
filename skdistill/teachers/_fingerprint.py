"""Keys for caches that see a model's state and the code of a function."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from joblib.hashing import NumpyHasher
from numpy.ma import MaskedArray
from sklearn.neighbors import BallTree, KDTree

from skdistill.exceptions import TeacherError


class _Hasher(NumpyHasher):
    """Hash functions by what they do: ``joblib.hash`` sees their name only, and fails on lambdas.

    Of a function of the module `followed` the globals it names count too: a script's
    ``lambda X: model.predict_proba(X)`` must get another key when `model` changes. Library
    functions are left at their code. Classes that are not installed count with their methods: a
    notebook's own estimator must get another key when its code changes; of installed ones the
    version of their package counts.
    """

    def __init__(self, followed: str | None) -> None:
        super().__init__(hash_name="md5")
        self._followed = followed
        self._open: set[int] = set()
        self._classes: set[type] = set()

    def save(self, obj: Any) -> None:
        """Save an object into the stream that is hashed."""
        if isinstance(obj, ModuleType):
            super().save(("module", obj.__name__))
        elif isinstance(obj, MaskedArray):  # joblib fails on them; searches hold some
            super().save(("masked", obj.filled(), np.ma.getmaskarray(obj)))
        elif isinstance(obj, KDTree | BallTree):
            super().save((type(obj).__name__, _without_counters(obj)))
        elif isinstance(obj, type) and obj not in self._classes:
            self._classes.add(obj)
            super().save(obj)
            super().save(_version(obj) if _is_installed(obj) else (obj.__bases__, _methods(obj)))
        elif not isinstance(obj, FunctionType):
            super().save(obj)
        elif id(obj) in self._open:  # a function that reaches itself
            super().save(("function", obj.__module__, obj.__qualname__))
        else:
            self._open.add(id(obj))
            super().save(self._parts(obj))
            self._open.discard(id(obj))

    def _parts(self, function: FunctionType) -> tuple[Any, ...]:
        code = function.__code__
        seen: dict[str, Any] = {}
        if self._followed is not None and function.__module__ == self._followed:
            names = sorted(_names(code) & function.__globals__.keys())
            seen = {name: function.__globals__[name] for name in names}
        cells = [_content(cell) for cell in function.__closure__ or ()]
        return (
            "function",
            function.__module__,
            function.__qualname__,
            _instructions(code),
            function.__defaults__,
            function.__kwdefaults__,
            cells,
            seen,
        )


def fingerprint(obj: Any, name: str) -> str:
    """Compute a key of an object's state and, for functions, of their code.

    Parameters
    ----------
    obj : object
        A model, a function, or a structure of such.
    name : str
        The teacher's name, for the message.

    Returns
    -------
    key : str
        The same in another process, unless the Python version differs.

    Raises
    ------
    TeacherError
        If something in it cannot be pickled.
    """
    owner = getattr(obj, "func", obj)  # functools.partial
    try:
        return str(_Hasher(getattr(owner, "__module__", None)).hash(obj))
    except Exception as error:
        raise TeacherError(
            f"teacher {name} cannot be hashed, so that its labels cannot be cached: {error}. "
            "Use memory=None, or a teacher that pickles."
        ) from error


def _without_counters(tree: KDTree | BallTree) -> list[Any]:
    """Return what a tree of neighbours holds but its whole numbers: some count its queries."""
    return [part for part in tree.__getstate__() if not isinstance(part, int)]


def _version(cls: type) -> str:
    """Return the version of the package that a class belongs to: another may answer otherwise."""
    package = sys.modules.get(cls.__module__.split(".")[0])
    return str(getattr(package, "__version__", ""))


def _is_installed(cls: type) -> bool:
    """Tell whether a class belongs to Python or to an installed package, whose code is fixed."""
    if cls.__module__ == "__main__":
        return False
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None:
        return True
    path = Path(file)
    in_packages = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return in_packages or path.is_relative_to(sysconfig.get_paths()["stdlib"])


def _methods(cls: type) -> list[tuple[str, Any]]:
    """Collect the functions of a class, by name."""
    found: list[tuple[str, Any]] = []
    for name, member in sorted(vars(cls).items()):
        if isinstance(member, property):
            found.append((name, [f for f in (member.fget, member.fset) if f is not None]))
        function = getattr(member, "__func__", member)  # of class and static methods
        if isinstance(function, FunctionType):
            found.append((name, function))
    return found


def _names(code: CodeType) -> set[str]:
    """Collect the global names a function uses, with those of functions inside it."""
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


def _instructions(code: CodeType) -> tuple[Any, ...]:
    """Collect what a code object does, leaving out line numbers and file names."""
    return (code.co_code, code.co_names, tuple(_constant(const) for const in code.co_consts))


def _constant(const: Any) -> Any:
    if isinstance(const, CodeType):
        return _instructions(const)
    if isinstance(const, frozenset):  # `x in {...}`: its order depends on the process
        return sorted(map(repr, const))
    return const


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that is not assigned yet
        return None
