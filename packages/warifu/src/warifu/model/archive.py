"""Archives: one deterministic way to write them, and a strict reading that finds anything hidden.

The format is the plain part of PKWARE APPNOTE 6.3.10: local entries without gaps, then the central
directory, then its end record. Nothing before, between or behind them.
"""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from warifu.model.tree import File, Tree, file
from warifu_wire.errors import Malformed

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UTF8 = 0x800
_DIRECTORY, _LINK, _REGULAR = 0o040000, 0o120000, 0o100000
_MODES = {"file": 0o100644, "exec": 0o100755, "link": 0o120777}
LEVEL = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may claim to hold, in members and bytes, before anything is unpacked."""

    members: int = 50_000
    size: int = 1 << 30
    name: int = 1_024


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the central directory."""

    name: str
    raw: bytes
    made_on: int
    need: int
    flags: int
    method: int
    stamp: int
    crc: int
    packed: int
    size: int
    attributes: int
    offset: int


def sized(size: int) -> None:
    """Raises `Malformed` for a file that is larger than any archive of ours, before it is read."""
    if size > Limits().size:
        raise _bad("too-large", "", f"at most {Limits().size} bytes")


def is_archive(data: bytes) -> bool:
    """Whether bytes claim to be an archive of this format."""
    return data[:4] == b"PK\x03\x04"


def write(tree: Tree) -> bytes:
    """The archive of a tree: sorted by path, dated 1980, deflated at level 6 with stdlib zlib.

    Raises `Malformed` for a tree whose own archive would not be read back.
    """
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", allowZip64=False) as archive:
        for path, one in sorted(tree.items()):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = 3
            entry.external_attr = _MODES[one.mode] << 16
            # ZipFile(compresslevel=…) is ignored for ZipInfo: it has to be said here.
            archive.writestr(entry, one.data, zipfile.ZIP_DEFLATED, LEVEL)
    made = sink.getvalue()
    read(made)
    return made


def read(data: bytes, limits: Limits = Limits()) -> Tree:
    """The files of an archive; raises `Malformed` naming the fault and the member.

    Refuses prefixes, gaps, trailing bytes, comments, extra fields, zip64, encryption, data
    descriptors, differing local and central headers, names that collide beyond case or NFC or
    leave the tree, and anything that unpacks to more than it says.
    """
    return {name: unpack() for name, unpack in members(data, limits)}


def members(data: bytes, limits: Limits = Limits()) -> Iterator[tuple[str, Callable[[], File]]]:
    """As `read`, one by one, each to be unpacked by whoever has a processor free.

    What comes before a fault was given already, so only who needs bytes by their digest may go on
    before the end.
    """
    entries, end = _directory(data, limits)
    places: dict[str, str] = {}
    names: list[str] = []
    at = 0
    for entry in entries:
        _place(entry.name, places)
        if entry.offset != at:
            raise _bad("gap", entry.name, "entries one behind the other")
        begin, at = _extent(data, entry, end)
        mode = _mode(entry)
        if mode is not None:
            names.append(entry.name)
            yield entry.name, partial(_file, mode, data, begin, at, entry)
        else:
            _content(data[begin:at], entry)
    if at != end:
        raise _bad("gap", "", "the central directory right behind the last entry")
    _folders(names)


def _bad(fault: str, member: str, needed: str) -> Malformed:
    return Malformed(f"archive-{fault}", needed=needed, member=member)


def _directory(data: bytes, limits: Limits) -> tuple[list[_Entry], int]:
    """The central directory and where it begins; counts are checked before anything is read."""
    if len(data) < _END.size or data[-_END.size : -_END.size + 4] != b"PK\x05\x06":
        raise _bad(
            "end", "", "an archive that ends with its end record: nothing behind, no comment"
        )
    _, disk, start_disk, here, total, size, offset, comment = _END.unpack(data[-_END.size :])
    if disk or start_disk or here != total or comment:
        raise _bad("end", "", "one disk, no comment")
    if total == 0xFFFF or 0xFFFFFFFF in (size, offset):
        raise _bad("zip64", "", "an archive without zip64")
    if total > limits.members:
        raise _bad("too-many", "", f"at most {limits.members} members")
    if offset + size != len(data) - _END.size:
        raise _bad("gap", "", "the end record right behind the central directory")
    entries, claimed = [], 0
    at = offset
    for _ in range(total):
        entry, at = _central(data, at, limits)
        claimed += entry.size
        if claimed > limits.size:
            raise _bad("too-large", entry.name, f"at most {limits.size} bytes unpacked")
        entries.append(entry)
    if at != offset + size:
        raise _bad("gap", "", "a central directory of the size it says")
    return entries, offset


