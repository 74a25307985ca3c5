"""Patches between the files of two releases, made once and applied once before anybody signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from backports import zstd

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu_wire import delta
from warifu_wire.delta import Delta, Patch
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Mismatch
from warifu_wire.manifest import Manifest, Member
from warifu_wire.routes import Known, Offer, Routes

IN_MEMORY = 256 << 20
"""Above this size (bytes) the better format would take too much memory on both sides."""
NEAREST = 3
"""How many releases below an offered one get patches when a route names none."""
LEAST = 512
"""Files up to this size (bytes) are cheaper whole than with a line about a patch."""


class Format(Protocol):
    """One way to write a patch."""

    @property
    def name(self) -> str:
        """The file's ending."""

    def make(self, old: bytes, new: bytes) -> bytes:
        """The patch from old to new."""

    def apply(self, old: bytes, patch: bytes, size: int) -> bytes:
        """The new bytes, of which there are `size`."""


@dataclass(frozen=True, slots=True)
class HDiff:
    """HDiffPatch with zstd: the smallest for recompiled libraries, in memory."""

    name: str = "hdiff"
    level: int = 19

    def make(self, old: bytes, new: bytes) -> bytes:
        """The patch; its own check is left to `checked`."""
        import hdiffpatch  # a stop and a lease, which sign too, do not wait for it

        compression = hdiffpatch.ZStdConfig(level=self.level)
        made: bytes = hdiffpatch.diff(old, new, compression=compression, validate=False)
        return made

    def apply(self, old: bytes, patch: bytes, size: int) -> bytes:
        """The new bytes; the patch itself says how many there are."""
        del size
        import hdiffpatch

        made: bytes = hdiffpatch.apply(old, patch)
        return made


@dataclass(frozen=True, slots=True)
class ZstdPrefix:
    """zstd with the old file as its prefix: coarser and fast, for very large files."""

    name: str = "zstd"
    level: int = 3

    def make(self, old: bytes, new: bytes) -> bytes:
        """The patch, with a window over all of the old file."""
        reach = max(len(old) + len(new), 1 << 10).bit_length()
        options = {
            int(zstd.CompressionParameter.compression_level): self.level,
            int(zstd.CompressionParameter.window_log): min(reach, 31),
            int(zstd.CompressionParameter.enable_long_distance_matching): 1,
        }
        prefix = zstd.ZstdDict(old, is_raw=True).as_prefix
        return zstd.ZstdCompressor(options=options, zstd_dict=prefix).compress(
            new, zstd.ZstdCompressor.FLUSH_FRAME
        )

    def apply(self, old: bytes, patch: bytes, size: int) -> bytes:
        """The new bytes."""
        options = {int(zstd.DecompressionParameter.window_log_max): 31}
        prefix = zstd.ZstdDict(old, is_raw=True).as_prefix
        reader = zstd.ZstdDecompressor(zstd_dict=prefix, options=options)
        return reader.decompress(patch, size + 1)


FORMATS: Mapping[str, Format] = {one.name: one for one in (HDiff(), ZstdPrefix())}


def lay(store: Store, old: Manifest, new: Manifest) -> Delta:
    """Make what patches are worth it from blobs in the store; gives the delta that names them.

    A patch that lies there already is taken as it is once it was seen to work. Raises `Fault`
    when a blob cannot be read, `Mismatch` when a patch does not lead to the new file.
    """
    patches = {}
    for base, member in pairs(old, new):
        made = _patch(store, base, member)
        if made is not None:
            patches[member.sha256] = made
    return delta.between(old, new, patches)


def ways(found: Routes) -> Iterator[tuple[Digest, Digest]]:
    """(installed, offered) as the routes lead; a route for anybody leads from each lower rank."""
    every: list[Offer | Known] = [*found.offers, *found.known]
    for route in found.routes:
        if route.offer is None:
            continue
        rank = found.rank(route.offer) or 0
        lower = sorted((one.rank, one.id) for one in every if one.rank < rank)[-NEAREST:]
        for release in [route.installed] if route.installed else [id for _, id in lower]:
            if release != route.offer:
                yield release, route.offer


def pairs(old: Manifest, new: Manifest) -> Iterator[tuple[Member, Member]]:
    """Each new content with the old file that is most like it: of the same path, else name."""
    here = {one.sha256 for one in old.members}
    by_path = {one.path: one for one in old.members if one.mode != "link"}
    by_name = {path.rpartition("/")[2]: one for path, one in sorted(by_path.items())}
    done: set[Digest] = set()
    for member in new.members:
        if member.sha256 in here | done or member.mode == "link" or member.size <= LEAST:
            continue
        base = by_path.get(member.path) or by_name.get(member.path.rpartition("/")[2])
        if base is not None and base.size > LEAST:
            done.add(member.sha256)
            yield base, member


def checked(form: Format, old: bytes, new: bytes, patch: bytes) -> None:
    """Apply a patch as a member's machine will; raises `Mismatch` unless it gives the new bytes."""
    found = of_bytes(form.apply(old, patch, len(new)))
    if found != of_bytes(new):
        raise Mismatch("patch-does-not-fit", needed=of_bytes(new), found=found, format=form.name)


def _patch(store: Store, base: Member, member: Member) -> Patch | None:
    """The patch of one file; None where the whole blob is as small, or the old one is not here.

    An earlier release may have been installed by hand, before anything of it was in this tree.
    """
    form = FORMATS["zstd" if max(base.size, member.size) > IN_MEMORY else "hdiff"]
    name = layout.patch(base.sha256, member.sha256, form.name)
    before, after = _content(store, base), _content(store, member)
    if after is None:
        raise Fault(f"no blob of {member.path}", needed="the release's blobs in the tree")
    if before is None:
        return None
    (old, _), (new, packed) = before, after
    laid = store.read(name)
    data = form.make(old, new) if laid is None else laid
    if len(data) >= packed:
        return None
    checked(form, old, new, data)
    if laid is None:
        store.put(name, data)
    return Patch(base.sha256, form.name, of_bytes(data), len(data))


def _content(store: Store, member: Member) -> tuple[bytes, int] | None:
    """The bytes of a member and the size of its blob; raises `Mismatch` for a damaged one."""
    packed = store.read(layout.blob(member.sha256))
    if packed is None:
        return None
    data = zstd.decompress(packed)
    if of_bytes(data) != member.sha256:
        raise Mismatch("tree-damaged", needed=member.sha256, found=of_bytes(data))
    return data, len(packed)
