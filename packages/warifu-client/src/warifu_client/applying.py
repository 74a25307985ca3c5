"""Take what is offered: the checks of an ordinary update, and the way back to the installed one."""

from __future__ import annotations

from collections.abc import Callable

from warifu_client import (
    asking,
    attempting,
    fetching,
    health,
    journal,
    lock,
    looking,
    recovering,
    reporting,
    standing,
)
from warifu_client.attempting import Aim, Until
from warifu_client.ended import End, Ended
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_client.starting import Started
from warifu_wire.check import Go, Leased, Routed, Stay
from warifu_wire.errors import Fault, Mismatch, Refusal, Stale, Stopped
from warifu_wire.manifest import Manifest
from warifu_wire.routes import Tree


def apply(machine: Machine) -> Ended:
    """Install what is offered, whole or not at all; first carry on what was cut off.

    Raises `Refusal` when a rule said no (nothing is changed then), `Fault` when the ground gave
    way. What happened is in the queue in every case, and sent when somebody answers.
    """
    return alone(machine, lambda: _offered(machine, standing.proven(machine)))


def repair(machine: Machine) -> Ended:
    """Start what is installed; take what is offered to a machine in that state, or mend it.

    Mending builds the installed release anew from whatever good bytes are here and the few that
    are not. It needs the provider's word that the release is not stopped, as any switch does. Of
    two ways out of a damaged tree the one with fewer bytes is taken, by what lies in the tree.
    """
    return alone(machine, lambda: _mended(machine))


def look_for(machine: Machine) -> Ended:
    """The first check alone: what is offered to this machine now, or why nothing is."""
    with lock.held(machine.layout.lock):
        if journal.read(machine) is not None:
            return Ended(End.TRIAL, code="attempt-under-way")
        look = looking.glance(machine)
        routed, decided = decide(machine, look, fresh=False)
        reporting.send(machine)
        if isinstance(decided, Stay):
            return _stays(look, decided)
        offer = decided.offer
        way = asking.way(routed, offer.id)
        size = fetching.cost(machine, fetching.missing(machine, decided.manifest, look, way))
        return Ended(End.OFFERED, offer.id, offer.labels, why=decided.why, size=size)


def whole_check(machine: Machine) -> Started:
    """One whole signed check from the origin, as the start test of an updater: it works, or not.

    A stop is an answer like any other. What is for the network, the clocks or another updater
    says nothing of the one that is tried.
    """
    try:
        with lock.held(machine.layout.lock):
            decide(machine, looking.glance(machine), fresh=True)
    except Stopped:
        return Started("")
    except (Fault, Stale) as error:
        return Started(attempting.word(error), undecided=True)
    except Refusal as error:
        return Started(error.reason, undecided=error.reason == "busy")
    return Started("")


def alone(machine: Machine, work: Callable[[], Ended]) -> Ended:
    """Under the lock: what was cut off first, else `work`; then send what is queued."""
    with lock.held(machine.layout.lock):
        try:
            carried = recovering.carry_on(machine)
            ended = carried if carried is not None else work()
        except (Refusal, Fault):
            reporting.send(machine)
            raise
        reporting.send(machine)
        return ended


def decide(machine: Machine, look: Look, *, fresh: bool) -> tuple[Routed, Go | Stay]:
    """One whole check; what did not start here is not taken again."""
    routed = asking.in_force(machine, look.manifest, fresh=fresh)
    decided = routed.decide(asking.as_found(machine, look))
    asking.remember(routed)
    if isinstance(decided, Go) and decided.offer.id in health.refused(machine):
        return routed, Stay("did-not-start-here", decided.why)
    return routed, decided


def same_again(machine: Machine, look: Look, release: str) -> Go:
    """Check two, right before the switch, from the origin: the same answer or none."""
    _, decided = decide(machine, look, fresh=True)
    if isinstance(decided, Stay):
        raise Refusal("no-longer-offered", needed="an offer in force", why=decided.code)
    if decided.offer.id != release:
        raise Mismatch("offer-changed", needed=release, found=decided.offer.id)
    return decided


def _offered(machine: Machine, look: Look) -> Ended:
    routed, decided = decide(machine, look, fresh=False)
    return _taken(machine, look, routed, decided)


def _taken(machine: Machine, look: Look, routed: Routed, decided: Go | Stay) -> Ended:
    if isinstance(decided, Stay):
        return _stays(look, decided)
    release = decided.offer.id
    aim = Aim(
        decided.manifest,
        decided.routes_seq,
        lambda: same_again(machine, look, release),
        asking.way(routed, release),
    )
    return attempting.attempt(machine, aim, look)


def _mended(machine: Machine) -> Ended:
    look = standing.started(machine)
    routed, decided = decide(machine, look, fresh=False)
    manifest = look.manifest
    if manifest is None or look.tree is Tree.INTACT:
        return _taken(machine, look, routed, decided)
    if isinstance(decided, Go) and not _back_is_less(machine, look, manifest, routed, decided):
        return _taken(machine, look, routed, decided)
    _allowed(machine, manifest)
    aim = Aim(manifest, asking.floors(machine).routes_seq, lambda: _allowed(machine, manifest))
    return attempting.attempt(machine, aim, look)


def _back_is_less(
    machine: Machine, look: Look, manifest: Manifest, routed: Routed, decided: Go
) -> bool:
    """Whether the installed release may be mended, and that takes fewer bytes than the offer."""
    way = asking.way(routed, decided.offer.id)
    try:
        routed.allowed(manifest.id)
    except Stopped:
        return False
    if manifest.id in health.refused(machine):
        return False
    forward = fetching.missing(machine, decided.manifest, look, way)
    back = fetching.missing(machine, manifest, look)
    return fetching.cost(machine, back) < fetching.cost(machine, forward)


def _allowed(machine: Machine, manifest: Manifest) -> Leased:
    """The provider's word, from the origin, that the installed release is not stopped."""
    routed = asking.in_force(machine, fresh=True)
    routed.allowed(manifest.id)
    return Until(routed.warned.opened.served.expires, machine.means.clock())


def _stays(look: Look, decided: Stay) -> Ended:
    return Ended(End.NOTHING, look.release, code=decided.code, why=decided.why)
