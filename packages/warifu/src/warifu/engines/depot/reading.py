"""Reading back: a whole artifact is hashed while it is read, so altered bytes do not pass."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO, cast

from warifu_wire.digest import Digest
from warifu_wire.errors import Mismatch, Refusal

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 1 << 20


def absent(content: Digest) -> Refusal:
    """What is said when the depot does not hold a digest."""
    return Refusal("not-in-depot", needed="the bytes of that digest", content=content)


def mismatch(content: Digest, found: str) -> Mismatch:
    """What is said when bytes are not the ones their digest names."""
    return Mismatch(needed="the bytes of that digest", expected=content, found=found)


def whole(content: Digest, source: BinaryIO) -> BinaryIO:
    """A stream over all of `source`; its last read raises `Mismatch` if the bytes were altered."""
    return cast("BinaryIO", io.BufferedReader(_Hashed(content, source), PIECE))


def part(source: BinaryIO, length: int) -> BinaryIO:
    """A stream over the next `length` bytes; a part cannot be verified by the whole's digest."""
    return cast("BinaryIO", io.BufferedReader(_Part(source, length), PIECE))


class _Hashed(io.RawIOBase):
    def __init__(self, content: Digest, source: BinaryIO) -> None:
        self._content, self._source, self._found = content, source, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._source.read(len(view))
        self._found.update(piece)
        if not piece and self._found.hexdigest() != self._content:
            raise mismatch(self._content, self._found.hexdigest())
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._source.close()
        super().close()


class _Part(io.RawIOBase):
    def __init__(self, source: BinaryIO, length: int) -> None:
        self._source, self._left = source, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._source.read(min(len(view), self._left))
        self._left -= len(piece)
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._source.close()
        super().close()
