"""A tree of files as bytes: what a source renders to, what an archive holds, what a build makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from warifu_wire.digest import Digest, of_bytes
from warifu_wire.manifest import Member


@dataclass(frozen=True, slots=True)
class File:
    """A file's mode (`file`, `exec`, `link`), bytes and sha256; a link's bytes are its target."""

    mode: str
    data: bytes
    sha256: Digest


Tree: TypeAlias = Mapping[str, File]


def file(mode: str, data: bytes) -> File:
    """A file with its digest."""
    return File(mode, data, of_bytes(data))


def members(tree: Tree) -> tuple[Member, ...]:
    """The tree's members in the order of their paths."""
    return tuple(
        Member(path, one.mode, one.sha256, len(one.data)) for path, one in sorted(tree.items())
    )


def differing(expected: Tree, found: Tree) -> Iterator[str]:
    """The paths at which two trees differ in bytes, mode or presence, in order."""
    for path in sorted(expected.keys() | found.keys()):
        one, other = expected.get(path), found.get(path)
        if one is None or other is None or (one.mode, one.sha256) != (other.mode, other.sha256):
            yield path
