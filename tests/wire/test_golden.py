"""The wire is frozen: these bytes, byte for byte. A change needs new golden files and an ADR."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wire import sample
from warifu_wire import (
    delta,
    dsse,
    enrolment,
    evidence,
    floors,
    gates,
    lease,
    manifest,
    outcome,
    policy,
    routes,
    statements,
    stops,
)
from warifu_wire.digest import Digest, of_bytes, of_file

GOLDEN = Path(__file__).with_name("golden")

READERS: dict[str, Callable[[bytes], object]] = {
    "delta.json": delta.read,
    "enrol.json": enrolment.read,
    "floors.json": floors.read,
    "gates.json": lambda data: gates.read(data, sample.PRODUCT),
    "manifest.json": manifest.parse,
    "offline-lease.json": lambda data: dsse.parse(data, lease.PAYLOAD_TYPE),
    "outcome.json": lambda data: outcome.read(dsse.parse(data, outcome.PAYLOAD_TYPE)),
    "people.json": policy.read_people,
    "routes.json": lambda data: routes.read(
        dsse.parse(data, routes.PAYLOAD_TYPE).payload, sample.PRODUCT
    ),
    "rules.json": policy.read_rules,
    "stops.json": lambda data: stops.read(data, sample.PRODUCT),
    "vsa.json": lambda data: evidence.subjects(
        data,
        sample.vsa().digest,
        "urn:warifu:ledger-pad:update",
        sample.rules(),
        sample.everybody(),
    ),
}

MEANT: dict[str, object] = {
    "delta.json": sample.way(),
    "enrol.json": enrolment.Asked(sample.memory_signer("machine-1").public, sample.PRODUCT),
    "floors.json": sample.floors(),
    "gates.json": sample.gates(),
    "manifest.json": sample.manifest(),
    "offline-lease.json": sample.offline(),
    "outcome.json": sample.outcome(),
    "people.json": sample.everybody(),
    "routes.json": sample.routes(),
    "rules.json": sample.rules(),
    "stops.json": sample.stops(),
    "vsa.json": frozenset({sample.ARCHIVE, sample.manifest().id}),
}


@pytest.mark.parametrize("name", sorted(sample.GOLDEN))
def test_what_we_write_is_the_golden_file(name: str) -> None:
    assert sample.GOLDEN[name] == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", sorted(sample.GOLDEN))
def test_what_we_read_in_the_golden_file_is_what_was_meant(name: str) -> None:
    found = READERS[name]((GOLDEN / name).read_bytes())
    if name == "enrol.json":
        # The request carries no key id: the service gives the key a name of its own.
        assert isinstance(found, enrolment.Asked)
        assert (found.key.numbers, found.product) == (
            sample.memory_signer("machine-1").public.numbers,
            sample.PRODUCT,
        )
    else:
        assert found == MEANT[name]


def test_every_golden_file_is_held_by_a_test() -> None:
    assert {one.name for one in GOLDEN.iterdir()} == set(sample.GOLDEN) == set(READERS)


def test_digests_that_others_name() -> None:
    assert sample.manifest().id == of_file(GOLDEN / "manifest.json")
    assert sample.manifest().id == Digest(
        "4124e1ea82f64995afc65cad479e71779aac18b443fe4a81878455ef87e3f459"
    )
    assert sample.stops().head == Digest(
        "9605fdab6ed02c8f478ba0056a464790469667e9f0cb0612e142d41031f7a07e"
    )
    assert sample.manifest().tree == Digest(
        "9090c80327ac230f0cbb38a7b397fd107ea7edace889930ce80c85365239a01a"
    )
    assert sample.approved().digest == of_bytes(sample.routes().to_bytes())


def test_statement_types_are_as_published() -> None:
    assert [one.value for one in statements.Predicate] == [
        "https://slsa.dev/provenance/v1",
        "urn:warifu:composition:v1",
        "https://in-toto.io/attestation/test-result/v0.1",
        "urn:warifu:contamination-verdict:v1",
        "urn:warifu:approval:v1",
        "https://slsa.dev/verification_summary/v1",
        "https://in-toto.io/attestation/release/v0.2",
        "urn:warifu:probe-verdict:v1",
    ]
