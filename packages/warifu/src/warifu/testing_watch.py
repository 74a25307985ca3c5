"""Memory engines for watching: traffic without a disk, and a box whose runs are told beforehand."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace

from warifu.model import members
from warifu.model.intake import is_new
from warifu.model.members import Installation
from warifu.model.outcomes import Receipt, Record
from warifu.model.ports_watch import Batch
from warifu.model.probe import Run
from warifu_wire import outcome
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.keys import public_key
from warifu_wire.outcome import Result
from warifu_wire.times import Instant


class MemoryTraffic:
    """`ports_watch.Traffic` in memory."""

    def __init__(self) -> None:
        self._installations: dict[str, Installation] = {}
        self._records: list[Record] = []
        self._batches: list[Batch] = []
        self._named = 0
        self._forgotten: set[int] = set()

    def enrol(self, key: Json, now: Instant) -> str:
        """The installation id of a key; the same key always has the same id."""
        found = public_key("installation", key)
        for one in self._installations.values():
            if one.numbers == found.numbers:
                return one.id
        made = secrets.token_hex(16)
        self._installations[made] = Installation(made, replace(found, keyid=made), now)
        return made

    def confirm(self, id: str, member: str, now: Instant) -> Installation:
        """Make an installation a member's own; raises `Refusal`."""
        one = self._installations.get(id)
        if one is None:
            raise Refusal("installation-unknown", needed="an enrolled installation", id=id)
        others = [other for other in self._installations.values() if other.member == member]
        self._installations[id] = members.confirmed(one, member, others, now)
        return self._installations[id]

    def installation(self, id: str) -> Installation | None:
        """An installation by id."""
        return self._installations.get(id)

    def accept(self, envelopes: Sequence[Envelope], now: Instant) -> tuple[Receipt, ...]:
        """Take reports, one receipt each."""
        return tuple(self._accept(one, now) for one in envelopes)

    def records(
        self, release: Digest, *, since: Instant, until: Instant, known_before: Instant
    ) -> Iterator[Record]:
        """Reports on a release received in [since, until), of members enrolled before."""
        for place, one in enumerate(self._records, 1):
            owner = self._installations[one.outcome.installation]
            if (
                place not in self._forgotten
                and one.outcome.release == release
                and since <= one.received < until
                and owner.known_before(known_before)
            ):
                yield replace(one, member=owner.member or "")

    def seal(self) -> Batch | None:
        """The oldest batch that the ledger has not named."""
        if len(self._batches) == self._named:
            first = self._batches[-1].last + 1 if self._batches else 1
            rows = list(enumerate(self._records, 1))[first - 1 :]
            if not rows:
                return None
            lines = "".join(f"{place} {one.payload}\n" for place, one in rows)
            self._batches.append(
                Batch(of_bytes(lines.encode()), len(rows), first, len(self._records))
            )
        return self._batches[-1]

    def sealed(self, batch: Batch) -> None:
        """The ledger has named the batch."""
        self._named = self._batches.index(batch) + 1

    def forget(self, before: Instant) -> int:
        """Drop named reports received before that time, but for the newest of each machine."""
        named = self._batches[self._named - 1].last if self._named else 0
        newest = {one.outcome.installation: at for at, one in enumerate(self._records, 1)}
        gone = {
            place
            for place, one in enumerate(self._records[:named], 1)
            if one.received < before and place not in newest.values()
        }
        found = len(gone - self._forgotten)
        self._forgotten |= gone
        return found

    def _accept(self, envelope: Envelope, now: Instant) -> Receipt:
        try:
            found = outcome.read(envelope)
            mine = [one for one in self._records if one.outcome.installation == found.installation]
            step = (found.attempt, found.phase, found.result is Result.STARTED)
            same = {
                one.payload: one.outcome.counter
                for one in mine
                if one.outcome.counter == found.counter
                or (one.outcome.attempt, one.outcome.phase, one.outcome.result is Result.STARTED)
                == step
            }
            highest = max((one.outcome.counter for one in mine), default=0)
            owner = self._installations.get(found.installation)
            if is_new(envelope, found, owner, highest, same):
                self._records.append(Record("", found, now, envelope.digest))
        except Refusal as refusal:
            return Receipt(envelope.digest, refusal.reason)
        return Receipt(envelope.digest)


class ToldBox:
    """`ports_watch.Box` that gives the runs it was told, in order."""

    def __init__(self, *runs: Run) -> None:
        self._runs = list(runs)

    def run(self, product: str, release: Digest) -> Run:
        """The next run."""
        run = self._runs.pop(0)
        if (run.product, run.release) != (product, release):
            raise Refusal("not-told", needed=f"a run of {product} {release}")
        return run
