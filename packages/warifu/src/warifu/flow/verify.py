"""Verify: suites run on the artifact's own bytes, the gate is asked again, the answer signed."""

from __future__ import annotations

from collections.abc import Sequence

from warifu.model import archive, gate
from warifu.model.composition import Composition
from warifu.model.inspection import inspect, refuse
from warifu.model.ledger import Draft, Row
from warifu.model.lines import Survey, accept
from warifu.model.ports import Depot, Keyring, Ledger, Statements
from warifu.model.ports_source import Outcome, Workshop
from warifu.model.program import Program
from warifu.model.tree import Tree, members
from warifu.model.verification import (
    Verified,
    subjects,
    summary,
    test_result,
    verdict,
    verified,
)
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.policy import People, Rules
from warifu_wire.statements import Statement
from warifu_wire.times import Instant


def verify(
    ledger: Ledger,
    depot: Depot,
    statements: Statements,
    keyring: Keyring,
    workshop: Workshop,
    program: Program,
    composition: Composition,
    rules: Rules,
    people: People,
    *,
    by: str,
    now: Instant,
) -> Verified:
    """Everything again, by the verifier's own key, on the bytes that are in the depot now.

    Raises `Mismatch` for other bytes, `Contaminated`, and `Refusal` for a failing suite. A refusal
    is an event, too.
    """
    try:
        made = _verified(depot, keyring, workshop, program, composition, rules, people)
    except Refusal as refusal:
        ledger.append(_refused(composition, refusal, by=by, now=now))
        raise
    for one in (*made.results, made.verdict, made.vsa):
        statements.put(one)
    ledger.append(
        Draft(
            "verification.completed",
            composition.id,
            now,
            by,
            {
                "artifact": composition.artifact,
                "evidence": made.evidence,
                "kind": composition.kind.value,
                "labels": dict[str, Json](composition.labels),
                "product": composition.product,
                "results": [one.digest for one in made.results],
                "verdict": made.verdict.digest,
            },
            key=f"verification.completed/{made.evidence}",
            rows=(
                Row(
                    "evidence",
                    made.evidence,
                    {"artifact": composition.artifact, "manifest": composition.id},
                ),
            ),
        )
    )
    return made


def _verified(
    depot: Depot,
    keyring: Keyring,
    workshop: Workshop,
    program: Program,
    composition: Composition,
    rules: Rules,
    people: People,
) -> Verified:
    data = depot.get(composition.artifact)
    tree = same(composition, data)
    survey = workshop.sources.survey(program)
    _clean(workshop, program, composition, survey, tree)
    outcomes = [workshop.suites.run(data, suite) for suite in program.suites]
    _passed(outcomes)
    results = [_signed(keyring, test_result(composition, one)) for one in outcomes]
    clean = _signed(keyring, verdict(composition, registry(program, survey), ()))
    inputs = (*composition.statements, *results, clean)
    vsa = _signed(keyring, summary(composition, inputs, rules))
    return verified(composition, (*results, clean, vsa), rules, people)


def same(composition: Composition, data: bytes) -> Tree:
    """The artifact's tree, when its bytes are the composed ones and hold the manifest's members."""
    if of_bytes(data) != composition.artifact or len(data) != composition.size:
        raise Mismatch(needed=composition.artifact, found=of_bytes(data))
    tree = archive.read(data)
    if members(tree) != composition.manifest.members:
        raise Mismatch("another-tree", needed=composition.manifest.tree, found=len(members(tree)))
    return tree


def _clean(
    workshop: Workshop, program: Program, composition: Composition, survey: Survey, tree: Tree
) -> None:
    """The gate again: same approval, same recipe, and nothing in the tree but approved bytes."""
    if (program.approved, program.recipe.digest) != (composition.source, composition.recipe):
        raise Mismatch(
            "another-program",
            needed=composition.source.commit,
            found=program.approved.commit,
            recipe=program.recipe.digest,
        )
    accept(program.approved, survey)
    source = workshop.sources.render(program, program.approved.commit)
    rebuilt = workshop.rebuilder.build(source, program.recipe)
    wanted = gate.expected(source, program.recipe, rebuilt)
    refuse(program.product, inspect(workshop, program, wanted, tree).findings)


def _passed(outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        if not one.good:
            raise Refusal(
                "tests-failed",
                needed="suites that pass on these bytes",
                suite=one.suite,
                failed=", ".join(one.failed[:10]) or "no test passed",
            )


def registry(program: Program, survey: Survey) -> Digest:
    """The digest of the line registry with every line's commit: what the verdict rests on."""
    rows: list[Json] = [
        {"commit": tip.commit, "line": tip.line.name, "ref": tip.line.ref} for tip in survey.tips
    ]
    return of_bytes(canonical.dumps({"approved": program.approved.commit, "tips": rows}))


def _signed(keyring: Keyring, statement: Statement) -> Envelope:
    signer = keyring.signer("verify")
    return statement.envelope().signed(signer.public.keyid, signer.sign)


def _refused(composition: Composition, refusal: Refusal, *, by: str, now: Instant) -> Draft:
    facts: dict[str, Json] = {
        "code": refusal.reason,
        "facts": dict[str, Json](refusal.facts),
        "needed": refusal.needed,
        "subjects": dict[str, Json](subjects(composition)),
    }
    digest = of_bytes(canonical.dumps(facts))
    return Draft(
        "verification.refused",
        composition.id,
        now,
        by,
        facts,
        key=f"verification.refused/{composition.id}/{digest}",
    )
