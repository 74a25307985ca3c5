"""Going on without the reports a stage asks for: the approvers sign for that one stage."""

from __future__ import annotations

from dataclasses import dataclass

from warifu_wire import dsse
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch
from warifu_wire.policy import People, Rules, need

PAYLOAD_TYPE = "application/vnd.warifu.go-on.v1+json"
GO_ON_TYPE = "urn:warifu:go-on:v1"


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign-off: the digest signed, who has signed so far, and how many the rules ask for."""

    digest: Digest
    signed: tuple[str, ...]
    needed: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """Which stage of which plan may be left with fewer reports; `since` tells the plan."""

    product: str
    release: Digest
    since: int
    stage: int

    def to_json(self) -> Json:
        """The payload's value."""
        return {
            "product": self.product,
            "release": self.release,
            "since": self.since,
            "stage": self.stage,
            "type": GO_ON_TYPE,
        }

    def envelope(self) -> Envelope:
        """The sign-off in an unsigned envelope."""
        return dsse.seal(PAYLOAD_TYPE, self.to_json())


def signed(envelope: Envelope, wanted: GoOn, rules: Rules, people: People) -> Digest:
    """The digest of a sign-off for exactly this stage, by M approvers; raises `Refusal`."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed("wrong-payload-type", needed=PAYLOAD_TYPE, found=envelope.payload_type)
    expected = wanted.envelope().digest
    if envelope.digest != expected:
        raise Mismatch("signoff-of-another", needed=expected, found=envelope.digest)
    need(envelope, people, "approver", rules.thresholds["approver"])
    return envelope.digest
