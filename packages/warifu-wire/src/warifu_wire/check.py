"""The client's check as pure rules: bytes and a clock in, a decision or a `Refusal` out.

Run by the client before it acts, by the snapshot signer before it signs, and by the simulated
fleet. The order of trust is the order of the types: `Opened → Warned → Routed → Go | Stay`. The
numbers are the fourteen steps of TRUST.md; 1 (lock) and 2 (TUF refresh) are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeAlias

from warifu_wire import dsse, evidence, gates, plan, policy, routes, stops, times
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed, Mismatch, Refusal, Stale, Stopped
from warifu_wire.floors import Floors
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.manifest import parse as parse_manifest
from warifu_wire.routes import Health, Offer, Routes, Tree
from warifu_wire.stops import Halt, Stops
from warifu_wire.times import Instant

TOLERANCE = timedelta(seconds=60)
JUMP = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at both clocks: the wall clock, and seconds since boot that also count in sleep."""

    wall: Instant
    boot: float


Clock: TypeAlias = Callable[[], Reading]


class Targets(Protocol):
    """TUF targets already trusted by the metadata: their digests, and their verified bytes."""

    def digest(self, path: str) -> Digest | None:
        """What the signed metadata says of a path; None when it is not a target."""

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target; None when it is not a target."""


@dataclass(frozen=True, slots=True)
class Served:
    """What one TUF refresh gave: root and targets versions, the timestamp's expiry, the targets."""

    root: int
    policy: int
    expires: Instant
    targets: Targets


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine as a look at it found it; `installed` is the manifest id its pointer names."""

    product: str
    installation: str
    installed: Digest | None
    tree: Tree
    tree_digest: Digest
    health: Health


class Leased(Protocol):
    """A decision that holds until `expires`, and the clocks when it was taken."""

    @property
    def expires(self) -> Instant:
        """When it is over."""

    @property
    def taken(self) -> Reading:
        """The clocks at the decision."""


@dataclass(frozen=True, slots=True)
class Go:
    """The release to install, its manifest, why, until when, and the clocks at the decision."""

    offer: Offer
    manifest: Manifest
    routes_seq: int
    why: Mapping[str, str]
    expires: Instant
    taken: Reading


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing to install: `code` says which rule, `why` the sentence of the route if it has one."""

    code: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """Fresh metadata under the offline policy: floors, lease, people and rules hold."""

    served: Served
    floors: Floors
    clock: Clock
    rules: policy.Rules
    people: policy.People

    def warned(self, product: str) -> Warned:
        """6: the stops are there, of this product, and none is forgotten."""
        path = f"stops/{product}.json"
        found = stops.read(required(self.served.targets, path), product)
        if found.seq < self.floors.stops_seq:
            raise Stale("stops-older", needed=f"seq {self.floors.stops_seq}", found=found.seq)
        return Warned(self, product, found, self.floors.with_stops(found))


@dataclass(frozen=True, slots=True)
class Warned:
    """All stops known; `floors` is to be written to disk before anything else is believed."""

    opened: Opened
    product: str
    stops: Stops
    floors: Floors

    def routed(self) -> Routed:
        """7: payload type → canonical payload → M persons → product, seq, validity, stops seen."""
        opened = self.opened
        data = required(opened.served.targets, f"routes/{self.product}.json")
        envelope = dsse.parse(data, routes.PAYLOAD_TYPE)
        dsse.payload(envelope)
        policy.need(envelope, opened.people, "approver", opened.rules.thresholds["approver"])
        found = routes.read(envelope.payload, self.product)
        at_floor = found.seq == self.floors.routes_seq
        if found.seq < self.floors.routes_seq:
            raise Stale("routes-older", needed=f"seq {self.floors.routes_seq}", found=found.seq)
        if at_floor and envelope.digest != self.floors.routes:
            raise Stale("routes-forked", needed=self.floors.routes, found=envelope.digest)
        now = opened.clock().wall
        if now >= found.valid_until:
            raise Stale("routes-over", needed="newer routes", until=times.spell(found.valid_until))
        if now < found.issued - TOLERANCE:
            raise Stale("clock-behind", needed="the right time", issued=times.spell(found.issued))
        self.stops.extends(found.stops_seq, found.stops_head)
        floors = replace(
            self.floors,
            root=opened.served.root,
            policy=opened.served.policy,
            routes_seq=found.seq,
            routes=envelope.digest,
            signed=max(self.floors.signed, found.issued),
        )
        return Routed(self, found, floors)


