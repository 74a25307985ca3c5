"""The road's verbs on a house: what the doors call. Each reads, lets a station act, and tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from warifu.app import halting, plans, recall, work
from warifu.app import page as pages
from warifu.app.circles import Circles
from warifu.app.page import Shown
from warifu.app.wiring import House
from warifu.app.workshop import workshop
from warifu.flow import compose as composing
from warifu.flow import publish as publishing
from warifu.flow import remedy as remedying
from warifu.flow import sign as signing
from warifu.flow import verify as verifying
from warifu.model.approval import Change, Page, change
from warifu.model.composition import Composition
from warifu.model.impact import Impact
from warifu.model.remedy import remedy as remedy_of
from warifu.model.routing import Fleet, draft, offer
from warifu.model.signoff import Signed
from warifu.model.verification import Verified
from warifu_wire import manifest
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.floors import BEGINNING
from warifu_wire.manifest import Kind
from warifu_wire.routes import Offer, Routes
from warifu_wire.stops import Stop

NOTHING_OLD = Fleet()
RELEASE_ENGINEER = "release-engineer"
RANK_STEP = 10
"""Programs of one change rank alike, above those of all changes before; room for legacy ranks."""


def compose(house: House, kind: Kind, now: datetime, candidate: bytes | None = None) -> Composition:
    """Compose one program; `candidate` is an archive made elsewhere."""
    return composing.compose(
        house.ledger,
        house.depot,
        house.statements,
        house.keyring,
        workshop(house.config, house.depot),
        house.config.program,
        kind,
        by=RELEASE_ENGINEER,
        now=now,
        candidate=candidate,
    )


def verify(house: House, kind: Kind, now: datetime) -> Verified:
    """Verify the last composition of a kind."""
    current = house.repository.current(house.product)
    return verifying.verify(
        house.ledger,
        house.depot,
        house.statements,
        house.keyring,
        workshop(house.config, house.depot),
        house.config.program,
        recall.composed(house, kind),
        current.rules,
        current.people,
        by="verify",
        now=now,
    )


def propose(
    house: House,
    releases: Iterable[Digest],
    now: datetime,
    *,
    circles: Circles = Circles(),
    fleet: Fleet = NOTHING_OLD,
    lift: Iterable[Stop] = (),
) -> Change:
    """Open a change that offers exactly these verified releases; `lift` are the stops it ends.

    The stages of a release begin anew where a stop of it is lifted.
    """
    current = house.repository.current(house.product)
    before = current.road
    programs = tuple(recall.program(house, one) for one in dict.fromkeys(releases))
    lifted = tuple(lift)
    seq = 1 if before is None else before.seq + 1
    again = frozenset(one.release for one in lifted)
    offers = tuple(_offer(house, one, before, seq, again, circles) for one in programs)
    routes = draft(
        house.product,
        before,
        current.stops,
        offers,
        _with_trees(house, fleet, before),
        now,
        (one.digest for one in lifted),
    )
    proposed = change(routes, programs)
    signing.propose(house.ledger, proposed, before, by=RELEASE_ENGINEER, now=now)
    return proposed


def page(house: House, proposed: Change, language: str) -> tuple[str, Page]:
    """The page to be shown before signing, and its digests: what is signed is what was shown."""
    shown = _shown(house, proposed)
    return pages.text(shown, language), pages.page(shown, language)


def may_sign(house: House, person: str) -> None:
    """Raises `Refusal` for one who does not approve, before anything is proposed or shown."""
    everybody = house.repository.current(house.product).people.people
    approvers = sorted(one.id for one in everybody if "approver" in one.roles)
    if person not in approvers:
        raise Refusal(
            "not-an-approver", needed="one of them", person=person, approvers=", ".join(approvers)
        )


def sign(house: House, proposed: Change, shown: Page, person: str, now: datetime) -> Signed:
    """Sign the change and the page that were shown, with the person's own key.

    Raises `Mismatch` when another change is proposed by now.
    """
    current = house.repository.current(house.product)
    signing.sign(
        house.ledger,
        house.statements,
        proposed,
        shown,
        house.keyring.signer(person),
        current.rules,
        current.people,
        person=person,
        now=now,
    )
    done = tuple(
        str(row["person"])
        for _, row in house.ledger.rows("signoff")
        if row["digest"] == proposed.digest
    )
    return Signed(proposed.digest, done, current.rules.thresholds["approver"])


def publish(house: House, now: datetime) -> str:
    """Order the publication of the open, approved change, and enact it at once.

    Why it is recorded and not in force yet, or "": the worker goes on trying.
    """
    proposed = recall.proposal(house)
    current = house.repository.current(house.product)
    approved = signing.gather(
        house.ledger, house.statements, proposed, current.rules, current.people
    )
    publishing.publish(
        house.ledger,
        house.depot,
        approved,
        current.rules,
        current.people,
        by=RELEASE_ENGINEER,
        now=now,
    )
    return halting.at_once(lambda: work.enact(house, proposed.digest, now))


def assess(house: House, release: Digest, now: datetime, *, by: str) -> Impact:
    """The impact of a release as of now, recorded."""
    records = house.traffic.records(release, since=BEGINNING, until=now, known_before=now)
    house.downloads.read(house.log)
    contents = recall.contents(house, release)
    fetched = house.downloads.downloads(contents, BEGINNING, now) if contents else ()
    members = [one.member for one in fetched if one.member is not None]
    return remedying.assess(house.ledger, release, records, by=by, now=now, fetched=members)


def remedy(
    house: House,
    bad: Digest,
    now: datetime,
    *,
    circles: Circles = Circles(),
    fleet: Fleet = NOTHING_OLD,
) -> Change:
    """Plan the remedy from the verified repair and update, and propose the routes that offer it."""
    pair = [_verified(house, one) for one in (Kind.REPAIR, Kind.UPDATE)]
    tree = manifest.parse(house.depot.get(bad)).tree
    planned = remedy_of(bad, tree, *pair)
    remedying.plan(house.ledger, planned, by=RELEASE_ENGINEER, now=now)
    before = house.repository.current(house.product).road
    offers = before.offers if before else ()
    kept = [one.id for one in offers if _stays(house, one, tree)]
    ids = [one.composition.id for one in pair]
    first = [one.release for one in fleet.first]
    whole = replace(fleet, broken=frozenset({bad}))
    return propose(house, (*kept, *first, *ids), now, circles=circles, fleet=whole)


def _shown(house: House, proposed: Change) -> Shown:
    current = house.repository.current(house.product)
    return Shown(proposed, current, house.config.rollout, house.trial, house.config.feeds)


def _with_trees(house: House, fleet: Fleet, before: Routes | None) -> Fleet:
    """The fleet with the trees of every release whose manifest we have: hand-made installs too."""
    ids = [one.id for one in fleet.known]
    if before is not None:
        ids += [one.id for one in before.known] + [one.id for one in before.offers]
    held = [one for one in ids if house.depot.size(one) is not None]
    trees = {manifest.parse(house.depot.get(one)).tree: one for one in held}
    return replace(fleet, trees={**trees, **(fleet.trees or {})})


def _stays(house: House, one: Offer, bad_tree: Digest) -> bool:
    """An install program stays on offer, unless it installs the very tree that is bad."""
    tree = manifest.parse(house.depot.get(one.id)).tree
    return one.kind is Kind.INSTALL and tree != bad_tree


def _verified(house: House, kind: Kind) -> Verified:
    return recall.program(house, recall.composed(house, kind).id)


def _offer(
    house: House,
    program: Verified,
    before: Routes | None,
    seq: int,
    again: frozenset[Digest],
    circles: Circles,
) -> Offer:
    """The offer as it stands, its plan untouched; a new or a resumed one begins its plan anew."""
    release = program.composition.id
    former = None if before is None else before.offer(release)
    if former is not None and release not in again:
        return former
    plan = plans.draft(house.config.rollout, seq, circles.own, circles.volunteers)
    rank = None if before is None else before.rank(release)
    return offer(program, seq * RANK_STEP if rank is None else rank, plan)
