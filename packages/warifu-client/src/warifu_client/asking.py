"""Ask the provider by the fourteen steps: what is in force, and what is there for this machine."""

from __future__ import annotations

from warifu_client import identity, session
from warifu_client.clock import Heard
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_client.session import Session
from warifu_wire import atomic, check
from warifu_wire import floors as wire_floors
from warifu_wire.check import Routed
from warifu_wire.delta import Delta
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal, Stale
from warifu_wire.floors import Floors
from warifu_wire.manifest import Manifest


def in_force(machine: Machine, have: Manifest | None = None, *, fresh: bool) -> Routed:
    """Steps 2–7. Every floor is on disk before anything that stands on it is believed.

    Raises `Refusal` when a rule says no, `Fault` when the provider cannot be asked.
    """
    heard = Heard()
    try:
        served = session.refresh(machine, have, fresh=fresh, heard=heard)
        known = floors(machine)
        opened = check.opened(served, known, machine.means.clock)
        warned = opened.warned(machine.settings.product)
        keep(machine, known, warned.floors)
        routed = warned.routed()
    except Stale as error:
        heard.explain(error, machine.means.clock().wall)
        raise
    keep(machine, warned.floors, routed.floors)
    return routed


def floors(machine: Machine) -> Floors:
    """The floors of this machine; raises `Refusal` for a damaged file."""
    try:
        return wire_floors.read(machine.layout.floors.read_bytes())
    except FileNotFoundError:
        return Floors()


def keep(machine: Machine, before: Floors, now: Floors) -> None:
    """Write the floors if they rose."""
    if now != before:
        atomic.write(machine.layout.floors, now.to_bytes())
        machine.reached("floors")


def as_found(machine: Machine, look: Look) -> check.Machine:
    """The machine in the words of the client's check."""
    return check.Machine(
        machine.settings.product,
        identity.installation(machine),
        look.release,
        look.tree,
        look.digest,
        look.health,
    )


def still_allowed(machine: Machine, release: Digest) -> None:
    """Check three: raises `Stopped` when the release was stopped meanwhile, else as `in_force`."""
    in_force(machine, fresh=True).allowed(release)


def way(routed: Routed, release: Digest) -> Delta | None:
    """The delta that the same answer gave from the installed release; none is no loss."""
    targets = routed.warned.opened.served.targets
    try:
        return targets.delta(release) if isinstance(targets, Session) else None
    except Refusal:
        return None


def remember(routed: Routed) -> None:
    """Note what the same snapshot need not be asked again."""
    targets = routed.warned.opened.served.targets
    if isinstance(targets, Session):
        targets.remember()
