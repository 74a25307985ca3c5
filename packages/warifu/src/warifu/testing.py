"""Memory engines: the ports without disk or network, by the same rules, for tests of any house."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from warifu.model import chain, envelopes
from warifu.model.ledger import GENESIS, Draft, Due, Event, Row, Work
from warifu.model.ports import Signer
from warifu_wire import digest
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.keys import PublicKey, public_key


@dataclass(slots=True)
class _Owed:
    visible: datetime
    due: Due


class MemoryLedger:
    """`ports.Ledger` in memory; `now` is the clock that `recorded` is read from."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._events: list[Event] = []
        self._kept: list[Digest] = []
        self._rows: dict[tuple[str, str], Mapping[str, Json]] = {}
        self._owed: dict[int, _Owed] = {}
        self._numbers = 0

    def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Append in order, all or none."""
        before = (list(self._events), list(self._kept), dict(self._rows), dict(self._owed))
        try:
            return tuple(self._append(draft) for draft in drafts)
        except BaseException:
            self._events, self._kept, self._rows, self._owed = before
            raise

    def events(
        self, *, kind: str | None = None, subject: str | None = None, after: int = 0
    ) -> Iterator[Event]:
        """Events in order of seq, from `after` (exclusive)."""
        for event in self._events[after:]:
            if kind in (None, event.kind) and subject in (None, event.subject):
                yield event

    def head(self) -> tuple[int, Digest]:
        """The last event's seq and digest."""
        return (len(self._kept), self._kept[-1]) if self._kept else (0, GENESIS)

    def row(self, table: str, key: str) -> Mapping[str, Json] | None:
        """One row for reading, or None."""
        return self._rows.get((table, key))

    def rows(self, table: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """All rows of a table by key order."""
        found = [(key, row) for (name, key), row in self._rows.items() if name == table]
        return iter(sorted(found, key=lambda one: one[0]))

    def claim(
        self, now: datetime, *, limit: int = 1, lease: int = 60, verbs: Collection[str] = ()
    ) -> Sequence[Due]:
        """Work due at `now`, of these verbs or of any; hidden for `lease` seconds."""
        free = sorted(
            (owed.visible, number)
            for number, owed in self._owed.items()
            if owed.visible <= now and (not verbs or owed.due.work.verb in verbs)
        )
        taken = []
        for _, number in free[:limit]:
            due = self._owed[number].due
            due = replace(due, tries=due.tries + 1)
            self._owed[number] = _Owed(now + timedelta(seconds=lease), due)
            taken.append(due)
        return taken

    def done(self, due: Due) -> None:
        """The work is finished."""
        self._owed.pop(due.number, None)

    def again(self, due: Due, at: datetime, why: str) -> None:
        """The work is due again at `at`, unless another worker has it."""
        del why
        owed = self._owed.get(due.number)
        if owed is not None and owed.due.tries == due.tries:
            owed.visible = at

    def verify(self) -> int:
        """Re-hash the chain; raises `Mismatch` at the first broken link."""
        return chain.walk(zip(self._events, self._kept, strict=True))

    def _append(self, draft: Draft) -> Event:
        for event in self._events:
            if event.key == draft.key:
                return chain.repeat(event, draft)
        event = chain.link(draft, self.head(), self._now())
        self._kept.append(event.digest)
        self._events.append(event)
        for row in draft.rows:
            self._write(row)
        for work in draft.work:
            self._owe(event, work)
        return event

    def _write(self, row: Row) -> None:
        known = self._rows.get((row.table, row.key))
        if row.table == chain.EVIDENCE:
            chain.evidence(row, known)
        elif row.table == chain.PUBLICATION and row.value is not None:
            chain.published(row, self.row(chain.EVIDENCE, chain.rests_on(row.value)))
        if row.value is None:
            self._rows.pop((row.table, row.key), None)
        else:
            self._rows[row.table, row.key] = dict(row.value)

    def _owe(self, event: Event, work: Work) -> None:
        self._numbers += 1
        self._owed[self._numbers] = _Owed(work.due, Due(self._numbers, 0, event.seq, work))


class MemoryDepot:
    """`ports.Depot` in memory."""

    def __init__(self) -> None:
        self._held: dict[Digest, bytes] = {}

    def put(self, content: Digest, stream: BinaryIO) -> None:
        """Hold bytes under their digest; raises `Mismatch`."""
        data = stream.read()
        found, content = digest.of_bytes(data), digest.digest(content)
        if found != content:
            raise Mismatch(needed="the bytes of that digest", expected=content, found=found)
        self._held[content] = data

    def get(self, content: Digest) -> bytes:
        """The bytes; raises `Refusal` when absent."""
        if digest.digest(content) not in self._held:
            raise Refusal("not-in-depot", needed="the bytes of that digest", content=content)
        return self._held[content]

    def open(self, content: Digest, start: int = 0, end: int | None = None) -> BinaryIO:
        """A stream over [start, end); raises `Refusal` when absent."""
        return io.BytesIO(self.get(content)[start:end])

    def found(self, content: Digest) -> Digest | None:
        """The digest of what lies there, hashed anew; None when absent."""
        held = self._held.get(digest.digest(content))
        return None if held is None else digest.of_bytes(held)

    def size(self, content: Digest) -> int | None:
        """Size in bytes, or None when absent."""
        held = self._held.get(digest.digest(content))
        return None if held is None else len(held)

    def list(self) -> Iterator[Digest]:
        """All digests held, in order."""
        return iter(sorted(self._held))


@dataclass(frozen=True, slots=True)
class MemorySigner:
    """An ed25519 key that anyone can make again from its name."""

    public: PublicKey
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The raw signature."""
        return self._private.sign(data)


class MemoryKeyring:
    """`ports.Keyring` whose keys follow from their names alone; never for anything that is true."""

    def __init__(self, *names: str) -> None:
        self._signers = {name: memory_signer(name) for name in names}

    def signer(self, name: str) -> Signer:
        """The signer of a named key; raises `Refusal` when unknown."""
        if name not in self._signers:
            raise Refusal("no-such-key", needed="a key of this keyring", name=name)
        return self._signers[name]

    def public(self, name: str) -> PublicKey:
        """The public half of a named key."""
        return self.signer(name).public

    def names(self) -> tuple[str, ...]:
        """The names of all keys."""
        return tuple(sorted(self._signers))


def memory_signer(name: str) -> MemorySigner:
    """The signer that a name stands for; its key id says that it is a trial key."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    raw = private.public_key().public_bytes_raw()
    value: Json = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}
    return MemorySigner(public_key(f"trial-{digest.of_bytes(raw)}", value), private)


class MemoryStatements:
    """`ports.Statements` in memory."""

    def __init__(self) -> None:
        self._held: dict[Digest, Envelope] = {}

    def put(self, envelope: Envelope) -> Digest:
        """Hold; signatures over the same payload come together."""
        known = self._held.get(envelope.digest)
        self._held[envelope.digest] = envelopes.joined(known, envelope)
        return envelope.digest

    def get(self, payload: Digest) -> Envelope:
        """The envelope; raises `Refusal` when absent."""
        if payload not in self._held:
            raise Refusal("no-statement", needed="the statement of that digest", payload=payload)
        return self._held[payload]
