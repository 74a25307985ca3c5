"""The offline lease of a bundle: read by the bundle path only, never a TUF timestamp (TRUST.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from warifu_wire import dsse, times
from warifu_wire.canonical import Json, dumps
from warifu_wire.digest import Digest, digest, of_tree
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Stale
from warifu_wire.fields import document
from warifu_wire.policy import People, Rules, need
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.offline-lease.v1+json"
LEASE_TYPE = "urn:warifu:offline-lease:v1"
TOLERANCE = timedelta(seconds=60)
PART = "lease.json"
"""The lease's name in a bundle."""


@dataclass(frozen=True, slots=True)
class OfflineLease:
    """How long a bundle, named by its digest, may be installed without asking."""

    release: Digest
    bundle: Digest
    issued: Instant
    expires: Instant

    def to_json(self) -> Json:
        """The payload's value."""
        return {
            "bundle": self.bundle,
            "expires": times.spell(self.expires),
            "issued": times.spell(self.issued),
            "release": self.release,
            "type": LEASE_TYPE,
        }


def bundle_digest(parts: Mapping[str, Digest]) -> Digest:
    """The digest of a bundle: of its parts by name, the lease itself left out."""
    return of_tree((name, "file", one) for name, one in parts.items() if name != PART)


def read(envelope: Envelope) -> OfflineLease:
    """Read a lease; raises `Malformed`. Whether it holds is decided by `allowed`."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed("wrong-payload-type", needed=PAYLOAD_TYPE, found=envelope.payload_type)
    names = ("bundle", "expires", "issued", "release")
    found = document(dumps(dsse.payload(envelope)), LEASE_TYPE, names)
    return OfflineLease(
        digest(found["release"]),
        digest(found["bundle"]),
        times.read(found["issued"]),
        times.read(found["expires"]),
    )


def covers(lease: OfflineLease, bundle: Digest, rules: Rules, now: Instant) -> None:
    """Whether it is of exactly this bundle, no longer than allowed, and in force now."""
    if lease.bundle != bundle:
        raise Mismatch("another-bundle", needed=lease.bundle, found=bundle)
    if not 0 < (lease.expires - lease.issued).total_seconds() <= rules.offline_max:
        raise Stale("lease-too-long", needed=f"at most {rules.offline_max} s")
    if now < lease.issued - TOLERANCE:
        raise Stale("clock-behind", needed="the right time", issued=times.spell(lease.issued))
    if now >= lease.expires:
        raise Stale("lease-over", needed="a newer bundle", expires=times.spell(lease.expires))


def allowed(
    envelope: Envelope, bundle: Digest, everybody: People, rules: Rules, now: Instant
) -> OfflineLease:
    """The lease of exactly this bundle, signed by M persons and in force now; raises `Refusal`."""
    lease = read(envelope)
    need(envelope, everybody, "approver", rules.thresholds["approver"])
    covers(lease, bundle, rules, now)
    return lease
