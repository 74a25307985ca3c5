"""Where things lie on a member's machine: immutable release folders, one pointer, and our files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from warifu_wire.digest import Digest

_FOLDER = re.compile(r"([0-9a-f]{64})\.([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Layout:
    """Every path below the updater's folder. The updater itself lives somewhere else.

    A release folder is `releases/<manifest digest>.<n>`: never written to again once it is whole,
    and never reused, so that a repair is a switch like any other.
    """

    root: Path

    @property
    def settings(self) -> Path:
        """What the machine was told at set-up."""
        return self.root / "settings.json"

    @property
    def trust(self) -> Path:
        """The TUF root embedded at set-up."""
        return self.root / "root.json"

    @property
    def key(self) -> Path:
        """The installation's private key."""
        return self.root / "key.pem"

    @property
    def installation(self) -> Path:
        """The id that the provider gave this installation."""
        return self.root / "installation"

    @property
    def floors(self) -> Path:
        """What was once verified; outside the metadata folder on purpose."""
        return self.root / "floors.json"

    @property
    def lock(self) -> Path:
        """One updater at a time."""
        return self.root / "lock"

    @property
    def journal(self) -> Path:
        """The attempt under way, if there is one."""
        return self.root / "journal.json"

    @property
    def health(self) -> Path:
        """What the last start test found, and of which folder."""
        return self.root / "health.json"

    @property
    def refused(self) -> Path:
        """Releases that did not start here."""
        return self.root / "refused.json"

    @property
    def seen(self) -> Path:
        """When each file of the installed tree was last hashed; only ever saves a reading."""
        return self.root / "seen.json"

    @property
    def view(self) -> Path:
        """What one snapshot says of the targets that every check reads."""
        return self.root / "view.json"

    @property
    def current(self) -> Path:
        """The pointer."""
        return self.root / "current"

    @property
    def previous(self) -> Path:
        """The name of the release folder kept for a rollback."""
        return self.root / "previous"

    @property
    def metadata(self) -> Path:
        """TUF metadata."""
        return self.root / "metadata"

    @property
    def targets(self) -> Path:
        """Verified TUF targets by their digest."""
        return self.root / "targets"

    @property
    def manifests(self) -> Path:
        """Verified manifests by their digest."""
        return self.root / "manifests"

    @property
    def store(self) -> Path:
        """Verified files of the attempt under way, and downloads not yet finished."""
        return self.root / "store"

    @property
    def releases(self) -> Path:
        """The release folders."""
        return self.root / "releases"

    @property
    def data(self) -> Path:
        """The member's own files that a manifest keeps: the same for every release."""
        return self.root / "data"

    @property
    def aside(self) -> Path:
        """Files of the member found in a release folder before it went away."""
        return self.root / "aside"

    @property
    def outbox(self) -> Path:
        """Outcomes not yet sent."""
        return self.root / "outbox"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders made at set-up."""
        return (
            *(self.metadata, self.targets, self.manifests, self.store),
            *(self.releases, self.data, self.aside, self.outbox),
        )

    def release(self, name: str) -> Path:
        """A release folder by its name."""
        return self.releases / name

    def manifest(self, release: Digest) -> Path:
        """The kept manifest of a release."""
        return self.manifests / f"{release}.json"

    def unused(self, release: Digest) -> str:
        """A name for a new folder of a release, never used by one that is still there."""
        taken = {found[2] for one in self.releases.iterdir() if (found := _FOLDER.match(one.name))}
        return f"{release}.{max(map(int, taken), default=0) + 1}"


def release_of(name: str) -> Digest | None:
    """The release that a folder's name tells; None for a name that is not ours."""
    found = _FOLDER.fullmatch(name)
    return Digest(found[1]) if found else None
