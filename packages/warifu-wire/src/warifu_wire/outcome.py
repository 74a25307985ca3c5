"""What happened on a member's machine: one phase of one attempt, signed by that machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical, dsse, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed
from warifu_wire.fields import document, text, whole
from warifu_wire.manifest import product_name
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.outcome.v1+json"
OUTCOME_TYPE = "urn:warifu:outcome:v1"


class Phase(StrEnum):
    """How far an attempt came."""

    CHECK = "check"
    FETCH = "fetch"
    STAGE = "stage"
    START_TEST = "start-test"
    SWITCH = "switch"
    TRIAL = "trial"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    REPAIR = "repair"


class Result(StrEnum):
    """How the phase ended; `started` is only ever followed by one of the others, or by silence."""

    STARTED = "started"
    OK = "ok"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One report; `counter` grows by one each, `gate` is the routes seq it was offered under."""

    product: str
    gate: int
    installation: str
    counter: int
    attempt: str
    release: Digest
    origin: Digest | None
    phase: Phase
    result: Result
    failure: str
    at: Instant

    def to_json(self) -> Json:
        """The payload's value."""
        return {
            "at": times.spell(self.at),
            "attempt": self.attempt,
            "counter": self.counter,
            "failure": self.failure,
            "from": self.origin,
            "gate": self.gate,
            "installation": self.installation,
            "phase": self.phase.value,
            "product": self.product,
            "release": self.release,
            "result": self.result.value,
            "type": OUTCOME_TYPE,
        }

    def envelope(self) -> Envelope:
        """The outcome in an unsigned envelope."""
        return dsse.seal(PAYLOAD_TYPE, self.to_json())


def read(envelope: Envelope) -> Outcome:
    """Read an outcome's payload; raises `Malformed`. The signature is checked by enrolment."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed("wrong-payload-type", needed=PAYLOAD_TYPE, found=envelope.payload_type)
    names = (
        *("at", "attempt", "counter", "failure", "from", "gate", "installation"),
        *("phase", "product", "release", "result"),
    )
    found = document(canonical.dumps(dsse.payload(envelope)), OUTCOME_TYPE, names)
    phase, result = text(found["phase"]), text(found["result"])
    if phase not in set(Phase) or result not in set(Result):
        raise Malformed("not-an-outcome", needed="a known phase and result")
    return Outcome(
        product_name(text(found["product"])),
        whole(found["gate"]),
        text(found["installation"]),
        whole(found["counter"], 1),
        text(found["attempt"]),
        digest(found["release"]),
        None if found["from"] is None else digest(found["from"]),
        Phase(phase),
        Result(result),
        text(found["failure"]),
        times.read(found["at"]),
    )
