"""Letters to the members a release reached: composed, approved, printed, and posted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from warifu.app import road
from warifu.app.wiring import House
from warifu.engines.post import letters as printing
from warifu.engines.post.letters import Letter
from warifu.engines.post.words import moment
from warifu.flow import notify
from warifu.model import directory
from warifu.model.ledger import Event
from warifu.model.notice import Campaign, Channel, campaign
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.keys import PublicKey

SUBJECT = "プログラムの不備に関するお知らせとお詫び"
TOLD = (
    "先に公開した更新プログラムに不備がありました。ご迷惑をお掛けしましたことを深くお詫び申し上げます。",
    "適用された方は更新機能を開いてください。端末の状態に合った修正プログラムが案内されます。",
    "まだ適用されていない方には、不備のない更新プログラムが案内されます。",
    "We apologise for a defect in a recent update. Please open the updater on your machine.",
    "It offers the program that fits the state of your machine.",
)


@dataclass(frozen=True, slots=True)
class Mailing:
    """A campaign and the files its letters were printed to."""

    campaign: Campaign
    files: tuple[Path, ...]


def read_export(house: House, data: bytes, key: PublicKey, now: datetime) -> Event:
    """Take the authority's signed issuance export into the member directory."""
    return notify.enrol(house.ledger, directory.read(data, key), by="directory", now=now)


def issued(house: House, first: date, last: date) -> frozenset[str]:
    """The members who were issued a certificate in a window of days."""
    rows = house.ledger.rows("certificate")
    found = (directory.row(serial, value) for serial, value in rows)
    return directory.between(found, first, last)


def letters(
    house: House,
    release: Digest,
    folder: Path,
    now: datetime,
    *,
    by: str,
    window: tuple[date, date] | None = None,
) -> Mailing:
    """Letters to everyone who downloaded the release, or was issued a certificate in a window.

    Approved by one person, printed as PDF.
    """
    found = road.assess(house, release, now, by=by)
    template = of_bytes("\n".join((SUBJECT, *TOLD)).encode())
    audience = "downloaded" if window is None else "issued"
    members = found.downloaded if window is None else issued(house, *window)
    planned = campaign(release, audience, Channel.LETTER, template, members, found.affected)
    notify.compose(house.ledger, planned, by=by, now=now)
    notify.approve(house.ledger, planned, by=by, now=now)
    pages = [
        Letter(
            f"会員 {one.member} 様",
            moment(now, "ja"),
            SUBJECT,
            TOLD,
            f"{planned.id}/{one.member}" + (" trial" if house.trial else ""),
        )
        for one in planned.recipients
    ]
    files = printing.print_letters(pages, folder, planned.id) if pages else ()
    return Mailing(planned, files)


def posted(house: House, done: Mailing, receipt: int, now: datetime, *, by: str) -> None:
    """Record that the post took them; refused unless the receipt has as many as were printed."""
    printed = len(done.campaign.recipients) if done.files else 0
    notify.hand_over(house.ledger, done.campaign, printed=printed, receipt=receipt, by=by, now=now)
