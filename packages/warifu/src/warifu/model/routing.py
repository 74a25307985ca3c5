"""Drafting routes: from the programs of a change and what members may have, to the exact rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from warifu.model.approval import release_files
from warifu.model.verification import Verified
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind
from warifu_wire.plan import Plan
from warifu_wire.routes import Known, Offer, Route, Routes
from warifu_wire.stops import GENESIS, Stops
from warifu_wire.times import Instant

VALID = timedelta(days=30)
SIGN_BY = timedelta(days=7)

CURRENT = {"en": "You already have this program.", "ja": "最新のプログラムです。"}
UPDATE = {"en": "An update is ready for you.", "ja": "更新プログラムがあります。"}
REPAIR = {
    "en": "Your installed program needs this repair.",
    "ja": "お使いのプログラムには修正プログラムが必要です。",
}
INSTALL = {"en": "The program can be installed.", "ja": "プログラムをインストールできます。"}
NOTHING = {
    "en": "There is no program for this machine; please ask the help desk.",
    "ja": "この端末に合うプログラムがありません。ヘルプデスクにお尋ねください。",
}


@dataclass(frozen=True, slots=True)
class First:
    """A release that everybody below it goes to before anything newer; `why` is shown to them."""

    release: Digest
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """A release from which no update leads on; `why` says what to do instead."""

    release: Digest
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What members may have installed besides the offers: earlier releases, and which of them are
    broken and need the repair; `trees` are legacy trees without a manifest; then where the way on
    leads through a release, and where it ends."""

    known: tuple[Known, ...] = ()
    broken: frozenset[Digest] = frozenset()
    trees: Mapping[Digest, Digest] | None = None
    first: tuple[First, ...] = ()
    ends: tuple[DeadEnd, ...] = ()


def offer(program: Verified, rank: int, plan: Plan) -> Offer:
    """A verified program as the routes name it."""
    made = program.composition
    release = made.id
    return Offer(
        release,
        made.kind,
        rank,
        dict(made.labels),
        release_files(made.product, release, made.artifact),
        program.evidence,
        plan,
    )


def draft(
    product: str,
    before: Routes | None,
    stops: Stops,
    offers: tuple[Offer, ...],
    fleet: Fleet,
    now: Instant,
    lifted: Iterable[Digest] = (),
) -> Routes:
    """The routes that follow `before`: its offers stay known, its lifts stay lifted."""
    here = {one.id for one in offers}
    known = {one.id: one for one in fleet.known}
    if before is not None:
        known |= {one.id: one for one in before.known}
        known |= {one.id: Known(one.id, one.rank, label(one)) for one in before.offers}
    former = tuple(one for one in known.values() if one.id not in here)
    return Routes(
        product=product,
        seq=1 if before is None else before.seq + 1,
        prev=GENESIS if before is None else of_bytes(before.to_bytes()),
        issued=now,
        valid_until=now + VALID,
        sign_by=now + SIGN_BY,
        stops_seq=stops.seq,
        stops_head=stops.head,
        offers=offers,
        known=former,
        known_trees=dict(fleet.trees or ({} if before is None else before.known_trees)),
        routes=rules(offers, former, fleet),
        lifted=frozenset({*lifted, *(before.lifted if before else ())}),
    )


def rules(offers: tuple[Offer, ...], known: tuple[Known, ...], fleet: Fleet) -> tuple[Route, ...]:
    """Where a way ends it ends; who has an offer keeps it; who is broken gets the repair; who is
    older the next release on the way; who has nothing we know the install program. The first rule
    that fits decides. Raises `Refusal` for a way over releases that are not there."""
    best = {kind: best_of(offers, kind) for kind in Kind}
    repair, update, install = best[Kind.REPAIR], best[Kind.UPDATE], best[Kind.INSTALL]
    broken = fleet.broken
    if broken and repair is None:
        raise Refusal("repair-missing", needed="a repair program for the broken releases")
    way = _way(offers, fleet.first, update)
    passed = {step.id for step, _ in way} - {update.id if update else None}
    here = {one.id: one.rank for one in known} | {one.id: one.rank for one in offers}
    if lost := [one.release for one in fleet.ends if one.release not in here]:
        raise Refusal("unknown-release", needed="a release of these routes", release=lost[0])
    ended = tuple(Route(one.release, None, None, None, one.why) for one in fleet.ends)
    kept = tuple(
        Route(one.id, None, None, one.id, CURRENT) for one in offers if one.id not in passed
    )
    mended = tuple(
        Route(one.id, None, None, repair.id, REPAIR)
        for one in known
        if repair is not None and one.id in broken
    )
    over = broken | {one.release for one in fleet.ends}
    older = [one.id for one in known if one.id not in over] + [
        one.id for one in offers if one.id in passed
    ]
    raised = tuple(
        Route(one, None, None, step.id, why)
        for one in older
        for step, why in [found for found in way if here[one] < found[0].rank][:1]
    )
    last = (
        Route(None, None, None, install.id, INSTALL)
        if install is not None
        else Route(None, None, None, None, NOTHING)
    )
    return (*ended, *kept, *mended, *raised, last)


def _way(
    offers: tuple[Offer, ...], first: tuple[First, ...], update: Offer | None
) -> list[tuple[Offer, Mapping[str, str]]]:
    """The steps to the newest update, lowest first, with what is said of each."""
    here = {one.id: one for one in offers}
    if lost := [one.release for one in first if one.release not in here]:
        raise Refusal("barrier-not-offered", needed="it among the offers", release=lost[0])
    steps = {here[one.release].id: (here[one.release], one.why) for one in first}
    if update is not None:
        steps.setdefault(update.id, (update, UPDATE))
    return sorted(steps.values(), key=lambda step: step[0].rank)


def best_of(offers: Iterable[Offer], kind: Kind) -> Offer | None:
    """The offer of a kind with the highest rank."""
    of_kind = [one for one in offers if one.kind is kind]
    return max(of_kind, key=lambda one: one.rank, default=None)


def label(one: Offer) -> str:
    """An offer's labels in one line."""
    return " ".join(value for _, value in sorted(one.labels.items()))
