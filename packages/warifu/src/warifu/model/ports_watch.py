"""What watching needs of its engines: traffic in bulk, and the box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from warifu.model.downloads import Contents
from warifu.model.members import Installation
from warifu.model.outcomes import Record
from warifu.model.ports import Intake
from warifu.model.probe import Run
from warifu_wire.digest import Digest
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Batch:
    """Accepted reports that the ledger will name: `digest` covers all from `first` to `last`."""

    digest: Digest
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Download:
    """An installation that had all of a release: whose it is, if anybody's, and since when."""

    installation: str
    member: str | None
    at: Instant


@dataclass(frozen=True, slots=True)
class LogRead:
    """What came of reading a log: lines, those with bytes of a file, those not of the format."""

    lines: int
    files: int
    unread: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """All three."""
        return self.lines, self.files, self.unread


class Downloads(Protocol):
    """Who downloaded what, by the web server's own log."""

    def read(self, path: Path) -> LogRead:
        """Take in what was added to a log since the last time; raises `Fault`."""

    def downloads(self, contents: Contents, since: Instant, until: Instant) -> tuple[Download, ...]:
        """Who had downloaded a release in [since, until), each installation once, in order."""

    def unresolved(self, file: Digest) -> int:
        """Answers with bytes of a file to machines that gave no name we know."""

    def elsewhere(self, file: Digest) -> int:
        """Whole downloads of a feed's file by other people's clients: nobody knows whose."""

    def forget(self, before: Instant) -> int:
        """Drop what was first fetched before that time; how many rows it was."""


class Traffic(Intake, Protocol):
    """Enrolments and outcomes in bulk; the ledger only ever gets alarms and batch digests."""

    def confirm(self, id: str, member: str, now: Instant) -> Installation:
        """Make an installation a member's own; raises `Refusal`."""

    def installation(self, id: str) -> Installation | None:
        """An installation by id."""

    def records(
        self, release: Digest, *, since: Instant, until: Instant, known_before: Instant
    ) -> Iterator[Record]:
        """Reports on a release received in [since, until), of members enrolled before."""

    def seal(self) -> Batch | None:
        """The next batch of reports not yet named by the ledger; the same one until `sealed`."""

    def sealed(self, batch: Batch) -> None:
        """The ledger has named the batch; idempotent."""

    def forget(self, before: Instant) -> int:
        """Drop reports received before that time which the ledger has named, but for the newest
        of each machine; how many it was."""


class Box(Protocol):
    """A member's machine in a box, standing outside our own address."""

    def run(self, product: str, release: Digest) -> Run:
        """Fetch, install, start, use and check one release; a failing step ends the run.

        Raises `Fault` only when the box itself could not be set up.
        """
