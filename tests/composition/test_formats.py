"""What we write read by the formats' own libraries: their schemas, unknown fields refused."""

from __future__ import annotations

import json
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from tests.composition.bench import Bench
from warifu.model.sbom import bill
from warifu_wire import dsse
from warifu_wire.dsse import Envelope


def predicate(envelope: Envelope) -> dict[str, Any]:
    """The predicate, after the library has read and validated the statement around it."""
    payload = dsse.payload(envelope)
    assert isinstance(payload, dict)
    read = json_format.ParseDict(payload, statement_pb2.Statement())  # type: ignore[attr-defined]
    Statement.copy_from_pb(read).validate()
    found = payload["predicate"]
    assert isinstance(found, dict)
    return dict(found)


def test_the_formats_own_library_reads_every_statement(bench: Bench) -> None:
    made = bench.verify(bench.compose())
    for one in made.composition.statements[:2]:
        told = json_format.ParseDict(predicate(one), provenance_pb2.Provenance())
        for material in told.build_definition.resolved_dependencies:
            ResourceDescriptor.copy_from_pb(material).validate()
        assert told.run_details.builder.id.startswith("urn:warifu:builder:")
    for one in made.results:
        rest = predicate(one)
        assert rest.pop("skippedTests") == []  # ours: the format has no place for them
        told = json_format.ParseDict(rest, test_result_pb2.TestResult())
        for suite in told.configuration:
            ResourceDescriptor.copy_from_pb(suite).validate()
        assert (told.result, list(told.passed_tests)) == ("PASSED", ["road::main"])
    rest = predicate(made.vsa)
    levels = rest.pop("verifiedLevels")  # a list in the specification, a string in this schema
    told = json_format.ParseDict(rest, vsa_pb2.VerificationSummary())
    assert not [one for one in levels if one.startswith("SLSA_") and "BUILD" not in one]
    assert told.policy.digest["sha256"] == bench.rules.digest
    assert len(told.input_attestations) == 5
    predicate(made.verdict)
    predicate(made.composition.statements[2])


def test_the_bill_of_materials_is_strictly_valid_and_is_read_back(bench: Bench) -> None:
    from cyclonedx.validation.json import JsonStrictValidator  # builds grammars for seconds

    made = bench.compose()
    data = bill(made).decode()
    strict = JsonStrictValidator(SchemaVersion.V1_6)
    assert strict.validate_str(data) is None
    assert strict.validate_str(data.replace('"version":1}', '"version":1,"ours":2}')) is not None
    read = Bom.from_json(json.loads(data))  # type: ignore[attr-defined]
    assert read.serial_number.hex == json.loads(data)["serialNumber"].removeprefix(
        "urn:uuid:"
    ).replace("-", "")
    program = read.metadata.component
    assert {(one.uid, one.author.name) for one in program.pedigree.commits} == {
        (bench.world.commits["change1"], "developer one"),
        (bench.world.commits["approved"], "developer two"),
    }
    members = {one.path: one.sha256 for one in made.manifest.members}
    assert {one.name: one.hashes[0].content for one in read.components} == members
    introduced = {
        one.name: [commit.uid for commit in one.pedigree.commits]
        for one in read.components
        if one.pedigree
    }
    assert introduced["app/legacy.py"] == [bench.world.commits["approved"]]
    assert introduced["app/sign.py"] == [bench.world.commits["oldest"]]
