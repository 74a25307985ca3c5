"""The gate: an artifact's members against the expected ones, down into nested archives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warifu.model import archive, signatures
from warifu.model.archive import Limits
from warifu.model.classes import Suspect
from warifu.model.ports_source import Rendered
from warifu.model.recipe import Normaliser, Recipe
from warifu.model.tree import File, Tree, differing
from warifu_wire.errors import Malformed

DEPTH = 3
"""How many archives inside archives are opened."""
ROOM = 1 << 28
"""How many bytes all of them together may unpack to; and how much more than the expected bytes a
candidate may hold. What is larger is refused without a look inside."""
_PYC_HEADER = 16


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs: members that nothing declared explains, and those that a normaliser does."""

    suspects: tuple[Suspect, ...]
    normalised: tuple[tuple[str, Normaliser], ...]


def expected(source: Rendered, recipe: Recipe, rebuilt: Tree) -> Tree:
    """What a program must hold: the rendered files, and what declared steps made in the rebuild."""
    made = {path: one for path, one in rebuilt.items() if recipe.makes(path)}
    taken = {
        place: one
        for path, one in source.files.items()
        if (place := recipe.takes(path)) is not None
    }
    return taken | made


def limits(wanted: Tree) -> Limits:
    """How much a candidate may claim to hold where `wanted` is expected."""
    return Limits(size=sum(len(one.data) for one in wanted.values()) + ROOM)


@dataclass(slots=True)
class _Opener:
    """Opens archives inside archives, as long as what they unpack to has room."""

    declared: frozenset[Normaliser]
    sources: Mapping[str, str]
    room: int = ROOM

    def inside(self, found: File, expected: File) -> tuple[Tree, Tree] | None:
        """Both as trees; None when either is no archive that can be read strictly, or too large."""
        if not (archive.is_archive(found.data) and archive.is_archive(expected.data)):
            return None
        try:
            new = archive.read(found.data, Limits(size=self.room))
            old = archive.read(expected.data)
        except Malformed:
            return None
        self.room -= sum(len(one.data) for one in new.values())
        return new, old


def compare(wanted: Tree, found: Tree, recipe: Recipe) -> Compared:
    """The differing members of a tree against the expected one."""
    sources: dict[str, str] = {
        one.sha256: recipe.source_of(path) for path, one in sorted(wanted.items())
    }
    opener = _Opener(recipe.normalise, sources)
    suspects: list[Suspect] = []
    normalised: list[tuple[str, Normaliser]] = []
    for path in differing(wanted, found):
        suspect = Suspect(path, recipe.source_of(path), found.get(path), wanted.get(path))
        for one, by in _explain(suspect, opener, DEPTH):
            if by is None:
                suspects.append(one)
            else:
                normalised.append((one.member, by))
    return Compared(tuple(suspects), tuple(normalised))


def _explain(
    suspect: Suspect, opener: _Opener, depth: int
) -> Iterator[tuple[Suspect, Normaliser | None]]:
    """The suspect itself, or what it comes down to inside; with the normaliser that clears it."""
    found, expected, declared = suspect.found, suspect.expected, opener.declared
    if (
        Normaliser.SIGNATURE in declared
        and "!/" in suspect.member
        and signatures.jar_part(suspect.member.rpartition("!/")[2], expected, found)
    ):
        yield suspect, Normaliser.SIGNATURE
        return
    if found is None or expected is None or found.mode != expected.mode:
        yield suspect, None
        return
    if Normaliser.PYC_HEADER in declared and _pyc(found, expected):
        yield suspect, Normaliser.PYC_HEADER
        return
    if Normaliser.SIGNATURE in declared and signatures.same_program(expected.data, found.data):
        yield suspect, Normaliser.SIGNATURE
        return
    inside = opener.inside(found, expected) if depth else None
    if inside is None:
        yield suspect, None
        return
    suspects = _differing(suspect.member, *inside, opener.sources)
    for one in suspects:
        yield from _explain(one, opener, depth - 1)
    if not suspects:
        yield suspect, Normaliser.ARCHIVE if Normaliser.ARCHIVE in declared else None


def _pyc(found: File, expected: File) -> bool:
    """Compiled Python that differs in its header only: 16 bytes, same magic (PEP 552)."""
    one, other = found.data, expected.data
    return one[:4] == other[:4] and one[_PYC_HEADER:] == other[_PYC_HEADER:] and one[2:4] == b"\r\n"


def _differing(
    member: str, new: Tree, old: Tree, sources: Mapping[str, str]
) -> tuple[Suspect, ...]:
    """The suspects inside two archives; their sources are found by their bytes."""
    return tuple(
        Suspect(
            f"{member}!/{path}",
            sources.get(old[path].sha256, "") if path in old else "",
            new.get(path),
            old.get(path),
        )
        for path in differing(old, new)
    )
