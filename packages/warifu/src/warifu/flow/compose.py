"""Compose: exactly the approved bytes, from one commit; anything else is named and refused."""

from __future__ import annotations

import io
from dataclasses import dataclass

from warifu.model import archive, gate
from warifu.model.composition import (
    Composition,
    composition_statement,
    manifest_of,
    provenance,
)
from warifu.model.inspection import Inspected, inspect, refuse
from warifu.model.ledger import Draft
from warifu.model.lines import Change, accept
from warifu.model.ports import Depot, Keyring, Ledger, Statements
from warifu.model.ports_source import Rendered, Workshop
from warifu.model.program import Program
from warifu.model.recipe import Normaliser
from warifu.model.tree import Tree
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.statements import Statement
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class _Made:
    """What passed the gate: the archive, its tree, its source and the changes in it, and what a
    normaliser cleared."""

    data: bytes
    tree: Tree
    source: Rendered
    changes: tuple[Change, ...]
    normalised: tuple[tuple[str, str], ...]


def compose(
    ledger: Ledger,
    depot: Depot,
    statements: Statements,
    keyring: Keyring,
    workshop: Workshop,
    program: Program,
    kind: Kind,
    *,
    by: str,
    now: Instant,
    candidate: bytes | None = None,
) -> Composition:
    """Build twice, compare, sign. `candidate` is an archive made elsewhere, judged the same way.

    Raises `Contaminated` naming file, hunk, commit, line, planned date, owner and author; other
    `Refusal`s for an unfit registry, archive or recipe. A refusal is an event, too.
    """
    try:
        made = _made(depot, workshop, program, candidate)
        composition = _stated(workshop, keyring, program, kind, made)
    except Refusal as refusal:
        ledger.append(_refused(program, kind, refusal, candidate, by=by, now=now))
        raise
    depot.put(composition.artifact, io.BytesIO(made.data))
    depot.put(composition.id, io.BytesIO(composition.manifest.to_bytes()))
    for one in composition.statements:
        statements.put(one)
    ledger.append(
        Draft(
            "composition.made",
            composition.id,
            now,
            by,
            composition.to_json(),
            key=f"composition.made/{composition.id}/{composition.artifact}",
        )
    )
    return composition


def _made(depot: Depot, workshop: Workshop, program: Program, candidate: bytes | None) -> _Made:
    """Read everything, decide whether it passes."""
    survey = workshop.sources.survey(program)
    accept(program.approved, survey)
    source = workshop.sources.render(program, program.approved.commit)
    rebuilt = workshop.rebuilder.build(source, program.recipe)
    built = workshop.builder.build(source, program.recipe)
    wanted = gate.expected(source, program.recipe, rebuilt)
    _refuse(depot, workshop, program, inspect(workshop, program, wanted, rebuilt))
    _refuse(depot, workshop, program, inspect(workshop, program, wanted, built))
    data = archive.write(wanted)
    if candidate is None or candidate == data:
        return _Made(data, wanted, source, survey.changes, ())
    found = archive.read(candidate, gate.limits(wanted))
    inspected = inspect(workshop, program, wanted, found)
    _refuse(depot, workshop, program, inspected)
    cleared = [(member, by.value) for member, by in inspected.normalised]
    if archive.write(found) != candidate:
        cleared.append(_container(program, data, candidate))
    return _Made(candidate, found, source, survey.changes, tuple(cleared))


def _refuse(depot: Depot, workshop: Workshop, program: Program, inspected: Inspected) -> None:
    """Refuse what was found, with a closer look at a binary where there is somebody to take it."""
    if not inspected.findings:
        return
    report = workshop.look(*inspected.binary) if workshop.look and inspected.binary else None
    data = (report or "").encode()
    if data:
        depot.put(of_bytes(data), io.BytesIO(data))
    refuse(program.product, inspected.findings, of_bytes(data) if data else "")


def _container(program: Program, wanted: bytes, found: bytes) -> tuple[str, str]:
    """The same members in another wrapping pass only where the program declares it."""
    if Normaliser.ARCHIVE not in program.recipe.normalise:
        raise Mismatch(
            "another-archive",
            needed="the archive as it was built, or build.normalise = ['archive']",
            expected=of_bytes(wanted),
            found=of_bytes(found),
        )
    return "", Normaliser.ARCHIVE.value


def _stated(
    workshop: Workshop, keyring: Keyring, program: Program, kind: Kind, made: _Made
) -> Composition:
    """The composition with its three statements."""
    manifest = manifest_of(program, kind, made.tree)
    artifact = of_bytes(made.data)
    subjects = {"archive": artifact, "manifest": manifest.id}
    paths = [program.recipe.source_of(one.path) for one in manifest.members]
    origins = workshop.sources.origins(program, paths)
    built, rebuilt = (
        provenance(program, kind, made.source, one.tools, subjects)
        for one in (workshop.builder, workshop.rebuilder)
    )
    listed = composition_statement(
        manifest,
        made.source,
        program.recipe,
        origins,
        subjects,
        made.normalised,
        made.changes,
    )
    return Composition(
        program.product,
        kind,
        dict(program.labels),
        program.approved,
        artifact,
        len(made.data),
        manifest,
        (
            _signed(keyring, "build", built),
            _signed(keyring, "rebuild", rebuilt),
            _signed(keyring, "build", listed),
        ),
        program.recipe.digest,
        made.normalised,
    )


def _signed(keyring: Keyring, name: str, statement: Statement) -> Envelope:
    signer = keyring.signer(name)
    return statement.envelope().signed(signer.public.keyid, signer.sign)


def _refused(
    program: Program,
    kind: Kind,
    refusal: Refusal,
    candidate: bytes | None,
    *,
    by: str,
    now: Instant,
) -> Draft:
    """The refusal as an event; the same refusal of the same bytes is the same event."""
    facts: dict[str, Json] = {
        "candidate": of_bytes(candidate) if candidate is not None else "",
        "code": refusal.reason,
        "commit": program.approved.commit,
        "facts": dict[str, Json](refusal.facts),
        "kind": kind.value,
        "needed": refusal.needed,
        "product": program.product,
    }
    return Draft(
        "composition.refused",
        f"{program.product}/{kind.value}",
        now,
        by,
        facts,
        key=f"composition.refused/{of_bytes(canonical.dumps(facts))}",
    )
