"""What a member may send to the help desk: how the machine stands, and nothing about the member.

No key, no file of the member's, no id that the provider's lists use: the pseudonym is salted anew
for every report, so that nobody can look up in whose early circle a machine is.
"""

from __future__ import annotations

import hashlib
import platform
import secrets
import sys
from importlib.metadata import PackageNotFoundError, version

from warifu_client import asking, health, standing
from warifu_client.machine import Machine
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.errors import Refusal

FILES = 20


def report(machine: Machine) -> dict[str, Json]:
    """The report as JSON; the member is shown it before it goes anywhere. Raises `Fault`."""
    found = standing.status(machine).to_json()
    salt = secrets.token_hex(8)
    name = str(found.pop("installation"))
    seen = hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest()
    strange = {key: _some(found[key]) for key in ("wrong", "extra")}
    return {
        **found,
        **strange,
        "floors": _floors(machine),
        "made": times.spell(machine.means.clock().wall),
        "platform": f"{platform.system()} {platform.machine()}",
        "product": machine.settings.product,
        "pseudonym": f"{salt}:{seen}" if name else "",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "refused": list[Json](sorted(health.refused(machine))),
        "reports": machine.settings.report,
        "updater": _version(),
    }


def _floors(machine: Machine) -> Json:
    try:
        known = asking.floors(machine)
    except Refusal as refusal:
        return refusal.reason
    return {
        "policy": known.policy,
        "root": known.root,
        "routes_seq": known.routes_seq,
        "signed": times.spell(known.signed),
        "stops_seq": known.stops_seq,
    }


def _some(value: Json) -> Json:
    """The first names of a list, and how many there are."""
    names = value if isinstance(value, list) else []
    return {"count": len(names), "first": names[:FILES]}


def _version() -> str:
    try:
        return version("warifu-client")
    except PackageNotFoundError:
        return "frozen"
