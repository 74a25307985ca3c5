"""The page the approvers sign names what would surprise them; waits are told in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.wire import sample
from warifu.app import config as configs
from warifu.app import page, waits
from warifu.app.page import Shown
from warifu.model.approval import Change
from warifu.model.publication import Current
from warifu.model.rollout import Wait
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import seal
from warifu_wire.plan import Audience, Stage
from warifu_wire.routes import PAYLOAD_TYPE, Route, Routes
from warifu_wire.stops import Stops

SUNDAY, MONDAY = datetime(2012, 2, 5, 4, tzinfo=UTC), datetime(2012, 2, 6, 1, tzinfo=UTC)
WHY = {"en": "Its data move first.", "ja": "先にデータを移します。"}


def shown(road: Routes, stops: Stops | None = None, before: Routes | None = None) -> Shown:
    """The page of routes without programs, in a house that declares nothing."""
    current = Current(
        sample.PRODUCT,
        None if before is None else seal(PAYLOAD_TYPE, before.to_json()),
        stops or Stops(sample.PRODUCT, ()),
        sample.gates(),
        sample.rules(),
        sample.people(),
        {},
    )
    text = "[program]\nproduct = 'tool'\n[lines.a]\nkind = 'approved'\nchanges = []\n" + "".join(
        f"{name} = '{'1' * 40}'\n" for name in ("commit", "tree", "base")
    )
    config = configs.parse(configs.tomllib.loads(text), Path())
    return Shown(Change(road, ()), current, config.rollout, False)


@pytest.mark.parametrize(
    ("members", "english", "japanese"),
    [
        (39, "the next stage will likely never open (to-40: 39 < 40)", "開かない見込みです"),
        (40, "", ""),
    ],
)
def test_stuck_stages_are_named(members: int, english: str, japanese: str) -> None:
    """39 members for 6 reports: named in both languages and in the facts; 40: not."""
    offer = sample.offer()
    small = Stage("to-40", Audience.SHARE, 100_000, members, 3_600, 6, 0)
    stages = (*offer.plan.stages[:2], small, offer.plan.stages[3])
    road = sample.routes(offers=(replace(offer, plan=replace(offer.plan, stages=stages)),))
    texts = {lang: page.text(shown(road), lang) for lang in ("en", "ja")}
    assert english in texts["en"]
    assert japanese in texts["ja"]
    assert ("never open" in texts["en"]) is (members < 40)
    stuck = _facts(shown(road))["stuck"]
    assert isinstance(stuck, dict)
    found = stuck[offer.id]
    assert isinstance(found, list)
    assert len(found) == (1 if members < 40 else 0)


@pytest.mark.parametrize(("issued", "told"), [(SUNDAY, True), (MONDAY, False)])
def test_a_sunday_is_warned_of(issued: datetime, told: bool) -> None:
    page_ = shown(sample.routes(issued=issued))
    assert ("outside working days" in page.text(page_, "en")) is told
    assert ("休日" in page.text(page_, "ja")) is told
    assert _facts(page_)["untimely"] is told


def test_barriers_dead_ends_and_lifts_are_spelt_out() -> None:
    offer = sample.offer()
    listed = Stops(sample.PRODUCT, ())
    for by in ("oncall-1", "alarm"):
        listed = listed.added(
            offer.id, sample.Halt.STOPPED, since=SUNDAY, reason=sample.REASON, by=by
        )
    first, second = (one.digest for one in listed.entries)
    before = sample.routes(lifted=frozenset({first}))
    ends, old = of_bytes(b"ends"), of_bytes(b"old")
    road = sample.routes(
        lifted=frozenset({first, second}),
        routes=(
            Route(ends, None, None, None, WHY),
            Route(old, None, None, offer.id, WHY),
            *sample.routes().routes,
        ),
    )
    page_ = shown(road, listed, before)
    text = page.text(page_, "en")
    assert f"no way on from {ends[:12]}: {WHY['en']}" in text
    assert f"everybody below goes first to {offer.id[:12]}: {WHY['en']}" in text
    assert "stops lifted: 1" in text
    assert f"lifts stop 2 of {offer.id[:12]} (stopped by alarm since 2012-02-05T04:00:00Z)" in text
    assert f"停止 2 を解除: {offer.id[:12]}(alarm" in page.text(page_, "ja")
    lifts = _facts(page_)["lifts"]
    assert isinstance(lifts, list)
    assert len(lifts) == 1


def _facts(page_: Shown) -> dict[str, Json]:
    found = page.facts(page_)
    assert isinstance(found, dict)
    return found


CODES = [
    line.split("`")[1::2]
    for line in (Path(__file__).parents[2] / "docs" / "watching.md").read_text("utf-8").splitlines()
    if line.startswith("| `") and "run" not in line
]


def test_every_wait_has_a_sentence_in_both_languages() -> None:
    facts: dict[str, Json] = dict.fromkeys(
        ("allowed", "by", "capacity", "closes", "failures", "have", "max_share", "need", "opens",
         "predicted", "stage"), "x"
    )  # fmt: skip
    facts |= dict.fromkeys(("at", "ended", "since", "until"), times.spell(SUNDAY))
    codes = {"no-probe", "soaking", "too-few-reports", "too-many-failures", "desk-full", "capped"}
    documented = {code for row in CODES for code in row if code.replace("-", "").isalpha()}
    assert codes <= documented
    assert documented >= set(waits._TOLD)
    for code in waits._TOLD:
        english, japanese = (waits.told(Wait(code, facts), one) for one in ("en", "ja"))
        assert english != code
        assert not japanese.isascii()
    assert waits.told(Wait("unheard-of", {}), "en") == "unheard-of"
    assert "2012-02-05 13:00 JST" in waits.told(Wait("probe-failed", facts), "en")
