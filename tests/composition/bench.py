"""Real sources and sandboxes around memory stores: what compose and verify are run with."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from tests.composition.world import World
from warifu.engines.build.builder import SandboxBuilder
from warifu.engines.build.suites import SandboxSuites
from warifu.engines.sources.repository import GitSources
from warifu.flow.compose import compose
from warifu.flow.verify import verify
from warifu.model import people
from warifu.model.composition import Composition
from warifu.model.ports_source import Builder, Rendered, Tools, Workshop
from warifu.model.program import Program, program
from warifu.model.recipe import Recipe
from warifu.model.tree import Tree
from warifu.model.verification import Verified
from warifu.testing import MemoryDepot, MemoryKeyring, MemoryLedger, MemoryStatements
from warifu_wire.digest import Digest
from warifu_wire.manifest import Kind

NOW = datetime(2012, 2, 5, 4, 23, tzinfo=UTC)


class Kept:
    """A real builder that remembers: the cases build the same commits again and again."""

    trees: ClassVar[dict[tuple[str, str, str], Tree]] = {}

    def __init__(self, inner: Builder) -> None:
        self._inner = inner

    @property
    def tools(self) -> Tools:
        return self._inner.tools

    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        key = (self.tools.builder, source.commit, recipe.digest)
        if key not in self.trees:
            self.trees[key] = self._inner.build(source, recipe)
        return self.trees[key]


class Bench:
    """Everything a station is given."""

    def __init__(self, world: World, folder: Path, **config: Any) -> None:
        self._over(folder, world.config(**config))
        self.world = world

    @classmethod
    def over(cls, folder: Path, config: dict[str, Any]) -> Bench:
        """A bench for any program, without a world."""
        self = cls.__new__(cls)
        self._over(folder, config)
        return self

    def _over(self, folder: Path, config: dict[str, Any]) -> None:
        self.ledger = MemoryLedger(now=lambda: NOW)
        self.depot = MemoryDepot()
        self.statements = MemoryStatements()
        names = people.key_names(people.persons(2))
        self.keyring = MemoryKeyring(*names)
        self.people = people.everybody(people.persons(2), self.keyring.public)
        self.rules = people.rules(2, 600, 86_400)
        self.program: Program = program(config)
        self.workshop = Workshop(
            GitSources(folder, folder / "index.sqlite", self.vendored),
            SandboxBuilder("urn:warifu:builder:one"),
            SandboxBuilder("urn:warifu:builder:two"),
            SandboxSuites(),
        )

    def vendored(self, content: Digest) -> bytes:
        """Vendored files come from the depot; here from the world's shelf."""
        return self.world.vendored[content]

    def keeping(self) -> Bench:
        """The same, with builders that remember what they built."""
        shop = self.workshop
        self.workshop = dataclasses.replace(
            shop, builder=Kept(shop.builder), rebuilder=Kept(shop.rebuilder)
        )
        return self

    def compose(self, kind: Kind = Kind.UPDATE, candidate: bytes | None = None) -> Composition:
        """Run the station."""
        return compose(
            self.ledger, self.depot, self.statements, self.keyring, self.workshop, self.program,
            kind, by="composer", now=NOW, candidate=candidate,
        )  # fmt: skip

    def verify(self, composition: Composition) -> Verified:
        """Run the station."""
        return verify(
            self.ledger, self.depot, self.statements, self.keyring, self.workshop, self.program,
            composition, self.rules, self.people, by="verifier", now=NOW,
        )  # fmt: skip
