"""The depot in a folder: temporary file, fsync, rename, fsync of the folder; created only."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from warifu.engines.depot.reading import PIECE, absent, mismatch, part, whole
from warifu_wire import atomic
from warifu_wire.digest import Digest, digest, of_bytes, of_file
from warifu_wire.errors import Fault


class FolderDepot:
    """`ports.Depot`: one file per digest, `ab/abcd…`, mode 444."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: Digest, stream: BinaryIO) -> None:
        """Store bytes under their digest; durable on return.

        Raises `Mismatch` when the bytes are others, or when those held already were altered.
        """
        place = self._place(content)
        with _faults():
            self._room(place.parent)
            half = self._folder / f".{secrets.token_hex(8)}.part"
            try:
                found = _write(half, stream)
                if found != content:
                    raise mismatch(content, found)
                if place.exists():
                    found = of_file(place)
                    if found != content:
                        raise mismatch(content, found)
                else:
                    half.replace(place)
                atomic.sync_folder(place.parent)
            finally:
                half.unlink(missing_ok=True)

    def get(self, content: Digest) -> bytes:
        """The bytes; raises `Refusal` when absent, `Mismatch` when they were altered."""
        with self._stream(content) as stream, _faults():
            data = stream.read()
        if of_bytes(data) != content:
            raise mismatch(content, of_bytes(data))
        return data

    def open(self, content: Digest, start: int = 0, end: int | None = None) -> BinaryIO:
        """A stream over [start, end); the whole is verified at its end, a part is not."""
        stream = self._stream(content)
        if start == 0 and end is None:
            return whole(content, stream)
        stream.seek(start)
        size = os.fstat(stream.fileno()).st_size
        return part(stream, max(0, min(size, size if end is None else end) - start))

    def found(self, content: Digest) -> Digest | None:
        """The digest of what lies there, hashed anew; None when absent."""
        with _faults():
            try:
                return of_file(self._place(content))
            except FileNotFoundError:
                return None

    def size(self, content: Digest) -> int | None:
        """Size in bytes, or None when absent."""
        try:
            return self._place(content).stat().st_size
        except FileNotFoundError:
            return None

    def list(self) -> Iterator[Digest]:
        """All digests held, in order."""
        return (Digest(place.name) for place in sorted(self._folder.glob("[0-9a-f][0-9a-f]/*")))

    def _stream(self, content: Digest) -> BinaryIO:
        with _faults():
            try:
                return self._place(content).open("rb")
            except FileNotFoundError as error:
                raise absent(content) from error

    def _place(self, content: Digest) -> Path:
        name = digest(content)
        return self._folder / name[:2] / name

    def _room(self, room: Path) -> None:
        """Make the folder, its entry in the folder above on disk too."""
        if not room.exists():
            room.mkdir(parents=True, exist_ok=True)
            atomic.sync_folder(self._folder)


def _write(half: Path, stream: BinaryIO) -> str:
    """Write the stream to a new file and fsync it; the sha256 of what was written."""
    found = hashlib.sha256()
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with open(handle, "wb") as target:
        while piece := stream.read(PIECE):
            found.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return found.hexdigest()


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Fault(f"the depot's folder failed: {error}", needed="space and access") from error
