"""The published tree, read back: every signature and hash verified, no expiry looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu_wire import policy, stops
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.policy import People, Rules
from warifu_wire.times import Instant

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Tree:
    """All roles as they are published; `lease` is the timestamp file's bytes.

    Not `settled`: the root is newer than what it covers.
    """

    lease: bytes
    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    roles: Mapping[str, Metadata[Targets]]
    fetch: Read
    settled: bool = True

    @property
    def targets(self) -> Targets:
        """The offline policy role."""
        return self.roles["targets"].signed

    @property
    def versions(self) -> dict[str, int]:
        """The version of each role."""
        top = {
            "root": self.root.signed.version,
            "snapshot": self.snapshot.signed.version,
            "timestamp": self.timestamp.signed.version,
        }
        return top | {role: one.signed.version for role, one in self.roles.items()}

    @property
    def expiries(self) -> dict[str, Instant]:
        """When each role ends."""
        top = {
            "root": self.root.signed.expires,
            "snapshot": self.snapshot.signed.expires,
            "timestamp": self.timestamp.signed.expires,
        }
        return top | {role: one.signed.expires for role, one in self.roles.items()}

    def digest(self, path: str) -> Digest | None:
        """What the signed metadata say of a path, in the order of the delegations."""
        role = answering({name: one.signed for name, one in self.roles.items()}, path)
        found = None if role is None else role.targets.get(path)
        return None if found is None else digest(found.hashes.get("sha256"))

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target; raises `Mismatch` when the tree holds others."""
        wanted = self.digest(path)
        if wanted is None:
            return None
        data = self.fetch(layout.target(path, wanted))
        if data is None or of_bytes(data) != wanted:
            found = None if data is None else of_bytes(data)
            raise Mismatch("tree-damaged", needed=wanted, path=path, found=found)
        return data

    @property
    def rules(self) -> Rules:
        """The rules of the offline policy."""
        return policy.read_rules(self.must(policy.RULES_PATH))

    @property
    def people(self) -> People:
        """The people of the offline policy."""
        return policy.read_people(self.must(policy.PEOPLE_PATH))

    @property
    def products(self) -> tuple[str, ...]:
        """The products that have stops, in order."""
        paths = self.roles["stops"].signed.targets
        return tuple(sorted(one.split("/")[1].removesuffix(".json") for one in paths))

    def stops(self, product: str) -> stops.Stops:
        """The stops of a product."""
        return stops.read(self.must(f"stops/{product}.json"), product)

    def must(self, path: str) -> bytes:
        """A target that has to be there; raises `Refusal`."""
        found = self.read(path)
        if found is None:
            raise Refusal("target-missing", needed=path, path=path)
        return found


def answering(roles: Mapping[str, Targets], path: str) -> Targets | None:
    """The role that answers for a path: the policy itself, or the first delegation that fits."""
    offline = roles["targets"]
    if path in offline.targets or offline.delegations is None:
        return offline
    for name, _ in offline.delegations.get_roles_for_target(path):
        return roles[name]
    return None


def load(store: Store, *, former: bool = False) -> Tree | None:
    """The published tree, or None before the first; raises `Refusal` for one that does not hold.

    `former`: what the newest root does not cover yet may be signed under the one before it, as a
    ceremony that was killed halfway leaves it.
    """
    lease = store.read(layout.TIMESTAMP)
    if lease is None:
        return None
    roots = [_fetched(store.read, layout.metadata("root", v)) for v in store.versions("root")]
    try:
        return assemble(lease, roots, store.read)
    except Refusal:
        if not former or len(roots) == 1:
            raise
        tree = assemble(lease, roots[:-1], store.read)
        return replace(tree, root=_root_chain(roots), settled=False)


def assemble(lease: bytes, roots: list[bytes], fetch: Read) -> Tree:
    """A tree from its timestamp, all its roots and a way to read the rest, each part verified."""
    try:
        root = _root_chain(roots)
        timestamp = Metadata[Timestamp].from_bytes(lease)
        root.signed.verify_delegate("timestamp", timestamp.signed_bytes, timestamp.signatures)
        told = timestamp.signed.snapshot_meta
        data = _fetched(fetch, layout.metadata("snapshot", told.version))
        told.verify_length_and_hashes(data)
        snapshot = Metadata[Snapshot].from_bytes(data)
        root.signed.verify_delegate("snapshot", snapshot.signed_bytes, snapshot.signatures)
        roles = {"targets": _role(root.signed, snapshot.signed, "targets", fetch)}
        for name in layout.DELEGATED:
            roles[name] = _role(roles["targets"].signed, snapshot.signed, name, fetch)
    except (RepositoryError, DeserializationError, ValueError, KeyError) as error:
        raise Refusal(
            "tree-does-not-hold", needed="the tree as it was signed", why=error
        ) from error
    return Tree(lease, root, timestamp, snapshot, roles, fetch)


def _root_chain(roots: list[bytes]) -> Metadata[Root]:
    """The newest root; each is signed by the one before and by itself."""
    chain = [Metadata[Root].from_bytes(one) for one in roots]
    if not chain:
        raise ValueError("no root")
    chain[0].signed.verify_delegate("root", chain[0].signed_bytes, chain[0].signatures)
    for former, latter in pairwise(chain):
        if latter.signed.version != former.signed.version + 1:
            raise ValueError(f"root {latter.signed.version} after {former.signed.version}")
        for by in (former.signed, latter.signed):
            by.verify_delegate("root", latter.signed_bytes, latter.signatures)
    return chain[-1]


def _role(by: Root | Targets, snapshot: Snapshot, name: str, fetch: Read) -> Metadata[Targets]:
    told = snapshot.meta[f"{name}.json"]
    data = _fetched(fetch, layout.metadata(name, told.version))
    told.verify_length_and_hashes(data)
    found = Metadata[Targets].from_bytes(data)
    by.verify_delegate(name, found.signed_bytes, found.signatures)
    if found.signed.version != told.version:
        raise ValueError(f"{name} {found.signed.version}, the snapshot says {told.version}")
    return found


def _fetched(fetch: Read, name: str) -> bytes:
    data = fetch(name)
    if data is None:
        raise ValueError(f"{name} is missing")
    return data
