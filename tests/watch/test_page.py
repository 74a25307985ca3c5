"""The page the approvers sign names a stage that is too small for the reports it asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.wire import sample
from warifu.app import page
from warifu.model.approval import Change
from warifu_wire.plan import Audience, Stage


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
    change = Change(road, ())
    texts = {lang: page.text(change, sample.rules(), lang, False) for lang in ("en", "ja")}
    assert english in texts["en"]
    assert japanese in texts["ja"]
    assert ("never open" in texts["en"]) is (members < 40)
    facts = page.facts(change, sample.rules(), False)
    assert isinstance(facts, dict)
    stuck = facts["stuck"]
    assert isinstance(stuck, dict)
    found = stuck[offer.id]
    assert isinstance(found, list)
    assert len(found) == (1 if members < 40 else 0)
