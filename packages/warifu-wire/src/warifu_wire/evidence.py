"""The verification summary (SLSA VSA v1) that a release rests on, and what it must say."""

from __future__ import annotations

from warifu_wire import dsse
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed, Mismatch, Refusal
from warifu_wire.fields import rows, text
from warifu_wire.policy import EVER_GOOD, People, Rules, need
from warifu_wire.statements import PAYLOAD_TYPE, Predicate, read

VERIFIER = "urn:warifu:verifier"


def subjects(
    data: bytes, wanted: Digest, resource: str, rules: Rules, everybody: People
) -> frozenset[Digest]:
    """The digests that a VSA vouches for; raises `Refusal` unless it is exactly the wanted one.

    The verifier's role signed it, it passed for this product and kind, under accepted rules, with
    all levels the rules ask for.
    """
    envelope = dsse.parse(data, PAYLOAD_TYPE)
    if envelope.digest != wanted:
        raise Mismatch("another-evidence", needed=wanted, found=envelope.digest)
    need(envelope, everybody, "verify", rules.thresholds["verify"], EVER_GOOD)
    statement = read(envelope, Predicate.VSA)
    match statement.predicate:
        case {
            "verifier": {"id": str(verifier)},
            "policy": {"digest": {"sha256": under}},
            "resourceUri": str(found),
            "verificationResult": str(result),
            "verifiedLevels": list(levels),
        }:
            pass
        case _:
            raise Malformed("not-a-vsa", needed="verifier, policy, resourceUri, result and levels")
    if verifier != VERIFIER or result != "PASSED":
        raise Refusal("not-passed", needed="PASSED", found=result, verifier=verifier)
    if found != resource:
        raise Mismatch("evidence-of-another", needed=resource, found=found)
    if digest(under) not in {rules.digest, *rules.accepted}:
        raise Refusal("rules-not-accepted", needed=rules.digest, found=under)
    missing = rules.levels - {text(one) for one in rows(levels)}
    if missing:
        raise Refusal("level-missing", needed=", ".join(sorted(missing)))
    return frozenset(statement.subjects.values())
