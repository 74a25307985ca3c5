"""From a draft to a published tree: stage, check as a client would, sign, write, swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tuf.api.metadata import (
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from warifu.engines.targets import layout, trial
from warifu.engines.targets.layout import Lives
from warifu.engines.targets.signing import expiry, quorum, signed
from warifu.engines.targets.store import Store
from warifu.engines.targets.tree import Tree, assemble, load
from warifu.model.ports import Keyring, Signer
from warifu.model.publication import Expiring, needed_files
from warifu_wire import dsse, fields, manifest, times
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.routes import Routes
from warifu_wire.times import Instant

Table = Mapping[str, TargetFile]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to change in a tree: whole target tables by role, the bytes of small new targets,
    key names that sign first, and in a ceremony new delegations, a new root, or a root to come
    whose keys sign already."""

    tree: Tree | None
    tables: Mapping[str, Table] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delegations: Delegations | None = None
    root: Root | None = None
    also: Root | None = None
    snapshot: bool = False

    def table(self, role: str, targets: Table) -> Draft:
        """The role's targets are exactly these."""
        return replace(self, tables={**self.tables, role: targets})

    def targets(self, role: str, new: Mapping[str, bytes]) -> Draft:
        """The role's targets with these added or replaced."""
        former = self.tables.get(role, self._former(role))
        infos = {path: info(path, data) for path, data in new.items()}
        laid = {layout.target(path, of_bytes(data)): data for path, data in new.items()}
        return replace(
            self,
            tables={**self.tables, role: {**former, **infos}},
            files={**self.files, **laid},
        )

    def again(self, role: str) -> Draft:
        """The same targets, signed again."""
        if role == "snapshot":
            return replace(self, snapshot=True)
        return self.table(role, self.tables.get(role, self._former(role)))

    def alive(self, now: Instant) -> Draft:
        """The same, with every online role signed again that has expired meanwhile."""
        draft = self
        for role in layout.DELEGATED:
            if self.tree is not None and self.tree.expiries[role] <= now:
                draft = draft.again(role)
        if self.tree is not None and self.tree.expiries["snapshot"] <= now:
            draft = draft.again("snapshot")
        return draft

    def by(self, role: str, names: tuple[str, ...]) -> Draft:
        """Signed by one of these keys."""
        return replace(self, signers={**self.signers, role: names})

    def _former(self, role: str) -> Table:
        return {} if self.tree is None else self.tree.roles[role].signed.targets


@dataclass(frozen=True, slots=True)
class Pens:
    """Who signs what: keys that root and delegations name, `also` those of a root to come."""

    keyring: Keyring
    root: Root
    delegations: Delegations | None
    first: Mapping[str, tuple[str, ...]]
    also: Root | None = None

    def of(self, role: str) -> tuple[Signer, ...]:
        """Enough signers of a role; raises `Refusal`."""
        first = self.first.get(role, layout.KEYS[role])
        if role in layout.DELEGATED:
            roles = (self.delegations.roles if self.delegations else None) or {}
            return self._enough(role, roles[role].keyids, 1, first)
        found = {}
        for root in (self.root, self.also):
            if root is not None:
                told = root.roles[role]
                for one in self._enough(role, told.keyids, told.threshold, first):
                    found[one.public.keyid] = one
        return tuple(found.values())

    def _enough(
        self, role: str, keyids: list[str], threshold: int, first: tuple[str, ...]
    ) -> tuple[Signer, ...]:
        return tuple(quorum(self.keyring, role, keyids, threshold, first))


def rooted_by(before: Tree, keyring: Keyring) -> tuple[Signer, ...]:
    """Enough keys of the root that stands, for the root that follows it."""
    told = before.root.signed.roles["root"]
    return tuple(quorum(keyring, "root", told.keyids, told.threshold))


def info(path: str, data: bytes) -> TargetFile:
    """What TUF says of a target."""
    return TargetFile(len(data), {"sha256": of_bytes(data)}, path)


def product_of(envelope: Envelope) -> str:
    """The product a routes envelope is about; raises `Malformed`."""
    return manifest.product_name(fields.text(fields.table(dsse.payload(envelope)).get("product")))


