"""Who there is when a house is founded: persons by role, and machines with one duty each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from warifu.model.verification import LEVELS
from warifu_wire.keys import PublicKey
from warifu_wire.policy import KeyState, People, Person, Rules, people

MACHINES = ("build", "rebuild", "verify", "probe", "alarm", "publisher")
TUF_KEYS = (
    *("root-1", "root-2", "root-3", "targets-1", "targets-2", "targets-3"),
    *("releases", "gates", "stops-resigner", "snapshot", "snapshot-standby"),
    *("timestamp", "timestamp-standby"),
)


def persons(approvals: int) -> dict[str, str]:
    """The persons of a trial house by id with their role: enough approvers, one on call."""
    approvers = {f"approver-{number}": "approver" for number in range(1, approvals + 1)}
    return approvers | {"oncall-1": "oncall"}


def key_names(persons_: Iterable[str]) -> tuple[str, ...]:
    """Every key a house has: one for each person, each machine and each TUF role."""
    return (*persons_, *MACHINES, *TUF_KEYS)


def everybody(persons_: dict[str, str], public: Callable[[str], PublicKey]) -> People:
    """People and machines with the public keys of the same names; raises `Malformed`."""
    return people(
        *(_one(who, role, False, public(who)) for who, role in persons_.items()),
        *(_one(who, who, True, public(who)) for who in MACHINES),
    )


def rules(approvals: int, lease_max: int, offline_max: int) -> Rules:
    """The rules of a house: M approvals, all levels, leases in seconds."""
    thresholds = {"approver": approvals, "verify": 1}
    return Rules(thresholds, frozenset(LEVELS), lease_max, offline_max, frozenset())


def _one(who: str, role: str, machine: bool, key: PublicKey) -> Person:
    return Person(who, who, machine, frozenset({role}), ((key, KeyState.ACTIVE),))
