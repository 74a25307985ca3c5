"""What happened here, signed by this installation, kept until the provider has it."""

from __future__ import annotations

from warifu_client import identity
from warifu_client.machine import Machine
from warifu_wire import atomic, dsse
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Refusal
from warifu_wire.outcome import PAYLOAD_TYPE, Outcome, Phase, Result

BATCH = 200


def report(
    machine: Machine,
    *,
    attempt: str,
    gate: int,
    release: Digest,
    origin: Digest | None,
    phase: Phase,
    result: Result,
    failure: str = "",
) -> None:
    """Put one outcome into the queue; raises `Fault`.

    Its number is one above the highest this machine ever gave out, sent or not.
    """
    if not machine.settings.report:
        return
    name = identity.installation(machine)
    number = max((int(one.stem) for one in machine.layout.outbox.glob("*.json")), default=0)
    outcome = Outcome(
        machine.settings.product,
        gate,
        name,
        max(number, _sent(machine)) + 1,
        attempt,
        release,
        origin,
        phase,
        result,
        failure,
        machine.means.clock().wall,
    )
    envelope = outcome.envelope().signed(name, identity.key(machine).sign)
    path = machine.layout.outbox / f"{outcome.counter:012}.json"
    atomic.write(path, envelope.to_bytes())
    machine.reached(f"reported-{phase.value}")


def send(machine: Machine) -> int:
    """Send what is queued, oldest first; how many are left. Nothing is lost when nobody answers.

    A report is dropped only after the provider says it is durable there; one sent twice has the
    same number both times.
    """
    queued = sorted(machine.layout.outbox.glob("*.json"))
    address = f"{machine.settings.address.rstrip('/')}/outcomes"
    while queued:
        batch, rest = queued[:BATCH], queued[BATCH:]
        bodies = [data for one in batch if (data := _whole(one.read_bytes()))]
        try:
            reply = machine.means.transport.post(address, b"[" + b",".join(bodies) + b"]")
        except Fault:
            break
        if reply.status != 200:
            break
        atomic.write(machine.layout.outbox / "sent", batch[-1].stem.encode("ascii"))
        machine.reached("sent")
        for one in batch:
            one.unlink(missing_ok=True)
        queued = rest
    return len(queued)


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
