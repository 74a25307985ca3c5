"""in-toto statements v1: one claim about named digests, carried in a DSSE envelope.

The subject is always the sha256 of an artifact or a manifest, never of a source (in-toto
Attestation Framework v1, "Statement").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import dsse
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


class Predicate(StrEnum):
    """The predicates that travel on the road."""

    PROVENANCE = "https://slsa.dev/provenance/v1"
    COMPOSITION = "urn:warifu:composition:v1"
    TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
    VERDICT = "urn:warifu:contamination-verdict:v1"
    APPROVAL = "urn:warifu:approval:v1"
    VSA = "https://slsa.dev/verification_summary/v1"
    RELEASE = "https://in-toto.io/attestation/release/v0.2"
    PROBE = "urn:warifu:probe-verdict:v1"


@dataclass(frozen=True, slots=True)
class Statement:
    """Subjects by name and digest, and one predicate about them."""

    subjects: Mapping[str, Digest]
    predicate_type: Predicate
    predicate: Mapping[str, Json]

    def envelope(self) -> Envelope:
        """The statement in an unsigned envelope."""
        return dsse.seal(
            PAYLOAD_TYPE,
            {
                "_type": STATEMENT_TYPE,
                "predicate": dict(self.predicate),
                "predicateType": self.predicate_type.value,
                "subject": [
                    {"digest": {"sha256": found}, "name": name}
                    for name, found in sorted(self.subjects.items())
                ],
            },
        )


def read(envelope: Envelope, expected: Predicate) -> Statement:
    """The statement in an envelope, which must carry the expected predicate; raises `Malformed`."""
    match dsse.payload(envelope):
        case {
            "_type": str(kind),
            "predicateType": str(predicate_type),
            "subject": list(rows),
            "predicate": dict(predicate),
        } if kind == STATEMENT_TYPE:
            pass
        case _:
            raise Malformed("not-a-statement", needed="an in-toto statement v1")
    if predicate_type != expected:
        raise Malformed("wrong-predicate", needed=expected.value, found=predicate_type)
    subjects = dict(_subject(row) for row in rows)
    if not subjects or len(subjects) != len(rows):
        raise Malformed("not-a-statement", needed="at least one subject, each named once")
    return Statement(subjects, expected, predicate)


def _subject(row: Json) -> tuple[str, Digest]:
    match row:
        case {"name": str(name), "digest": {"sha256": found}}:
            return name, digest(found)
    raise Malformed("not-a-subject", needed="a name and a sha256 digest")
