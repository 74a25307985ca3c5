"""How owed work is done: by the station whose verb it is. All of it may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from warifu.app import halting, pacing, probing, recall
from warifu.app.wiring import House
from warifu.flow import publish, remedy, sign, stop, watch
from warifu.model.ledger import Due
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Fault, Refusal
from warifu_wire.stops import Halt, in_force, read_entry, union

ALARM = "alarm"
RETRY = (1, 2, 5, 15, 60)
"""Seconds until the next try; the last one repeats."""
SLOW = frozenset({"condense", "probe"})
"""What may take minutes: done beside the rest, so that no stop and no lease waits for it."""

_UNPROBED = {
    "en": "The production probe failed.",
    "ja": "本番環境の動作確認に失敗しました。",
}
_ALARMED = {
    "en": "Members' outcomes raised the alarm.",
    "ja": "会員の適用結果により警報が出ました。",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One piece of work as it was tried: done, or why not."""

    verb: str
    subject: str
    why: str

    @property
    def done(self) -> bool:
        """Whether it is finished."""
        return not self.why

    @property
    def line(self) -> str:
        """For the worker's log."""
        return f"{self.verb} {self.subject[:16]}: {self.why or 'done'}"


def run(
    house: House,
    clock: Callable[[], datetime],
    limit: int = 50,
    *,
    verbs: Collection[str] = (),
) -> tuple[Tried, ...]:
    """Try the work that is due, oldest first; what fails is due again later, and never lost.

    `verbs` are the ones to be done here, all of them by default. Each piece has its own time: what
    follows a slow one happened after it.
    """
    tried: list[Tried] = []
    while len(tried) < limit:
        now = clock()
        claimed = house.ledger.claim(now, limit=1, verbs=verbs)
        if not claimed:
            break
        (due,) = claimed
        try:
            why = "" if VERBS[due.work.verb](house, due, now) else "not in force yet"
        except (Refusal, Fault) as error:
            why = str(error)
        if why:
            wait = RETRY[min(due.tries, len(RETRY) - 1)]
            house.ledger.again(due, clock() + timedelta(seconds=wait), why)
        else:
            house.ledger.done(due)
        tried.append(Tried(due.work.verb, due.work.subject, why))
    return tuple(tried)


def enact(house: House, digest_: Digest, now: datetime) -> bool:
    """Enact the open, approved change of that digest, and fetch it back."""
    change = recall.proposed(house, digest_)
    current = house.repository.current(house.product)
    approved = sign.gather(house.ledger, house.statements, change, current.rules, current.people)
    publish.enact(
        house.ledger,
        house.depot,
        house.repository,
        house.origin,
        approved,
        current.rules,
        current.people,
        now=now,
    )
    return True


def _enact(house: House, due: Due, now: datetime) -> bool:
    return enact(house, digest(due.work.subject), now)


def _narrow(house: House, due: Due, now: datetime) -> bool:
    return halting.narrow(house, str(due.work.facts["by"]), now)


def _widen(house: House, due: Due, now: datetime) -> bool:
    product = due.work.subject
    event = watch.widen(house.ledger, house.repository, house.origin, product=product, now=now)
    return event is not None


def _probe(house: House, due: Due, _now: datetime) -> bool:
    """The release that is due again, or every one that began with this publication."""
    road = house.repository.current(house.product).road
    again = due.work.facts.get("release")
    for one in () if road is None else road.offers:
        if one.id == again or (again is None and road and one.plan.since == road.seq):
            watch.probe(
                house.ledger,
                house.statements,
                house.keyring.signer("probe"),
                probing.box(house),
                product=house.product,
                release=one.id,
            )
    return True


def _gate(house: House, due: Due, now: datetime) -> bool:
    pacing.gate(house, house.repository.current(house.product), digest(due.work.subject), now)
    return True


def _hold(house: House, due: Due, now: datetime) -> bool:
    _halt_release(house, digest(due.work.subject), Halt.HELD, _UNPROBED, now)
    return True


def _halt(house: House, due: Due, now: datetime) -> bool:
    state = Halt.STOPPED if due.work.facts["level"] == "stop" else Halt.HELD
    _halt_release(house, digest(due.work.subject), state, _ALARMED, now)
    return True


def _condense(house: House, due: Due, now: datetime) -> bool:
    product = str(due.work.facts["product"])
    publish.condense(house.ledger, house.depot, house.repository, product=product, now=now)
    return True


def _remedied(house: House, _due: Due, now: datetime) -> bool:
    for event in list(house.ledger.events(kind="remedy.planned")):
        remedy.published(house.ledger, digest(event.subject), now=now)
    return True


def _halt_release(
    house: House, release: Digest, state: Halt, why: Mapping[str, str], now: datetime
) -> None:
    """The alarm narrows on its own key, once a state: a repeat adds nothing."""
    current = house.repository.current(house.product)
    recorded = tuple(read_entry(dict(row)) for _, row in house.ledger.rows("stop"))
    lifted = frozenset() if current.road is None else current.road.lifted
    found = in_force(union(current.stops.entries, recorded), release, lifted)
    if {one.state for one in found} & {state, Halt.STOPPED}:
        return
    stop.stop(
        house.ledger,
        house.repository,
        product=house.product,
        release=release,
        state=state,
        by=ALARM,
        why=why,
        now=now,
    )


VERBS: Mapping[str, Callable[[House, Due, datetime], bool]] = {
    "condense": _condense,
    "enact": _enact,
    "gate": _gate,
    "halt": _halt,
    "hold": _hold,
    "narrow": _narrow,
    "probe": _probe,
    "remedied": _remedied,
    "widen": _widen,
}
QUICK = VERBS.keys() - SLOW
"""Everything that is done at once."""
