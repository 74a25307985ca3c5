"""Feeds for other people's clients: what speaks against one, and what they are written as."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.wire import sample
from warifu.model import feed
from warifu.model.feed import Client, Feed
from warifu.model.publication import Current
from warifu.model.tree import file
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import seal
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gate, Gates
from warifu_wire.routes import PAYLOAD_TYPE, Offer, Route
from warifu_wire.stops import Halt, Stops

ELECTRON = Feed(Client.ELECTRON, "latest.yml", "", "version", "")
OFFER = replace(sample.offer(), labels={"version": "1.2.0-beta.1+5"})
LAST = len(OFFER.plan.stages) - 1
ZIPPED = b"the archive"


def current(offer: Offer | None = OFFER, stage: int = LAST, **changed: object) -> Current:
    """Everybody is offered the program, unless it is changed."""
    rules = (Route(None, None, None, None if offer is None else offer.id, sample.WHY),)
    road = sample.routes(offers=() if offer is None else (offer,), routes=rules, known_trees={},
                         known=())  # fmt: skip
    zero = of_bytes(b"")
    gate = Gate(OFFER.id, OFFER.plan.since, stage, sample.NOW, zero, zero)
    made = Current(
        sample.PRODUCT,
        seal(PAYLOAD_TYPE, road.to_json()),
        Stops(sample.PRODUCT, ()),
        Gates(sample.PRODUCT, (gate,)),
        sample.rules(),
        sample.everybody(),
        {},
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_the_last_stage_for_everybody_is_ready() -> None:
    assert feed.ready(current(), False, sample.NOW) == OFFER


@pytest.mark.parametrize("halt", list(Halt))
def test_any_stop_empties_it(halt: Halt) -> None:
    stops = Stops(sample.PRODUCT, ()).added(
        OFFER.id, halt, since=sample.NOW, reason=sample.REASON, by="oncall-1", max_share=5
    )
    with pytest.raises(Refusal, match="stopped"):
        feed.ready(current(stops=stops), False, sample.NOW)


def test_whatever_else_speaks_against_it_empties_it_too() -> None:
    now = sample.NOW
    narrow = replace(OFFER.plan.stages[LAST], share=999_999)
    plan = replace(OFFER.plan, stages=(*OFFER.plan.stages[:LAST], narrow))
    for found, over, at, why in (
        (current(routes=None), False, now, "feed-empty"),
        (current(None), False, now, "feed-empty"),
        (current(), True, now, "feed-over"),
        (current(), False, now + timedelta(days=31), "feed-over"),
        (current(stage=LAST - 1), False, now, "feed-early"),
        (current(replace(OFFER, plan=plan)), False, now, "feed-early"),
        (current(gates=Gates(sample.PRODUCT, ())), False, now, "feed-early"),
    ):
        with pytest.raises(Refusal, match=why):
            feed.ready(found, over, at)


def test_it_takes_the_approvers_and_exactly_what_they_signed() -> None:
    wanted = feed.asked(sample.PRODUCT, [ELECTRON])
    one = sample.signed(wanted, "approver-1")
    assert not feed.permitted(wanted, current(), [ELECTRON])
    assert not feed.permitted(one, current(), [ELECTRON])
    both = sample.signed(wanted, "approver-1", "approver-2")
    assert feed.permitted(both, current(), [ELECTRON])
    assert not feed.permitted(both, current(), [replace(ELECTRON, file="setup.exe")])
    assert not feed.permitted(both, replace(current(), product="other"), [ELECTRON])


@pytest.mark.parametrize(
    "version", ["", "Ver1.10", "1.2", "01.2.3", "1.2.3-", "1.2.3\n", "1.2.3-01"]
)
def test_electron_updater_needs_a_semantic_version(version: str) -> None:
    with pytest.raises(Refusal, match="feed-version"):
        feed.chosen(ELECTRON, replace(OFFER, labels={"version": version}), ZIPPED, {})


def test_a_file_of_the_program_or_all_of_it() -> None:
    members = {
        "bin/setup.exe": file("exec", b"MZ"), "bin/link.exe": file("link", b"setup.exe"),
        "bin/名前.exe": file("exec", b"MZ"),
    }  # fmt: skip
    assert feed.chosen(ELECTRON, OFFER, ZIPPED, members) == (f"{OFFER.id[:12]}.zip", ZIPPED)
    setup = replace(ELECTRON, file="bin/setup.exe")
    assert feed.chosen(setup, OFFER, ZIPPED, members) == ("setup.exe", b"MZ")
    sparkle = Feed(Client.SPARKLE, "appcast.xml", "", "version", "key")
    named = replace(OFFER, labels={"version": "Ver1.10"})
    assert feed.chosen(sparkle, named, ZIPPED, members)[1] == ZIPPED
    for wrong in ("setup.exe", "bin/link.exe", "bin/名前.exe"):
        with pytest.raises(Refusal, match="feed-file"):
            feed.chosen(replace(ELECTRON, file=wrong), OFFER, ZIPPED, members)


def test_a_parcel_is_kept_as_it_was() -> None:
    sha = of_bytes(ZIPPED)
    made = feed.Parcel(
        OFFER.id, "1.2.0", "a b.zip", sha, feed.spelt(b"x"), 5, sample.NOW, feed.spelt(b"s")
    )
    assert feed.parcel(made.to_json()) == made
    assert f'url: "{sha}/a b.zip"' in feed.electron(made).decode()
    text = feed.appcast("tool", "http://127.0.0.1/feeds/tool", made).decode()
    assert f'url="http://127.0.0.1/feeds/tool/{sha}/a b.zip"' in text
    assert 'sparkle:edSignature="cw=="' in text
    assert "<item>" not in feed.appcast("tool", "", None).decode()
