"""Files on a member's machine: a killed process leaves the old one or the new one, never half."""

from __future__ import annotations

import os
import secrets
from glob import escape
from pathlib import Path

from warifu_sign.errors import Fault, Refusal

PRIVATE = 0o600
PUBLIC = 0o644


def read(path: Path, *, most: int) -> bytes:
    """A file's bytes. Raises Refusal file-large and Fault file-unreadable."""
    try:
        with path.open("rb") as source:
            data = source.read(most + 1)
    except OSError as error:
        raise Fault("file-unreadable", path=path, why=error.strerror) from None
    if len(data) > most:
        raise Refusal("file-large", path=path, needed=f"at most {most} bytes")
    return data


def write(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Replace a file whole: written beside, synced, renamed. Raises Fault file-unwritable.

    What a killed process left of an earlier attempt at the same file is swept away.
    """
    for stale in path.parent.glob(f".{escape(path.name)}.*.part"):
        stale.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise Fault("file-unwritable", path=path, why=error.strerror) from None


def append(path: Path, line: bytes) -> None:
    """Add a line to a journal and sync it. Raises Fault file-unwritable."""
    try:
        with path.open("ab") as target:
            target.write(line)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise Fault("file-unwritable", path=path, why=error.strerror) from None


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder last, where the system lets folders be synced."""
    if os.name == "nt":  # pragma: no cover - Windows syncs the entry with the file
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