def owner(path: str) -> str:
    """The product that a target below `releases`, `stops` or `gates` belongs to."""
    return path.split("/")[1].removesuffix(".json")


def resting(tree: Tree, found: Routes, given: Table) -> dict[str, TargetFile]:
    """The product's table: what its routes rest on, and the statements given beside it."""
    published = tree.roles["releases"].signed.targets
    kept = {path: one for path, one in given.items() if path.startswith("statements/")}
    for path, wanted in needed_files(found).items():
        one = given.get(path) or published.get(path)
        if one is None or wanted not in (None, one.hashes["sha256"]):
            raise Refusal("file-not-given", needed=f"{path} with its bytes", path=path)
        kept[path] = one
    if foreign := [path for path in given if path not in kept or owner(path) != found.product]:
        raise Refusal("file-not-in-routes", needed="files the routes name", path=foreign[0])
    return kept


def publish(draft: Draft, store: Store, keyring: Keyring, lives: Lives, now: Instant) -> Tree:
    """Stage, check, sign, check again, write, and last of all swap the timestamp.

    Raises `Refusal`: an expired offline role, a rule of the client, another signer.
    """
    before = draft.tree
    draft = draft.alive(now)
    roles = _roles(draft, lives, now)
    root = draft.root or (None if before is None else before.root.signed)
    if root is None:
        raise Refusal("no-root", needed="a founding ceremony")
    _alive({"root": root.expires, "targets": roles["targets"].expires}, now)
    expires = expiry(now, lives.timestamp)

    def fetch(name: str) -> bytes | None:
        return draft.files.get(name) or store.read(name)

    trial.rules(before, trial.Staged(root, roles, fetch), expires, now)
    pens = Pens(keyring, root, roles["targets"].delegations, draft.signers, draft.also)
    files = dict(draft.files)
    if draft.root is not None:
        by = pens.of("root") if before is None else (*pens.of("root"), *rooted_by(before, keyring))
        files[layout.metadata("root", root.version)] = signed(root, by)
    for role in draft.tables:
        files[layout.metadata(role, roles[role].version)] = signed(roles[role], pens.of(role))
    files |= _top(draft, roles, files, store, pens, lives, now)
    roled = [name for name in files if name.startswith("metadata/") and name != layout.TIMESTAMP]
    seen = {name: store.look(name) for name in roled}
    if before is not None and store.shared and roled:
        before = _claimed(before, store, pens)
        files |= _top(replace(draft, tree=before), roles, files, store, pens, lives, now)
    trial.refresh(before, files, store, now)
    lease = files.pop(layout.TIMESTAMP)
    for name, data in files.items():
        if name in seen:
            store.replace(name, data, seen[name])
        else:
            store.put(name, data)
    store.swap(layout.TIMESTAMP, None if before is None else before.lease, lease)
    published = load(store)
    if published is None or published.lease != lease:
        raise Refusal("another-signer", needed="to look at the tree again")
    return published


def holding(tree: Tree, store: Store, lives: Lives, now: Instant) -> Draft | None:
    """The newest releases role, from the published one down, under which the tree holds; None when
    that is the published one. Raises `Refusal` when there is none: what somebody with the
    publishing keys wrote past us is replaced, what M persons signed is never taken back."""
    expires = expiry(now, lives.timestamp)
    why: Refusal | None = None
    for version in reversed(store.versions("releases")):
        if version > tree.versions["releases"]:
            continue
        data = store.read(layout.metadata("releases", version)) or b""
        table = Metadata[Targets].from_bytes(data).signed.targets
        draft = Draft(tree).table("releases", table)
        roles = _roles(draft, lives, now)
        try:
            trial.rules(tree, trial.Staged(tree.root.signed, roles, store.read), expires, now)
        except Refusal as refusal:
            why = why or refusal
            continue
        return None if why is None else draft
    raise Refusal("nothing-holds", needed="the approved change, enacted again", why=why)


