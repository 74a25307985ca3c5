"""A small real provider: keys, policy, a TUF repository in a folder, and HTTP on loopback.

It writes what the publication engine writes, with the same libraries, so that the client can be
tested alone. Times are those of a given clock; every change is signed and on disk when it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from backports import zstd
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from warifu.engines.targets import bundles, tree
from warifu.engines.targets.store import FolderStore
from warifu_wire import dsse, gates, plan, policy, routes
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.evidence import VERIFIER
from warifu_wire.gates import Gate
from warifu_wire.keys import public_key
from warifu_wire.manifest import Kind, Manifest, Member
from warifu_wire.plan import Audience, Plan, Stage
from warifu_wire.policy import KeyState, Person, Rules
from warifu_wire.routes import Known, Offer, Route, Routes
from warifu_wire.statements import Predicate, Statement
from warifu_wire.stops import GENESIS, WHOLE, Halt, Stop, Stops

PRODUCT = "application-tool"
LEASE = 600
ROLES = ("root", "targets", "snapshot", "timestamp", "stops", "gates", "releases")
PATHS = {
    "stops": ["stops/*"],
    "gates": ["gates/*"],
    "releases": ["routes/*", "manifests/*/*", "statements/*/*", "programs/*/*"],
}
LIVES = {
    "root": timedelta(days=180),
    "targets": timedelta(days=180),
    "stops": timedelta(hours=48),
    "gates": timedelta(days=7),
    "releases": timedelta(days=30),
    "snapshot": timedelta(hours=24),
    "timestamp": timedelta(seconds=LEASE),
}
ANY = (None, None, None)
SAID = {"ja": "修正した版です", "en": "A corrected release"}


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the tests: its manifest and the bytes of its members."""

    manifest: Manifest
    contents: Mapping[Digest, bytes]

    @property
    def id(self) -> Digest:
        """The release id."""
        return self.manifest.id


def release(
    files: Mapping[str, bytes],
    *,
    label: str = "Ver1.00",
    kind: Kind = Kind.UPDATE,
    start: tuple[str, ...] = ("{python}", "{tree}/start.py"),
    keeps: tuple[str, ...] = (),
    executable: frozenset[str] = frozenset(),
    product: str = PRODUCT,
) -> Release:
    """A release of these files; `start.py` decides whether it starts."""
    members = tuple(
        sorted(
            Member(path, "exec" if path in executable else "file", of_bytes(data), len(data))
            for path, data in files.items()
        )
    )
    manifest = Manifest(product, kind, {"ja": label, "en": label}, members, keeps, start)
    return Release(manifest, {of_bytes(data): data for data in files.values()})


