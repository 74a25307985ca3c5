"""The routes of a product: what is offered to whom, by what is installed. Signed by M persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical, fields, plan, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed
from warifu_wire.fields import exactly, rows, table, text, unique, whole
from warifu_wire.manifest import Kind, product_name
from warifu_wire.plan import Plan
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.routes.v1+json"
ROUTES_TYPE = "urn:warifu:routes:v1"
SIZE_LIMIT = 48 * 1024
OFFERS_LIMIT = 8
VALID_LIMIT = 30 * 86_400
SIGN_LIMIT = 7 * 86_400


class Tree(StrEnum):
    """What a look at the installed tree found, against the manifest the pointer names."""

    INTACT = "intact"
    MODIFIED = "modified"
    MIXED = "mixed"
    FOREIGN = "foreign"


class Health(StrEnum):
    """What the last start test found."""

    OK = "ok"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """An offerable release: its files by TUF path, its evidence (a VSA), and its stage plan."""

    id: Digest
    kind: Kind
    rank: int
    labels: Mapping[str, str]
    files: Mapping[str, Digest]
    evidence: Digest
    plan: Plan


@dataclass(frozen=True, slots=True)
class Known:
    """A release that may be installed somewhere but is offered no more."""

    id: Digest
    rank: int
    label: str


@dataclass(frozen=True, slots=True)
class Route:
    """One rule, None meaning any: (installed, tree, health) to an offer or nothing, and why."""

    installed: Digest | None
    tree: Tree | None
    health: Health | None
    offer: Digest | None
    why: Mapping[str, str]

    def fits(self, installed: Digest | None, tree: Tree, health: Health) -> bool:
        """Whether this rule is about a machine in that state."""
        return (
            self.installed in (None, installed)
            and self.tree in (None, tree)
            and self.health in (None, health)
        )


@dataclass(frozen=True, slots=True)
class Routes:
    """The whole change that M persons sign once; `prev` is the digest of the routes before."""

    product: str
    seq: int
    prev: Digest
    issued: Instant
    valid_until: Instant
    sign_by: Instant
    stops_seq: int
    stops_head: Digest
    offers: tuple[Offer, ...]
    known: tuple[Known, ...]
    known_trees: Mapping[Digest, Digest]
    routes: tuple[Route, ...]
    lifted: frozenset[Digest]

    def rank(self, release: Digest) -> int | None:
        """The rank of a release named here."""
        ranks = {one.id: one.rank for one in self.known} | {one.id: one.rank for one in self.offers}
        return ranks.get(release)

    def offer(self, release: Digest) -> Offer | None:
        """The offerable release of that id."""
        return next((one for one in self.offers if one.id == release), None)

    def route(self, installed: Digest | None, tree: Tree, health: Health) -> Route | None:
        """The first rule that fits."""
        return next((one for one in self.routes if one.fits(installed, tree, health)), None)

    def to_json(self) -> Json:
        """The payload's value."""
        return {
            "issued": times.spell(self.issued),
            "known": [{"id": k.id, "label": k.label, "rank": k.rank} for k in self.known],
            "known_trees": dict[str, Json](self.known_trees.items()),
            "lifted": list[Json](sorted(self.lifted)),
            "prev": self.prev,
            "product": self.product,
            "releases": [_offer_json(one) for one in self.offers],
            "route": [_route_json(one) for one in self.routes],
            "seq": self.seq,
            "sign_by": times.spell(self.sign_by),
            "stops_seen": {"head": self.stops_head, "seq": self.stops_seq},
            "type": ROUTES_TYPE,
            "valid_until": times.spell(self.valid_until),
        }

    def to_bytes(self) -> bytes:
        """The canonical payload, whose sha256 is what approvals and gates name."""
        return canonical.dumps(self.to_json())


