"""The probe as warifu.toml declares it: our own machines, the updater, and the usual work."""

from __future__ import annotations

from pathlib import Path

from warifu.app.wiring import House, clock
from warifu.engines.probe import usual
from warifu.engines.probe.box import MachineBox
from warifu.engines.probe.machines import Machines
from warifu.engines.probe.origin import PublicOrigin
from warifu.engines.probe.recipe import Step
from warifu_wire.digest import Digest
from warifu_wire.times import Instant

_AT = ("--folder", "{machine}", "--json")


def machines(house: House) -> Machines:
    """Where our own machines are kept, one for each release they went through."""
    return Machines(house.config.service.state / "probe")


def own_machine(house: House, now: Instant) -> str:
    """The installation id of our probing machine; its key is made at the first call."""
    return machines(house).enrol(lambda key: house.traffic.enrol(key, now))


def box(house: House) -> MachineBox:
    """A member's machine in a box, standing outside our own address."""
    own_machine(house, clock())
    origin = PublicOrigin(house.config.service.address, house.root)
    known = {"host": house.config.probing.host, "source": str(house.config.root)}
    return MachineBox(origin, machines(house), steps(house), known)


def steps(house: House) -> tuple[Step, ...]:
    """Install, start, and then whatever `[probe.use]` of warifu.toml declares as the usual work."""
    start = (*usual.UPDATER, "status", "--start", *_AT)
    return (
        *usual.install("{host}"),
        Step("start", start, seconds=120, expects={"health": "ok"}),
        *(
            Step(one.name, one.run, one.seconds, one.secrets, proves=one.proves, says=one.says)
            for one in house.config.probing.uses
        ),
    )


def installed_by_hand(house: House, release: Digest, program: Path) -> None:
    """Keep a machine of ours on which a release was installed by hand, before there was this road.

    `program` must stay where it is: the machine's updater looks at it there. Raises `Refusal`.
    """
    own_machine(house, clock())
    origin = PublicOrigin(house.config.service.address, house.root)
    host = house.config.probing.host
    machines(house).by_hand(origin, house.product, host, release, program)