def _central(data: bytes, at: int, limits: Limits) -> tuple[_Entry, int]:
    """One central header; raises `Malformed` for everything a plain archive does not have."""
    if at + _CENTRAL.size > len(data):
        raise _bad("truncated", "", "a whole central directory")
    (magic, made, need, flags, method, clock, day, crc, packed, size, named, extra, comment, disk,
     _internal, attributes, offset) = _CENTRAL.unpack_from(data, at)  # fmt: skip
    raw = data[at + _CENTRAL.size : at + _CENTRAL.size + named]
    if magic != b"PK\x01\x02" or len(raw) != named or not 0 < named <= limits.name:
        raise _bad("central", "", "a central header with a name")
    name = _name(raw, flags)
    if flags & ~_UTF8:
        raise _bad("encrypted" if flags & 1 else "flags", name, "no flag but UTF-8")
    if extra or comment or disk:
        raise _bad("extra", name, "no extra field, no comment")
    if 0xFFFFFFFF in (packed, size, offset) or need > 20:
        raise _bad("zip64", name, "an archive without zip64")
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _bad("method", name, "stored or deflated members")
    stamp = day << 16 | clock
    entry = _Entry(
        name, raw, made >> 8, need, flags, method, stamp, crc, packed, size, attributes, offset
    )
    return entry, at + _CENTRAL.size + named


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise _bad("name", repr(raw), "names in UTF-8, flagged as such") from error
    parts = name.removesuffix("/").split("/")
    if (
        any(part in {"", ".", ".."} or part != part.rstrip(" .") for part in parts)
        or any(one in '\\:*?"<>|' or unicodedata.category(one) == "Cc" for one in name)
    ):  # fmt: skip
        raise _bad("path", name, "plain relative paths inside the tree")
    return name


def place(path: str) -> str:
    """Where a path lands on a system that forgets case and normal form."""
    return unicodedata.normalize("NFC", path).casefold()


def _place(name: str, places: dict[str, str]) -> None:
    here = place(name.removesuffix("/"))
    if here in places:
        fault = "duplicate" if places[here] == name else "collision"
        raise _bad(fault, name, "names that differ beyond case and normal form")
    places[here] = name


def _extent(data: bytes, entry: _Entry, end: int) -> tuple[int, int]:
    """Where a member's packed bytes begin, and where the next entry does."""
    if entry.offset + _LOCAL.size > end:
        raise _bad("truncated", entry.name, "a whole local header")
    magic, need, flags, method, clock, day, crc, packed, size, named, extra = _LOCAL.unpack_from(
        data, entry.offset
    )
    begin = entry.offset + _LOCAL.size + named + extra
    local = (need, flags, method, day << 16 | clock, crc, packed, size)
    central = (
        entry.need, entry.flags, entry.method, entry.stamp, entry.crc, entry.packed, entry.size
    )  # fmt: skip
    raw = data[entry.offset + _LOCAL.size : begin]
    if magic != b"PK\x03\x04" or extra or raw != entry.raw or local != central:
        raise _bad("headers-differ", entry.name, "local headers equal to the central ones")
    after = begin + packed
    if after > end:
        raise _bad("truncated", entry.name, "whole members")
    return begin, after


def _file(mode: str, data: bytes, begin: int, after: int, entry: _Entry) -> File:
    return file(mode, _content(data[begin:after], entry))


def _content(packed: bytes, entry: _Entry) -> bytes:
    content = _unpacked(packed, entry)
    if zlib.crc32(content) != entry.crc:
        raise _bad("crc", entry.name, "bytes of the checksum they carry")
    return content


def _unpacked(packed: bytes, entry: _Entry) -> bytes:
    """At most the declared size is ever unpacked."""
    if entry.method == zipfile.ZIP_STORED:
        if len(packed) != entry.size:
            raise _bad("size", entry.name, "members of the size they say")
        return packed
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(packed, entry.size + 1)
    except zlib.error as error:
        raise _bad("deflate", entry.name, "a readable deflate stream") from error
    if len(content) != entry.size or not stream.eof or stream.unused_data:
        raise _bad("size", entry.name, "members of the size they say, and nothing behind them")
    return content


def _mode(entry: _Entry) -> str | None:
    """The member's mode; None for a folder, which carries nothing."""
    mode = entry.attributes >> 16 if entry.made_on == 3 else _REGULAR
    kind = mode & 0o170000
    if entry.name.endswith("/"):
        if entry.size or kind not in (_DIRECTORY, 0, _REGULAR):
            raise _bad("mode", entry.name, "empty folder entries")
        return None
    if kind == _LINK:
        return "link"
    if kind not in (_REGULAR, 0) or mode & 0o7000:
        raise _bad("mode", entry.name, "plain files, executables and links")
    return "exec" if mode & 0o111 else "file"


def _folders(names: Sequence[str]) -> None:
    """No member is the folder of another."""
    places = {place(name) for name in names}
    for name in names:
        for above in _above(place(name)):
            if above in places:
                raise _bad("collision", name, "no member below another member")


def _above(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
