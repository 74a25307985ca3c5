"""A member's eyes: the real TUF client over HTTP, then the client's check, as pure rules."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tuf.ngclient import FetcherInterface, Updater

from tests.targets.process import FolderFetcher
from warifu_wire import check
from warifu_wire.check import Go, Machine, Reading, Served, Stay
from warifu_wire.digest import Digest, digest
from warifu_wire.floors import Floors
from warifu_wire.routes import Health, Tree

NEW = Machine("ledger-pad", "machine", None, Tree.FOREIGN, Digest("0" * 64), Health.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Seen:
    """The targets of one refresh; nothing is kept but what the updater keeps."""

    updater: Updater

    def digest(self, path: str) -> Digest | None:
        """What the signed metadata say of a path."""
        info = self.updater.get_targetinfo(path)
        return None if info is None else digest(info.hashes["sha256"])

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target."""
        info = self.updater.get_targetinfo(path)
        if info is None:
            return None
        with tempfile.NamedTemporaryFile() as place:
            return Path(self.updater.download_target(info, place.name)).read_bytes()


@dataclass
class Member:
    """A machine that keeps TUF metadata and floors between checks."""

    address: str
    folder: Path
    root: bytes
    floors: Floors = field(default_factory=Floors)
    now: datetime | None = None
    fetcher: FetcherInterface | None = None

    def refresh(self) -> Served:
        """Step 2 with a new updater."""
        self.folder.mkdir(exist_ok=True)
        updater = Updater(
            str(self.folder),
            f"{self.address}/metadata/",
            target_base_url=f"{self.address}/targets/",
            fetcher=self.fetcher,
            bootstrap=self.root,
        )
        updater.refresh()
        trusted = updater._trusted_set
        return Served(
            trusted.root.version, trusted.targets.version, trusted.timestamp.expires, Seen(updater)
        )

    def clock(self) -> Reading:
        """The wall clock, or the one a test sets."""
        return Reading(self.now or datetime.now(UTC), 0.0)

    def decide(self, machine: Machine = NEW) -> Go | Stay:
        """All steps; what was verified stays verified, also when a later step refuses."""
        served = self.refresh()
        warned = check.opened(served, self.floors, self.clock).warned(machine.product)
        self.floors = warned.floors
        routed = warned.routed()
        self.floors = routed.floors
        return routed.decide(machine)


def local(tree: Path, folder: Path) -> Member:
    """A member who reads the tree's folder as it is, without a web server."""
    root = (tree / "metadata" / "1.root.json").read_bytes()
    return Member(str(tree), folder, root, fetcher=FolderFetcher())