def _claimed(before: Tree, store: Store, pens: Pens) -> Tree:
    """The same tree under the next timestamp version, with no longer a life: who looked at the
    tree before this can no longer finish. Raises `Stale` when another signer was first."""
    former = before.timestamp.signed
    claim = Timestamp(former.version + 1, None, former.expires, former.snapshot_meta)
    lease = signed(claim, pens.of("timestamp"))
    store.swap(layout.TIMESTAMP, before.lease, lease)
    return replace(before, lease=lease, timestamp=Metadata[Timestamp].from_bytes(lease))


def publish_root(before: Tree, root: Root, store: Store, keyring: Keyring) -> None:
    """A new root over a tree that its keys have signed already; raises `Refusal`."""
    by = (*Pens(keyring, root, None, {}).of("root"), *rooted_by(before, keyring))
    data = signed(root, by)
    chain = [store.read(layout.metadata("root", v)) or b"" for v in store.versions("root")]
    assemble(before.lease, [*chain, data], store.read)
    store.replace(layout.metadata("root", root.version), data, None)


def _roles(draft: Draft, lives: Lives, now: Instant) -> dict[str, Targets]:
    """All target roles as they will be; only changed ones get a new version."""
    before = draft.tree
    roles = {} if before is None else {name: one.signed for name, one in before.roles.items()}
    for role, table in draft.tables.items():
        former = roles.get(role)
        delegations = draft.delegations or (former.delegations if former else None)
        roles[role] = Targets(
            version=former.version + 1 if former else 1,
            expires=expiry(now, lives.of(role)),
            targets=dict(sorted(table.items())),
            delegations=delegations if role == "targets" else None,
        )
    return roles


def _top(
    draft: Draft,
    roles: Mapping[str, Targets],
    files: Mapping[str, bytes],
    store: Store,
    pens: Pens,
    lives: Lives,
    now: Instant,
) -> dict[str, bytes]:
    """Snapshot (when anything below changed) and timestamp, signed."""
    before = draft.tree
    made: dict[str, bytes] = {}
    if before is not None and not draft.tables and not draft.snapshot:
        told = before.timestamp.signed.snapshot_meta
    else:
        meta = {}
        for role, one in roles.items():
            name = layout.metadata(role, one.version)
            data = files.get(name) or store.read(name) or b""
            meta[f"{role}.json"] = _meta(one.version, data)
        version = _newer(before, "snapshot", now)
        snapshot = Snapshot(version=version, expires=expiry(now, lives.snapshot), meta=meta)
        data = signed(snapshot, pens.of("snapshot"))
        made[layout.metadata("snapshot", version)] = data
        told = _meta(version, data)
    timestamp = Timestamp(
        version=_newer(before, "timestamp", now),
        expires=expiry(now, lives.timestamp),
        snapshot_meta=told,
    )
    made[layout.TIMESTAMP] = signed(timestamp, pens.of("timestamp"))
    return made


def _newer(before: Tree | None, role: str, now: Instant) -> int:
    """A version above the last and, by the clock, above whatever a lost or restored tree had:
    a client keeps a snapshot or timestamp of a version it has seen, whatever is in it now."""
    last = 0 if before is None else before.versions[role]
    return max(last + 1, int(now.timestamp()))


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": of_bytes(data)})


def _alive(offline: Mapping[str, Instant], now: Instant) -> None:
    for role, expires in offline.items():
        if expires <= now:
            raise Refusal(
                "role-expired", needed=NEEDED[role], role=role, expires=times.spell(expires)
            )


NEEDED = {
    "root": "a new root signed by two of the three root keys",
    "targets": "the policy signed again by two of the three targets keys",
    "stops": "the worker, with the stops-resigner key or a key of a person on call",
    "gates": "the worker, with the gates key",
    "releases": "the worker, with the releases key",
    "snapshot": "the worker, with a snapshot key",
    "timestamp": "the worker, with a timestamp key",
}


def expiring(tree: Tree, lives: Lives, now: Instant) -> tuple[Expiring, ...]:
    """The roles past half their life or within 30 days of its end, soonest first."""
    due = (
        Expiring(role, expires, NEEDED[role])
        for role, expires in tree.expiries.items()
        if expires - now <= lives.warn_within(role)
    )
    return tuple(sorted(due, key=lambda one: one.expires))
