"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def check_path(path: str | os.PathLike[str], *, suffix: str | None = None) -> Path:
    """Check, before anything costly, that a file could be written.

    Parameters
    ----------
    path : str or path-like
        The file.
    suffix : str or None, default=None
        What its name must end in, such as ``".py"``; None takes any name.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If its name ends in something else.
    FileNotFoundError
        If there is no such folder.
    """
    path = Path(path)
    if suffix is not None and path.suffix != suffix:
        raise ValueError(f"path must end in {suffix}, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no folder {path.parent}.")
    return path


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files under other names, and rename them once all of them are complete.

    A file that is replaced keeps its permissions, and a symbolic link leads to what is written
    afterwards too. Each file is at every moment the old or the new one. Several are not one step:
    others may see some of them replaced and some not yet. Where one cannot be replaced, those that
    were are put back.

    Parameters
    ----------
    files : mapping of Path to bytes
        Contents by path. The folders must exist; files of these names are replaced.

    Raises
    ------
    IsADirectoryError
        If there is a folder of one of the names.
    OSError
        If a file cannot be written, or one of the names is that of a device or pipe.
    """
    targets = {Path(os.path.realpath(path)): content for path, content in files.items()}
    for path in files:
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a folder; nothing was written")
        if path.exists() and not path.is_file():
            raise OSError(f"{str(path)!r} is a device or pipe; nothing was written")
    temporary: list[Path] = []
    try:
        new = {path: _write_beside(path, content, temporary) for path, content in targets.items()}
        # A single file needs no way back.
        old = {path: _copy_beside(path, temporary) for path in targets if len(targets) > 1}
        _replace_all(new, old)
    finally:
        for other in temporary:
            other.unlink(missing_ok=True)


def _write_beside(path: Path, content: bytes, temporary: list[Path]) -> Path:
    """Write a new file in the folder of another, with the permissions that this should have."""
    other = _new_name(path, temporary)
    # Created like any file: less what the process takes from the permissions of new ones.
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(other, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        # A rename may reach the disk before the contents do.
        os.fsync(file.fileno())
    if path.exists():
        os.chmod(other, stat.S_IMODE(path.stat().st_mode))
    return other


def _copy_beside(path: Path, temporary: list[Path]) -> Path | None:
    """Copy a file to the same folder; None where there is none."""
    return Path(shutil.copy2(path, _new_name(path, temporary))) if path.exists() else None


def _new_name(path: Path, temporary: list[Path]) -> Path:
    """Choose a name in the folder of a file, short whatever the file is called."""
    temporary.append(path.parent / f".{secrets.token_hex(8)}.tmp")
    return temporary[-1]


def _replace_all(new: Mapping[Path, Path], old: Mapping[Path, Path | None]) -> None:
    """Rename files to what they are for; if one fails, put copies of the old ones back."""
    replaced: list[Path] = []
    try:
        for path, other in new.items():
            os.replace(other, path)
            replaced.append(path)
    except BaseException:
        for path in replaced:
            copy = old.get(path)
            with suppress(OSError):  # the first error is the one to tell of
                if copy is None:
                    path.unlink()
                else:
                    os.replace(copy, path)
        raise