@dataclass(frozen=True, slots=True)
class Routed:
    """Routes that M persons signed and every stop they saw."""

    warned: Warned
    routes: Routes
    floors: Floors

    def decide(self, machine: Machine) -> Go | Stay:
        """8–13 for one machine; raises `Refusal` where something is wrong and not just absent."""
        found = self.offered(machine)
        if isinstance(found, Stay):
            return found
        offer, why = found
        # 9 not stopped, held or capped away
        most = self.allowed(offer.id)
        # 12, 13 the open stage and this machine's slot in it
        opened = self.warned.opened
        path = f"gates/{self.routes.product}.json"
        gate = gates.read(required(opened.served.targets, path), self.routes.product).of(offer.id)
        now = opened.clock().wall
        if not plan.is_open(offer.plan, gate, machine.installation, now, most):
            return Stay("not-yet" if gate else "no-gate", why)
        # 10, 11 the evidence, and the same bytes all along
        manifest = self.proven(offer)
        # 4 again, now that everything is fetched
        taken = opened.clock()
        within(opened.served.expires, taken.wall, opened.rules.lease_max)
        return Go(offer, manifest, self.routes.seq, why, opened.served.expires, taken)

    def offered(self, machine: Machine) -> tuple[Offer, Mapping[str, str]] | Stay:
        """8: what the first route that fits leads to and why; never to a lower rank."""
        if machine.product != self.routes.product:
            raise Mismatch("wrong-product", needed=self.routes.product, found=machine.product)
        installed = machine.installed or self.routes.known_trees.get(machine.tree_digest)
        route = self.routes.route(installed, machine.tree, machine.health)
        if route is None or route.offer is None:
            return Stay("no-offer", {} if route is None else route.why)
        offer = self.routes.offer(route.offer)
        if offer is None:
            raise Malformed("offer-unknown", needed="an offerable release", release=route.offer)
        if offer.id == installed and machine.tree is Tree.INTACT:
            return Stay("up-to-date", route.why)
        self._rises(offer, installed)
        return offer, route.why

    def allowed(self, release: Digest) -> int:
        """The largest share (millionths) the stops leave a release; raises `Stopped`."""
        entries = stops.in_force(self.floors.stops, release, self.routes.lifted)
        for one in entries:
            if one.state is not Halt.CAPPED:
                raise Stopped(
                    f"release-{one.state.value}",
                    needed="a lift signed by the approvers, or the release that follows",
                    release=release,
                    by=one.by,
                    since=times.spell(one.since),
                    reason_en=one.reason["en"],
                    reason_ja=one.reason["ja"],
                )
        return min((one.max_share for one in entries), default=stops.WHOLE)

    def proven(self, offer: Offer) -> Manifest:
        """10, 11: VSA digest = evidence; files = TUF targets = VSA subjects = manifest bytes."""
        opened = self.warned.opened
        targets = opened.served.targets
        product = self.routes.product
        data = required(targets, f"statements/{product}/{offer.evidence}.json")
        subjects = evidence.subjects(
            data, offer.evidence, f"urn:warifu:{product}:{offer.kind}", opened.rules, opened.people
        )
        for path, wanted in offer.files.items():
            told = targets.digest(path)
            if told != wanted or wanted not in subjects:
                raise Mismatch(
                    "not-what-was-verified",
                    needed=wanted,
                    path=path,
                    served=told,
                    verified=", ".join(sorted(subjects)),
                )
        path = next(path for path, wanted in offer.files.items() if wanted == offer.id)
        manifest = required(targets, path)
        if of_bytes(manifest) != offer.id:
            raise Mismatch("manifest-differs", needed=offer.id, found=of_bytes(manifest))
        found = parse_manifest(manifest)
        if (found.product, found.kind) != (product, offer.kind):
            raise Mismatch("manifest-of-another", needed=f"{product} {offer.kind}", path=path)
        return found

    def _rises(self, offer: Offer, installed: Digest | None) -> None:
        have = None if installed is None else self.routes.rank(installed)
        if have is None and offer.kind is Kind.UPDATE:
            raise Refusal("unknown-tree", needed="a repair or an install program", release=offer.id)
        if have is not None and (
            offer.rank < have or (offer.rank == have and offer.id != installed)
        ):
            raise Refusal("rank-does-not-rise", needed=f"a rank above {have}", rank=offer.rank)


def opened(served: Served, floors: Floors, clock: Clock) -> Opened:
    """3–5: floors, people and rules of the offline role, a lease neither over nor too long."""
    # 3 floors
    if served.root < floors.root:
        raise Stale("root-older", needed=f"root {floors.root}", found=served.root)
    if served.policy < floors.policy:
        raise Stale("policy-older", needed=f"policy {floors.policy}", found=served.policy)
    now = clock().wall
    if now < floors.signed - TOLERANCE:
        raise Stale("clock-behind", needed="the right time", signed=times.spell(floors.signed))
    # 5 people and rules, keys distinct by numbers and by person
    rules = policy.read_rules(required(served.targets, policy.RULES_PATH))
    people = policy.read_people(required(served.targets, policy.PEOPLE_PATH))
    # 4 the lease
    within(served.expires, now, rules.lease_max)
    return Opened(served, floors, clock, rules, people)


def within(expires: Instant, now: Instant, lease_max: int) -> None:
    """4: `0 < expires − now ≤ lease_max + 60 s`; raises `Stale`."""
    left = expires - now
    if left <= timedelta(0):
        raise Stale(
            "lease-over", needed="a newer answer from the origin", until=times.spell(expires)
        )
    if left > timedelta(seconds=lease_max) + TOLERANCE:
        raise Stale("lease-too-long", needed=f"at most {lease_max} s", until=times.spell(expires))


def still_within(leased: Leased, after: Reading) -> None:
    """14: right after the rename; raises `Stale` when the lease ran out or a clock jumped."""
    if after.wall >= leased.expires:
        raise Stale("lease-over", needed="undo the switch", until=times.spell(leased.expires))
    wall = (after.wall - leased.taken.wall).total_seconds()
    apart = abs(wall - (after.boot - leased.taken.boot))
    if apart > JUMP:
        raise Stale("clock-jumped", needed="undo the switch", apart=f"{apart:.0f} s")


def required(targets: Targets, path: str) -> bytes:
    """A target that must be there; its absence is a refusal, not an empty answer."""
    found = targets.read(path)
    if found is None:
        raise Refusal("target-missing", needed=path, path=path)
    return found
