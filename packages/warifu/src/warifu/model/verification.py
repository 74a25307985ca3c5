"""Verified: every statement about one artifact, checked again each time they are laid together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from warifu.model.composition import Composition
from warifu.model.ports_source import Outcome
from warifu_wire import dsse, evidence
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Contaminated, Malformed, Mismatch, Refusal
from warifu_wire.fields import rows, table, text
from warifu_wire.policy import EVER_GOOD, People, Rules, need
from warifu_wire.statements import Predicate, Statement, read

COMPOSED = "WARIFU_COMPOSED_FROM_APPROVED"
TESTED = "WARIFU_TESTED"
LEVELS = (COMPOSED, TESTED, "SLSA_BUILD_LEVEL_2", "SLSA_BUILD_REPRODUCED")


@dataclass(frozen=True, slots=True)
class Verified:
    """A composition with its test results, its contamination verdict and its summary (VSA).

    Only ever made by `verified()`.
    """

    composition: Composition
    results: tuple[Envelope, ...]
    verdict: Envelope
    vsa: Envelope

    @property
    def evidence(self) -> Digest:
        """The sha256 of the summary's payload: what routes and gates name."""
        return self.vsa.digest

    @property
    def statements(self) -> tuple[Envelope, ...]:
        """All statements, the summary last."""
        return (*self.composition.statements, *self.results, self.verdict, self.vsa)


def suites(program: Verified) -> tuple[tuple[str, int, int], ...]:
    """Every suite that ran on the artifact: its name, and how many tests passed and did not run."""
    told = [read(one, Predicate.TEST_RESULT).predicate for one in program.results]
    return tuple(
        (
            ", ".join(text(table(row).get("name")) for row in rows(one.get("configuration"))),
            len(rows(one.get("passedTests"))),
            len(rows(one.get("skippedTests"))),
        )
        for one in told
    )


def subjects(composition: Composition) -> dict[str, Digest]:
    """The two digests that a release is known by: its archive and its manifest."""
    return {"archive": composition.artifact, "manifest": composition.id}


def test_result(composition: Composition, outcome: Outcome) -> Statement:
    """in-toto test-result v0.1 whose subject is the artifact itself, never its source."""
    return Statement(
        {"archive": composition.artifact},
        Predicate.TEST_RESULT,
        {
            "configuration": [{"name": outcome.suite, "uri": f"urn:warifu:suite:{outcome.suite}"}],
            "failedTests": list[Json](outcome.failed),
            "passedTests": list[Json](outcome.passed),
            "result": "PASSED" if outcome.good else "FAILED",
            "skippedTests": list[Json](outcome.skipped),
        },
    )


def verdict(composition: Composition, registry: Digest, findings: Sequence[Json]) -> Statement:
    """The contamination verdict: clean, or every finding; under which line registry."""
    return Statement(
        subjects(composition),
        Predicate.VERDICT,
        {
            "findings": list(findings),
            "lines": {"sha256": registry},
            "result": "CONTAMINATED" if findings else "CLEAN",
        },
    )


def summary(composition: Composition, inputs: Iterable[Envelope], rules: Rules) -> Statement:
    """The verification summary (SLSA VSA v1). Freshness comes from TUF, so it carries no time."""
    return Statement(
        subjects(composition),
        Predicate.VSA,
        {
            "inputAttestations": [
                {"digest": {"sha256": one.digest}, "uri": f"urn:warifu:statement:{one.digest}"}
                for one in inputs
            ],
            "policy": {"digest": {"sha256": rules.digest}, "uri": "urn:warifu:rules"},
            "resourceUri": composition.resource,
            "slsaVersion": "1.1",
            "verificationResult": "PASSED",
            "verifiedLevels": list[Json](LEVELS),
            "verifier": {"id": evidence.VERIFIER},
        },
    )


def verified(
    composition: Composition, statements: Sequence[Envelope], rules: Rules, people: People
) -> Verified:
    """Lay a composition and its statements together; raises `Refusal` unless all of it holds.

    Order: provenance twice by different people, composition, test results, verdict, summary. Every
    signature and every digest is checked again, whatever was checked before.
    """
    by_type = _sorted(statements)
    _provenances(composition, people)
    _composed(composition, people)
    results = tuple(by_type.get(Predicate.TEST_RESULT, ()))
    _tested(composition, results, rules, people)
    clean = _one(by_type, Predicate.VERDICT)
    _clean(composition, clean, rules, people)
    vsa = _one(by_type, Predicate.VSA)
    _apart(composition, (*results, clean, vsa), people)
    _summed(composition, (*composition.statements, *results, clean), vsa, rules, people)
    return Verified(composition, results, clean, vsa)


