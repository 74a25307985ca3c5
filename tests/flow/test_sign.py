"""Sign-off: distinct persons sign the whole change and the page shown, or there is no approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.flow.road import PAGE, PRODUCT, Road, with_changed
from warifu.flow import sign
from warifu.model.approval import Approved, approval, approved
from warifu.model.ledger import Draft, Row
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal, SignoffMissing, Stale
from warifu_wire.manifest import Kind


def test_two_persons_make_it_approved(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    found = road.approved(road.change(program))
    assert found.signed == {"approver-1", "approver-2"}
    assert found.product == PRODUCT
    assert [one.kind for one in road.ledger.events(subject=found.digest)] == [
        "change.proposed",
        "signoff.recorded",
        "signoff.recorded",
    ]


def test_one_person_is_not_enough_however_often(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    road.propose(proposed)
    road.sign(proposed, "approver-1")
    road.sign(proposed, "approver-1")
    with pytest.raises(SignoffMissing) as refused:
        sign.gather(road.ledger, road.statements, proposed, road.rules, road.people)
    assert refused.value.facts["signed"] == "approver-1"


def test_another_key_does_not_sign_for_a_person(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    road.propose(proposed)
    for person, key in (("approver-1", "approver-2"), ("oncall-1", "oncall-1")):
        with pytest.raises(SignoffMissing, match="not-your-key"):
            road.sign(proposed, person, key)


def test_what_is_signed_beside_a_change_takes_an_approvers_own_key(road: Road) -> None:
    beside = Envelope("text/plain", b"the pace of the alarm", ())

    def consent(key: str) -> None:
        sign.consent(
            road.ledger, road.statements, beside, road.keyring.signer(key), road.people,
            subject="pace", facts={}, person="approver-1", now=road.now,
        )  # fmt: skip

    for key in ("approver-2", "oncall-1"):
        with pytest.raises(SignoffMissing, match="not-your-key"):
            consent(key)
    assert not list(road.ledger.events(subject="pace"))
    consent("approver-1")
    (event,) = road.ledger.events(subject="pace")
    assert event.by == "approver-1"


def test_who_signed_and_stated_nothing_did_not_approve(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    found = road.approved(proposed)
    third = road.keyring.signer("oncall-1")
    routes = found.routes.signed(third.public.keyid, third.sign)
    more = tuple(
        replace(one, roles=one.roles | {"approver"}) if one.id == "oncall-1" else one
        for one in road.people.people
    )
    people = replace(road.people, people=more)
    again = approved(proposed, routes, found.approvals, road.rules, people)
    assert again.signed == {"approver-1", "approver-2"}


def test_an_edit_voids_the_signoffs(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    first = road.change(program)
    road.propose(first)
    road.sign(first, "approver-1")
    road.later(minutes=5)
    edited = road.change(program)
    road.propose(edited)
    with pytest.raises(Mismatch, match="proposal-replaced"):
        road.sign(first, "approver-2")
    road.sign(edited, "approver-2")
    with pytest.raises(SignoffMissing):
        sign.gather(road.ledger, road.statements, edited, road.rules, road.people)


def test_nothing_is_signed_that_nobody_proposed(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    with pytest.raises(Refusal, match="nothing-proposed"):
        road.sign(proposed, "approver-1")


def test_a_proposal_is_the_next_one_and_in_its_time(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    with pytest.raises(Stale, match="routes-not-next"):
        road.propose(with_changed(proposed, seq=2))
    road.propose(proposed)
    road.later(days=7)
    with pytest.raises(Stale, match="proposal-over"):
        road.sign(proposed, "approver-1")
    with pytest.raises(Stale, match="proposal-over"):
        road.propose(proposed)


def test_approved_by_hand_does_not_pass(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    by_hand = Approved(proposed, proposed.envelope(), (), frozenset({"approver-1", "approver-2"}))
    with pytest.raises(SignoffMissing):
        road.order(by_hand)


def test_approved_from_an_edited_row_does_not_pass(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    road.approved(proposed)
    key = f"{proposed.digest}/approver-1"
    row = road.ledger.row("signoff", key)
    assert row is not None
    for edited, code in (
        ({**row, "sig": "AAAA"}, "signoff-missing"),
        ({**row, "sig": 3}, "not-a-signoff"),
    ):
        changed = Row("signoff", key, edited)  # type: ignore[arg-type]
        road.ledger.append(
            Draft("row.edited", "x", road.now, "somebody", {}, key=code, rows=(changed,))
        )
        with pytest.raises((SignoffMissing, Malformed), match=code):
            sign.gather(road.ledger, road.statements, proposed, road.rules, road.people)


def test_every_part_is_verified_again(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    proposed = road.change(program)
    found = road.approved(proposed)
    other = road.change(road.program(Kind.INSTALL, "print(2)"))
    with pytest.raises(Mismatch, match="another-change"):
        approved(other, found.routes, found.approvals, road.rules, road.people)
    with pytest.raises(SignoffMissing):
        approved(proposed, found.routes, found.approvals[:1], road.rules, road.people)
    of_other = approval(other, road.rules, "approver-1", PAGE).envelope()
    with pytest.raises(Mismatch, match="approval-of-another"):
        approved(proposed, found.routes, (of_other,), road.rules, road.people)
    unsigned = approval(proposed, road.rules, "approver-1", PAGE).envelope()
    with pytest.raises(SignoffMissing, match="not-your-key"):
        approved(proposed, found.routes, (unsigned,), road.rules, road.people)
    without = replace(found.approvals[0], payload=b'{"a":1}')
    with pytest.raises(Malformed):
        approved(proposed, found.routes, (without,), road.rules, road.people)


def test_an_approval_names_its_person_and_page(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    found = road.approved(proposed)
    statement = approval(proposed, road.rules, "approver-1", PAGE)
    bare = replace(statement, predicate={"person": "approver-1"})
    with pytest.raises(Malformed, match="not-an-approval"):
        approved(proposed, found.routes, (bare.envelope(),), road.rules, road.people)


def test_who_builds_or_verifies_does_not_approve(road: Road) -> None:
    proposed = road.change(road.program(Kind.INSTALL, "print(1)"))
    found = road.approved(proposed)
    both = tuple(
        replace(one, roles=one.roles | {"verify"}) if one.id == "approver-1" else one
        for one in road.people.people
    )
    with pytest.raises(Refusal, match="duties-not-separate"):
        approved(
            proposed, found.routes, found.approvals, road.rules, replace(road.people, people=both)
        )


def test_sign_by_is_before_validity_ends(road: Road) -> None:
    routes = road.change(road.program(Kind.INSTALL, "print(1)")).routes
    assert routes.sign_by - routes.issued == timedelta(days=7)
