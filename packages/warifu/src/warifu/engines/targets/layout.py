"""The tree's fixed shape: roles, who delegates what in which order, lives, and file names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from warifu_wire.digest import Digest

OFFLINE = ("root", "targets")
DELEGATED = ("stops", "gates", "releases")
ROLES = ("root", "targets", *DELEGATED, "snapshot", "timestamp")

PATHS: dict[str, tuple[str, ...]] = {
    "stops": ("stops/*",),
    "gates": ("gates/*",),
    "releases": ("routes/*", "manifests/*/*", "statements/*/*", "programs/*/*"),
}
"""Disjoint, in this order, each terminating: no later role can answer for an earlier one."""

KEYS: dict[str, tuple[str, ...]] = {
    "root": ("root-1", "root-2", "root-3"),
    "targets": ("targets-1", "targets-2", "targets-3"),
    "stops": ("stops-resigner",),
    "gates": ("gates",),
    "releases": ("releases",),
    "snapshot": ("snapshot", "snapshot-standby"),
    "timestamp": ("timestamp", "timestamp-standby"),
}
"""Key names by role in the keyring; the stops role also has the keys of people on call."""

THRESHOLDS = {"root": 2, "targets": 2}
"""All other roles need one signature."""

STOPPERS = frozenset({"oncall", "alarm"})
"""The roles in `people.json` whose keys may sign stops."""

TIMESTAMP = "metadata/timestamp.json"
LOCK = ".signer.lock"
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Lives:
    """How long each role's metadata lives from signing; the timestamp's is the lease L."""

    root: timedelta = timedelta(days=180)
    targets: timedelta = timedelta(days=180)
    stops: timedelta = timedelta(hours=48)
    gates: timedelta = timedelta(days=7)
    releases: timedelta = timedelta(days=30)
    snapshot: timedelta = timedelta(hours=24)
    timestamp: timedelta = timedelta(minutes=10)

    def of(self, role: str) -> timedelta:
        """The life of a role."""
        found: timedelta = getattr(self, role)
        return found

    def warn_within(self, role: str) -> timedelta:
        """How long before its end a role is warned about: half its life, at most 30 days."""
        return min(self.of(role) / 2, MONTH)


def metadata(role: str, version: int) -> str:
    """Where a version of a role lies."""
    return f"metadata/{version}.{role}.json"


def target(path: str, content: Digest) -> str:
    """Where a target lies under consistent snapshots (TUF specification 1.0.34, section 6.2)."""
    folder, _, name = path.rpartition("/")
    return f"targets/{folder}/{content}.{name}"


def blob(content: Digest) -> str:
    """Where a member's compressed bytes lie."""
    return f"blobs/{content[:2]}/{content}.zst"


def patch(base: Digest, content: Digest, form: str) -> str:
    """Where the patch from one content to another lies."""
    return f"patches/{base}/{content}.{form}"
