"""The offline policy: rules, people and machines with their keys (TUF role `targets`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical, dsse
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, SignoffMissing
from warifu_wire.fields import document, exactly, rows, table, text, unique, whole
from warifu_wire.keys import PublicKey, public_key

RULES_PATH = "policy/rules.json"
PEOPLE_PATH = "policy/people.json"
RULES_TYPE = "urn:warifu:rules:v1"
PEOPLE_TYPE = "urn:warifu:people:v1"


class KeyState(StrEnum):
    """Active keys sign; retired keys once did; compromised keys count for nothing."""

    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


CURRENT = frozenset({KeyState.ACTIVE})
EVER_GOOD = frozenset({KeyState.ACTIVE, KeyState.RETIRED})


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds by role, levels a VSA must claim, and the longest leases in seconds.

    `accepted` names earlier rules under which evidence may still have been made.
    """

    thresholds: Mapping[str, int]
    levels: frozenset[str]
    lease_max: int
    offline_max: int
    accepted: frozenset[Digest]

    @property
    def digest(self) -> Digest:
        """The sha256 of the canonical rules: what a VSA names as its policy."""
        return of_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The canonical JSON of `policy/rules.json`."""
        return canonical.dumps(
            {
                "accepted": list[Json](sorted(self.accepted)),
                "lease_max": self.lease_max,
                "levels": list[Json](sorted(self.levels)),
                "offline_max": self.offline_max,
                "thresholds": dict(self.thresholds),
                "type": RULES_TYPE,
            }
        )


@dataclass(frozen=True, slots=True)
class Person:
    """A person or a machine that signs: its roles, and its keys with their state."""

    id: str
    name: str
    machine: bool
    roles: frozenset[str]
    keys: tuple[tuple[PublicKey, KeyState], ...]


@dataclass(frozen=True, slots=True)
class People:
    """Everybody whose signature means something; no key belongs to two of them."""

    people: tuple[Person, ...]

    def to_bytes(self) -> bytes:
        """The canonical JSON of `policy/people.json`."""
        return canonical.dumps(
            {"people": [_person_json(one) for one in self.people], "type": PEOPLE_TYPE}
        )

    def signed(
        self, envelope: Envelope, role: str, states: frozenset[KeyState] = CURRENT
    ) -> frozenset[str]:
        """The ids of those with `role` whose key (in one of `states`) signed this envelope."""
        return frozenset(
            one.id
            for one in self.people
            if role in one.roles
            and dsse.signers(
                envelope, {key.keyid: key for key, state in one.keys if state in states}
            )
        )


def read_rules(data: bytes) -> Rules:
    """Read `policy/rules.json`; raises `Malformed`."""
    names = ("accepted", "lease_max", "levels", "offline_max", "thresholds")
    found = document(data, RULES_TYPE, names)
    thresholds = {role: whole(one, 1, 100) for role, one in table(found["thresholds"]).items()}
    if not {"approver", "verify"} <= set(thresholds):
        raise Malformed("threshold-missing", needed="thresholds of approver and verify")
    return Rules(
        thresholds,
        frozenset(unique(found["levels"])),
        whole(found["lease_max"], 1),
        whole(found["offline_max"], 0, 7 * 86_400),
        frozenset(digest(one) for one in unique(found["accepted"])),
    )


def read_people(data: bytes) -> People:
    """Read `policy/people.json`; raises `Malformed` also when one key belongs to two people."""
    found = document(data, PEOPLE_TYPE, ("people",))
    return people(*(_person(row) for row in rows(found["people"], 10_000)))


def people(*everybody: Person) -> People:
    """People whose ids, keyids and decoded keys are all distinct; raises `Malformed`."""
    owner: dict[str, str] = {}
    keyids: set[str] = set()
    if len({one.id for one in everybody}) != len(everybody):
        raise Malformed("twice-the-same", needed="each person once")
    for one in everybody:
        for key, _ in one.keys:
            if key.keyid in keyids or owner.setdefault(key.numbers, one.id) != one.id:
                raise Malformed("shared-key", needed="a key of their own for everybody", of=one.id)
            keyids.add(key.keyid)
    return People(everybody)


def need(
    envelope: Envelope,
    everybody: People,
    role: str,
    threshold: int,
    states: frozenset[KeyState] = CURRENT,
) -> frozenset[str]:
    """The ids of at least `threshold` distinct signers of a role; raises `SignoffMissing`."""
    found = everybody.signed(envelope, role, states)
    if threshold < 1 or len(found) < threshold:
        raise SignoffMissing(
            needed=f"{threshold} distinct signers with the role {role}",
            role=role,
            payload=envelope.digest,
            signed=", ".join(sorted(found)) or "nobody",
        )
    return found


def _person(row: Json) -> Person:
    found = exactly(row, {"id", "keys", "machine", "name", "roles"})
    if not isinstance(found["machine"], bool):
        raise Malformed("not-a-person", needed="machine as true or false")
    return Person(
        text(found["id"]),
        text(found["name"]),
        found["machine"],
        frozenset(unique(found["roles"])),
        tuple(_key(one) for one in rows(found["keys"])),
    )


def _key(row: Json) -> tuple[PublicKey, KeyState]:
    found = exactly(row, {"key", "keyid", "state"})
    state = text(found["state"])
    if state not in set(KeyState):
        raise Malformed("not-a-key", needed=f"a state of {sorted(KeyState)}", found=state)
    return public_key(text(found["keyid"]), found["key"]), KeyState(state)


def _person_json(one: Person) -> Json:
    return {
        "id": one.id,
        "keys": [
            {"key": key.to_json(), "keyid": key.keyid, "state": state.value}
            for key, state in one.keys
        ],
        "machine": one.machine,
        "name": one.name,
        "roles": list[Json](sorted(one.roles)),
    }
