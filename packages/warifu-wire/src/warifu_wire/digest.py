"""Identity is the sha256 digest: of bytes, of a file, of a tree of members."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NewType

from warifu_wire.errors import Malformed

Digest = NewType("Digest", str)
"""64 lower-case hexadecimal characters: the sha256 of some bytes."""

_SHAPE = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


def digest(text: object) -> Digest:
    """`text` as a Digest; raises `Malformed` when it is not 64 lower-case hex characters."""
    if isinstance(text, str) and _SHAPE.fullmatch(text):
        return Digest(text)
    raise Malformed("not-a-digest", needed="64 lower-case hexadecimal characters", found=text)


def of_bytes(data: bytes) -> Digest:
    """The sha256 of bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def of_file(path: Path) -> Digest:
    """The sha256 of a file's bytes, read in 1 MiB pieces; raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            found.update(piece)
    return Digest(found.hexdigest())


def of_tree(members: Iterable[tuple[str, str, str]]) -> Digest:
    """The digest of a tree: sha256 over sorted `path NUL mode NUL sha256 LF` lines, UTF-8."""
    found = hashlib.sha256()
    for path, mode, content in sorted(members):
        found.update(f"{path}\0{mode}\0{content}\n".encode())
    return Digest(found.hexdigest())
