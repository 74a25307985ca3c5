"""Writing so that a killed process leaves either the old file or the new one, on disk."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from warifu_wire.errors import Fault


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk; raises OSError."""
    if os.name == "nt":  # pragma: no cover - Windows has no folder handles to flush
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename, fsync of the folder.

    Raises `Fault` when the disk refuses; the old file is then untouched.
    """
    half = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            half.replace(path)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise Fault(
            f"cannot write {path}: {error.strerror}", needed="space and write access there"
        ) from error
