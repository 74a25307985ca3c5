"""What is published of a product, and the pure rules of the one signer: what may follow what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from warifu_wire import dsse, policy, routes, times
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal, Stale, Stopped
from warifu_wire.gates import Gate, Gates
from warifu_wire.policy import People, Rules
from warifu_wire.routes import PAYLOAD_TYPE, Offer, Routes
from warifu_wire.stops import GENESIS, Halt, Stops, in_force
from warifu_wire.times import Instant

AHEAD = timedelta(seconds=60)
"""How far clocks of ours may lie apart."""


@dataclass(frozen=True, slots=True)
class Current:
    """A product as the published tree has it; `versions` are the roles' metadata versions."""

    product: str
    routes: Envelope | None
    stops: Stops
    gates: Gates
    rules: Rules
    people: People
    versions: Mapping[str, int]

    @property
    def timestamp(self) -> int:
        """The timestamp's version: it grows with everything that is published."""
        return self.versions["timestamp"]

    @property
    def road(self) -> Routes | None:
        """The routes' payload, read."""
        return None if self.routes is None else routes.read(self.routes.payload, self.product)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A role whose life ends, when, and what must be done before."""

    role: str
    expires: Instant
    needed: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewed lease: timestamp version, expiry, roles signed again, and what runs out."""

    version: int
    expires: Instant
    renewed: tuple[str, ...]
    warnings: tuple[Expiring, ...]


def follows(current: Current, envelope: Envelope, now: Instant) -> Routes | None:
    """The routes in an envelope if they may be published now; None when they already are.

    Raises `Refusal`: not signed by M persons, not the next of the chain, too late to sign, blind
    to a stop, or a lift without a new beginning of the stages.
    """
    found = signed_routes(envelope, current.product, current.rules, current.people)
    if current.routes is not None and current.routes.digest == envelope.digest:
        return None
    before = current.road
    seq, prev = (before.seq, envelope_digest(current)) if before else (0, GENESIS)
    if found.seq != seq + 1:
        raise Stale("routes-seq", needed=f"seq {seq + 1}", found=found.seq)
    if found.prev != prev:
        raise Stale("routes-prev", needed=prev, found=found.prev)
    if now > found.sign_by:
        raise Stale("sign-by-over", needed="a new proposal", until=times.spell(found.sign_by))
    if now >= found.valid_until or found.issued > now + AHEAD:
        raise Stale("routes-over", needed="routes valid now", until=times.spell(found.valid_until))
    current.stops.extends(found.stops_seq, found.stops_head)
    _plans(current, before, found)
    return found


def signed_routes(envelope: Envelope, product: str, rules: Rules, people: People) -> Routes:
    """The routes of a product that M persons signed; raises `Refusal` for others."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed("wrong-payload-type", needed=PAYLOAD_TYPE, found=envelope.payload_type)
    dsse.payload(envelope)
    policy.need(envelope, people, "approver", rules.thresholds["approver"])
    return routes.read(envelope.payload, product)


def envelope_digest(current: Current) -> Digest:
    """The digest of the published routes; GENESIS when there are none."""
    return GENESIS if current.routes is None else current.routes.digest


def needed_files(found: Routes) -> dict[str, Digest | None]:
    """Every TUF target that routes rest on, with its digest where the routes name it."""
    product = found.product
    every: dict[str, Digest | None] = {}
    for offer in found.offers:
        for path, wanted in offer.files.items():
            if not placed(product, path, wanted):
                raise Malformed("misplaced-file", needed="a path by product and digest", path=path)
            every[path] = wanted
        every[f"statements/{product}/{offer.evidence}.json"] = None
    return every


def placed(product: str, path: str, content: Digest) -> bool:
    """Whether a file of a release lies where its digest says."""
    return path in {f"manifests/{product}/{content}.json", f"programs/{product}/{content}.zip"}


def narrowed(current: Current, stops: Stops) -> bool:
    """Whether stops say more than the published ones; False when they are known already.

    Raises `Refusal` when they leave an entry out or rewrite one.
    """
    if stops.product != current.product:
        raise Malformed("wrong-product", needed=current.product, found=stops.product)
    if stops.seq <= current.stops.seq:
        current.stops.extends(stops.seq, stops.head)
        return False
    stops.extends(current.stops.seq, current.stops.head)
    return True


def widened(current: Current, gates: Gates, now: Instant) -> bool:
    """Whether gates differ from the published ones; raises `Refusal` for a step not planned."""
    if gates.product != current.product:
        raise Malformed("wrong-product", needed=current.product, found=gates.product)
    for gate in gates.entries:
        if current.gates.of(gate.release) != gate:
            _step(current, gate, now)
    return gates.to_bytes() != current.gates.to_bytes()


def _step(current: Current, gate: Gate, now: Instant) -> None:
    """A gate opens the next stage of the plan that M persons signed, and nothing else."""
    road = current.road
    offer = None if road is None else road.offer(gate.release)
    if road is None or offer is None:
        raise Refusal("not-offered", needed="a release the routes offer", release=gate.release)
    if not offer.plan.since <= gate.routes_seq <= road.seq:
        raise Stale(
            "gate-of-another-plan",
            needed=f"a routes seq from {offer.plan.since} to {road.seq}",
            found=gate.routes_seq,
        )
    former = current.gates.of(gate.release)
    reached = former.stage if former and former.routes_seq >= offer.plan.since else 0
    if not 1 <= gate.stage <= min(reached + 1, len(offer.plan.stages) - 1):
        raise Refusal("stage-not-next", needed=f"at most stage {reached + 1}", found=gate.stage)
    if gate.opened_at > now + AHEAD:
        raise Refusal("gate-in-future", needed="a time that has come", at=gate.opened_at)
    for one in in_force(current.stops.entries, gate.release, road.lifted):
        if one.state is not Halt.CAPPED:
            raise Stopped(needed="a lift signed by the approvers", release=gate.release, by=one.by)


def _plans(current: Current, before: Routes | None, found: Routes) -> None:
    """Stages begin under known routes, never go back, and begin anew when a stop is lifted."""
    entries = current.stops.entries
    lifted = found.lifted - (before.lifted if before else frozenset())
    if not found.lifted <= {one.digest for one in entries}:
        raise Refusal("unknown-lift", needed="lifts of published stops")
    freed = {one.release for one in entries if one.digest in lifted}
    for offer in found.offers:
        since = offer.plan.since
        if since > found.seq or since < _began(before, offer):
            raise Refusal("plan-since", needed=f"at most {found.seq}, never less", found=since)
        if offer.id in freed and since != found.seq:
            raise Refusal("lift-keeps-stage", needed=f"a plan since {found.seq}", found=since)


def _began(before: Routes | None, offer: Offer) -> int:
    former = None if before is None else before.offer(offer.id)
    return 1 if former is None else former.plan.since


def same(known: Iterable[tuple[str, Digest]], given: Mapping[str, Digest]) -> None:
    """Raise `Mismatch` when a given file is already published with other bytes."""
    for path, content in known:
        if given.get(path, content) != content:
            raise Mismatch(needed=content, path=path, found=given[path])
