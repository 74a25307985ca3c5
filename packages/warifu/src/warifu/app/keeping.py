"""What members' machines told us is forgotten when its time is over; the ledger says so."""

from __future__ import annotations

from datetime import datetime

from warifu.app.wiring import House
from warifu.model.ledger import Draft
from warifu_wire import times
from warifu_wire.canonical import Json


def forget(house: House, now: datetime) -> int:
    """Drop downloads and reports older than `[keep]` of warifu.toml allows; how many rows.

    The newest report of each machine stays: it says what the machine has. Of a log that was renamed
    the last part is removed with the last of its lines.
    """
    keep = house.config.keep
    house.downloads.read(house.log)
    downloads = house.downloads.forget(now - keep.downloads)
    reports = house.traffic.forget(now - keep.reports)
    former = house.log.with_name(f"{house.log.name}.1")
    if former.exists() and former.stat().st_mtime < (now - keep.downloads).timestamp():
        former.unlink()
    if downloads or reports:
        facts: dict[str, Json] = {
            "downloads": downloads,
            "downloads_before": times.spell(now - keep.downloads),
            "reports": reports,
            "reports_before": times.spell(now - keep.reports),
        }
        key = f"traffic.forgotten/{times.spell(now)}"
        house.ledger.append(
            Draft("traffic.forgotten", house.product, now, "keeper", facts, key=key)
        )
    return downloads + reports
