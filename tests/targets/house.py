"""A small house for tests of the tree: keys, people, rules, releases, and routes that M signed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.store import FolderStore, Store
from warifu.model import archive, tree
from warifu.model.people import everybody, key_names, persons
from warifu.model.ports import Repository
from warifu.testing import MemoryDepot, MemoryKeyring
from warifu.testing_targets import MemoryRepository
from warifu_wire import evidence
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope, seal
from warifu_wire.gates import Gate
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.plan import Audience, Circle, Plan, Stage
from warifu_wire.policy import People, Rules
from warifu_wire.routes import PAYLOAD_TYPE, Offer, Route, Routes
from warifu_wire.statements import Predicate, Statement
from warifu_wire.stops import GENESIS, Halt, Stops

NOW = datetime(2026, 2, 5, 4, 23, tzinfo=UTC)
PRODUCT = "ledger-pad"
LEVELS = frozenset({"WARIFU_TESTED"})
WHY = {"en": "It fits.", "ja": "合っています。"}
STAGES = (
    Stage("own", Audience.OWN, 0, 1, 0, 1, 0),
    Stage("volunteers", Audience.CANARY, 0, 12, 60, 12, 0),
    Stage("tenth", Audience.SHARE, 100_000, 300, 60, 100, 3),
    Stage("all", Audience.SHARE, 1_000_000, 3_000, 60, 500, 15),
)


@dataclass(frozen=True, slots=True)
class Release:
    """A program as the road would bring it: archive, manifest, VSA."""

    manifest: Manifest
    zip: bytes
    vsa: Envelope
    rank: int

    @property
    def id(self) -> Digest:
        """The release id."""
        return self.manifest.id

    @property
    def named(self) -> dict[str, Digest]:
        """The files that routes name."""
        product, zipped = self.manifest.product, of_bytes(self.zip)
        return {
            f"manifests/{product}/{self.id}.json": self.id,
            f"programs/{product}/{zipped}.zip": zipped,
        }

    @property
    def files(self) -> dict[str, Digest]:
        """The named files and the VSA's envelope."""
        path = f"statements/{self.manifest.product}/{self.vsa.digest}.json"
        return self.named | {path: of_bytes(self.vsa.to_bytes())}

    def offer(self, since: int = 1) -> Offer:
        """The release as routes offer it."""
        plan = Plan(
            f"ramp {self.rank}", since, Circle("own", frozenset()), Circle("c", frozenset()), STAGES
        )
        made = self.manifest
        return Offer(self.id, made.kind, self.rank, made.labels, self.named, self.vsa.digest, plan)


