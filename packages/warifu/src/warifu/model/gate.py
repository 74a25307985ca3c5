"""The gate: an artifact's members against the expected ones, down into nested archives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warifu.model import archive, signatures
from warifu.model.classes import Suspect
from warifu.model.ports_source import Rendered
from warifu.model.recipe import Normaliser, Recipe
from warifu.model.tree import File, Tree, differing
from warifu_wire.errors import Malformed

DEPTH = 3
"""How many archives inside archives are opened."""
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


def compare(wanted: Tree, found: Tree, recipe: Recipe) -> Compared:
    """The differing members of a tree against the expected one."""
    sources: dict[str, str] = {
        one.sha256: recipe.source_of(path) for path, one in sorted(wanted.items())
    }
    suspects: list[Suspect] = []
    normalised: list[tuple[str, Normaliser]] = []
    for path in differing(wanted, found):
        suspect = Suspect(path, recipe.source_of(path), found.get(path), wanted.get(path))
        for one, by in _explain(suspect, recipe.normalise, sources, DEPTH):
            if by is None:
                suspects.append(one)
            else:
                normalised.append((one.member, by))
    return Compared(tuple(suspects), tuple(normalised))


def _explain(
    suspect: Suspect, declared: frozenset[Normaliser], sources: Mapping[str, str], depth: int
) -> Iterator[tuple[Suspect, Normaliser | None]]:
    """The suspect itself, or what it comes down to inside; with the normaliser that clears it."""
    found, expected = suspect.found, suspect.expected
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
    inside = _inside(suspect, found, expected, sources) if depth else None
    if inside is None:
        yield suspect, None
    elif inside:
        for one in inside:
            yield from _explain(one, declared, sources, depth - 1)
    else:
        yield suspect, Normaliser.ARCHIVE if Normaliser.ARCHIVE in declared else None


def _pyc(found: File, expected: File) -> bool:
    """Compiled Python that differs in its header only: 16 bytes, same magic (PEP 552)."""
    one, other = found.data, expected.data
    return one[:4] == other[:4] and one[_PYC_HEADER:] == other[_PYC_HEADER:] and one[2:4] == b"\r\n"


def _inside(
    suspect: Suspect, found: File, expected: File, sources: Mapping[str, str]
) -> tuple[Suspect, ...] | None:
    """The suspects inside two archives; None when either is none that can be read strictly."""
    if not (archive.is_archive(found.data) and archive.is_archive(expected.data)):
        return None
    try:
        new, old = archive.read(found.data), archive.read(expected.data)
    except Malformed:
        return None
    return tuple(
        Suspect(
            f"{suspect.member}!/{path}",
            sources.get(old[path].sha256, "") if path in old else "",
            new.get(path),
            old.get(path),
        )
        for path in differing(old, new)
    )
