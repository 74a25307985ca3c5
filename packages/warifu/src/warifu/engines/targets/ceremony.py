"""The ceremonies of the offline roles: the first root and policy, and every later policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tuf.api.metadata import DelegatedRole, Delegations, Role, Root

from warifu.engines.targets import layout
from warifu.engines.targets.layout import Lives
from warifu.engines.targets.signing import expiry, keys_of, tuf_key
from warifu.engines.targets.staging import Draft
from warifu.engines.targets.tree import Tree
from warifu.model.ports import Keyring
from warifu_wire import manifest, policy
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gates
from warifu_wire.keys import PublicKey
from warifu_wire.policy import KeyState, People, Rules
from warifu_wire.stops import Stops
from warifu_wire.times import Instant


def founding(
    keyring: Keyring,
    lives: Lives,
    rules: Rules,
    people: People,
    products: Iterable[str],
    now: Instant,
) -> Draft:
    """The first tree: root 1, the policy, and explicit empty files for every product."""
    names = [manifest.product_name(one) for one in products]
    draft = offline_policy(Draft(None), keyring, rules, people)
    draft = draft.targets(
        "stops", {f"stops/{one}.json": Stops(one, ()).to_bytes() for one in names}
    )
    draft = draft.targets(
        "gates", {f"gates/{one}.json": Gates(one, ()).to_bytes() for one in names}
    )
    draft = draft.table("releases", {})
    return replace(draft, root=next_root(None, keyring, lives, now))


def offline_policy(draft: Draft, keyring: Keyring, rules: Rules, people: People) -> Draft:
    """Rules, people, and delegations to the keys that follow from both.

    Stops are signed again when the key that last signed them no longer may.
    """
    table = {policy.RULES_PATH: rules.to_bytes(), policy.PEOPLE_PATH: people.to_bytes()}
    draft = draft.targets("targets", table)
    stoppers = [
        key
        for one in people.people
        if one.roles & layout.STOPPERS
        for key, state in one.keys
        if state is KeyState.ACTIVE
    ]
    keys = {role: keys_of(keyring, role, layout.KEYS[role], 1) for role in layout.DELEGATED}
    keys["stops"] += stoppers
    delegations = Delegations(
        {one.keyid: tuf_key(one) for several in keys.values() for one in several},
        {
            role: DelegatedRole(
                role, [one.keyid for one in keys[role]], 1, True, list(layout.PATHS[role])
            )
            for role in layout.DELEGATED
        },
    )
    draft = replace(draft, delegations=delegations)
    for role in layout.DELEGATED:
        if draft.tree is not None and not _still_signed(draft.tree, delegations, role):
            draft = draft.again(role)
    return draft


def _still_signed(tree: Tree, delegations: Delegations, role: str) -> bool:
    """Whether a role's published metadata verify under new delegations."""
    found = tree.roles[role]
    allowed = (delegations.roles or {})[role].keyids
    return any(keyid in allowed for keyid in found.signatures)


def next_root(former: Root | None, keyring: Keyring, lives: Lives, now: Instant) -> Root:
    """A root with the keys that the keyring has now under each role's names."""
    keys: dict[str, list[PublicKey]] = {}
    for role in ("root", "targets", "snapshot", "timestamp"):
        keys[role] = keys_of(keyring, role, layout.KEYS[role], layout.THRESHOLDS.get(role, 1))
    return Root(
        version=former.version + 1 if former else 1,
        expires=expiry(now, lives.root),
        keys={one.keyid: tuf_key(one) for several in keys.values() for one in several},
        roles={
            role: Role([one.keyid for one in several], layout.THRESHOLDS.get(role, 1))
            for role, several in keys.items()
        },
        consistent_snapshot=True,
    )


def stopper(keyring: Keyring, people: People, key: str) -> str:
    """The name of the key that signs a stop: that key, or a key of that person on call.

    Raises `Refusal` for anybody else.
    """
    known = {keyring.public(name).keyid: name for name in keyring.names()}
    for one in people.people:
        if not one.roles & layout.STOPPERS:
            continue
        names = [
            known[mine.keyid]
            for mine, state in one.keys
            if state is KeyState.ACTIVE and mine.keyid in known
        ]
        if key in names:
            return key
        if key == one.id and names:
            return names[0]
    raise Refusal("not-on-call", needed="an active key of a person on call or the alarm", key=key)
