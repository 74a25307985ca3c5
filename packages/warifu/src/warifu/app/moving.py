"""Moving a house's ledger to a database that grows further."""

from __future__ import annotations

from datetime import datetime

from warifu.app.wiring import House
from warifu.engines.ledger import moving
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft
from warifu_wire.canonical import Json


def move(house: House, to: str, now: datetime, *, by: str) -> int:
    """Copy the ledger to a path or a `postgresql://` address; the copy tells that it was moved.

    Raises `Refusal` when something is there already, `Fault` when the database is not.
    """
    source, target = DatabaseLedger(house.config.service.ledger), DatabaseLedger(to)
    try:
        count = moving.move(source, target)
        seq, head = target.head()
        facts: dict[str, Json] = {"events": seq, "head": head}
        target.append(
            Draft("ledger.moved", house.product, now, by, facts, key=f"ledger.moved/{head}")
        )
        return count
    finally:
        target.close()
