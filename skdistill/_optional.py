"""Import optional dependencies where they are used, with a clear message when missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def import_optional(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a module that is not a core dependency.

    Parameters
    ----------
    name : str
        Module to import, for example ``"lightgbm"``.
    extra : str
        The extra of this package that installs it.
    purpose : str
        What it is needed for, as the start of a sentence.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the module is missing; the message says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {name!r}, which could not be imported ({error}). "
            f"Install the extra {extra!r}: pip install 'skdistill[{extra}]', or in the directory "
            f"of its source pip install '.[{extra}]'."
        ) from error


def comes_from(obj: object, *packages: str) -> bool:
    """Tell, without importing anything, whether the class of `obj` is defined in a package."""
    return any(cls.__module__.split(".")[0] in packages for cls in type(obj).__mro__)
