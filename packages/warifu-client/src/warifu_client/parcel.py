"""A bundle as data: its parts, its digest, and trust in them from the embedded root alone.

Nothing in a bundle is believed for being in it. The offline roles (root, targets) sign rules and
people; M persons sign routes and lease; the routes name the head of the stops they saw.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Targets

from warifu_client.session import translated
from warifu_wire import dsse, lease
from warifu_wire.check import Clock as WireClock
from warifu_wire.check import Opened, Routed, Served, Warned
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Fault, Malformed, Mismatch, Stale
from warifu_wire.floors import Floors
from warifu_wire.lease import OfflineLease
from warifu_wire.policy import PEOPLE_PATH, RULES_PATH, read_people, read_rules
from warifu_wire.stops import read as read_stops

SMALL = 1 << 24
"""No part but a blob is larger (bytes)."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An open bundle file; its digest covers every byte of every part but the lease."""

    archive: zipfile.ZipFile
    digest: Digest

    def part(self, name: str) -> bytes:
        """A small part; raises `Malformed` when it is missing or too large."""
        found = self.names.get(name)
        if found is None or found.file_size > SMALL:
            raise Malformed("bundle-incomplete", needed=name, path=name)
        return self.archive.read(found)

    @property
    def names(self) -> dict[str, zipfile.ZipInfo]:
        """The parts by name."""
        return {one.filename: one for one in self.archive.infolist()}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The bundle's targets as the client's check asks for them."""

    parcel: Parcel

    def digest(self, path: str) -> Digest | None:
        """Of the bytes that are here; a program's archive is here as its members only."""
        if path.startswith("programs/"):
            return digest(path.rpartition("/")[2].removesuffix(".zip"))
        found = self.read(path)
        return None if found is None else of_bytes(found)

    def read(self, path: str) -> bytes | None:
        """The bytes of a part; what makes them trusted is the caller's rule."""
        return self.parcel.part(path) if path in self.parcel.names else None


@contextmanager
def opened(path: Path) -> Iterator[Parcel]:
    """Open a bundle and hash its parts; raises `Fault` or `Malformed`."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names):
                raise Malformed("not-a-bundle", needed="each part once", path=path)
            parts = {name: _hashed(archive, name) for name in names}
            yield Parcel(archive, lease.bundle_digest(parts))
    except OSError as error:
        raise Fault(f"cannot read {path}: {error.strerror}", needed="the bundle file") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise Malformed("not-a-bundle", needed="a bundle as it was made", path=path) from error


def trusted(
    parcel: Parcel, trust: bytes, floors: Floors, product: str, clock: WireClock
) -> tuple[Routed, OfflineLease]:
    """Steps 3–7 from a bundle: offline roles, floors, people, routes, stops, and the lease.

    Raises `Refusal`. The floors that come out are to be kept like those of any other check.
    """
    now = clock().wall
    root = _root(parcel, trust)
    with translated():
        targets = Metadata[Targets].from_bytes(parcel.part("metadata/targets.json"))
        root.verify_delegate("targets", targets.signed_bytes, targets.signatures)
        for path in (RULES_PATH, PEOPLE_PATH):
            targets.signed.targets[path].verify_length_and_hashes(parcel.part(path))
    if root.version < floors.root or targets.signed.version < floors.policy:
        raise Stale("policy-older", needed=f"root {floors.root}, policy {floors.policy}")
    for name, expires in (("root", root.expires), ("targets", targets.signed.expires)):
        if expires <= now:
            raise Stale("metadata-expired", needed="a newer bundle", role=name)
    if now < floors.signed:
        raise Stale("clock-behind", needed="the right time")
    rules = read_rules(parcel.part(RULES_PATH))
    people = read_people(parcel.part(PEOPLE_PATH))
    envelope = dsse.parse(parcel.part(lease.PART), lease.PAYLOAD_TYPE)
    allowed = lease.allowed(envelope, parcel.digest, people, rules, now)
    served = Served(root.version, targets.signed.version, allowed.expires, _Parts(parcel))
    stops = read_stops(parcel.part(f"stops/{product}.json"), product)
    known = floors.with_stops(stops)
    routed = Warned(Opened(served, floors, clock, rules, people), product, stops, known).routed()
    if stops.seq != routed.routes.stops_seq:
        raise Mismatch("stops-unsigned", needed=f"{routed.routes.stops_seq} entries")
    return routed, allowed


def _root(parcel: Parcel, trust: bytes) -> Root:
    """The newest root in the bundle, each signed by the one before it and by itself."""
    with translated():
        root = Metadata[Root].from_bytes(trust).signed
        while f"metadata/{root.version + 1}.root.json" in parcel.names:
            newer = Metadata[Root].from_bytes(parcel.part(f"metadata/{root.version + 1}.root.json"))
            for by in (root, newer.signed):
                by.verify_delegate("root", newer.signed_bytes, newer.signatures)
            if newer.signed.version != root.version + 1:
                raise Malformed("metadata-malformed", needed=f"root {root.version + 1}")
            root = newer.signed
    return root


def _hashed(archive: zipfile.ZipFile, name: str) -> Digest:
    found = hashlib.sha256()
    with archive.open(name) as stream:
        while chunk := stream.read(1 << 20):
            found.update(chunk)
    return Digest(found.hexdigest())
