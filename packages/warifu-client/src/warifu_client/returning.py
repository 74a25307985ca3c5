"""Back to the kept previous release, as the member asks for it; never to one that was stopped."""

from __future__ import annotations

import secrets

from warifu_client import asking, lock, recovering, reporting, staging, trial
from warifu_client.ended import End, Ended
from warifu_client.journal import Journal, Step
from warifu_client.layout import release_of
from warifu_client.machine import Machine
from warifu_wire import dsse, routes, stops
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Refusal, Stopped
from warifu_wire.outcome import Phase
from warifu_wire.stops import Halt


def rollback(machine: Machine) -> Ended:
    """Point to the kept release; raises `Refusal` when there is none, or it was stopped.

    Needs no lease: when nobody can be asked, the stops this machine verified before decide.
    """
    with lock.held(machine.layout.lock):
        carried = recovering.carry_on(machine)
        ended = carried if carried is not None and carried.end is End.UNDONE else _return(machine)
        reporting.send(machine)
        return ended


def _return(machine: Machine) -> Ended:
    name, current = machine.previous.read(), machine.current.read()
    release = None if name is None else release_of(name)
    if name is None or release is None or current is None or name == current:
        raise Refusal("nothing-kept", needed="a previous release kept on this machine")
    _allowed(machine, release)
    look = staging.verified(machine, name)
    if look.manifest is None:
        raise Refusal("nothing-kept", needed="the manifest of the previous release")
    tree = machine.layout.release(name)
    started = machine.means.start(machine.settings, look.manifest, tree)
    if not started.good:
        raise Refusal(started.failure, needed="a kept release that starts", release=release)
    newer = release_of(current) or release
    gate = asking.floors(machine).routes_seq
    attempt = secrets.token_hex(16)
    now = Journal(attempt, Step.RETURNING, newer, current, release, name, gate, Phase.ROLLBACK)
    return trial.back(machine, now, "asked", refuse=True)


def _allowed(machine: Machine, release: Digest) -> None:
    """Raises `Stopped` for a release that is stopped or held, as far as can be known."""
    try:
        asking.still_allowed(machine, release)
    except Stopped:
        raise
    except (Refusal, Fault):
        _allowed_as_known(machine, release)


def _allowed_as_known(machine: Machine, release: Digest) -> None:
    known = asking.floors(machine)
    entries = stops.in_force(known.stops, release, _lifted(machine, known.routes))
    for one in entries:
        if one.state is not Halt.CAPPED:
            raise Stopped(
                f"release-{one.state.value}",
                needed="a lift signed by the approvers",
                release=release,
                by=one.by,
                reason_en=one.reason["en"],
                reason_ja=one.reason["ja"],
            )


def _lifted(machine: Machine, verified: Digest) -> frozenset[Digest]:
    """What the last verified routes lifted: found among the kept targets by their digest."""
    for path in machine.layout.targets.iterdir():
        try:
            envelope = dsse.parse(path.read_bytes(), routes.PAYLOAD_TYPE)
        except (Refusal, OSError):
            continue
        if envelope.digest == verified:
            return routes.read(envelope.payload, machine.settings.product).lifted
    return frozenset()
