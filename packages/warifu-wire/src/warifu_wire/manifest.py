"""The manifest: every member's path, mode, size and digest. Its own digest is the release."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes, of_tree
from warifu_wire.errors import Malformed
from warifu_wire.fields import text

_PRODUCT = re.compile(r"[a-z0-9-]+")
MODES = frozenset({"file", "exec", "link"})


class Kind(StrEnum):
    """What a program is for; all three go the same road."""

    INSTALL = "install"
    UPDATE = "update"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One file of the installed tree; `size` in bytes; a link's bytes are its target."""

    path: str
    mode: str
    sha256: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the installed tree is, whole; labels are for people and decide nothing.

    `keeps` are the member's own paths, left alone. `start` is the command of the health check:
    `{tree}` stands for the release folder, `{python}` for the interpreter, `{host}` for the host.
    """

    product: str
    kind: Kind
    labels: Mapping[str, str]
    members: tuple[Member, ...]
    keeps: tuple[str, ...]
    start: tuple[str, ...]

    @property
    def tree(self) -> Digest:
        """The digest of the tree alone, whatever the kind and the labels."""
        return of_tree((one.path, one.mode, one.sha256) for one in self.members)

    @property
    def id(self) -> Digest:
        """The release id: sha256 of the canonical manifest."""
        return of_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The manifest's canonical JSON."""
        return canonical.dumps(
            {
                "keeps": list(self.keeps),
                "kind": self.kind.value,
                "labels": dict(self.labels),
                "members": [
                    {"mode": one.mode, "path": one.path, "sha256": one.sha256, "size": one.size}
                    for one in sorted(self.members)
                ],
                "product": self.product,
                "start": list(self.start),
                "type": "urn:warifu:manifest:v1",
            }
        )


def parse(data: bytes) -> Manifest:
    """Read a manifest; raises `Malformed` for anything unknown, twice named or outside the tree."""
    match canonical.loads(data):
        case {
            "type": "urn:warifu:manifest:v1",
            "product": str(product),
            "kind": str(kind),
            "labels": dict(labels),
            "members": list(members),
            "keeps": list(keeps),
            "start": list(start),
            **rest,
        } if not rest and kind in set(Kind):
            pass
        case _:
            raise Malformed("not-a-manifest", needed="a warifu manifest v1")
    found = Manifest(
        product_name(product),
        Kind(kind),
        {name: text(value) for name, value in labels.items()},
        tuple(_member(row) for row in members),
        tuple(_inside(text(path)) for path in keeps),
        tuple(text(word) for word in start),
    )
    _distinct(found.members)
    if found.to_bytes() != data:
        raise Malformed("not-a-manifest", needed="members in the order of their paths")
    return found


def product_name(text: str) -> str:
    """A product's name as TUF paths can carry it; raises `Malformed` unless `[a-z0-9-]+`."""
    if _PRODUCT.fullmatch(text):
        return text
    raise Malformed("bad-product-name", needed="lower-case letters, digits and hyphens", found=text)


def _member(row: Json) -> Member:
    match row:
        case {"path": str(path), "mode": str(mode), "sha256": found, "size": int(size), **rest} if (
            mode in MODES and size >= 0 and not rest and not isinstance(size, bool)
        ):
            return Member(_inside(path), mode, digest(found), size)
    raise Malformed("not-a-member", needed="path, mode, sha256 and size", found=row)


def _inside(path: str) -> str:
    """`path` if it is relative, plain and inside the tree on every system; raises `Malformed`."""
    parts = path.split("/")
    if (
        path
        and not any(part in {"", ".", ".."} for part in parts)
        and not any(one in '\\:*?"<>|' or unicodedata.category(one) == "Cc" for one in path)
        and not any(part != part.rstrip(" .") for part in parts)
    ):
        return path
    raise Malformed("path-outside-tree", needed="a plain relative path", found=path)


def _distinct(members: tuple[Member, ...]) -> None:
    """No two members share a place, also where case or NFC do not count, nor is one a folder."""
    places = {unicodedata.normalize("NFC", one.path).casefold() for one in members}
    folders = {
        unicodedata.normalize("NFC", one.path).casefold().rsplit("/", depth)[0]
        for one in members
        for depth in range(1, one.path.count("/") + 1)
    }
    if len(places) != len(members) or places & folders:
        raise Malformed("colliding-members", needed="paths that differ beyond case and NFC")