def _provenances(composition: Composition, people: People) -> None:
    """Build and rebuild say the same of the same bytes, and are not the same person."""
    if len(composition.statements) != 3:
        raise Malformed("statements-missing", needed="provenance, second provenance, composition")
    build, rebuild, _ = composition.statements
    first = need(build, people, "build", 1, EVER_GOOD)
    second = need(rebuild, people, "rebuild", 1, EVER_GOOD)
    if first & second:
        raise Refusal(
            "builder-is-rebuilder",
            needed="two builders with keys of their own",
            who=", ".join(sorted(first & second)),
        )
    for one in (build, rebuild):
        told = read(one, Predicate.PROVENANCE)
        _about(composition, told.subjects)
        outer = table(table(told.predicate.get("buildDefinition")).get("externalParameters"))
        _equal("commit", composition.source.commit, outer.get("commit"))
        _equal("kind", composition.kind.value, outer.get("kind"))
        _equal("product", composition.product, outer.get("product"))
        _equal("recipe", composition.recipe, table(outer.get("recipe")).get("sha256"))


def _composed(composition: Composition, people: People) -> None:
    """The composition statement lists exactly the manifest's members."""
    envelope = composition.statements[2]
    need(envelope, people, "build", 1, EVER_GOOD)
    told = read(envelope, Predicate.COMPOSITION)
    _about(composition, told.subjects)
    _equal("commit", composition.source.commit, told.predicate.get("commit"))
    members = told.predicate.get("members")
    listed = [
        (row.get("path"), row.get("mode"), row.get("sha256"), row.get("size"))
        for row in (members if isinstance(members, list) else [])
        if isinstance(row, dict)
    ]
    wanted = [(one.path, one.mode, one.sha256, one.size) for one in composition.manifest.members]
    if listed != wanted:
        raise Mismatch("another-composition", needed="the manifest's members", found=len(listed))


def _tested(
    composition: Composition, results: Sequence[Envelope], rules: Rules, people: People
) -> None:
    """At least one suite ran on these very bytes, and all of them passed."""
    if not results:
        raise Refusal("not-tested", needed="a test result of this artifact")
    for one in results:
        need(one, people, "verify", rules.thresholds["verify"], EVER_GOOD)
        told = read(one, Predicate.TEST_RESULT)
        if dict(told.subjects) != {"archive": composition.artifact}:
            raise Mismatch(
                "tested-another",
                needed=composition.artifact,
                found=", ".join(sorted(told.subjects.values())),
            )
        if told.predicate.get("result") != "PASSED":
            raise Refusal("tests-failed", needed="suites that pass", payload=one.digest)


def _clean(composition: Composition, clean: Envelope, rules: Rules, people: People) -> None:
    need(clean, people, "verify", rules.thresholds["verify"], EVER_GOOD)
    told = read(clean, Predicate.VERDICT)
    _about(composition, told.subjects)
    if told.predicate.get("result") != "CLEAN" or told.predicate.get("findings") != []:
        raise Contaminated(needed="a clean verdict", payload=clean.digest)


def _apart(composition: Composition, checks: Sequence[Envelope], people: People) -> None:
    """Who built does not verify: no person's signature stands on both sides."""
    built = {
        one
        for envelope in composition.statements
        for role in ("build", "rebuild")
        for one in people.signed(envelope, role, EVER_GOOD)
    }
    for envelope in checks:
        both = built & people.signed(envelope, "verify", EVER_GOOD)
        if both:
            raise Refusal(
                "builder-is-verifier",
                needed="a verifier who built nothing",
                who=", ".join(sorted(both)),
            )


def _summed(
    composition: Composition,
    inputs: Sequence[Envelope],
    vsa: Envelope,
    rules: Rules,
    people: People,
) -> None:
    """The summary rests on exactly these statements, and says what the client will ask for."""
    evidence.subjects(vsa.to_bytes(), vsa.digest, composition.resource, rules, people)
    told = read(vsa, Predicate.VSA)
    _about(composition, told.subjects)
    basis = told.predicate.get("inputAttestations")
    named = {
        str(table(row["digest"]).get("sha256"))
        for row in (basis if isinstance(basis, list) else [])
        if isinstance(row, dict) and "digest" in row
    }
    if named != {one.digest for one in inputs}:
        raise Mismatch("another-basis", needed="exactly the statements at hand", found=len(named))


def _about(composition: Composition, found: Mapping[str, Digest]) -> None:
    if dict(found) != subjects(composition):
        raise Mismatch(
            "about-another",
            needed=composition.artifact,
            found=", ".join(sorted(found.values())),
        )


def _equal(what: str, wanted: str, found: Json) -> None:
    if found != wanted:
        raise Mismatch(f"another-{what}", needed=wanted, found=found)


def _sorted(statements: Sequence[Envelope]) -> dict[Predicate, list[Envelope]]:
    """The statements by predicate; what none of ours is, is refused."""
    found: dict[Predicate, list[Envelope]] = {}
    for one in statements:
        found.setdefault(_predicate(one), []).append(one)
    return found


def _predicate(envelope: Envelope) -> Predicate:
    kind = table(dsse.payload(envelope)).get("predicateType")
    for one in (Predicate.TEST_RESULT, Predicate.VERDICT, Predicate.VSA):
        if kind == one.value:
            return one
    raise Malformed("wrong-predicate", needed="test result, verdict or summary", found=kind)


def _one(found: Mapping[Predicate, list[Envelope]], wanted: Predicate) -> Envelope:
    here = found.get(wanted, [])
    if len(here) != 1:
        raise Malformed("statements-missing", needed=f"one {wanted.value}", found=len(here))
    return here[0]
