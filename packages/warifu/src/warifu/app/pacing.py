"""How a rollout of this house goes on: by what warifu.toml declares, and what approvers signed."""

from __future__ import annotations

from datetime import datetime

from warifu.app.wiring import House
from warifu.flow import sign, watch
from warifu.model.publication import Current
from warifu.model.rollout import Judged, Rollout, Wait, Waiting
from warifu.model.signoff import GoOn, Signed
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal


def gate(house: House, current: Current, release: Digest, now: datetime) -> None:
    """Open the next stage of a release, or record why it waits."""
    watch.gate(house.ledger, judged(house, current, release, now), now=now)


def waits(house: House, current: Current, release: Digest, now: datetime) -> tuple[Wait, ...]:
    """Every reason why a release waits, with its figures as they are now."""
    found = judged(house, current, release, now)[2]
    return found.reasons if isinstance(found, Waiting) else ()


def judged(house: House, current: Current, release: Digest, now: datetime) -> Judged:
    """What may open by what warifu.toml declares and approvers signed, or why it waits."""
    here = watch.standing(house.ledger, current, release)
    declared = house.config.rollout
    return watch.judge(
        house.ledger,
        house.statements,
        house.traffic,
        current,
        release,
        pace=declared.pace,
        now=now,
        brakes=declared.brakes.waits(here, declared.pace, now),
        go_on=signed(house, current, wanted(here)),
    )


def go_on(house: House, release: Digest, person: str, now: datetime) -> Signed:
    """One approver signs that a release leaves its open stage with fewer reports than planned."""
    current = house.repository.current(house.product)
    here = watch.standing(house.ledger, current, release)
    if here.following is None:
        raise Refusal("last-stage", needed="a stage that is still to open", release=release)
    asked = wanted(here)
    found = sign.consent(
        house.ledger,
        house.statements,
        asked.envelope(),
        house.keyring.signer(person),
        current.people,
        subject=release,
        facts={"since": asked.since, "stage": here.open.name},
        person=person,
        now=now,
    )
    by = tuple(sorted(current.people.signed(found, "approver")))
    return Signed(found.digest, by, current.rules.thresholds["approver"])


def wanted(here: Rollout) -> GoOn:
    """What approvers sign for the stage that is open now."""
    return GoOn(here.product, here.release, here.plan.since, here.stage)


def signed(house: House, current: Current, asked: GoOn) -> Envelope | None:
    """The approvers' sign-off to leave a stage without its reports, once enough have signed."""
    try:
        found = house.statements.get(asked.envelope().digest)
    except Refusal as refusal:
        if refusal.reason != "no-statement":
            raise
        return None
    by = current.people.signed(found, "approver")
    return found if len(by) >= current.rules.thresholds["approver"] else None
