"""The worker: keeps the lease alive, does what is owed, and watches what members report."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from warifu.app import feeding, halting, keeping, pacing, work
from warifu.app.wiring import House
from warifu.flow import watch
from warifu_wire.errors import Fault, Refusal

TICK = 0.5
"""Seconds between two looks at what is due."""
SHARE = 10
"""The lease is signed again after a tenth of its life."""
LOOK = timedelta(seconds=5)
AGAIN = 5
"""Seconds until a worker that fell goes on."""
FORGET = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Beat:
    """When the lease was last signed, the outcomes last looked at, and old ones last dropped."""

    leased: datetime | None = None
    looked: datetime | None = None
    forgot: datetime | None = None


def beat(
    house: House, last: Beat, clock: Callable[[], datetime], told: Callable[[str], None]
) -> Beat:
    """One round; whatever refuses is told and tried again at the next."""
    leased, looked, forgot = last.leased, last.looked, last.forgot
    now = clock()
    every = timedelta(seconds=house.config.policy.lease) / SHARE
    try:
        if leased is None or now - leased >= every:
            renewal = house.repository.lease(now)
            leased = now
            for one in renewal.warnings:
                told(f"{one.role} expires {one.expires:%Y-%m-%d}: {one.needed}")
        for tried in work.run(house, clock, verbs=work.QUICK):
            told(tried.line)
        now = clock()
        if looked is None or now - looked >= LOOK:
            look(house, now)
            looked = now
        if forgot is None or now - forgot >= FORGET:
            keeping.forget(house, now)
            forgot = now
    except (Refusal, Fault) as error:
        told(str(error))
    return Beat(leased, looked, forgot)


def toil(
    house: House, clock: Callable[[], datetime], told: Callable[[str], None], limit: int = 1
) -> None:
    """Some of the slow work: probes, and patches for those who hold something earlier."""
    try:
        for tried in work.run(house, clock, limit, verbs=work.SLOW):
            told(tried.line)
    except (Refusal, Fault) as error:
        told(str(error))


def look(house: House, now: datetime) -> None:
    """Seal the reports that came in, let the alarm count them, and open what may open."""
    watch.seal(house.ledger, house.traffic, now)
    house.downloads.read(house.log)
    current = house.repository.current(house.product)
    halting.look(house, current, now)
    road, pace = current.road, house.config.rollout.pace
    for one in () if road is None else road.offers:
        watch.watch(house.ledger, house.traffic, current, one.id, now=now)
        watch.cases(house.ledger, current, one.id, now=now)
        watch.probe_again(house.ledger, current, one.id, pace=pace, now=now)
        pacing.gate(house, current, one.id, now)
    feeding.update(house, now)


def run(
    house: House,
    clock: Callable[[], datetime],
    told: Callable[[str], None],
    ended: threading.Event,
) -> None:
    """Beat until ended."""
    last = Beat()

    def turn() -> None:
        nonlocal last
        last = beat(house, last, clock, told)

    _lasting(turn, told, ended)


def run_slowly(
    house: House,
    clock: Callable[[], datetime],
    told: Callable[[str], None],
    ended: threading.Event,
) -> None:
    """Toil until ended, beside `run` and with a house of its own."""
    _lasting(lambda: toil(house, clock, told), told, ended)


def _lasting(turn: Callable[[], None], told: Callable[[str], None], ended: threading.Event) -> None:
    """Turn after turn until ended.

    What nobody foresaw ends one turn, never the lease: it is told in full, and the worker goes on
    after `AGAIN` seconds.
    """
    while not ended.wait(TICK):
        try:
            turn()
        except Exception as error:  # a defect of ours, whatever it is
            told(f"the worker fell, and goes on in {AGAIN} s: {error!r}")
            traceback.print_exc()
            ended.wait(AGAIN)
