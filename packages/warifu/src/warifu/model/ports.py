"""What an engine must do: the ports of the house. Engines implement them, flow is given them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from warifu.model.ledger import Draft, Due, Event
from warifu.model.outcomes import Receipt
from warifu.model.publication import Current, Expiring, Renewal
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.gates import Gates
from warifu_wire.keys import PublicKey
from warifu_wire.policy import People, Rules
from warifu_wire.stops import Stops
from warifu_wire.times import Instant


class Ledger(Protocol):
    """Append-only, hash-chained events; rows for reading; due work. One transaction per append."""

    def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Append in order, all or none; a draft whose key is known returns its first event."""

    def events(
        self, *, kind: str | None = None, subject: str | None = None, after: int = 0
    ) -> Iterator[Event]:
        """Events in order of seq, from `after` (exclusive)."""

    def head(self) -> tuple[int, Digest]:
        """The last event's seq and digest; (0, GENESIS) for an empty ledger."""

    def row(self, table: str, key: str) -> Mapping[str, Json] | None:
        """One row for reading, or None."""

    def rows(self, table: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """All rows of a table by key order."""

    def claim(
        self, now: datetime, *, limit: int = 1, lease: int = 60, verbs: Collection[str] = ()
    ) -> Sequence[Due]:
        """Work due at `now`, of these verbs or of any; hidden from others for `lease` seconds."""

    def done(self, due: Due) -> None:
        """The work is finished."""

    def again(self, due: Due, at: datetime, why: str) -> None:
        """The work failed; it is due again at `at`."""

    def verify(self) -> int:
        """Re-hash the chain; the number of events. Raises `Mismatch` at the first broken link."""


class Depot(Protocol):
    """Artifact bytes by digest: create only, verified when read back."""

    def put(self, content: Digest, stream: BinaryIO) -> None:
        """Store bytes under their digest; durable on return; raises `Mismatch`, `Fault`."""

    def get(self, content: Digest) -> bytes:
        """The bytes; raises `Refusal` when absent, `Mismatch` when the store altered them."""

    def open(self, content: Digest, start: int = 0, end: int | None = None) -> BinaryIO:
        """A stream over the byte range [start, end); raises `Refusal` when absent."""

    def found(self, content: Digest) -> Digest | None:
        """The digest of what really lies under a digest, hashed anew; None when absent."""

    def size(self, content: Digest) -> int | None:
        """Size in bytes, or None when absent."""

    def list(self) -> Iterator[Digest]:
        """All digests held, in order."""


class Signer(Protocol):
    """A key that signs: in a file, a token or a KMS."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """The raw signature, verified after signing; raises `Fault` when the key store fails."""


class Keyring(Protocol):
    """Keys by URI (`file2:`, `hsm:`, `awskms:` …), chosen by scheme."""

    def signer(self, name: str) -> Signer:
        """The signer of a named key; raises `Refusal` when unknown, wrong passphrase or retired."""

    def public(self, name: str) -> PublicKey:
        """The public half of a named key."""

    def names(self) -> tuple[str, ...]:
        """The names of all keys known here."""


class Statements(Protocol):
    """Signed statements by the sha256 of their payload."""

    def put(self, envelope: Envelope) -> Digest:
        """Store; returns the payload's digest."""

    def get(self, payload: Digest) -> Envelope:
        """The envelope; raises `Refusal` when absent."""


@dataclass(frozen=True, slots=True)
class Held:
    """A published file as a web server sees it: size in bytes, and an entity tag without quotes."""

    size: int
    tag: str


class Shelf(Protocol):
    """Where the published files lie, read by the web server; raises `Fault`."""

    def look(self, name: str) -> Held | None:
        """A file by its name in the tree, or None."""

    def pieces(self, name: str, begin: int, end: int) -> Iterator[bytes]:
        """Its bytes in [begin, end), in pieces of a bearable size."""


class Origin(Protocol):
    """The public address as a fresh client that trusts only the root sees it now."""

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a TUF target, or None; raises `Fault` when out of reach."""


class Repository(Protocol):
    """The published tree of signed facts and its one fenced signer; every verb may be repeated.

    Raises `Refusal` naming an expired offline role, `Stale` when another signer was faster.
    """

    def create(self, rules: Rules, people: People, products: Iterable[str], now: Instant) -> None:
        """The first tree: all roles, the policy, empty stops and gates of each product."""

    def welcome(self, product: str, now: Instant) -> None:
        """Empty stops and gates for one more product."""

    def current(self, product: str) -> Current:
        """What is published of a product; raises `Refusal` for one that was never welcomed."""

    def enact(
        self, routes: Envelope, files: Mapping[str, Digest], depot: Depot, now: Instant
    ) -> None:
        """Publish routes M persons signed, with every file they rest on (TUF path to sha256)."""

    def narrow(self, stops: Stops, key: str, now: Instant) -> None:
        """Publish a longer list of stops, signed by the key of that name or of that person."""

    def widen(self, gates: Gates, now: Instant) -> None:
        """Publish gates that open the next stages of signed plans."""

    def policy(
        self, rules: Rules, people: People, now: Instant, routes: Iterable[Envelope] = ()
    ) -> None:
        """Publish rules and people, with routes signed again under them, in one snapshot."""

    def reseal(self, now: Instant) -> tuple[str, ...]:
        """Sign the offline roles again, with the keys there are now; the roles signed anew."""

    def condense(self, product: str, depot: Depot, now: Instant) -> tuple[str, ...]:
        """Add patches along the routes in force; the paths of the deltas that name them."""

    def lease(self, now: Instant) -> Renewal:
        """Sign the timestamp again, and every online role whose life is past half."""

    def expiring(self, now: Instant) -> tuple[Expiring, ...]:
        """The roles whose life is past half or ends within 30 days."""


class Intake(Protocol):
    """Where machines get their ids and their reports come in; all of it on disk on return."""

    def enrol(self, key: Json, now: Instant) -> str:
        """The installation id of a public key (TUF form); the same key always has the same id."""

    def accept(self, envelopes: Sequence[Envelope], now: Instant) -> tuple[Receipt, ...]:
        """Take outcome reports, one receipt each in order; one bad report spoils no other."""


class Workplace(Protocol):
    """A scratch folder that is gone afterwards."""

    def __enter__(self) -> Path: ...

    def __exit__(self, *_: object) -> None: ...
