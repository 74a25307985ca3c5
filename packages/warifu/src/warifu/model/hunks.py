"""Text that is neither side's: re-encoded files, and files with a hunk of another line in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from warifu.model.classes import Class, Finding, Hunk, Origin, Suspect, Version, Witness
from warifu.model.edits import Effort, spans
from warifu.model.lines import LineKind

LINES = 20_000
"""Longer files are not compared line by line."""
TELLING = 8
"""Shorter lines (closing brackets, `else:`) say nothing about where they come from."""
TOLD = 100
"""How many hunks of one file are told."""
_ENCODINGS = ("utf-8-sig", "cp932", "utf-16")


def by_text(suspect: Suspect, witness: Witness, effort: Effort) -> Finding:
    """Normalised, hybrid or untracked."""
    assert suspect.found is not None
    data = suspect.found.data
    plain = spellings(data)
    if suspect.expected is not None and plain & spellings(suspect.expected.data):
        return Finding(Class.NORMALISED, suspect.member, of=Class.APPROVED)
    for version in witness.versions:
        if plain & spellings(version.data):
            return Finding(Class.NORMALISED, suspect.member, version.origin, of=_age(version))
    base = suspect.expected.data if suspect.expected is not None else b""
    if not _text(data) or not _text(base):
        return Finding(Class.UNTRACKED, suspect.member)
    cut = _named(hunks(base, data, effort)[:TOLD], base, witness.versions, effort)
    first = next((hunk.origin for hunk in cut if hunk.origin is not None), None)
    kind = Class.HYBRID if first is not None else Class.UNTRACKED
    return Finding(kind, suspect.member, first, cut)


def _age(version: Version) -> Class:
    coming = version.origin.kind in (LineKind.NEXT, LineKind.WIP)
    return Class.LATER if coming else Class.STALE


def spellings(data: bytes) -> frozenset[str]:
    """The texts these bytes may spell, without byte order mark, in any of the known encodings."""
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return frozenset()
    found = set()
    for encoding in _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        found.add(text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").rstrip("\n"))
    return frozenset(found - {""})


def hunks(approved: bytes, found: bytes, effort: Effort) -> tuple[Hunk, ...]:
    """The differing runs of lines, cut the same way whatever they are compared with."""
    old, new = approved.splitlines(keepends=True), found.splitlines(keepends=True)
    cut, floor = [], 0
    for a, b, c, d in spans(old, new, effort):
        up = _slide(old, new, (a, b, c, d), a - floor)
        cut.append(
            Hunk(a - up + 1, tuple(old[a - up : b - up]), c - up + 1, tuple(new[c - up : d - up]))
        )
        floor = b
    return tuple(cut)


def _slide(
    old: Sequence[bytes], new: Sequence[bytes], span: tuple[int, int, int, int], room: int
) -> int:
    """How far up a hunk can go where only one side has lines: at most `room` equal lines.

    A block taken out of repeating text can be cut in several ways, and they must compare equal.
    """
    a, b, c, d = span
    if a != b and c != d:
        return 0
    side, first, last = (old, a, b) if c == d else (new, c, d)
    up = 0
    while up < room and side[first - up - 1] == side[last - up - 1]:
        up += 1
    return up


def _text(data: bytes) -> bool:
    return b"\0" not in data and data.count(b"\n") <= LINES


def _named(
    cut: Sequence[Hunk], base: bytes, versions: Sequence[Version], effort: Effort
) -> tuple[Hunk, ...]:
    """The hunks with the first commit that made each: as a whole, else by most of its lines.

    What once was approved counts as a whole only: almost anything that is taken out of a file was
    not in it yet at some time.
    """
    known = frozenset(base.splitlines(keepends=True))
    told = {}
    for hunk in cut:
        came = _telling(hunk.added, known)
        told[hunk] = came, () if came else _telling(hunk.removed, frozenset(hunk.added))

    def whole(version: Version) -> Callable[[Hunk], bool]:
        made = hunks(base, version.data, effort) if _text(version.data) else ()
        keys = {_key(one) for one in made}
        return lambda hunk: _key(hunk) in keys

    def mostly(version: Version) -> Callable[[Hunk], bool]:
        held = frozenset(version.data.splitlines(keepends=True))
        once = version.origin.kind is LineKind.APPROVED
        return lambda hunk: not once and _made(*told[hunk], held)

    origins: dict[Hunk, Origin] = {}
    for way in (whole, mostly):
        for version in versions:
            left = [hunk for hunk in cut if hunk not in origins]
            if left:
                makes = way(version)
                origins |= {hunk: version.origin for hunk in left if makes(hunk)}
    return tuple(replace(hunk, origin=origins.get(hunk)) for hunk in cut)


def _made(came: Sequence[bytes], went: Sequence[bytes], held: frozenset[bytes]) -> bool:
    """Whether a version holds most of the telling lines that came, or few of those that went."""
    if came:
        return 2 * sum(line in held for line in came) >= len(came)
    return bool(went) and 2 * sum(line in held for line in went) < len(went)


def _key(hunk: Hunk) -> tuple[int, tuple[bytes, ...], tuple[bytes, ...]]:
    """Where in the approved file, what goes, what comes."""
    return hunk.approved_at, hunk.removed, hunk.added


def _telling(lines: Iterable[bytes], known: frozenset[bytes]) -> tuple[bytes, ...]:
    return tuple(line for line in lines if len(line.strip()) >= TELLING and line not in known)
