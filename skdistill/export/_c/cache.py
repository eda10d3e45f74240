"""The user's folder of compiled libraries."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import stat
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from skdistill.export._c.build import (
    FLAGS,
    CompilerError,
    build,
    compiler_version,
    find_compiler,
    load,
)


def load_compiled(files: Mapping[str, str]) -> ctypes.CDLL:
    """Compile sources into a shared library, or take one that was made of the same before.

    Libraries are kept under a hash of sources, compiler, options and platform. Each is made under
    another name and then renamed, so that any number of processes may do so at once. A folder
    that others could write to is not used: who can write there could have any code run.

    Parameters
    ----------
    files : mapping of str to str
        Texts of sources and headers by name.

    Returns
    -------
    library : CDLL

    Raises
    ------
    CompilerError
        If there is no compiler, or its library cannot be loaded.
    """
    key = _hash(files)
    try:
        folder = _cache_folder()
        library = folder / f"{key}.so"
        if library.is_file() and not library.is_symlink():
            with suppress(OSError):  # made elsewhere, or damaged: then it is made again
                return load(library)
        with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as name:
            build(files, Path(name), Path(name, "library"))
            os.replace(Path(name, "library"), library)
        return load(library)
    except OSError as error:
        warnings.warn(
            f"Compiled students are not kept from one process to the next: {error}. Set the "
            "environment variable XDG_CACHE_HOME to a folder of your own.",
            UserWarning,
            stacklevel=5,
        )
    with tempfile.TemporaryDirectory(prefix="skdistill-") as name:
        build(files, Path(name), Path(name, "library"))
        try:
            return load(Path(name, "library"))
        except OSError as error:
            raise CompilerError(f"what it compiled cannot be loaded ({error})") from error


def _hash(files: Mapping[str, str]) -> str:
    command = find_compiler()
    parts = [*command, *FLAGS, compiler_version(tuple(command)), platform.platform()]
    parts += [platform.machine(), *(part for item in sorted(files.items()) for part in item)]
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _cache_folder() -> Path:
    """Return the folder, made if need be; OSError if it cannot be used."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    shared, folder = folder / "skdistill", folder / "skdistill" / "compiled"
    shared.parent.mkdir(parents=True, exist_ok=True)
    for path in (shared, folder):
        path.mkdir(mode=0o700, exist_ok=True)
    if _others_may(shared, stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{shared} belongs to others or can be written by them")
    if _others_may(folder, stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{folder} is open to others; its mode should be 0700")
    return folder


def _others_may(folder: Path, forbidden: int) -> bool:
    """Tell whether a folder is a link, belongs to somebody else or gives others a permission."""
    found = folder.lstat()
    if not hasattr(os, "getuid"):
        return False  # the home folders of Windows are their owners' alone
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return not mine or bool(found.st_mode & forbidden)
