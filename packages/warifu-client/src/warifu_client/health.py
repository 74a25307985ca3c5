"""What the last start tests found: the health of the tree in use, and releases that failed here."""

from __future__ import annotations

from warifu_client.machine import Machine
from warifu_client.starting import Started
from warifu_wire import atomic, canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import document, rows, text
from warifu_wire.routes import Health

HEALTH_TYPE = "urn:warifu:client-health:v1"
REFUSED_TYPE = "urn:warifu:client-refused:v1"


def last(machine: Machine, name: str | None) -> Health:
    """What the last start test of a folder found; unknown when there was none."""
    try:
        data = machine.layout.health.read_bytes()
        found = document(data, HEALTH_TYPE, ("folder", "health"))
        return Health(text(found["health"])) if found["folder"] == (name or "") else Health.UNKNOWN
    except (OSError, Refusal, ValueError):
        return Health.UNKNOWN


def note(machine: Machine, name: str | None, started: Started) -> None:
    """Write down what a start test of a folder found, if anything; raises `Fault`."""
    if started.undecided:
        return
    found: dict[str, Json] = {
        "folder": name or "",
        "health": (Health.OK if started.good else Health.BROKEN).value,
        "type": HEALTH_TYPE,
    }
    atomic.write(machine.layout.health, canonical.dumps(found))
    machine.reached("health")


def refused(machine: Machine) -> frozenset[Digest]:
    """Releases that did not start here; a damaged list is an empty one, and costs one more try."""
    try:
        data = machine.layout.refused.read_bytes()
        found = document(data, REFUSED_TYPE, ("releases",))
        return frozenset(digest(one) for one in rows(found["releases"]))
    except (OSError, Refusal):
        return frozenset()


def refuse(machine: Machine, release: Digest) -> None:
    """Do not take this release again, by its digest: another with its label is another release."""
    releases = list[Json](sorted({*refused(machine), release}))
    found: dict[str, Json] = {"releases": releases, "type": REFUSED_TYPE}
    atomic.write(machine.layout.refused, canonical.dumps(found))
    machine.reached("refused")


def forgive(machine: Machine) -> None:
    """Try everything again, as after the host was renewed; raises OSError."""
    machine.layout.refused.unlink(missing_ok=True)
