"""What a differing member is: its class, whose bytes it holds, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from warifu.model.lines import LineKind
from warifu.model.tree import File
from warifu_wire.canonical import Json


class Class(StrEnum):
    """The classes of issue and gate; only the first two pass."""

    APPROVED = "approved"
    GENERATED = "generated"
    MODE = "mode"
    MISSING = "missing"
    RELOCATED = "relocated"
    LATER = "later"
    STALE = "stale"
    REVERTED = "reverted"
    DANGLING = "dangling"
    DERIVED_FROM = "derived-from"
    NORMALISED = "normalised"
    HYBRID = "hybrid"
    UNTRACKED = "untracked"


PASSING = frozenset({Class.APPROVED, Class.GENERATED})


@dataclass(frozen=True, slots=True)
class Origin:
    """A commit that brought bytes to a path of a line; `path` is empty where only bytes are known.

    `line` is a registered line's name; for the approved history it is the approved line's.
    """

    line: str
    kind: LineKind
    commit: str
    path: str
    author: str
    subject: str
    planned: date | None
    owner: str

    def to_json(self) -> dict[str, Json]:
        """The origin as facts of an event."""
        return {
            "author": self.author,
            "commit": self.commit,
            "kind": self.kind.value,
            "line": self.line,
            "owner": self.owner,
            "path": self.path,
            "planned": self.planned.isoformat() if self.planned else "",
            "subject": self.subject,
        }


@dataclass(frozen=True, slots=True)
class Version:
    """What a path held after a commit of another line."""

    origin: Origin
    data: bytes


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of lines that differs from the approved file: first line and counts, 1-based."""

    approved_at: int
    removed: tuple[bytes, ...]
    found_at: int
    added: tuple[bytes, ...]
    origin: Origin | None = None

    def to_json(self) -> dict[str, Json]:
        """The hunk as facts of an event, without the lines themselves."""
        return {
            "added": len(self.added),
            "approved_at": self.approved_at,
            "found_at": self.found_at,
            "origin": self.origin.to_json() if self.origin else None,
            "removed": len(self.removed),
        }


@dataclass(frozen=True, slots=True)
class Suspect:
    """A differing member: what was found there and what was expected; None for nothing.

    `member` is the place (`outer.zip!/inner` inside an archive), `source` the path in the source
    that the expected bytes come from, empty when there is none.
    """

    member: str
    source: str
    found: File | None
    expected: File | None


@dataclass(frozen=True, slots=True)
class Witness:
    """What the histories say about one suspect.

    `seen` are the places where exactly these bytes are known, `dangling` says that only the object
    store knows them, `versions` are other lines' versions of the same source, oldest first, and
    `derived` is the commit whose build makes these bytes.
    """

    seen: tuple[Origin, ...] = ()
    dangling: bool = False
    versions: tuple[Version, ...] = ()
    derived: Origin | None = None


NOTHING = Witness()


@dataclass(frozen=True, slots=True)
class Finding:
    """One differing member, judged. `relates` is the approved path a relocated member comes from.

    `of` is the class of what a normalised member is equal to.
    """

    cls: Class
    member: str
    origin: Origin | None = None
    hunks: tuple[Hunk, ...] = ()
    relates: str = ""
    of: Class | None = None

    def to_json(self) -> dict[str, Json]:
        """The finding as facts of an event and of the contamination verdict."""
        return {
            "class": self.cls.value,
            "hunks": [one.to_json() for one in self.hunks],
            "member": self.member,
            "of": self.of.value if self.of else "",
            "origin": self.origin.to_json() if self.origin else None,
            "relates": self.relates,
        }
