"""Notices: an audience from the directory or the impact, approved, posted against a receipt."""

from __future__ import annotations

from dataclasses import replace

from warifu.model import directory
from warifu.model.directory import Export
from warifu.model.ledger import Draft, Event, Row
from warifu.model.notice import Campaign, handed_over
from warifu.model.ports import Ledger
from warifu_wire.canonical import Json
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.fields import whole
from warifu_wire.times import Instant


def enrol(ledger: Ledger, export: Export, *, by: str, now: Instant) -> Event:
    """Take the authority's export into the member directory; the same export twice is once.

    Raises `Refusal` when an export before it was left out.
    """
    last = ledger.row("directory", "last")
    known = 0 if last is None else whole(last["until"])
    if export.since > known:
        raise Refusal("export-missing", needed=f"the export since {known}", since=export.since)
    rows = {one.serial: one for one in export.issued}
    for serial, at in export.revoked.items():
        held = ledger.row("certificate", serial)
        issued = rows.get(serial) or (None if held is None else directory.row(serial, held))
        if issued is None:
            raise Refusal("serial-unknown", needed="the export that issued it", serial=serial)
        rows[serial] = replace(issued, revoked=at)
    facts: dict[str, Json] = {
        "head": export.head,
        "issued": len(export.issued),
        "revoked": len(export.revoked),
        "until": export.until,
    }
    return ledger.append(
        Draft(
            "directory.read",
            export.head,
            now,
            by,
            facts,
            key=f"directory.read/{export.since}/{export.head}",
            rows=(
                *(Row("certificate", serial, one.to_json()) for serial, one in rows.items()),
                Row("directory", "last", {"until": max(known, export.until)}),
            ),
        )
    )[0]


def compose(ledger: Ledger, campaign: Campaign, *, by: str, now: Instant) -> Event:
    """Record the campaign and a row for each letter; the same campaign twice is once."""
    rows = tuple(
        Row(
            "notice", f"{campaign.id}/{one.member}", {"affected": one.affected, "state": "composed"}
        )
        for one in campaign.recipients
    )
    return ledger.append(
        Draft(
            "mailing.composed",
            campaign.id,
            now,
            by,
            _facts(campaign),
            key=f"mailing.composed/{campaign.id}/{campaign.list_digest}",
            rows=(*rows, Row("campaign", campaign.id, _facts(campaign))),
        )
    )[0]


def approve(ledger: Ledger, campaign: Campaign, *, by: str, now: Instant) -> Event:
    """A person releases exactly this list and this template for posting."""
    row = ledger.row("campaign", campaign.id)
    if row is None:
        raise Refusal("not-composed", needed="a composed mailing", campaign=campaign.id)
    if row["list"] != campaign.list_digest or row["template"] != campaign.template:
        raise Mismatch("another-mailing", needed=str(row["list"]), found=campaign.list_digest)
    return ledger.append(
        Draft(
            "mailing.approved",
            campaign.id,
            now,
            by,
            _facts(campaign),
            key=f"mailing.approved/{campaign.id}/{campaign.list_digest}",
        )
    )[0]


def hand_over(
    ledger: Ledger, campaign: Campaign, *, printed: int, receipt: int, by: str, now: Instant
) -> Event:
    """The post has them: refused unless printed = rows = receipt, and approved before."""
    approved = f"mailing.approved/{campaign.id}/{campaign.list_digest}"
    if not any(one.key == approved for one in ledger.events(subject=campaign.id)):
        raise Refusal("not-approved", needed="an approval of this mailing", campaign=campaign.id)
    handed_over(campaign, printed, receipt)
    rows = tuple(
        Row(
            "notice",
            f"{campaign.id}/{one.member}",
            {"affected": one.affected, "state": "handed-over"},
        )
        for one in campaign.recipients
    )
    return ledger.append(
        Draft(
            "mailing.handed-over",
            campaign.id,
            now,
            by,
            {**_facts(campaign), "receipt": receipt},
            key=f"mailing.handed-over/{campaign.id}/{campaign.list_digest}",
            source="H",
            rows=rows,
        )
    )[0]


def _facts(campaign: Campaign) -> dict[str, Json]:
    return {
        "affected": sum(one.affected for one in campaign.recipients),
        "audience": campaign.audience,
        "channel": campaign.channel.value,
        "count": len(campaign.recipients),
        "list": campaign.list_digest,
        "release": campaign.release,
        "template": campaign.template,
    }
