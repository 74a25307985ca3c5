"""Install from a file that a member got by hand: the ordinary check decides, or its lease."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warifu_client import (
    applying,
    asking,
    attempting,
    fetching,
    health,
    identity,
    parcel,
    standing,
    unpacking,
)
from warifu_client.attempting import Aim, Until
from warifu_client.ended import End, Ended
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_client.parcel import Parcel
from warifu_wire import check
from warifu_wire.check import Go, Leased, Stay
from warifu_wire.errors import Fault, Mismatch, Refusal
from warifu_wire.manifest import Manifest
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Question:
    """What the member is asked when nobody else can be: this release, allowed until then?"""

    manifest: Manifest
    until: Instant


Confirm = Callable[[Question], bool]


def install(machine: Machine, path: Path, confirm: Confirm) -> Ended:
    """Install from a bundle; raises `Refusal` or `Fault` with everything as it was before.

    When the provider answers, its answer decides and the bundle only saves bytes. When it does
    not, the bundle's own lease must hold, no stop this machine ever saw may be on the release, and
    the member is asked.
    """
    with parcel.opened(path) as found:
        return applying.alone(machine, lambda: _install(machine, found, confirm))


def _install(machine: Machine, found: Parcel, confirm: Confirm) -> Ended:
    look = standing.proven(machine)
    try:
        routed, decided = applying.decide(machine, look, fresh=True)
    except Fault:
        return _offline(machine, found, look, confirm)
    if isinstance(decided, Stay):
        return Ended(End.NOTHING, look.release, code=decided.code, why=decided.why)
    aim = Aim(
        decided.manifest,
        decided.routes_seq,
        lambda: applying.same_again(machine, look, decided.offer.id),
        asking.way(routed, decided.offer.id),
        lambda: _seed(machine, found, decided.manifest, look),
    )
    return attempting.attempt(machine, aim, look)


def _offline(machine: Machine, found: Parcel, look: Look, confirm: Confirm) -> Ended:
    decided = _allowed(machine, found, look)
    if isinstance(decided, Stay):
        return Ended(End.NOTHING, look.release, code=decided.code, why=decided.why)
    if not confirm(Question(decided.manifest, decided.expires)):
        raise Refusal("not-confirmed", needed="the member's own yes, as nobody can be asked")
    aim = Aim(
        decided.manifest,
        decided.routes_seq,
        lambda: _same(machine, found, look),
        None,
        lambda: _seed(machine, found, decided.manifest, look),
    )
    return attempting.attempt(machine, aim, look)


def _same(machine: Machine, found: Parcel, look: Look) -> Leased:
    """Right before the switch: the lease still holds, and the stops known by now allow it."""
    decided = _allowed(machine, found, look)
    if isinstance(decided, Stay):
        raise Refusal("no-longer-offered", needed="an offer in force", why=decided.code)
    return Until(decided.expires, decided.taken)


def _allowed(machine: Machine, found: Parcel, look: Look) -> Go | Stay:
    """The client's check on a bundle: the lease stands for the gate, and nothing else is spared."""
    known = asking.floors(machine)
    clock = machine.means.clock
    trust = machine.layout.trust.read_bytes()
    routed, lease = parcel.trusted(found, trust, known, machine.settings.product, clock)
    asking.keep(machine, known, routed.floors)
    stands = check.Machine(
        machine.settings.product,
        identity.known(machine),
        look.release,
        look.tree,
        look.digest,
        look.health,
    )
    offered = routed.offered(stands)
    if isinstance(offered, Stay):
        return offered
    offer, why = offered
    if offer.id != lease.release:
        raise Mismatch("bundle-of-another", needed=offer.id, found=lease.release)
    routed.allowed(offer.id)
    if offer.id in health.refused(machine):
        return Stay("did-not-start-here", why)
    manifest = routed.proven(offer)
    return Go(offer, manifest, routed.routes.seq, why, lease.expires, clock())


def _seed(machine: Machine, found: Parcel, manifest: Manifest, look: Look) -> None:
    """Put the missing contents that the bundle has into the store, each verified."""
    names = found.names
    for wanted in fetching.missing(machine, manifest, look):
        name = f"blobs/{wanted.sha256}.zst"
        if name not in names:
            continue
        part = machine.layout.store / f"{wanted.sha256}.bundle.part"
        try:
            with found.archive.open(name) as source, part.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            unpacking.unpack(part, machine.layout.store / wanted.sha256, wanted.sha256, wanted.size)
        except OSError as error:
            raise Fault(f"cannot write {part}: {error.strerror}", needed="disk space") from error
        finally:
            part.unlink(missing_ok=True)
