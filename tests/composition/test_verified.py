"""`verified()` and the verify station: every statement again, on the bytes that are there now."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping

import pytest

from tests.composition.bench import Bench
from tests.composition.world import World
from warifu.flow.verify import same
from warifu.model import verification
from warifu.model.composition import Composition, recall
from warifu.model.ports_source import Outcome
from warifu.model.sbom import bill
from warifu.model.verification import Verified, verified
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal
from warifu_wire.policy import Rules
from warifu_wire.statements import Predicate, Statement, read


@pytest.fixture(scope="module")
def made(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Verified]:
    """One honest verification, taken apart by every test."""
    bench = Bench(world, tmp_path_factory.mktemp("verified"))
    return bench, bench.verify(bench.compose())


def signed(bench: Bench, statement: Statement, key: str = "verify") -> Envelope:
    """A statement with a real signature."""
    signer = bench.keyring.signer(key)
    return statement.envelope().signed(signer.public.keyid, signer.sign)


def altered(bench: Bench, envelope: Envelope, kind: Predicate, key: str, **facts: Json) -> Envelope:
    """A well-signed statement that says something else."""
    told = read(envelope, kind)
    predicate: Mapping[str, Json] = {**told.predicate, **facts}
    return signed(bench, dataclasses.replace(told, predicate=predicate), key)


def again(bench: Bench, one: Verified, rules: Rules | None = None) -> Verified:
    """Lay it all together once more."""
    statements = (*one.results, one.verdict, one.vsa)
    return verified(one.composition, statements, rules or bench.rules, bench.people)


def with_composed(bench: Bench, one: Verified, at: int, envelope: Envelope) -> Verified:
    """The same with another of the composition's statements, and a summary that rests on it."""
    rows = list(one.composition.statements)
    rows[at] = envelope
    composition = dataclasses.replace(one.composition, statements=tuple(rows))
    inputs = (*rows, *one.results, one.verdict)
    vsa = signed(bench, verification.summary(composition, inputs, bench.rules))
    return dataclasses.replace(one, composition=composition, vsa=vsa)


def with_result(bench: Bench, one: Verified, envelope: Envelope) -> Verified:
    """The same with another test result, and a summary that rests on it."""
    inputs = (*one.composition.statements, envelope, one.verdict)
    vsa = signed(bench, verification.summary(one.composition, inputs, bench.rules))
    return dataclasses.replace(one, results=(envelope,), vsa=vsa)


Change = Callable[[Bench, Verified], Verified]


def _outer(bench: Bench, one: Verified, **facts: Json) -> Verified:
    told = read(one.composition.statements[0], Predicate.PROVENANCE).predicate
    definition = told["buildDefinition"]
    assert isinstance(definition, dict)
    outer = definition["externalParameters"]
    assert isinstance(outer, dict)
    changed: dict[str, Json] = {**definition, "externalParameters": {**outer, **facts}}
    envelope = altered(
        bench, one.composition.statements[0], Predicate.PROVENANCE, "build", buildDefinition=changed
    )
    return with_composed(bench, one, 0, envelope)


def _other_subject(bench: Bench, one: Verified) -> Verified:
    told = read(one.composition.statements[1], Predicate.PROVENANCE)
    lie = dataclasses.replace(told, subjects={"archive": Digest("0" * 64)})
    return with_composed(bench, one, 1, signed(bench, lie, "rebuild"))


def _fewer(bench: Bench, one: Verified) -> Verified:
    composition = dataclasses.replace(one.composition, statements=one.composition.statements[:2])
    return dataclasses.replace(one, composition=composition)


def _members(bench: Bench, one: Verified) -> Verified:
    listed = one.composition.statements[2]
    return with_composed(
        bench, one, 2, altered(bench, listed, Predicate.COMPOSITION, "build", members=[])
    )


def _strange_members(bench: Bench, one: Verified) -> Verified:
    listed = one.composition.statements[2]
    return with_composed(
        bench, one, 2, altered(bench, listed, Predicate.COMPOSITION, "build", members="none")
    )


def _failed(bench: Bench, one: Verified) -> Verified:
    outcome = Outcome("road", ("a",), ("b",), ())
    return with_result(
        bench, one, signed(bench, verification.test_result(one.composition, outcome))
    )


def _contaminated(bench: Bench, one: Verified) -> Verified:
    envelope = altered(bench, one.verdict, Predicate.VERDICT, "verify", result="CONTAMINATED")
    return dataclasses.replace(one, verdict=envelope)


