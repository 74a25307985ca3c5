"""The member directory: only the authority's own signed export, complete and in order."""

from __future__ import annotations

from datetime import date

import pytest

from tests.flow.road import Road
from warifu.flow import notify
from warifu.model import directory
from warifu.testing import memory_signer
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Refusal, SignoffMissing

KEY = memory_signer("authority")


def issued(serial: str, member: str, at: str = "2012-01-10T03:00:00Z") -> dict[str, Json]:
    return {
        "at": at,
        "kind": "issued",
        "member": member,
        "name": f"会員 {member}",
        "serial": serial,
    }


def revoked(serial: str) -> dict[str, Json]:
    return {"at": "2012-02-01T00:00:00Z", "kind": "revoked", "serial": serial}


def export(
    *lines: dict[str, Json], since: int = 0, until: int = 9, count: int | None = None
) -> bytes:
    head: dict[str, Json] = {
        "count": len(lines) if count is None else count,
        "head": of_bytes(f"{since} {until}".encode()),
        "kind": "head",
        "since": since,
        "until": until,
    }
    payload = b"".join(canonical.dumps(one) + b"\n" for one in (head, *lines))
    made = Envelope(directory.PAYLOAD_TYPE, payload, ())
    return made.signed("the authority's name for it", KEY.sign).to_bytes()


def test_read_and_kept() -> None:
    road = Road()
    found = directory.read(
        export(issued("a", "0001"), issued("b", "0002"), revoked("a")), KEY.public
    )
    event = notify.enrol(road.ledger, found, by="directory", now=road.now)
    assert (event.facts["issued"], event.facts["revoked"]) == (2, 1)
    row = road.ledger.row("certificate", "a")
    assert row is not None
    kept = directory.row("a", row)
    assert kept.revoked == times.read("2012-02-01T00:00:00Z")
    assert notify.enrol(road.ledger, found, by="directory", now=road.now) == event
    later = directory.read(export(revoked("b"), since=9, until=12), KEY.public)
    notify.enrol(road.ledger, later, by="directory", now=road.now)
    row = road.ledger.row("certificate", "b")
    assert row is not None
    assert directory.row("b", row).name == "会員 0002"
    assert row["revoked"] is not None


def test_the_window_is_in_japanese_days() -> None:
    late = issued("a", "0001", "2012-01-09T15:00:00Z")
    early = issued("b", "0002", "2012-01-09T14:59:59Z")
    found = directory.read(export(late, early), KEY.public)
    assert directory.between(found.issued, date(2012, 1, 10), date(2012, 2, 7)) == {"0001"}
    assert directory.between(found.issued, date(2012, 1, 1), date(2012, 1, 9)) == {"0002"}


def test_refused() -> None:
    other = memory_signer("somebody else")
    with pytest.raises(SignoffMissing, match="export-unsigned"):
        directory.read(export(issued("a", "0001")), other.public)
    for wrong in (
        export(issued("a", "0001"), count=2),
        export({"at": "2012-01-10T03:00:00Z", "kind": "issued", "serial": "a"}),
        export({"serial": "a"}),
    ):
        with pytest.raises(Malformed, match="not-an-export"):
            directory.read(wrong, KEY.public)
    empty = Envelope(directory.PAYLOAD_TYPE, b"", ()).signed("a", KEY.sign)
    with pytest.raises(Malformed, match="not-an-export"):
        directory.read(empty.to_bytes(), KEY.public)


def test_no_export_is_left_out() -> None:
    road = Road()
    gap = directory.read(export(since=3), KEY.public)
    with pytest.raises(Refusal, match="export-missing"):
        notify.enrol(road.ledger, gap, by="directory", now=road.now)
    stranger = directory.read(export(revoked("z")), KEY.public)
    with pytest.raises(Refusal, match="serial-unknown"):
        notify.enrol(road.ledger, stranger, by="directory", now=road.now)
