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
from pathlib import Path

from skdistill._output import write_files
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

    Libraries are kept under a hash of sources, compiler, options and platform, and one of what they
    themselves contain: none that is damaged is loaded. Any number of processes may make the same
    at once. A folder that others could write to is not used: who can write there could have any
    code run. Nothing is kept that is compiled for this very processor, as others may share the
    folder.

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
        If there is no compiler, no folder for it to work in, or its library cannot be loaded.
    """
    key, folder = _hash(files), None
    if not any(option.endswith("=native") for option in find_compiler()):
        try:
            folder = _cache_folder()
            library = _load_kept(folder, key)
            if library is not None:
                return library
        except OSError as error:
            _warn("are not kept from one process to the next", error, 6)
            folder = None
    try:
        with tempfile.TemporaryDirectory(prefix="skdistill-") as name:
            made = Path(name, "library")
            build(files, Path(name), made)
            return load(made) if folder is None else _load_from(folder, key, made)
    except OSError as error:
        raise CompilerError(f"no library can be made and loaded ({error})") from error


def _load_kept(folder: Path, key: str) -> ctypes.CDLL | None:
    """Load a library that was made before; None if there is none that is whole and can be."""
    for path in sorted(folder.glob(f"{key}-*.so")):
        if not path.is_symlink() and path.name == _name(key, path.read_bytes()):
            try:
                return load(path)
            except OSError:
                pass  # made elsewhere
        path.unlink(missing_ok=True)
    return None


def _load_from(folder: Path, key: str, made: Path) -> ctypes.CDLL:
    """Keep a library and load it, from where it was made if need be."""
    content = made.read_bytes()
    kept = folder / _name(key, content)
    try:
        write_files({kept: content})
    except OSError as error:
        _warn("cannot be kept for the next process", error, 7)
        return load(made)
    try:
        return load(kept)
    except OSError as error:
        kept.unlink(missing_ok=True)
        library = load(made)
        _warn("cannot be loaded from where they are kept", error, 7)
        return library


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()}.so"


def _warn(what: str, error: OSError, stacklevel: int) -> None:
    """Warn the caller of `compile`, so many calls above."""
    warnings.warn(
        f"Compiled students {what}: {error}. Set the environment variable XDG_CACHE_HOME to a "
        "folder of your own.",
        UserWarning,
        stacklevel=stacklevel,
    )


def _hash(files: Mapping[str, str]) -> str:
    command = find_compiler()
    parts = [*command, *FLAGS, compiler_version(tuple(command)), platform.platform()]
    parts += [platform.machine(), *(part for item in sorted(files.items()) for part in item)]
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode(errors="surrogateescape")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _cache_folder() -> Path:
    """Return the folder, made if need be; OSError if it cannot be used."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path(os.path.expanduser("~/.cache"))
        if not base.is_absolute():
            raise FileNotFoundError("this user has no home folder")
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    shared, folder = base / "skdistill", base / "skdistill" / "compiled"
    for path in (shared, folder):
        path.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):  # the home folders of Windows are their owners' alone
        _check_base(base)
        if _others_may(shared, stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{shared} belongs to others or can be written by them")
        if _others_may(folder, stat.S_IRWXG | stat.S_IRWXO):
            raise PermissionError(f"{folder} is open to others; its mode should be 0700")
    return folder


def _check_base(base: Path) -> None:
    """Raise PermissionError where others may rename what is in a folder, or its owner is another.

    In folders as /tmp, with the sticky bit, only their owners can rename files.
    """
    found = base.stat()
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    if found.st_uid not in (os.getuid(), 0) or others:
        raise PermissionError(f"{base} belongs to others or can be written by them")


def _others_may(folder: Path, forbidden: int) -> bool:
    """Tell whether a folder is a link, belongs to somebody else or gives others a permission."""
    found = folder.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return not mine or bool(found.st_mode & forbidden)
