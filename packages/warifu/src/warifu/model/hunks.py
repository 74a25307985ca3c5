"""Text that is neither side's: re-encoded files, and files with a hunk of another line in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from warifu.model.classes import Class, Finding, Hunk, Suspect, Version, Witness

LINES = 20_000
"""Longer files are not compared line by line."""
TELLING = 8
"""Shorter lines (closing brackets, `else:`) say nothing about where they come from."""
_ENCODINGS = ("utf-8-sig", "cp932", "utf-16")


def by_text(suspect: Suspect, witness: Witness) -> Finding:
    """Normalised, hybrid or untracked."""
    assert suspect.found is not None
    data = suspect.found.data
    plain = spellings(data)
    if suspect.expected is not None and plain & spellings(suspect.expected.data):
        return Finding(Class.NORMALISED, suspect.member, of=Class.APPROVED)
    for version in witness.versions:
        if plain & spellings(version.data):
            return Finding(Class.NORMALISED, suspect.member, version.origin, of=Class.LATER)
    base = suspect.expected.data if suspect.expected is not None else b""
    if not _text(data) or not _text(base):
        return Finding(Class.UNTRACKED, suspect.member)
    cut = tuple(_named(hunk, base, witness.versions) for hunk in hunks(base, data))
    first = next((hunk.origin for hunk in cut if hunk.origin is not None), None)
    kind = Class.HYBRID if first is not None else Class.UNTRACKED
    return Finding(kind, suspect.member, first, cut)


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


def hunks(approved: bytes, found: bytes) -> tuple[Hunk, ...]:
    """The differing runs of lines, cut the same way whatever they are compared with."""
    old, new = approved.splitlines(keepends=True), found.splitlines(keepends=True)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    cut, floor = [], 0
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            up = _slide(old, new, (a, b, c, d), a - floor)
            cut.append(
                Hunk(
                    a - up + 1, tuple(old[a - up : b - up]), c - up + 1, tuple(new[c - up : d - up])
                )
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


def _named(hunk: Hunk, base: bytes, versions: Sequence[Version]) -> Hunk:
    """The hunk with the first commit that made it: as a whole, else by most of its lines."""
    for version in versions:
        if _text(version.data) and _key(hunk) in {_key(one) for one in hunks(base, version.data)}:
            return replace(hunk, origin=version.origin)
    for version in versions:
        if _made_by(hunk, base, set(version.data.splitlines(keepends=True))):
            return replace(hunk, origin=version.origin)
    return hunk


def _made_by(hunk: Hunk, base: bytes, held: set[bytes]) -> bool:
    """Whether a version holds most of the telling lines that came, or none of those that went."""
    came = _telling(hunk.added, set(base.splitlines(keepends=True)))
    if came:
        return 2 * sum(line in held for line in came) >= len(came)
    went = _telling(hunk.removed, set(hunk.added))
    return bool(went) and not held.intersection(went)


def _key(hunk: Hunk) -> tuple[int, tuple[bytes, ...], tuple[bytes, ...]]:
    """Where in the approved file, what goes, what comes."""
    return hunk.approved_at, hunk.removed, hunk.added


def _telling(lines: Iterable[bytes], known: set[bytes]) -> tuple[bytes, ...]:
    return tuple(line for line in lines if len(line.strip()) >= TELLING and line not in known)
