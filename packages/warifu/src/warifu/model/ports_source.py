"""What the rooms `sources` and `build` must do for compose and verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from warifu.model.classes import Origin, Suspect, Witness
from warifu.model.lines import Survey
from warifu.model.program import Program
from warifu.model.recipe import Recipe, Suite
from warifu.model.tree import Tree
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest


@dataclass(frozen=True, slots=True)
class Rendered:
    """The bytes a commit renders to (all of it), and when it was made, in epoch seconds.

    `objects` names each path's git object, `materials` everything else that went in, as SLSA
    resource descriptors.
    """

    commit: str
    files: Tree
    epoch: int
    objects: dict[str, str]
    materials: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build ran on: the builder's id and the sha256 of the interpreter it used."""

    builder: str
    interpreter: str
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Outcome:
    """A suite's result: test names by verdict, in order. Times are left out: they are not facts."""

    suite: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    log: str = ""

    @property
    def good(self) -> bool:
        """At least one test passed and none failed."""
        return bool(self.passed) and not self.failed


Look: TypeAlias = Callable[[bytes, bytes], str | None]
"""A closer look at one differing binary: approved and found bytes in, a bounded report out."""


class Sources(Protocol):
    """Lines of development: what they hold, what they render to, where bytes come from."""

    def survey(self, program: Program) -> Survey:
        """Where the registered lines stand; raises `Refusal` when a line or a commit is missing."""

    def render(self, program: Program, commit: str) -> Rendered:
        """The expected bytes of a commit, in a sealed environment; raises `Refusal`, `Fault`."""

    def origins(self, program: Program, paths: Sequence[str]) -> dict[str, Origin]:
        """Which approved commit brought each of these source paths to its present bytes."""

    def later(self, program: Program) -> tuple[Origin, ...]:
        """The own commits of every coming line, oldest first within each."""

    def witnesses(self, program: Program, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """What the histories say about each suspect, in the same order."""


class Builder(Protocol):
    """A sandbox that turns rendered files into a program's tree."""

    @property
    def tools(self) -> Tools:
        """What it builds with."""

    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        """Run the declared steps without network; raises `Refusal` for a failing or lying step."""


class Suites(Protocol):
    """A sandbox that runs verification suites beside an unpacked artifact."""

    def run(self, artifact: bytes, suite: Suite) -> Outcome:
        """Run one suite on these very bytes; raises `Refusal` when it gives no readable result."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What compose and verify work with; builder and rebuilder share nothing.

    `look` is optional, and only ever describes: it decides nothing.
    """

    sources: Sources
    builder: Builder
    rebuilder: Builder
    suites: Suites
    look: Look | None = None
