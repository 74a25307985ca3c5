"""What a case is played on: the clean build, what the next line would build, and the engines."""

from __future__ import annotations

import dataclasses
import struct
import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from tests.composition.bench import Bench
from tests.composition.world import World
from tests.night import NIGHT
from warifu.model import archive
from warifu.model.lines import LineKind
from warifu.model.program import program
from warifu.model.recipe import Normaliser
from warifu.model.tree import File, Tree
from warifu_wire.manifest import Kind

_BUILT: dict[str, Tree] = {}


def played(cases: Iterable[str]) -> tuple[ParameterSet, ...]:
    """Each case as (kind, number): as an update, and as one of the other kinds; at night, as all.

    It is the same road for every kind, so that one of them is measured.
    """
    found = []
    for at, number in enumerate(cases):
        other = (Kind.INSTALL, Kind.REPAIR)[at % 2]
        for kind in Kind if NIGHT else (Kind.UPDATE, other):
            marks = () if kind is Kind.UPDATE else pytest.mark.repeats
            found.append(pytest.param(kind, number, id=f"{kind.value}-{number}", marks=marks))
    return tuple(found)


class Stage:
    """A bench, the trees that a clean build and the next line's build give, and a place to work."""

    def __init__(self, bench: Bench, kind: Kind, folder: Path) -> None:
        self.bench, self.kind, self.folder = bench.keeping(), kind, folder
        self.commits = bench.world.commits
        self.good: Tree = self.built(self.commits["approved"])
        self.later: Tree = self.built(self.commits["merge"])

    @property
    def world(self) -> World:
        """The repositories."""
        return self.bench.world

    def built(self, commit: str) -> Tree:
        """What a commit builds to, remembered."""
        if commit not in _BUILT:
            shop = self.bench.workshop
            source = shop.sources.render(self.bench.program, commit)
            _BUILT[commit] = shop.builder.build(source, self.bench.program.recipe)
        return _BUILT[commit]

    def own_world(self) -> World:
        """From now on, a world that the case may change."""
        self.bench.world = self.world.copy(self.folder)
        self.bench.program = program(self.world.config())
        return self.world

    def declare(self, **build: Any) -> None:
        """Add to the program's build table."""
        config = self.world.config()
        config["build"].update(build)
        self.bench.program = program(config)

    def approve(self, commit: str, changes: tuple[str, ...]) -> None:
        """Approve another commit of the case's own world."""
        source = dataclasses.replace(
            self.bench.program.approved,
            commit=commit,
            tree=self.world.source.tree(commit),
            changes=changes,
        )
        self.bench.program = dataclasses.replace(self.bench.program, approved=source)

    def normalise(self, *names: str) -> None:
        """Declare normalisers without touching the approval."""
        recipe = dataclasses.replace(
            self.bench.program.recipe, normalise=frozenset(map(Normaliser, names))
        )
        self.bench.program = dataclasses.replace(self.bench.program, recipe=recipe)

    def move_to(self, repository: Path) -> None:
        """The same program from another clone."""
        self.bench.program = dataclasses.replace(self.bench.program, repository=str(repository))

    def without_line(self, kind: LineKind) -> None:
        """Forget the registry's lines of a kind."""
        kept = tuple(one for one in self.bench.program.lines if one.kind is not kind)
        self.bench.program = dataclasses.replace(self.bench.program, lines=kept)

    def packed(self) -> bytes:
        """The clean archive."""
        return archive.write(self.good)

    def with_(self, *paths: str) -> bytes:
        """The clean archive with these members as the next line builds them."""
        return self.changed({path: self.later[path] for path in paths})

    def changed(self, members: dict[str, File | None]) -> bytes:
        """The clean archive with other members; None takes one out."""
        tree = {**self.good, **members}
        return archive.write({path: one for path, one in tree.items() if one is not None})


def rewrapped(data: bytes, **how: Any) -> bytes:
    """The same members, wrapped by `order`, `date`, `level`, `stored`, `umask`, `folders`."""
    sink = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(sink, "w") as new:
        rows = old.infolist()
        for row in reversed(rows) if how.get("order") else rows:
            entry = zipfile.ZipInfo(row.filename, how.get("date", row.date_time))
            entry.create_system, entry.external_attr = 3, row.external_attr
            if how.get("umask") and not (row.external_attr >> 16) & 0o020000:
                entry.external_attr |= 0o020 << 16
            kind = zipfile.ZIP_STORED if how.get("stored") else zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(row), kind, how.get("level", 6))
        for name in how.get("folders", ()):
            folder = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            folder.create_system, folder.external_attr = 3, 0o40755 << 16
            new.writestr(folder, b"")
    return sink.getvalue()


def appended(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one more entry, whatever its name."""
    sink = BytesIO(data)
    with zipfile.ZipFile(sink, "a") as archive_:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr = 3, 0o100644 << 16
        archive_.writestr(entry, content, zipfile.ZIP_DEFLATED, 6)
    return sink.getvalue()


def patched_central(data: bytes, at: int, form: str, value: int) -> bytes:
    """The archive with one field of its first central header changed."""
    (start,) = struct.unpack_from("<L", data, len(data) - 6)
    body = bytearray(data)
    struct.pack_into(form, body, start + at, value)
    return bytes(body)
