"""The sequence: check → fetch → stage → verify → start test → check again → switch → trial."""

from __future__ import annotations

import secrets

from warifu_client import (
    asking,
    fetching,
    health,
    journal,
    lock,
    looking,
    recovering,
    reporting,
    staging,
    standing,
    trial,
)
from warifu_client.ended import End, Ended
from warifu_client.journal import Journal, Step
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_wire import atomic, check
from warifu_wire.check import Go, Stay
from warifu_wire.delta import Delta
from warifu_wire.errors import Fault, Mismatch, Refusal
from warifu_wire.manifest import Manifest
from warifu_wire.outcome import Phase, Result


def apply(machine: Machine) -> Ended:
    """Install what is offered, whole or not at all; first carry on what was cut off.

    Raises `Refusal` when a rule said no (nothing is changed then), `Fault` when the ground gave
    way. What happened is in the queue in every case, and sent when somebody answers.
    """
    with lock.held(machine.layout.lock):
        try:
            carried = recovering.carry_on(machine)
            ended = carried if carried is not None else _attempt(machine)
        except (Refusal, Fault):
            reporting.send(machine)
            raise
        reporting.send(machine)
        return ended


def look_for(machine: Machine) -> Ended:
    """The first check alone: what is offered to this machine now, or why nothing is."""
    with lock.held(machine.layout.lock):
        if journal.read(machine) is not None:
            return Ended(End.TRIAL, code="attempt-under-way")
        look = looking.current(machine)
        decided, delta = _decide(machine, look, fresh=False)
        reporting.send(machine)
        if isinstance(decided, Stay):
            return Ended(End.NOTHING, look.release, code=decided.code, why=decided.why)
        manifest = decided.manifest
        size = sum(one.cost for one in fetching.missing(machine, manifest, look, delta))
        return Ended(
            End.OFFERED, decided.offer.id, decided.offer.labels, why=decided.why, size=size
        )


def repair(machine: Machine) -> Ended:
    """Start what is installed, then take what is offered to a machine in that state."""
    with lock.held(machine.layout.lock):
        if journal.read(machine) is None:
            standing.started(machine)
    return apply(machine)


def _attempt(machine: Machine) -> Ended:
    look = standing.proven(machine)
    decided, delta = _decide(machine, look, fresh=False)
    if isinstance(decided, Stay):
        return Ended(End.NOTHING, look.release, code=decided.code, why=decided.why)
    now = _begin(machine, decided, look)
    try:
        ready = _ready(machine, now, decided.manifest, look, delta)
        go = _again(machine, ready, look)
        return _switch(machine, ready, go)
    except (Refusal, Fault) as error:
        _give_up(machine, error)
        raise


def _decide(machine: Machine, look: Look, *, fresh: bool) -> tuple[Go | Stay, Delta | None]:
    """One whole check, and the way to what it found; what did not start here is not taken again."""
    routed = asking.in_force(machine, look.manifest, fresh=fresh)
    decided = routed.decide(asking.as_found(machine, look))
    if isinstance(decided, Stay):
        return decided, None
    if decided.offer.id in health.refused(machine):
        return Stay("did-not-start-here", decided.why), None
    return decided, asking.way(routed, decided.offer.id)


def _begin(machine: Machine, go: Go, look: Look) -> Journal:
    now = Journal(
        secrets.token_hex(16),
        Step.STAGING,
        go.offer.id,
        machine.layout.unused(go.offer.id),
        look.release,
        machine.current.read() or "",
        go.routes_seq,
        Phase.FETCH,
    )
    now = journal.write(machine, now)
    _report(machine, now, Result.STARTED)
    atomic.write(machine.layout.manifest(go.offer.id), go.manifest.to_bytes())
    machine.reached("manifest")
    return now


def _ready(
    machine: Machine, now: Journal, manifest: Manifest, look: Look, delta: Delta | None
) -> Journal:
    """Fetch, stage, verify and start the new tree, where nothing points to it yet."""
    wanted = fetching.missing(machine, manifest, look, delta)
    fetching.room(machine, wanted)
    fetching.fetch(machine, wanted)
    now = journal.write(machine, now, phase=Phase.STAGE)
    staging.stage(machine, manifest, now.folder, look)
    now = journal.write(machine, now, phase=Phase.START_TEST)
    tree = machine.layout.release(now.folder)
    started = machine.means.start(machine.settings, manifest, tree)
    if not started.good:
        health.refuse(machine, now.release)
        raise Refusal(started.failure, needed="a release that starts here", release=now.release)
    return journal.write(machine, now, phase=Phase.SWITCH, good=1)


def _again(machine: Machine, now: Journal, look: Look) -> Go:
    """Check two, right before the switch, from the origin: the same answer or none."""
    decided, _ = _decide(machine, look, fresh=True)
    if isinstance(decided, Stay):
        raise Refusal("no-longer-offered", needed="an offer in force", why=decided.code)
    if decided.offer.id != now.release:
        raise Mismatch("offer-changed", needed=now.release, found=decided.offer.id)
    return decided


def _switch(machine: Machine, now: Journal, go: Go) -> Ended:
    """One rename; then the clocks once more (step 14), and undone before anything may start."""
    now = journal.write(machine, now, step=Step.SWITCHING)
    machine.current.point(now.folder)
    machine.reached("switched")
    check.still_within(go, machine.means.clock())
    return trial.prove(machine, journal.write(machine, now, step=Step.TRIAL, phase=Phase.TRIAL))


def _give_up(machine: Machine, error: Refusal | Fault) -> None:
    """Leave everything as it was before the attempt, and say how far it came."""
    now = journal.read(machine)
    if now is None:
        return
    if now.step is not Step.STAGING:
        if now.step is Step.SWITCHING:
            trial.back(machine, now, _word(error))
        return
    _report(machine, now, _result(now, error), _word(error))
    staging.discard(machine, now.folder)
    journal.clear(machine)


def _result(now: Journal, error: Refusal | Fault) -> Result:
    refused = isinstance(error, Refusal) and now.phase is not Phase.START_TEST
    return Result.REFUSED if refused else Result.FAILED


def _word(error: Refusal | Fault) -> str:
    """An error as a word of the shared vocabulary."""
    if isinstance(error, Refusal):
        return error.reason
    return "no-answer" if "no answer" in error.what else "disk"


def _report(machine: Machine, now: Journal, result: Result, failure: str = "") -> None:
    reporting.report(
        machine,
        attempt=now.attempt,
        gate=now.gate,
        release=now.release,
        origin=now.origin,
        phase=now.phase,
        result=result,
        failure=failure,
    )
