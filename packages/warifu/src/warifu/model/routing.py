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
class Fleet:
    """What members may have installed besides the offers: earlier releases, and which of them are
    broken and need the repair; `trees` are legacy trees without a manifest."""

    known: tuple[Known, ...] = ()
    broken: frozenset[Digest] = frozenset()
    trees: Mapping[Digest, Digest] | None = None


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
        routes=rules(offers, former, fleet.broken),
        lifted=frozenset({*lifted, *(before.lifted if before else ())}),
    )


def rules(
    offers: tuple[Offer, ...], known: tuple[Known, ...], broken: frozenset[Digest]
) -> tuple[Route, ...]:
    """Who has an offer keeps it; who is broken gets the repair; who is older the update; who has
    nothing we know the install program. The first rule that fits decides."""
    best = {kind: best_of(offers, kind) for kind in Kind}
    repair, update, install = best[Kind.REPAIR], best[Kind.UPDATE], best[Kind.INSTALL]
    if broken and repair is None:
        raise Refusal("repair-missing", needed="a repair program for the broken releases")
    kept = tuple(Route(one.id, None, None, one.id, CURRENT) for one in offers)
    mended = tuple(
        Route(one.id, None, None, repair.id, REPAIR)
        for one in known
        if repair is not None and one.id in broken
    )
    raised = tuple(
        Route(one.id, None, None, update.id, UPDATE)
        for one in known
        if update is not None and one.id not in broken and one.rank < update.rank
    )
    last = (
        Route(None, None, None, install.id, INSTALL)
        if install is not None
        else Route(None, None, None, None, NOTHING)
    )
    return (*kept, *mended, *raised, last)


def best_of(offers: Iterable[Offer], kind: Kind) -> Offer | None:
    """The offer of a kind with the highest rank."""
    of_kind = [one for one in offers if one.kind is kind]
    return max(of_kind, key=lambda one: one.rank, default=None)


def label(one: Offer) -> str:
    """An offer's labels in one line."""
    return " ".join(value for _, value in sorted(one.labels.items()))
