"""Who is served first: our own machines, and members who volunteered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from warifu.app import probing
from warifu.app.wiring import House
from warifu.model.ledger import Draft, Event, Row
from warifu_wire import times
from warifu_wire.errors import Refusal

TABLE = "volunteer"


@dataclass(frozen=True, slots=True)
class Circles:
    """Installations that are served first: our own machines, and volunteers."""

    own: tuple[str, ...] = ()
    volunteers: tuple[str, ...] = ()


def circles(house: House, now: datetime) -> Circles:
    """Our probing machine, and as many volunteers as warifu.toml wants, first come first served."""
    rows = [(str(row["since"]), key) for key, row in house.ledger.rows(TABLE)]
    wanted = house.config.rollout.volunteers
    chosen = tuple(key for _, key in sorted(rows)[:wanted])
    return Circles((probing.own_machine(house, now),), chosen)


def volunteer(house: House, installation: str, now: datetime, *, by: str) -> Event:
    """A member's machine is served among the first from the next change on; raises `Refusal`."""
    if house.traffic.installation(installation) is None:
        raise Refusal("installation-unknown", needed="an enrolled installation", id=installation)
    since = times.spell(now)
    return _tell(house, "volunteer.joined", installation, {"since": since}, now, by)


def withdraw(house: House, installation: str, now: datetime, *, by: str) -> Event:
    """It is served like any other from the next change on; raises `Refusal`."""
    if house.ledger.row(TABLE, installation) is None:
        raise Refusal("not-a-volunteer", needed="a volunteer's installation", id=installation)
    return _tell(house, "volunteer.left", installation, None, now, by)


def _tell(
    house: House,
    kind: str,
    installation: str,
    value: dict[str, str] | None,
    now: datetime,
    by: str,
) -> Event:
    row = Row(TABLE, installation, None if value is None else dict(value))
    key = f"{kind}/{installation}/{times.spell(now)}"
    return house.ledger.append(Draft(kind, installation, now, by, {}, key=key, rows=(row,)))[0]
