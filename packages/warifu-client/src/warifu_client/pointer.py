"""The one pointer that says which release folder is in use: one rename changes it.

Two forms with the same contract: a symbolic link where the system has them for everybody, and a
small file that the launcher reads where it has not (Windows).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from warifu_client.layout import release_of
from warifu_wire import atomic
from warifu_wire.errors import Fault


class Pointer(Protocol):
    """Names one release folder, or none."""

    def read(self) -> str | None:
        """The folder's name; None when there is no pointer or it names nothing of ours."""

    def point(self, name: str) -> None:
        """Name another folder, by one rename; raises `Fault`, and then the old name stands."""

    def drop(self) -> None:
        """Name none; raises `Fault`."""


@dataclass(frozen=True, slots=True)
class LinkPointer:
    """A symbolic link into the releases folder."""

    path: Path

    def read(self) -> str | None:
        """The name of the folder that the link names."""
        try:
            name = self.path.readlink().name
        except OSError:
            return None
        return name if release_of(name) else None

    def point(self, name: str) -> None:
        """Make a link beside it, rename it over the old one, flush the folder."""
        half = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.part")
        try:
            half.symlink_to(Path("releases") / name, target_is_directory=True)
            half.replace(self.path)
            atomic.sync_folder(self.path.parent)
        except OSError as error:
            raise _cannot(self.path, error) from error

    def drop(self) -> None:
        """Remove the link."""
        _drop(self.path)


@dataclass(frozen=True, slots=True)
class FilePointer:
    """A file with the folder's name in it, replaced whole; `replace` is the rename."""

    path: Path
    replace: Callable[[Path, Path], None] = os.replace

    def read(self) -> str | None:
        """The name in the file."""
        try:
            name = self.path.read_text("ascii")
        except (OSError, ValueError):
            return None
        return name if release_of(name) else None

    def point(self, name: str) -> None:
        """Write another file beside it, flush it, rename it over the old one."""
        half = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.part")
        try:
            atomic.write(half, name.encode("ascii"))
            self.replace(half, self.path)
            atomic.sync_folder(self.path.parent)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise _cannot(self.path, error) from error

    def drop(self) -> None:
        """Remove the file."""
        _drop(self.path)


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        atomic.sync_folder(path.parent)
    except OSError as error:
        raise _cannot(path, error) from error


def _cannot(path: Path, error: OSError) -> Fault:
    return Fault(f"cannot change {path}: {error.strerror}", needed="write access there")
