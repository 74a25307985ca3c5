"""The stream of `git log --raw -c -z`: which commit brought which object to which path.

`-c` is needed: without it a file born in a merge commit is invisible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

LOG = (
    "log", "--raw", "-c", "-z", "--topo-order", "--no-abbrev", "--no-renames", "--root",
    "--format=%x01%H",
)  # fmt: skip
_CHUNK = 1 << 20


class Introduction(NamedTuple):
    """A commit, the mode (octal digits) and object it brought, and the path it brought them to."""

    commit: bytes
    mode: bytes
    object: bytes
    path: bytes


def introductions(stream: IO[bytes]) -> Iterator[Introduction]:
    """Every object that differs from all parents, newest commit first; ids in hexadecimal.

    A commit that brings nothing is told once with an empty path.
    """
    commit, told, mode, object_ = b"", True, b"", b""
    for token in _tokens(stream):
        if object_:
            yield Introduction(commit, mode, object_, token)
            object_, told = b"", True
        elif token.startswith(b"\x01"):
            if not told:
                yield Introduction(commit, b"", b"", b"")
            commit, told = token[1:], False
        elif token.startswith(b":"):
            parents = len(token) - len(token.lstrip(b":"))
            fields = token.split(b" ")
            mode, object_ = fields[parents], fields[2 * parents + 1]
    if not told:
        yield Introduction(commit, b"", b"", b"")


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(_CHUNK):
        *whole, rest = (rest + piece).split(b"\0")
        for token in whole:
            yield token.lstrip(b"\n")
    if rest.strip(b"\n"):
        yield rest.lstrip(b"\n")
