"""What a key drill needs: the house of the tree's tests with a keyring of real files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.targets.house import PRODUCT, House, Release
from tests.targets.member import Member, local
from warifu.app.keys import Office
from warifu.engines.attest import entries
from warifu.engines.attest.keyring import FolderKeyring
from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.store import FolderStore
from warifu.model.people import everybody, key_names, persons
from warifu.testing import MemoryLedger
from warifu_wire import check
from warifu_wire.check import Go, Opened, Stay
from warifu_wire.manifest import Kind

PERSONS = persons(2) | {"oncall-2": "oncall", "approver-3": "approver"}


def key_files(folder: Path) -> Path:
    """Every key of a house, in files."""
    keyring = FolderKeyring(folder)
    for name in key_names(PERSONS):
        keyring.create(name, now=datetime(2012, 2, 5, tzinfo=UTC), kind=entries.Kind.TRIAL)
    return folder


class Filed(House):
    """The house of the tree's tests, its keys in files."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.persons = PERSONS
        self.files = FolderKeyring(self.folder.parent / "keys")
        self.keyring = self.files  # type: ignore[assignment]
        self.people = everybody(self.persons, self.files.public)
        self.repository = TufRepository(FolderStore(self.folder), self.files)


@dataclass
class Drill:
    """A house, its office of keys, and a member who only knows the first root."""

    folder: Path
    began: datetime

    def __post_init__(self) -> None:
        self.house = Filed(self.folder / "public", now=self.began)
        self.keyring = self.house.files
        self.ledger = MemoryLedger()
        self.member = self.new_member("member")

    @property
    def office(self) -> Office:
        """Who may change keys."""
        return Office(self.ledger, self.keyring, self.house.repository, PRODUCT, "release-engineer")

    def begun(self) -> Drill:
        """Founded, one release published and open to all."""
        self.house.found()
        self.release: Release = self.house.release("print('one')", kind=Kind.INSTALL)
        self.house.publish(self.release)
        for stage in (1, 2, 3):
            self.house.open_gate(self.release.id, stage)
        self.member = self.new_member("member")
        return self

    def resumed(self) -> Drill:
        """The house of another process, from its files."""
        current = self.house.repository.current(PRODUCT)
        assert current.road is not None
        self.release = self.house.release("print('one')", kind=Kind.INSTALL)
        assert self.release.id == current.road.offers[0].id
        self.house.repository.lease(self.now())
        return self

    def new_member(self, name: str) -> Member:
        """A machine set up with the first root."""
        if not (self.house.folder / "metadata").exists():
            return Member("", self.folder / name, b"")
        return local(self.house.folder, self.folder / name)

    def now(self) -> datetime:
        """Time goes by."""
        return self.house.passes()

    def goes(self, member: Member | None = None) -> bool:
        """Whether a member is offered the release, after the client's whole check."""
        return self.goes_to(self.release, member)

    def goes_to(self, release: Release, member: Member | None = None) -> bool:
        """Whether a member is offered this release."""
        found: Go | Stay = (member or self.member).decide()
        return isinstance(found, Go) and found.offer.id == release.id

    def opened(self, member: Member) -> Opened:
        """What a member believes at the beginning of its check."""
        return check.opened(member.refresh(), member.floors, member.clock)

    def lose(self, *names: str) -> None:
        """The files of these keys are gone."""
        for name in names:
            entry = self.keyring.entry(name)
            (self.keyring.folder / entry.uri.removeprefix("sealed:")).unlink()
        self.again()

    def again(self, keyring: FolderKeyring | None = None) -> None:
        """Another process: nothing opened, nothing remembered."""
        self.keyring = keyring or FolderKeyring(self.keyring.folder)
        self.house.files = self.keyring
        self.house.keyring = self.keyring  # type: ignore[assignment]
        self.house.repository = TufRepository(FolderStore(self.house.folder), self.keyring)
