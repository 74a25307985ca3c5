"""Where this machine stands, by looking and by starting, without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass, replace

from warifu_client import asking, health, identity, looking, reporting
from warifu_client.layout import release_of
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.routes import Health


@dataclass(frozen=True, slots=True)
class Status:
    """What is in use and how it is, what is kept for a rollback, what is still to be sent."""

    look: Look
    kept: Digest | None
    queued: int
    under_way: bool
    installation: str

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        manifest = self.look.manifest
        return {
            "extra": list[Json](self.look.extra),
            "health": self.look.health.value,
            "installation": self.installation,
            "kept": self.kept,
            "labels": dict[str, Json](manifest.labels if manifest else {}),
            "queued": self.queued,
            "release": self.look.release,
            "tree": self.look.tree.value,
            "under_way": self.under_way,
            "wrong": [one.path for one in self.look.wrong],
        }


def status(machine: Machine) -> Status:
    """Look at everything; raises `Fault` when a file cannot be read."""
    layout = machine.layout
    kept = machine.previous.read()
    return Status(
        looking.current(machine),
        None if kept is None else release_of(kept),
        len(list(layout.outbox.glob("*.json"))),
        layout.journal.exists(),
        identity.known(machine),
    )


def started(machine: Machine) -> Look:
    """Look at the installed tree and start it; what it found is what checks go by from now on.

    A release that started before and does not any more, as after the host was renewed, is told to
    the provider whether or not there is anything to install.
    """
    look = looking.current(machine)
    if look.manifest is None or look.folder is None:
        return look
    found = machine.means.start(machine.settings, look.manifest, look.folder)
    if found.undecided:
        return look
    if not found.good and look.health is not Health.BROKEN:
        reporting.trouble(machine, look.manifest.id, asking.floors(machine).routes_seq, found)
    health.note(machine, look.folder.name, found)
    return replace(look, health=Health.OK if found.good else Health.BROKEN)


def proven(machine: Machine) -> Look:
    """Look at the installed tree; start it where nobody knows yet whether it does."""
    look = looking.current(machine)
    return started(machine) if look.health is Health.UNKNOWN else look