def read(data: bytes, product: str) -> Routes:
    """Read a routes payload; raises `Malformed` when it contradicts itself or is over 48 KiB."""
    if len(data) > SIZE_LIMIT:
        raise Malformed("routes-too-large", needed=f"at most {SIZE_LIMIT} bytes", found=len(data))
    found = fields.document(
        data,
        ROUTES_TYPE,
        (
            *("issued", "known", "known_trees", "lifted", "prev", "product", "releases"),
            *("route", "seq", "sign_by", "stops_seen", "valid_until"),
        ),
    )
    if product_name(text(found["product"])) != product:
        raise Malformed("wrong-product", needed=product, found=found["product"])
    seen = exactly(found["stops_seen"], {"head", "seq"})
    routes = Routes(
        product,
        whole(found["seq"], 1),
        digest(found["prev"]),
        times.read(found["issued"]),
        times.read(found["valid_until"]),
        times.read(found["sign_by"]),
        whole(seen["seq"]),
        digest(seen["head"]),
        tuple(_offer(row) for row in rows(found["releases"], OFFERS_LIMIT)),
        tuple(_known(row) for row in rows(found["known"], 1_000)),
        {digest(tree): digest(one) for tree, one in table(found["known_trees"]).items()},
        tuple(_route(row) for row in rows(found["route"], 1_000)),
        frozenset(digest(one) for one in unique(found["lifted"])),
    )
    _consistent(routes)
    return routes


def _consistent(routes: Routes) -> None:
    ids = [*(one.id for one in routes.offers), *(one.id for one in routes.known)]
    named = {one.offer for one in routes.routes} - {None}
    if len(set(ids)) != len(ids):
        raise Malformed("twice-the-same", needed="each release once")
    if not named <= {one.id for one in routes.offers}:
        raise Malformed("offer-unknown", needed="routes to releases that are listed as offerable")
    if not set(routes.known_trees.values()) <= set(ids):
        raise Malformed("tree-unknown", needed="known trees of releases that are listed")
    if not 0 < (routes.valid_until - routes.issued).total_seconds() <= VALID_LIMIT:
        raise Malformed("validity", needed=f"valid for at most {VALID_LIMIT} s from issue")
    if not 0 < (routes.sign_by - routes.issued).total_seconds() <= SIGN_LIMIT:
        raise Malformed("sign-by", needed=f"to be signed within {SIGN_LIMIT} s of issue")


def _offer(row: Json) -> Offer:
    names = {"evidence", "files", "id", "kind", "labels", "plan", "rank"}
    found = exactly(row, names)
    kind = text(found["kind"])
    if kind not in set(Kind):
        raise Malformed("not-a-kind", needed=f"one of {sorted(Kind)}", found=kind)
    files = {path: digest(one) for path, one in table(found["files"]).items()}
    release = digest(found["id"])
    if release not in files.values():
        raise Malformed("manifest-missing", needed="the manifest among the files", release=release)
    return Offer(
        release,
        Kind(kind),
        whole(found["rank"]),
        fields.texts(found["labels"]),
        files,
        digest(found["evidence"]),
        plan.read(found["plan"]),
    )


def _known(row: Json) -> Known:
    found = exactly(row, {"id", "label", "rank"})
    return Known(digest(found["id"]), whole(found["rank"]), text(found["label"]))


def _route(row: Json) -> Route:
    found = exactly(row, {"health", "installed", "offer", "tree", "why"})
    tree, health = found["tree"], found["health"]
    if not (tree is None or text(tree) in set(Tree)) or not (
        health is None or text(health) in set(Health)
    ):
        raise Malformed("not-a-route", needed="a tree state and a health, or null for any")
    return Route(
        None if found["installed"] is None else digest(found["installed"]),
        None if tree is None else Tree(text(tree)),
        None if health is None else Health(text(health)),
        None if found["offer"] is None else digest(found["offer"]),
        fields.said(found["why"]),
    )


def _offer_json(one: Offer) -> Json:
    return {
        "evidence": one.evidence,
        "files": dict(one.files),
        "id": one.id,
        "kind": one.kind.value,
        "labels": dict(one.labels),
        "plan": one.plan.to_json(),
        "rank": one.rank,
    }


def _route_json(one: Route) -> Json:
    return {
        "health": None if one.health is None else one.health.value,
        "installed": one.installed,
        "offer": one.offer,
        "tree": None if one.tree is None else one.tree.value,
        "why": dict(one.why),
    }
