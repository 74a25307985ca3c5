"""A program as its own `warifu.toml` describes it: name, lines, build, verification."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from warifu.model.lines import ApprovedSource, Line, LineKind
from warifu.model.recipe import Normaliser, Recipe, Step, Suite
from warifu_wire.errors import Malformed
from warifu_wire.manifest import product_name

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PARTS = frozenset({"program", "lines", "build", "verify"})
"""The tables of warifu.toml that describe the program; the others configure the service."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is composed and verified: `repository` is a path relative to warifu.toml."""

    product: str
    labels: Mapping[str, str]
    repository: str
    keeps: tuple[str, ...]
    start: tuple[str, ...]
    lines: tuple[Line, ...]
    approved: ApprovedSource
    recipe: Recipe
    suites: tuple[Suite, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of warifu.toml: every key is read once, and none is left over."""

    name: str
    fields: Mapping[str, object]

    def only(self, *names: str) -> _Table:
        """Itself, when no other keys are there."""
        for key in self.fields:
            if key not in names:
                raise Malformed(
                    "unknown-key",
                    needed=f"one of {', '.join(sorted(names))}",
                    key=f"{self.name}.{key}",
                )
        return self

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        found = self.fields.get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, "a string")
        return found

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        found = self.fields.get(key, default)
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
            raise self.wrong(key, "a list of strings")
        return tuple(found)

    def pairs(self, key: str) -> dict[str, str]:
        """A table of strings."""
        return {name: self.table(key).text(name) for name in self.table(key).fields}

    def table(self, key: str) -> _Table:
        """A table inside, empty when absent."""
        found = self.fields.get(key, {})
        if not isinstance(found, Mapping):
            raise self.wrong(key, "a table")
        return _Table(f"{self.name}.{key}".lstrip("."), found)

    def commit(self, key: str) -> str:
        """An object id: 40 or 64 hexadecimal characters, because names of branches move."""
        found = self.text(key)
        if not _COMMIT.fullmatch(found):
            raise self.wrong(key, "a full commit or tree id, never a branch or a tag")
        return found

    def wrong(self, key: str, needed: str) -> Malformed:
        """The refusal of one key."""
        found = self.fields.get(key, "nothing")
        return Malformed(
            "bad-key", needed=needed, key=f"{self.name}.{key}".lstrip("."), found=found
        )


def program(content: Mapping[str, object]) -> Program:
    """The program described by warifu.toml's content; raises `Malformed` naming the key.

    Reads the tables `program`, `lines`, `build` and `verify`; leaves all others alone.
    """
    whole = _Table("", content)
    head = whole.table("program").only("product", "labels", "repository", "keeps", "start")
    lines, approved = _lines(whole.table("lines"))
    return Program(
        product_name(head.text("product")),
        head.pairs("labels"),
        head.text("repository", "."),
        head.texts("keeps", ()),
        head.texts("start", ()),
        lines,
        approved,
        _recipe(whole.table("build")),
        tuple(_suite(whole.table("verify").table(name)) for name in whole.table("verify").fields),
    )


def _lines(table: _Table) -> tuple[tuple[Line, ...], ApprovedSource]:
    found: list[Line] = []
    approved: list[ApprovedSource] = []
    for name in table.fields:
        row = table.table(name)
        kind = _kind(row)
        common = ("kind", "ref", "planned", "owner", "repository")
        if kind is LineKind.APPROVED:
            row.only(*common, "commit", "tree", "base", "changes")
            ids = row.texts("changes")
            approved.append(
                ApprovedSource(row.commit("commit"), row.commit("tree"), row.commit("base"), ids)
            )
        else:
            row.only(*common)
        found.append(_line(name, kind, row))
    if len(approved) != 1:
        raise Malformed("bad-key", needed="exactly one line of the kind approved", key="lines")
    return tuple(found), approved[0]


def _kind(row: _Table) -> LineKind:
    kind = row.text("kind")
    if kind not in set(LineKind):
        raise row.wrong("kind", f"one of {', '.join(sorted(LineKind))}")
    return LineKind(kind)


def _line(name: str, kind: LineKind, row: _Table) -> Line:
    planned = row.fields.get("planned")
    if isinstance(planned, str):
        try:
            planned = date.fromisoformat(planned)
        except ValueError:
            raise row.wrong("planned", "a date, YYYY-MM-DD") from None
    if planned is not None and type(planned) is not date:
        raise row.wrong("planned", "a date, YYYY-MM-DD")
    ref = row.text("ref", "" if kind is LineKind.APPROVED else None)
    if ref and not ref.startswith("refs/") and not _COMMIT.fullmatch(ref):
        raise row.wrong("ref", "a full ref such as refs/heads/next, or a commit id")
    return Line(name, kind, ref, planned, row.text("owner", ""), row.text("repository", ""))


def _recipe(table: _Table) -> Recipe:
    table.only("root", "include", "exclude", "step", "normalise", "submodules", "lock")
    normalise = table.texts("normalise", ())
    for one in normalise:
        if one not in set(Normaliser):
            raise table.wrong("normalise", f"of {', '.join(sorted(Normaliser))}")
    steps = table.table("step")
    return Recipe(
        table.text("root", "").strip("/"),
        table.texts("include", ("*",)),
        table.texts("exclude", ()),
        tuple(_step(name, steps.table(name)) for name in steps.fields),
        frozenset(Normaliser(one) for one in normalise),
        table.pairs("submodules"),
        table.text("lock", ""),
    )


def _step(name: str, row: _Table) -> Step:
    row.only("run", "makes")
    return Step(name, row.texts("run"), row.texts("makes"))


def _suite(row: _Table) -> Suite:
    row.only("run", "seconds")
    seconds = row.fields.get("seconds", 600)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= 86_400:
        raise row.wrong("seconds", "a whole number of seconds, at most a day")
    return Suite(row.name.rpartition(".")[2], row.texts("run"), seconds)
