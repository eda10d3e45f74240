"""Write files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files under other names, and rename them once all of them are complete.

    Parameters
    ----------
    files : mapping of Path to bytes
        Contents by path. The folders must exist; files of these names are replaced.

    Raises
    ------
    IsADirectoryError
        If there is a folder of one of the names.
    OSError
        If a file cannot be written.
    """
    for path in files:
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a folder; nothing was written")
    unfinished: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            unfinished[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            # Temporary files are for their owner alone; what is written here is an ordinary file.
            os.chmod(name, 0o666 & ~_umask())
        for path, other in unfinished.items():
            os.replace(other, path)
    finally:
        for other in unfinished.values():
            other.unlink(missing_ok=True)


def _umask() -> int:
    """Return the permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
