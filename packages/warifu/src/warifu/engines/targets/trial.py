"""The client's whole check on a staged tree, before and after it is signed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securesystemslib.signer import Key
from tuf.api.exceptions import EqualVersionNumberError, RepositoryError
from tuf.api.metadata import Root, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu.engines.targets.tree import Read, Tree, answering
from warifu.model.publication import signed_routes
from warifu_wire import check, dsse
from warifu_wire.check import Reading, Served
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal, Stale
from warifu_wire.floors import Floors
from warifu_wire.keys import distinct, public_key
from warifu_wire.routes import PAYLOAD_TYPE
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Staged:
    """Target roles about to be published, and the bytes that are not in the store yet."""

    root: Root
    roles: Mapping[str, Targets]
    fetch: Read

    def digest(self, path: str) -> Digest | None:
        """What the roles say of a path, as a client walks the delegations."""
        role = answering(self.roles, path)
        found = None if role is None else role.targets.get(path)
        return None if found is None else digest(found.hashes.get("sha256"))

    def read(self, path: str) -> bytes | None:
        """The bytes of a target, hashed; None when it is not a target."""
        wanted = self.digest(path)
        if wanted is None:
            return None
        data = self.fetch(layout.target(path, wanted))
        if data is None or of_bytes(data) != wanted:
            raise Mismatch("staged-bytes-differ", needed=wanted, path=path)
        return data


def shape(targets: Targets) -> None:
    """Raises `Refusal` unless delegations are as laid out: order, disjoint paths, terminating.

    Also refuses a role with one key under two spellings (TRUST.md, trap "threshold 2").
    """
    found = targets.delegations
    roles = found.roles if found is not None and found.roles is not None else {}
    told = [(one.name, tuple(one.paths or ()), one.terminating) for one in roles.values()]
    wanted = [(name, layout.PATHS[name], True) for name in layout.DELEGATED]
    if told != wanted:
        raise Refusal("delegations-differ", needed=str(wanted), found=told)
    if found is not None:
        separate({name: one.keyids for name, one in roles.items()}, found.keys)


def separate(keyids: Mapping[str, list[str]], keys: Mapping[str, Key]) -> None:
    """Raises `Refusal` when a role counts one key twice."""
    for role, ids in keyids.items():
        found = [public_key(one, dict(keys[one].to_dict())) for one in ids]
        if distinct(found) != len(found):
            raise Refusal("key-twice", needed="different keys in each role", role=role)


def rules(before: Tree | None, staged: Staged, expires: Instant, now: Instant) -> tuple[str, ...]:
    """Every rule of the client that has already seen `before`; the products whose routes are over.

    Raises `Refusal`: a delegated role that steps by more than one, a rule of `warifu_wire.check`.
    """
    separate({name: one.keyids for name, one in staged.root.roles.items()}, staged.root.keys)
    shape(staged.roles["targets"])
    if before is not None:
        for role, one in staged.roles.items():
            step = one.version - before.versions[role]
            if step not in (0, 1):
                raise Refusal("version-step", needed="one at a time", role=role, step=step)
    over = []
    for path in staged.roles["stops"].targets:
        product = path.split("/")[1].removesuffix(".json")
        if not _product(before, staged, product, expires, now):
            over.append(product)
    return tuple(over)


def _product(
    before: Tree | None, staged: Staged, product: str, expires: Instant, now: Instant
) -> bool:
    """Whether a product's routes may still be acted on; raises `Refusal` when anything is wrong."""
    floors = Floors() if before is None else floors_of(before, product)
    served = Served(staged.root.version, staged.roles["targets"].version, expires, staged)
    warned = check.opened(served, floors, lambda: Reading(now, 0.0)).warned(product)
    known = before.stops(product) if before is not None and floors.stops_seq else None
    if known is not None:
        warned.stops.extends(known.seq, known.head)
    if staged.digest(f"routes/{product}.json") is None:
        return True
    try:
        routed = warned.routed()
    except Stale as refusal:
        if refusal.reason == "routes-over":
            return False
        raise
    for offer in routed.routes.offers:
        routed.proven(offer)
    return True


def floors_of(tree: Tree, product: str) -> Floors:
    """The floors of a machine that has seen this tree."""
    versions = tree.versions
    floors = Floors(root=versions["root"], policy=versions["targets"])
    if tree.digest(f"stops/{product}.json") is not None:
        floors = floors.with_stops(tree.stops(product))
    data = tree.read(f"routes/{product}.json")
    if data is None:
        return floors
    try:
        envelope = dsse.parse(data, PAYLOAD_TYPE)
        found = signed_routes(envelope, product, tree.rules, tree.people)
    except Refusal:  # no machine ever believed these
        return floors
    return Floors(
        floors.root,
        floors.policy,
        found.seq,
        envelope.digest,
        floors.stops_seq,
        floors.stops,
        found.issued,
    )


def refresh(before: Tree | None, files: Mapping[str, bytes], store: Store, now: Instant) -> None:
    """TUF's own client rules on the signed files, fresh and after `before`; raises `Refusal`."""

    def fetch(name: str) -> bytes:
        data = files.get(name) or store.read(name)
        if data is None:
            raise Refusal("staged-file-missing", needed=name)
        return data

    roots = {f"metadata/{v}.root.json" for v in store.versions("root")} | {
        name for name in files if name.endswith(".root.json")
    }
    chain = [fetch(one) for one in sorted(roots, key=_version)]
    try:
        for former in (None, before):
            _client(chain, former, fetch(layout.TIMESTAMP), fetch, now)
    except RepositoryError as error:
        raise Refusal("client-would-refuse", needed="a tree clients accept", why=error) from error


def _client(
    chain: list[bytes],
    before: Tree | None,
    lease: bytes,
    fetch: Callable[[str], bytes],
    now: Instant,
) -> None:
    trusted = TrustedMetadataSet(chain[0], EnvelopeType.METADATA)
    trusted.reference_time = now
    for root in chain[1:]:
        trusted.update_root(root)
    if before is not None:
        _remember(lambda: trusted.update_timestamp(before.lease))
    try:
        trusted.update_timestamp(lease)
    except EqualVersionNumberError as error:
        raise Refusal("timestamp-not-newer", needed="a higher version") from error
    if before is not None:
        name = layout.metadata("snapshot", before.versions["snapshot"])
        _remember(lambda: trusted.update_snapshot(fetch(name), trusted=True))
    version = trusted.timestamp.snapshot_meta.version
    trusted.update_snapshot(fetch(layout.metadata("snapshot", version)))
    for role, by in (("targets", "root"), *((one, "targets") for one in layout.DELEGATED)):
        version = trusted.snapshot.meta[f"{role}.json"].version
        trusted.update_delegated_targets(fetch(layout.metadata(role, version)), role, by)


def _remember(load: Callable[[], object]) -> None:
    """What a client has kept counts for its versions only: it may be over by now."""
    with contextlib.suppress(RepositoryError):
        load()


def _version(name: str) -> int:
    return int(name.removeprefix("metadata/").split(".")[0])