@dataclass
class Provider:
    """The published tree in `folder`, and everything needed to sign the next version of it."""

    folder: Path
    now: Callable[[], datetime]
    signers: dict[str, CryptoSigner] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    product: str = PRODUCT
    stops: Stops = field(init=False)
    gates: gates.Gates = field(init=False)
    routes: Routes | None = None
    prev: Digest = GENESIS
    day: timedelta = timedelta(days=1)

    def __post_init__(self) -> None:
        self.stops, self.gates = Stops(self.product, ()), gates.Gates(self.product, ())
        if self.metadata:
            self._begin()
            self.sign_roles("stops", "gates")
            return
        names = (*ROLES, "approver-1", "approver-2", "verifier")
        self.signers = {name: CryptoSigner.generate_ed25519() for name in names}
        (self.folder / "metadata").mkdir(parents=True)
        self._found()

    @property
    def rules(self) -> Rules:
        """What M of whom must sign."""
        lives = LEASE, 2 * 86_400
        return Rules({"approver": 2, "verify": 1}, frozenset({"L1"}), *lives, frozenset())

    def beside(self, product: str) -> Provider:
        """The same provider's other product: the same keys, roles and tree."""
        return Provider(self.folder, self.now, self.signers, self.metadata, product)

    def _begin(self) -> None:
        self.put("stops", f"stops/{self.product}.json", self.stops.to_bytes())
        self.put("gates", f"gates/{self.product}.json", self.gates.to_bytes())

    @property
    def root(self) -> bytes:
        """The root that travels with the updater."""
        return (self.folder / "metadata" / "1.root.json").read_bytes()

    def sign(self, envelope: dsse.Envelope, *names: str) -> dsse.Envelope:
        """The envelope with these parties' signatures."""
        for name in names:
            signer = self.signers[name]
            envelope = envelope.signed(
                name, lambda data, s=signer: bytes.fromhex(s.sign(data).signature)
            )
        return envelope

    def publish(
        self,
        *releases: Release,
        route: tuple[Route, ...] | None = None,
        open_to_all: bool = True,
        known: tuple[Known, ...] = (),
        lifted: frozenset[Digest] = frozenset(),
        known_trees: Mapping[Digest, Digest] | None = None,
    ) -> None:
        """Offer these releases, the last one to everybody, and open its gate to all."""
        seq = self.routes.seq + 1 if self.routes else 1
        offers = tuple(self._offer(one, rank, seq) for rank, one in enumerate(releases, 1))
        now = self.now().replace(microsecond=0)
        self.routes = Routes(
            self.product,
            seq,
            self.prev,
            now,
            now + timedelta(days=20),
            now + timedelta(days=2),
            self.stops.seq,
            self.stops.head,
            offers,
            known,
            known_trees or {},
            route if route is not None else (Route(*ANY, releases[-1].id, SAID),),
            lifted,
        )
        self.enact(self.routes)
        if open_to_all:
            for one in releases:
                self.open(one.id)

    def enact(self, wanted: Routes) -> None:
        """Sign these routes by both approvers and serve them."""
        self.routes = wanted
        envelope = self.sign(
            dsse.seal(routes.PAYLOAD_TYPE, wanted.to_json()), "approver-1", "approver-2"
        )
        self.prev = envelope.digest
        self.put("releases", f"routes/{self.product}.json", envelope.to_bytes())
        self.sign_roles("releases")

    def open(self, release: Digest, stage: int = 2) -> None:
        """Open a stage of a release's plan."""
        assert self.routes is not None
        opened = self.now().replace(microsecond=0) - timedelta(seconds=1)
        gate = Gate(release, self.routes.seq, stage, opened, GENESIS, GENESIS)
        self.gates = self.gates.opened(gate)
        self.put("gates", f"gates/{self.product}.json", self.gates.to_bytes())
        self.sign_roles("gates")

    def stop(self, release: Digest, state: Halt = Halt.STOPPED) -> Stop:
        """Stop a release by the on-call key."""
        self.stops = self.stops.added(
            release,
            state,
            since=self.now().replace(microsecond=0),
            reason={"ja": "起動しません", "en": "it does not start"},
            by="on-call one",
        )
        self.put("stops", f"stops/{self.product}.json", self.stops.to_bytes())
        self.sign_roles("stops")
        return self.stops.entries[-1]

    def lease(self, life: timedelta = timedelta(seconds=LEASE)) -> None:
        """Sign the timestamp anew."""
        self._write("timestamp", life)

    # the parts

    def _found(self) -> None:
        expires = self.now()
        root = Root(consistent_snapshot=True, expires=expires + LIVES["root"])
        for role in ("root", "targets", "snapshot", "timestamp"):
            root.add_key(self.signers[role].public_key, role)
        delegated = {
            name: DelegatedRole(name, [self.signers[name].public_key.keyid], 1, True, paths)
            for name, paths in PATHS.items()
        }
        keys = {self.signers[one].public_key.keyid: self.signers[one].public_key for one in PATHS}
        self.metadata = {
            "root": Metadata(root),
            "targets": Metadata(Targets(delegations=Delegations(keys, delegated))),
            "snapshot": Metadata(Snapshot()),
            "timestamp": Metadata(Timestamp()),
            **{name: Metadata(Targets()) for name in PATHS},
        }
        for name in ("targets", "snapshot", "timestamp", *PATHS):
            self.metadata[name].signed.version = 0
        people = policy.people(
            *(self._person(name, "approver") for name in ("approver-1", "approver-2")),
            self._person("verifier", "verify"),
        )
        self.put("targets", policy.RULES_PATH, self.rules.to_bytes())
        self.put("targets", policy.PEOPLE_PATH, people.to_bytes())
        self._begin()
        self._write("root", LIVES["root"], step=0)
        self.sign_roles("targets", "stops", "gates", "releases")

    def _person(self, name: str, role: str) -> Person:
        value: Json = self.signers[name].public_key.to_dict()
        assert isinstance(value, dict)
        key = public_key(name, value)
        return Person(name, name, role == "verify", frozenset({role}), ((key, KeyState.ACTIVE),))

    def _offer(self, one: Release, rank: int, seq: int) -> Offer:
        path = f"manifests/{self.product}/{one.id}.json"
        self.put("releases", path, one.manifest.to_bytes())
        for digest, data in one.contents.items():
            blob = self.folder / "blobs" / digest[:2] / f"{digest}.zst"
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(zstd.compress(data, 3))
        statement = Statement(
            {"manifest": one.id},
            Predicate.VSA,
            {
                "policy": {"digest": {"sha256": self.rules.digest}},
                "resourceUri": f"urn:warifu:{self.product}:{one.manifest.kind}",
                "verificationResult": "PASSED",
                "verifiedLevels": ["L1"],
                "verifier": {"id": VERIFIER},
            },
        )
        vsa = self.sign(statement.envelope(), "verifier")
        self.put("releases", f"statements/{self.product}/{vsa.digest}.json", vsa.to_bytes())
        labels = dict(one.manifest.labels)
        files = {path: one.id}
        return Offer(one.id, one.manifest.kind, rank, labels, files, vsa.digest, everybody(seq))

    def put(self, role: str, path: str, data: bytes) -> None:
        """Lay a target; it counts when its role is signed."""
        signed = self.metadata[role].signed
        signed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        parent, _, name = path.rpartition("/")
        target = self.folder / "targets" / parent / f"{of_bytes(data)}.{name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def sign_roles(self, *roles: str) -> None:
        """New versions of these roles, and of snapshot and timestamp."""
        for role in roles:
            self._write(role, LIVES[role])
            self.metadata["snapshot"].signed.meta[f"{role}.json"] = self._meta(role)
        self._write("snapshot", LIVES["snapshot"])
        self.metadata["timestamp"].signed.snapshot_meta = self._meta("snapshot")
        self.lease()

    def _meta(self, role: str) -> MetaFile:
        version = self.metadata[role].signed.version
        data = (self.folder / "metadata" / f"{version}.{role}.json").read_bytes()
        return MetaFile(version, len(data), {"sha256": of_bytes(data)})

    def _write(self, role: str, life: timedelta, step: int = 1) -> None:
        document = self.metadata[role]
        document.signed.version += step
        document.signed.expires = (self.now() + life).replace(microsecond=0)
        document.sign(self.signers[role])
        name = f"{role}.json" if role == "timestamp" else f"{document.signed.version}.{role}.json"
        half = self.folder / "metadata" / f"{name}.part"
        half.write_bytes(document.to_bytes())
        half.replace(self.folder / "metadata" / name)


