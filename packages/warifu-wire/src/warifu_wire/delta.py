"""The way from one release to the next in few bytes: what changed, and which patches there are.

A delta only ever saves bytes. The manifest rebuilt with it must have the digest that M persons
signed, and so must every file; the patch digests in it are there so that no unsigned bytes ever
reach a patch reader (CVE-2014-9862 shows why).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed, Mismatch
from warifu_wire.fields import document, rows, text, texts, whole
from warifu_wire.manifest import MODES, Kind, Manifest, Member

DELTA_TYPE = "urn:warifu:delta:v1"
NAMES = ("changed", "keeps", "kind", "labels", "new", "old", "removed", "start")


@dataclass(frozen=True, slots=True)
class Patch:
    """`patches/<base>/<new sha256>.<format>`: its own digest and size in bytes."""

    base: Digest
    format: str
    sha256: Digest
    size: int

    def path(self, new: Digest) -> str:
        """Where the patch is served."""
        return f"patches/{self.base}/{new}.{self.format}"


@dataclass(frozen=True, slots=True)
class Delta:
    """From the manifest `old` to the manifest `new`; `patches` are by the new file's digest."""

    old: Digest
    new: Digest
    kind: Kind
    labels: Mapping[str, str]
    keeps: tuple[str, ...]
    start: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Member, ...]
    patches: Mapping[Digest, Patch]

    def rebuilt(self, old: Manifest) -> Manifest:
        """The new manifest; raises `Mismatch` unless it is exactly the one named."""
        gone = {*self.removed, *(one.path for one in self.changed)}
        kept = tuple(one for one in old.members if one.path not in gone)
        members = tuple(sorted((*kept, *self.changed)))
        made = Manifest(old.product, self.kind, self.labels, members, self.keeps, self.start)
        if made.id != self.new:
            raise Mismatch("delta-does-not-fit", needed=self.new, found=made.id)
        return made

    def to_bytes(self) -> bytes:
        """The canonical JSON of the delta."""
        return canonical.dumps(
            {
                "changed": [_row(one, self.patches.get(one.sha256)) for one in self.changed],
                "keeps": list[Json](self.keeps),
                "kind": self.kind.value,
                "labels": dict[str, Json](self.labels),
                "new": self.new,
                "old": self.old,
                "removed": list[Json](self.removed),
                "start": list[Json](self.start),
                "type": DELTA_TYPE,
            }
        )


def path(product: str, new: Digest, old: Digest) -> str:
    """The TUF target of a delta; the role that signs manifests signs it."""
    return f"manifests/{product}/{new}.from.{old}.json"


def between(old: Manifest, new: Manifest, patches: Mapping[Digest, Patch]) -> Delta:
    """The delta of two manifests of one product, with the patches that were made."""
    before = {one.path: one for one in old.members}
    after = {one.path: one for one in new.members}
    return Delta(
        old.id,
        new.id,
        new.kind,
        new.labels,
        new.keeps,
        new.start,
        tuple(sorted(before.keys() - after.keys())),
        tuple(one for path, one in sorted(after.items()) if before.get(path) != one),
        patches,
    )


def read(data: bytes) -> Delta:
    """Read a delta; raises `Malformed`. What it leads to is checked by `rebuilt`."""
    found = document(data, DELTA_TYPE, NAMES)
    kind = text(found["kind"])
    if kind not in set(Kind):
        raise Malformed("not-a-kind", needed=f"one of {sorted(Kind)}", found=kind)
    pairs = [_changed(row) for row in rows(found["changed"])]
    return Delta(
        digest(found["old"]),
        digest(found["new"]),
        Kind(kind),
        texts(found["labels"]),
        tuple(text(one) for one in rows(found["keeps"])),
        tuple(text(one) for one in rows(found["start"])),
        tuple(text(one) for one in rows(found["removed"])),
        tuple(member for member, _ in pairs),
        {member.sha256: patch for member, patch in pairs if patch is not None},
    )


def _row(one: Member, patch: Patch | None) -> Json:
    told: list[Json] = [one.path, one.mode, one.sha256, one.size]
    return told if patch is None else [*told, patch.base, patch.format, patch.sha256, patch.size]


def _changed(row: Json) -> tuple[Member, Patch | None]:
    found = rows(row, 8)
    if len(found) not in {4, 8} or text(found[1]) not in MODES:
        raise Malformed("not-a-change", needed="path, mode, sha256, size, and perhaps a patch")
    member = Member(text(found[0]), text(found[1]), digest(found[2]), whole(found[3]))
    if len(found) == 4:
        return member, None
    name = text(found[5])
    if not name.isalnum():
        raise Malformed("not-a-format", needed="letters and digits", found=name)
    return member, Patch(digest(found[4]), name, digest(found[6]), whole(found[7]))
