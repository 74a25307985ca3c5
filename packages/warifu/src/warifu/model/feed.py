"""Feeds for other people's clients: the release everybody is offered, in their own formats.

Such a client decides by itself and asks nobody before it installs: no stop holds at install time.
So a feed is off unless declared and signed by the approvers, it begins only after the last stage,
and it shows nothing as soon as anything speaks against the release.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from enum import StrEnum
from xml.etree import ElementTree as ET

from warifu.model.publication import Current
from warifu.model.tree import Tree as Members
from warifu_wire import dsse, plan, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal, Stale, Stopped
from warifu_wire.fields import text, whole
from warifu_wire.routes import Health, Offer, Tree
from warifu_wire.stops import WHOLE, in_force
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.feeds.v1+json"
FEEDS_TYPE = "urn:warifu:feeds:v1"
SPARKLE = "http://www.andymatuschak.org/xml-namespaces/sparkle"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NUMBER, _WORD = r"(?:0|[1-9]\d*)", r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_WORD}(?:\.{_WORD})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


class Client(StrEnum):
    """Whose clients read a feed."""

    ELECTRON = "electron"
    SPARKLE = "sparkle"


@dataclass(frozen=True, slots=True)
class Feed:
    """A declared feed: its document's name, the program's file for it ("" for the whole archive),
    the label that is its version, and the key that signs the file (Sparkle; Ed25519)."""

    client: Client
    name: str
    file: str
    label: str
    key: str

    def to_json(self) -> dict[str, Json]:
        """The feed as approvers sign it."""
        return {
            "client": self.client.value,
            "file": self.file,
            "key": self.key,
            "label": self.label,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a feed offers: a file by digest and name, of a release, under a version."""

    release: Digest
    version: str
    file: str
    sha256: Digest
    sha512: str
    size: int
    since: Instant
    signature: str

    @property
    def path(self) -> str:
        """Where the file lies below the feed's own folder."""
        return f"{self.sha256}/{self.file}"

    def to_json(self) -> dict[str, Json]:
        """The parcel as the ledger keeps it."""
        return {
            "file": self.file,
            "release": self.release,
            "sha256": self.sha256,
            "sha512": self.sha512,
            "signature": self.signature,
            "since": times.spell(self.since),
            "size": self.size,
            "version": self.version,
        }


def parcel(row: Mapping[str, Json]) -> Parcel:
    """A parcel as `Parcel.to_json` wrote it; raises `Malformed`."""
    return Parcel(
        digest(row["release"]),
        text(row["version"]),
        text(row["file"]),
        digest(row["sha256"]),
        text(row["sha512"]),
        whole(row["size"]),
        times.read(row["since"]),
        text(row["signature"]),
    )


def asked(product: str, feeds: Iterable[Feed]) -> Envelope:
    """What the approvers sign: that this product is offered by exactly these feeds."""
    told: list[Json] = [one.to_json() for one in sorted(feeds, key=lambda one: one.client)]
    return dsse.seal(PAYLOAD_TYPE, {"feeds": told, "product": product, "type": FEEDS_TYPE})


def permitted(envelope: Envelope, current: Current, feeds: Iterable[Feed]) -> bool:
    """Whether M approvers signed exactly these feeds."""
    wanted = asked(current.product, feeds)
    same = (envelope.payload_type, envelope.digest) == (wanted.payload_type, wanted.digest)
    by = current.people.signed(envelope, "approver")
    return same and len(by) >= current.rules.thresholds["approver"]


def ready(current: Current, over: bool, now: Instant) -> Offer:
    """The program for those who have nothing, once everybody is offered it; raises `Refusal`.

    `over`: a role of the tree has expired, so that our own members install nothing either.
    """
    road = current.road
    route = None if road is None else road.route(None, Tree.FOREIGN, Health.UNKNOWN)
    wanted = None if route is None else route.offer
    offer = None if road is None or wanted is None else road.offer(wanted)
    if road is None or offer is None:
        raise Refusal("feed-empty", needed="a program for those who have none", of=current.product)
    if over or now >= road.valid_until:
        raise Stale("feed-over", needed="a living lease and valid routes", release=offer.id)
    for one in in_force(current.stops.entries, offer.id, road.lifted):
        raise Stopped(needed="a lift signed by the approvers", release=offer.id, by=one.by)
    stage = plan.open_stage(offer.plan, current.gates.of(offer.id), now)
    if stage is None or stage != offer.plan.stages[-1] or stage.share != WHOLE:
        raise Refusal("feed-early", needed="the last stage, for everybody", release=offer.id)
    return offer


def chosen(feed: Feed, offer: Offer, zipped: bytes, members: Members) -> tuple[str, bytes]:
    """The file's name and bytes where the program fits the feed; raises `Refusal` where not."""
    version = offer.labels.get(feed.label, "")
    if not version or (feed.client is Client.ELECTRON and not _SEMVER.fullmatch(version)):
        needed = "a semantic version in that label"
        raise Refusal("feed-version", needed=needed, label=feed.label, found=version)
    if not feed.file:
        return f"{offer.id[:12]}.zip", zipped
    member = members.get(feed.file)
    name = feed.file.rpartition("/")[2]
    if member is None or member.mode == "link" or not _PLAIN.fullmatch(name):
        raise Refusal("feed-file", needed="a file of the program with a plain name", file=feed.file)
    return name, member.data


def electron(found: Parcel) -> bytes:
    """The document of electron-updater's generic provider (electron-builder, `UpdateInfo`).

    Strings are written as JSON, which is what YAML 1.2 takes in double quotes.
    """
    url, sha512 = json.dumps(found.path), json.dumps(found.sha512)
    lines = [
        f"version: {json.dumps(found.version)}",
        "files:",
        f"  - url: {url}",
        f"    sha512: {sha512}",
        f"    size: {found.size}",
        f"path: {url}",
        f"sha512: {sha512}",
        f"releaseDate: {json.dumps(times.spell(found.since))}",
    ]
    return ("\n".join(lines) + "\n").encode()


def appcast(product: str, base: str, found: Parcel | None) -> bytes:
    """Sparkle's appcast below an address; without a release it is empty, which means up to date."""
    ET.register_namespace("sparkle", SPARKLE)
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    ET.SubElement(channel, "title").text = product
    if found is not None:
        item = ET.SubElement(channel, "item")
        ET.SubElement(item, "title").text = found.version
        ET.SubElement(item, "pubDate").text = format_datetime(found.since)
        ET.SubElement(item, f"{{{SPARKLE}}}version").text = found.version
        told = {"url": f"{base}/{found.path}", "length": str(found.size)}
        told |= {"type": "application/octet-stream", f"{{{SPARKLE}}}edSignature": found.signature}
        ET.SubElement(item, "enclosure", told)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def spelt(raw: bytes) -> str:
    """A digest or signature as both formats write it."""
    return base64.b64encode(raw).decode()
