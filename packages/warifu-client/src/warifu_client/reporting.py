"""What happened here, signed by this installation, kept until the provider has it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from warifu_client import identity
from warifu_client.machine import Machine
from warifu_client.starting import Started
from warifu_wire import atomic, canonical, dsse, fields, outcome
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Refusal
from warifu_wire.outcome import PAYLOAD_TYPE, Outcome, Phase, Result

BATCH = 200
DONE = 200
REFUSES = frozenset({400, 403, 413, 422})
RECEIPT = ("payload", "refused")
NOT_ALONE = frozenset({"counter-taken", "installation-unknown", "signature-wrong"})
"""What the provider says of a report by a key that is not one machine's alone, or unknown to it."""


class About(Protocol):
    """What a report is about: an attempt under way, or a thing found outside of any."""

    @property
    def attempt(self) -> str:
        """Its name."""

    @property
    def release(self) -> Digest:
        """The release that it is about."""

    @property
    def origin(self) -> Digest | None:
        """The release in use when it began."""

    @property
    def gate(self) -> int:
        """The routes seq that the machine went by."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something found about the release in use."""

    attempt: str
    release: Digest
    origin: Digest | None
    gate: int


def trouble(machine: Machine, release: Digest, gate: int, started: Started) -> None:
    """Queue that the release in use does not start any more; raises `Fault`."""
    found = Found(secrets.token_hex(16), release, release, gate)
    tell(machine, found, Phase.REPAIR, Result.FAILED, started.failure)


def tell(machine: Machine, now: About, phase: Phase, result: Result, failure: str = "") -> None:
    """Put one outcome of an attempt into the queue; raises `Fault`.

    Its number is one above the highest this machine ever gave out, sent or not.
    """
    if not machine.settings.report:
        return
    try:
        name = identity.installation(machine)
    except Fault:
        # Never online yet, installed from a bundle: the first commit after enrolment tells it.
        return
    number = max((int(one.stem) for one in machine.layout.outbox.glob("*.json")), default=0)
    told = Outcome(
        machine.settings.product,
        now.gate,
        name,
        max(number, _sent(machine)) + 1,
        now.attempt,
        now.release,
        now.origin,
        phase,
        result,
        failure,
        machine.means.clock().wall,
    )
    envelope = told.envelope().signed(name, identity.key(machine).sign)
    path = machine.layout.outbox / f"{told.counter:012}.json"
    atomic.write(path, envelope.to_bytes())
    machine.reached(f"reported-{phase.value}")


def send(machine: Machine) -> int:
    """Send what is queued, oldest first; how many are left. Nothing is lost when nobody answers.

    A report is dropped only after the provider says it is durable there; one sent twice has the
    same number both times. One that the provider refuses for good must not keep the others back.
    A machine whose disk was copied is enrolled again, and says under its new name what was refused.
    """
    queued = sorted(machine.layout.outbox.glob("*.json"))
    size = BATCH
    while queued:
        batch = queued[:size]
        status, refused = _post(machine, batch)
        if status in REFUSES and len(batch) > 1:
            size = 1
            continue
        if status != DONE and status not in REFUSES:
            break
        atomic.write(machine.layout.outbox / "sent", batch[-1].stem.encode("ascii"))
        machine.reached("sent")
        queued = queued[len(batch) :]
        for one in batch:
            if not (_digest(one) in refused and _said_anew(machine, one)):
                one.unlink(missing_ok=True)
        if refused:
            break  # what is under a new name goes with the next reports
    return len(list(machine.layout.outbox.glob("*.json")))


def _post(machine: Machine, batch: list[Path]) -> tuple[int, set[str]]:
    """The status of the answer, 0 when there was none, and the digests that need another name."""
    bodies = [data for one in batch if (data := _whole(one.read_bytes()))]
    address = f"{machine.settings.address.rstrip('/')}/outcomes"
    try:
        reply = machine.means.transport.post(address, b"[" + b",".join(bodies) + b"]")
        return reply.status, _not_alone(b"".join(reply.chunks)) if reply.status == DONE else set()
    except Fault:
        return 0, set()


def _not_alone(answer: bytes) -> set[str]:
    """The reports of an answer that are refused for their key; none where it is no list of them."""
    try:
        told = [fields.exactly(one, RECEIPT) for one in fields.rows(canonical.loads(answer))]
        return {fields.text(one["payload"]) for one in told if one["refused"] in NOT_ALONE}
    except Refusal:
        return set()


def _digest(path: Path) -> str:
    data = _whole(path.read_bytes())
    return dsse.parse(data, PAYLOAD_TYPE).digest if data else ""


def _said_anew(machine: Machine, path: Path) -> bool:
    """Put a report under this machine's own name, asking for one if it has none.

    Whether it is still to be sent; while nobody answers it stays as it is, to be refused again.
    Who is refused another name loses it, as any report that is refused for good.
    """
    said = outcome.read(dsse.parse(path.read_bytes(), PAYLOAD_TYPE))
    try:
        name = identity.installation(machine)
        if name == said.installation:
            name = identity.renewed(machine)
    except Fault:
        return True
    except Refusal:
        return False
    own = replace(said, installation=name)
    atomic.write(path, own.envelope().signed(name, identity.key(machine).sign).to_bytes())
    return True


def _sent(machine: Machine) -> int:
    try:
        return int((machine.layout.outbox / "sent").read_text("ascii"))
    except FileNotFoundError:
        return 0


def _whole(data: bytes) -> bytes:
    """The envelope if it is one: a torn file must not keep the others from being sent."""
    try:
        dsse.parse(data, PAYLOAD_TYPE)
    except Refusal:
        return b""
    return data