def _vsa(**facts: Json) -> Change:
    def change(bench: Bench, one: Verified) -> Verified:
        return dataclasses.replace(
            one, vsa=altered(bench, one.vsa, Predicate.VSA, "verify", **facts)
        )

    return change


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("statements-missing", _fewer),
        ("signoff-missing", lambda b, o: with_composed(b, o, 0, o.composition.statements[1])),
        ("signoff-missing", lambda b, o: with_composed(b, o, 1, o.composition.statements[0])),
        ("another-commit", lambda b, o: _outer(b, o, commit="f" * 40)),
        ("another-kind", lambda b, o: _outer(b, o, kind="repair")),
        ("another-product", lambda b, o: _outer(b, o, product="other")),
        ("another-recipe", lambda b, o: _outer(b, o, recipe={"sha256": "0" * 64})),
        ("about-another", _other_subject),
        ("another-composition", _members),
        ("another-composition", _strange_members),
        ("not-tested", lambda _, o: dataclasses.replace(o, results=())),
        ("tests-failed", _failed),
        ("contaminated", _contaminated),
        ("statements-missing", lambda _, o: dataclasses.replace(o, results=(*o.results, o.vsa))),
        (
            "wrong-predicate",
            lambda _, o: dataclasses.replace(o, verdict=o.composition.statements[0]),
        ),
        ("another-basis", _vsa(inputAttestations=[])),
        ("another-basis", _vsa(inputAttestations="none")),
        ("not-passed", _vsa(verificationResult="FAILED")),
        ("level-missing", _vsa(verifiedLevels=["SLSA_BUILD_LEVEL_2"])),
        ("evidence-of-another", _vsa(resourceUri="urn:warifu:e-application:repair")),
    ],
)
def test_any_half_that_does_not_fit_is_refused(
    made: tuple[Bench, Verified], code: str, change: Change
) -> None:
    bench, one = made
    with pytest.raises(Refusal) as caught:
        again(bench, change(bench, one))
    assert caught.value.reason == code


def test_the_same_halves_fit_every_time(made: tuple[Bench, Verified]) -> None:
    bench, one = made
    assert again(bench, one) == one
    assert one.evidence == one.statements[-1].digest
    other = dataclasses.replace(bench.rules, lease_max=999)
    with pytest.raises(Refusal, match="rules-not-accepted"):
        again(bench, one, other)


def test_another_program_than_the_composed_one_is_refused(made: tuple[Bench, Verified]) -> None:
    bench, one = made
    source = dataclasses.replace(one.composition.source, commit="f" * 40)
    with pytest.raises(Mismatch, match="another-program"):
        bench.verify(dataclasses.replace(one.composition, source=source))
    fewer = dataclasses.replace(one.composition.manifest, members=())
    with pytest.raises(Mismatch, match="another-tree"):
        same(
            dataclasses.replace(one.composition, manifest=fewer),
            bench.depot.get(one.composition.artifact),
        )


def test_a_failing_suite_is_refused_and_recorded(world: World, bench: Bench) -> None:
    composition = bench.compose()
    failing = dataclasses.replace(
        bench.program.suites[0], run=("{python}", "-c", FAILING, "{junit}")
    )
    bench.program = dataclasses.replace(bench.program, suites=(failing,))
    with pytest.raises(Refusal, match="tests-failed"):
        bench.verify(composition)
    with pytest.raises(Refusal, match="tests-failed") as caught:
        bench.verify(composition)
    assert "sign::pdf" in caught.value.facts["failed"]
    (event,) = bench.ledger.events(kind="verification.refused")
    assert event.facts["code"] == "tests-failed"
    bench.program = dataclasses.replace(bench.program, suites=())
    with pytest.raises(Refusal, match="not-tested"):
        bench.verify(composition)


FAILING = (
    "import sys; open(sys.argv[1], 'w').write('<testsuite><testcase classname=\"sign\" "
    'name="pdf"><failure/></testcase><testcase name="xml"/></testsuite>\')'
)


def test_a_recalled_composition_is_the_same_or_malformed(made: tuple[Bench, Verified]) -> None:
    bench, one = made
    facts = one.composition.to_json()
    assert recall(facts, bench.depot, bench.statements) == one.composition
    cleared: dict[str, Json] = {**facts, "normalised": [["a", "archive"]]}
    assert recall(cleared, bench.depot, bench.statements).normalised == (("a", "archive"),)
    with pytest.raises(Malformed, match="not-a-pair"):
        recall({**facts, "normalised": ["a"]}, bench.depot, bench.statements)


def test_the_bill_of_materials_lists_every_member_with_its_commit(
    made: tuple[Bench, Verified],
) -> None:
    bench, one = made
    told = json.loads(bill(one.composition))
    changes = told["metadata"]["component"]["pedigree"]["commits"]
    assert [(row["uid"], row["author"], row["message"]) for row in changes] == [
        (bench.world.commits["change1"], {"name": "developer one"}, "open the new form"),
        (bench.world.commits["approved"], {"name": "developer two"}, "strip no more"),
    ]
    members = {row["name"]: row for row in told["components"]}
    assert set(members) == {member.path for member in one.composition.manifest.members}
    commits = bench.world.commits
    assert members["app/legacy.py"]["pedigree"] == {"commits": [{"uid": commits["approved"]}]}
    assert "pedigree" not in members["plugin.zip"]
    assert told["metadata"]["component"]["version"] == "Ver1.10"
    assert told["specVersion"] == "1.6"
    older = altered(
        bench, one.composition.statements[2], Predicate.COMPOSITION, "build", changes=[]
    )
    told = json.loads(bill(with_composed(bench, one, 2, older).composition))
    assert [row["uid"] for row in told["metadata"]["component"]["pedigree"]["commits"]] == [
        bench.world.commits["change1"], bench.world.commits["approved"],
    ]  # fmt: skip
    lie = altered(
        bench, one.composition.statements[2], Predicate.COMPOSITION, "build",
        members=[{"path": "x", "sha256": "0" * 64}],
    )  # fmt: skip
    broken: Composition = with_composed(bench, one, 2, lie).composition
    with pytest.raises(Malformed, match="not-a-composition"):
        bill(broken)
