"""Bundles: a release as one file for who cannot be reached, with a lease that M persons sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from warifu.app.wiring import House, tree_store
from warifu.engines.targets import bundles, tree
from warifu.flow import sign as signing
from warifu.model.publication import Current
from warifu.model.signoff import Signed
from warifu_wire import lease, times
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal, Stale, Stopped
from warifu_wire.lease import OfflineLease
from warifu_wire.stops import Halt, in_force


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle file's bytes, the lease in it, and who has signed that so far."""

    data: bytes
    lease: OfflineLease
    signed: Signed


def make(house: House, release: Digest, life: timedelta, now: datetime) -> Made:
    """A bundle of an offered release whose lease nobody has signed yet; raises `Refusal`."""
    current = house.repository.current(house.product)
    if not timedelta(0) < life <= timedelta(seconds=current.rules.offline_max):
        needed = f"at most {current.rules.offline_max // 86_400} days"
        raise Stale("lease-too-long", needed=needed, asked=f"{life.total_seconds():.0f} s")
    _allowed(current, release)
    store = tree_store(house.config)
    published = tree.load(store)
    if published is None:
        raise Refusal("not-offered", needed="a publication", release=release)
    parts = bundles.parts(published, store, house.product, release)
    proposed = bundles.proposed(parts, release, now, life)
    told = lease.read(proposed)
    return Made(bundles.written(parts, proposed), told, _signed(current, told.bundle, ()))


def sign(house: House, data: bytes, person: str, now: datetime) -> Made:
    """The bundle with one person's signature more, which the ledger names.

    Raises `Refusal`: bytes that are not what the lease names, a release that is offered no more or
    stopped, a lease that is over, a key that is not this approver's.
    """
    current = house.repository.current(house.product)
    parts, envelope = bundles.opened(data)
    told = lease.read(envelope)
    lease.covers(told, bundles.digest(parts), current.rules, now)
    _allowed(current, told.release)
    signed = signing.consent(
        house.ledger,
        house.statements,
        envelope,
        house.keyring.signer(person),
        current.people,
        subject=told.release,
        facts={"bundle": told.bundle, "expires": times.spell(told.expires)},
        person=person,
        now=now,
    )
    persons = tuple(sorted(current.people.signed(signed, "approver")))
    return Made(bundles.written(parts, signed), told, _signed(current, told.bundle, persons))


def _signed(current: Current, bundle: Digest, persons: tuple[str, ...]) -> Signed:
    return Signed(bundle, persons, current.rules.thresholds["approver"])


def _allowed(current: Current, release: Digest) -> None:
    road = current.road
    if road is None or road.offer(release) is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    for one in in_force(current.stops.entries, release, road.lifted):
        if one.state is not Halt.CAPPED:
            raise Stopped(
                f"release-{one.state.value}",
                needed="a lift signed by the approvers",
                release=release,
                by=one.by,
            )