@dataclass
class House:
    """A repository in a folder with all keys of a trial house, and its depot."""

    folder: Path
    now: datetime = NOW
    depot: MemoryDepot = field(default_factory=MemoryDepot)
    products: tuple[str, ...] = (PRODUCT,)
    memory: bool = False
    store: Store | None = None

    def __post_init__(self) -> None:
        self.persons = persons(2) | {"oncall-2": "oncall"}
        self.keyring = MemoryKeyring(*key_names(self.persons))
        self.people: People = everybody(self.persons, self.keyring.public)
        self.rules = Rules({"approver": 2, "verify": 1}, LEVELS, 600, 86_400, frozenset())
        self.repository: Repository = MemoryRepository() if self.memory else self.open()

    def open(self, *keys: str) -> TufRepository:
        """Another signer on the same tree, with all keys or only these."""
        keyring = MemoryKeyring(*keys) if keys else self.keyring
        return TufRepository(self.store or FolderStore(self.folder), keyring)

    def found(self) -> House:
        """The house with its first tree."""
        self.repository.create(self.rules, self.people, self.products, self.now)
        return self

    def passes(self, seconds: float = 1) -> datetime:
        """Time goes by."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def release(
        self,
        text: str,
        rank: int = 1,
        kind: Kind = Kind.UPDATE,
        product: str = PRODUCT,
        **vsa: Json,
    ) -> Release:
        """A program of two members, verified, with all its bytes in the depot."""
        files = {
            "app/run.py": tree.file("exec", text.encode()),
            "data/form.txt": tree.file("file", b"the same in every release\n"),
        }
        made = Manifest(
            product,
            kind,
            {"version": "Ver1.10"},
            tree.members(files),
            ("user",),
            ("{python}", "{tree}/app/run.py"),
        )
        zipped = archive.write(files)
        signed = self.vsa(made, zipped, **vsa)
        for data in (made.to_bytes(), zipped, signed.to_bytes()):
            self.depot.put(of_bytes(data), io.BytesIO(data))
        return Release(made, zipped, signed, rank)

    def vsa(self, made: Manifest, zipped: bytes, **changed: Json) -> Envelope:
        """A summary that passes, but for what is changed."""
        predicate: dict[str, Json] = {
            "policy": {"digest": {"sha256": self.rules.digest}, "uri": "urn:warifu:rules"},
            "resourceUri": f"urn:warifu:{made.product}:{made.kind}",
            "verificationResult": "PASSED",
            "verifiedLevels": list[Json](sorted(LEVELS)),
            "verifier": {"id": evidence.VERIFIER},
        }
        statement = Statement(
            {"archive": of_bytes(zipped), "manifest": made.id},
            Predicate.VSA,
            predicate | changed,
        )
        return self.signed(statement.envelope(), "verify")

    def signed(self, envelope: Envelope, *names: str) -> Envelope:
        """The envelope with signatures of these keys."""
        for name in names:
            signer = self.keyring.signer(name)
            envelope = envelope.signed(signer.public.keyid, signer.sign)
        return envelope

    def routes(
        self,
        *releases: Release,
        since: int | None = None,
        lifted: Iterable[Digest] = (),
        product: str = PRODUCT,
        **changed: object,
    ) -> Routes:
        """The next routes: everybody gets the last of these releases, whatever they have."""
        current = self.repository.current(product)
        before = current.road
        seq = before.seq + 1 if before else 1
        fields: dict[str, object] = {
            "product": product,
            "seq": seq,
            "prev": GENESIS if before is None else of_bytes(before.to_bytes()),
            "issued": self.now,
            "valid_until": self.now + timedelta(days=30),
            "sign_by": self.now + timedelta(days=7),
            "stops_seq": current.stops.seq,
            "stops_head": current.stops.head,
            "offers": tuple(one.offer(since or 1) for one in releases),
            "known": (),
            "known_trees": {},
            "routes": tuple(Route(None, None, None, one.id, WHY) for one in releases[-1:]),
            "lifted": frozenset(lifted),
        }
        return Routes(**(fields | changed))  # type: ignore[arg-type]

    def approve(self, routes: Routes, *names: str) -> Envelope:
        """The routes signed by both approvers, or by these."""
        by = names or ("approver-1", "approver-2")
        return self.signed(seal(PAYLOAD_TYPE, routes.to_json()), *by)

    def publish(self, *releases: Release, **routes: object) -> Routes:
        """Enact routes that offer these releases."""
        road = self.routes(*releases, **routes)  # type: ignore[arg-type]
        self.repository.enact(self.approve(road), files_of(*releases), self.depot, self.passes())
        return road

    def stop(
        self, release: Digest, state: Halt = Halt.STOPPED, key: str = "oncall-1", share: int = 0
    ) -> Stops:
        """Stop a release as the person on call."""
        reason = {"en": "It cannot sign.", "ja": "署名できません。"}
        stops = self.repository.current(PRODUCT).stops.added(
            release, state, since=self.now, reason=reason, by=key, max_share=share
        )
        self.repository.narrow(stops, key, self.passes())
        return stops

    def open_gate(self, release: Digest, stage: int) -> Gate:
        """Open a stage."""
        current = self.repository.current(PRODUCT)
        seq = current.road.seq if current.road else 1
        gate = Gate(release, seq, stage, self.now, of_bytes(b"probe"), of_bytes(b"evidence"))
        self.repository.widen(current.gates.opened(gate), self.passes())
        return gate


def files_of(*releases: Release) -> dict[str, Digest]:
    """All files of releases by TUF path."""
    found: dict[str, Digest] = {}
    for one in releases:
        found |= one.files
    return found
