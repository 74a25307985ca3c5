"""The later ceremonies of the offline roles: keys that changed, metadata that grow old."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tuf.api.metadata import Root

from warifu.engines.targets import ceremony
from warifu.engines.targets.layout import Lives
from warifu.engines.targets.staging import Draft, publish, publish_root
from warifu.engines.targets.store import Store
from warifu.engines.targets.tree import Tree
from warifu.model.ports import Keyring
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Rotation:
    """What old and new keys sign alike before a new root, and that root; either may be nothing."""

    below: Draft
    root: Root | None

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that are signed anew."""
        return tuple(sorted({*self.below.tables, *(("root",) if self.root else ())}))


def rotation(tree: Tree, keyring: Keyring, lives: Lives, now: Instant) -> Rotation:
    """A new root and new delegations where the keyring's keys are others than the tree's, or
    where the root or the policy is past half its life.

    A client that knows the former keys follows, because the former quorum signs the new root too.
    """
    former, found = tree.root.signed, ceremony.next_root(tree.root.signed, keyring, lives, now)
    moved = {role for role in found.roles if _keys(former, role) != _keys(found, role)}
    policy = ceremony.offline_policy(Draft(tree), keyring, tree.rules, tree.people)
    delegated = policy.delegations != tree.targets.delegations
    below = Draft(tree)
    if delegated or "targets" in moved or not tree.settled or _old(tree, "targets", lives, now):
        below = policy
    if "snapshot" in moved or not tree.settled:
        below = below.again("snapshot")
    new = bool(moved) or _old(tree, "root", lives, now)
    return Rotation(below, found if new else None)


def rotate(found: Rotation, store: Store, keyring: Keyring, lives: Lives, now: Instant) -> None:
    """First everything below, signed by old and new keys, then the root: a client with either root
    accepts each state. When the old keys are gone or the old root is over, clients wait until the
    last write.
    """
    try:
        tree = publish(replace(found.below, also=found.root), store, keyring, lives, now)
    except Refusal as refusal:
        if found.root is None or refusal.reason not in {"keys-missing", "role-expired"}:
            raise
        publish(replace(found.below.again("snapshot"), root=found.root), store, keyring, lives, now)
    else:
        if found.root is not None:
            publish_root(tree, found.root, store, keyring)


def _keys(root: Root, role: str) -> tuple[frozenset[str], int]:
    """Which keys a role has, whatever their order, and how many of them sign."""
    return frozenset(root.roles[role].keyids), root.roles[role].threshold


def _old(tree: Tree, role: str, lives: Lives, now: Instant) -> bool:
    return tree.expiries[role] - now <= lives.of(role) / 2
