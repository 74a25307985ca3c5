"""Feeds for other people's clients: signed by the approvers, prepared and withdrawn by the worker.

Whether one may still be served is looked at again for every answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warifu.app.wiring import House
from warifu.engines.targets.store import FolderStore
from warifu.flow import sign
from warifu.model import archive, feed
from warifu.model.feed import Client, Feed, Parcel
from warifu.model.ledger import Draft, Row
from warifu.model.publication import Current
from warifu.model.signoff import Signed
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal, SignoffMissing
from warifu_wire.routes import Offer

TABLE, UNFIT = "feed", "feed-unfit"
UNPREPARED = "feed-unprepared"
PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Offered:
    """A declared feed as it stands: what it offers, or why it offers nothing."""

    feed: Feed
    parcel: Parcel | None
    why: str


def folder(house: House) -> Path:
    """Where the files of feeds lie, below the product's name."""
    return house.config.service.state / "feeds"


def permit(house: House, person: str, now: datetime) -> Signed:
    """One approver signs that the product is offered by exactly the declared feeds."""
    declared = house.config.feeds
    if not declared:
        raise Refusal("no-feeds", needed="a table [feeds.…] in warifu.toml")
    current = house.repository.current(house.product)
    found = sign.consent(
        house.ledger,
        house.statements,
        feed.asked(house.product, declared),
        house.keyring.signer(person),
        current.people,
        subject=house.product,
        facts={"feeds": [one.to_json() for one in declared]},
        person=person,
        now=now,
    )
    by = tuple(sorted(current.people.signed(found, "approver")))
    return Signed(found.digest, by, current.rules.thresholds["approver"])


def offered(house: House, now: datetime) -> tuple[Offered, ...]:
    """Every declared feed as it is served now: whatever speaks against a release empties it."""
    if not house.config.feeds:
        return ()
    current = house.repository.current(house.product)
    return tuple(_offered(house, current, one, now) for one in house.config.feeds)


def update(house: House, now: datetime) -> None:
    """Prepare what may be offered and is not yet, withdraw what may not be any more."""
    found = {one.feed.client: one for one in offered(house, now)}
    for client in Client:
        one = found.get(client) or Offered(Feed(client, "", "", "", ""), None, "feed-undeclared")
        row = house.ledger.row(TABLE, _key(house, one.feed))
        if one.parcel is None and one.why == UNPREPARED:
            _prepare(house, one.feed, now)
        elif one.parcel is None and row is not None:
            _withdraw(house, one, feed.parcel(row), now)


def _offered(house: House, current: Current, declared: Feed, now: datetime) -> Offered:
    row = house.ledger.row(TABLE, _key(house, declared))
    try:
        offer = _ready(house, current, now)
        found = None if row is None else feed.parcel(row)
        if found is None or found.release != offer.id:
            return Offered(declared, None, _unfit(house, declared, offer) or UNPREPARED)
        return Offered(declared, found, "")
    except Refusal as refusal:
        return Offered(declared, None, refusal.reason)


def _ready(house: House, current: Current, now: datetime) -> Offer:
    """The release to be offered, under a sign-off for these feeds; raises `Refusal`."""
    wanted = feed.asked(house.product, house.config.feeds)
    try:
        signed = house.statements.get(wanted.digest)
    except Refusal as refusal:
        if refusal.reason != "no-statement":
            raise
        signed = wanted
    if not feed.permitted(signed, current, house.config.feeds):
        raise SignoffMissing("feed-unsigned", needed="`warifu sign --feeds`", of=house.product)
    over = any(one.expires <= now for one in house.repository.expiring(now))
    return feed.ready(current, over, now)


def _prepare(house: House, declared: Feed, now: datetime) -> None:
    """Lay the file beside the tree and record it, or record once why the program does not fit."""
    offer = _ready(house, house.repository.current(house.product), now)
    (artifact,) = (one for path, one in offer.files.items() if path.startswith("programs/"))
    zipped = house.depot.get(artifact)
    try:
        name, data = feed.chosen(declared, offer, zipped, archive.read(zipped))
    except Refusal as refusal:
        wanted = feed.asked(house.product, house.config.feeds).digest
        unfit: dict[str, Json] = {"asked": wanted, "release": offer.id, "why": refusal.reason}
        row = Row(UNFIT, _key(house, declared), unfit)
        key = f"feed.unfit/{declared.client}/{offer.id}/{wanted}"
        house.ledger.append(
            Draft("feed.unfit", offer.id, now, PUBLISHER, unfit, key=key, rows=(row,))
        )
        return
    signature = ""
    if declared.key:
        signature = feed.spelt(house.keyring.signer(declared.key).sign(data))
    made = Parcel(
        offer.id,
        offer.labels[declared.label],
        name,
        of_bytes(data),
        feed.spelt(hashlib.sha512(data).digest()),
        len(data),
        now,
        signature,
    )
    FolderStore(folder(house)).put(f"{house.product}/{made.path}", data)
    _tell(house, "feed.offered", declared, made, {}, now, made.to_json())


def _unfit(house: House, declared: Feed, offer: Offer) -> str:
    """Why a program was found not to fit the feed as it is declared now; "" when it was not."""
    row = house.ledger.row(UNFIT, _key(house, declared))
    wanted = feed.asked(house.product, house.config.feeds).digest
    if row is None or (row["release"], row["asked"]) != (offer.id, wanted):
        return ""
    return str(row["why"])


def _withdraw(house: House, one: Offered, former: Parcel, now: datetime) -> None:
    """What other people's clients have fetched by now is counted apart, and told."""
    house.downloads.read(house.log)
    facts: dict[str, Json] = {"downloads": house.downloads.elsewhere(former.sha256), "why": one.why}
    _tell(house, "feed.withdrawn", one.feed, former, facts, now, None)


def _tell(
    house: House,
    kind: str,
    declared: Feed,
    found: Parcel,
    facts: dict[str, Json],
    now: datetime,
    value: dict[str, Json] | None,
) -> None:
    told: dict[str, Json] = {
        **facts,
        "client": declared.client.value,
        "file": found.file,
        "name": declared.name,
        "sha256": found.sha256,
        "version": found.version,
    }
    row = Row(TABLE, _key(house, declared), value)
    key = f"{kind}/{declared.client}/{found.release}/{times.spell(now)}"
    house.ledger.append(Draft(kind, found.release, now, PUBLISHER, told, key=key, rows=(row,)))


def _key(house: House, declared: Feed) -> str:
    return f"{house.product}/{declared.client}"