def _raw(signer: CryptoSigner, data: bytes) -> bytes:
    return bytes.fromhex(signer.sign(data).signature)


def everybody(seq: int) -> Plan:
    """A plan of two stages beyond our own machines: volunteers nobody is, then everybody."""
    nobody = plan.circle("salt", (), (of_bytes(b"padding"),))
    return Plan(
        "ramp",
        seq,
        nobody,
        nobody,
        (
            Stage("own", Audience.OWN, 0, 0, 0, 0, 0),
            Stage("volunteers", Audience.CANARY, 0, 12, 0, 0, 0),
            Stage("all", Audience.SHARE, WHOLE, 0, 0, 0, 0),
        ),
    )


def bundled(
    provider: Provider,
    path: Path,
    of: Digest,
    *,
    life: timedelta = timedelta(days=1),
    signers: tuple[str, ...] = ("approver-1", "approver-2"),
    change: Callable[[dict[str, bytes]], None] = lambda parts: None,
) -> Path:
    """A bundle of the published tree, its lease signed by these."""
    store = FolderStore(provider.folder)
    published = tree.load(store)
    assert published is not None
    parts = bundles.parts(published, store, PRODUCT, of)
    now = provider.now().replace(microsecond=0)
    lease = provider.sign(bundles.proposed(parts, of, now, life), *signers)
    change(parts)
    path.write_bytes(bundles.written(parts, lease))
    return path
