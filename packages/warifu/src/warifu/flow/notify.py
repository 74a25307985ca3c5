"""Notices: composed from an audience, approved by a person, handed over against a receipt."""

from __future__ import annotations

from warifu.model.ledger import Draft, Event, Row
from warifu.model.notice import Campaign, handed_over
from warifu.model.ports import Ledger
from warifu_wire.canonical import Json
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.times import Instant


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
