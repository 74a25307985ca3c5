"""A program as its own `warifu.toml` describes it: name, lines, build, verification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from warifu.model.lines import ApprovedSource, Line, LineKind
from warifu.model.recipe import Normaliser, Recipe, Step, Suite
from warifu.model.table import COMMIT, Table
from warifu_wire.errors import Malformed
from warifu_wire.manifest import product_name

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


def program(content: Mapping[str, object]) -> Program:
    """The program described by warifu.toml's content; raises `Malformed` naming the key.

    Reads the tables `program`, `lines`, `build` and `verify`; leaves all others alone.
    """
    whole = Table("", content)
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


def _lines(table: Table) -> tuple[tuple[Line, ...], ApprovedSource]:
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


def _kind(row: Table) -> LineKind:
    kind = row.text("kind")
    if kind not in set(LineKind):
        raise row.wrong("kind", f"one of {', '.join(sorted(LineKind))}")
    return LineKind(kind)


def _line(name: str, kind: LineKind, row: Table) -> Line:
    planned = row.fields.get("planned")
    if isinstance(planned, str):
        try:
            planned = date.fromisoformat(planned)
        except ValueError:
            raise row.wrong("planned", "a date, YYYY-MM-DD") from None
    if planned is not None and type(planned) is not date:
        raise row.wrong("planned", "a date, YYYY-MM-DD")
    ref = row.text("ref", "" if kind is LineKind.APPROVED else None)
    if ref and not ref.startswith("refs/") and not COMMIT.fullmatch(ref):
        raise row.wrong("ref", "a full ref such as refs/heads/next, or a commit id")
    return Line(name, kind, ref, planned, row.text("owner", ""), row.text("repository", ""))


def _recipe(table: Table) -> Recipe:
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


def _step(name: str, row: Table) -> Step:
    row.only("run", "makes")
    return Step(name, row.texts("run"), row.texts("makes"))


def _suite(row: Table) -> Suite:
    row.only("run", "seconds")
    seconds = row.fields.get("seconds", 600)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= 86_400:
        raise row.wrong("seconds", "a whole number of seconds, at most a day")
    return Suite(row.name.rpartition(".")[2], row.texts("run"), seconds)
