"""Downloads, from what a web server logged: pieces, retries and repeats come to one a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from warifu_wire.digest import Digest
from warifu_wire.errors import Malformed
from warifu_wire.times import Instant

Span = tuple[int, int]

_FILE = re.compile(
    r"/targets/(?P<kind>programs|manifests)/[a-z0-9-]+/(?P<program>[0-9a-f]{64})\.[^/]*"
    r"|/blobs/[0-9a-f]{2}/(?P<blob>[0-9a-f]{64})\.zst"
    r"|/patches/[0-9a-f]{64}/(?P<patch>[0-9a-f]{64})\.[a-z0-9-]+"
    r"|/feeds/[a-z0-9-]+/(?P<feed>[0-9a-f]{64})/[^/]+"
)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LINE = frozenset({"at", "length", "machine", "method", "path", "range", "sent", "status"})


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer that carried bytes of a file: which (by digest), to whom, which bytes of it.

    `machine` is the pseudonym the machine gave, "" for none; `size` is the whole file's, in bytes.
    `elsewhere`: to somebody else's client, by a feed.
    """

    at: Instant
    machine: str
    file: Digest
    span: Span
    size: int
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """How much of a file one machine has, since when, and when it had all of it."""

    file: Digest
    size: int
    spans: tuple[Span, ...]
    first: Instant
    complete: Instant | None

    def with_hit(self, hit: Hit) -> Fetched:
        """With the bytes of one more answer; once complete it stays so, at the first time.

        Another size under the same name is another encoding of it: it begins anew.
        """
        spans = merged((*(self.spans if hit.size == self.size else ()), hit.span))
        whole = spans[0] == (0, hit.size)
        complete = self.complete or (hit.at if whole else None)
        return Fetched(self.file, hit.size, spans, min(self.first, hit.at), complete)


@dataclass(frozen=True, slots=True)
class Contents:
    """What tells a release from all others at a server: its archive, and files only it has."""

    archive: Digest
    files: frozenset[Digest]


def hit(line: str) -> Hit | None:
    """What one line of the download log says; None when it is about no file's bytes.

    Raises `Malformed` for a line that is not of the generated format, such as one cut short.
    """
    try:
        row = json.loads(line)
        if not isinstance(row, dict) or set(row) != _LINE:
            raise ValueError("other fields")
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            raise ValueError("a time without zone")
        return _hit(row, at)
    except (TypeError, ValueError) as error:
        raise Malformed("not-a-log-line", needed="the generated log format", why=error) from error


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Half-open spans as few as possible, in order: what touches is one."""
    done: list[Span] = []
    for begin, end in sorted(spans):
        if done and begin <= done[-1][1]:
            done[-1] = (done[-1][0], max(end, done[-1][1]))
        else:
            done.append((begin, end))
    return tuple(done)


def downloaded(has: Mapping[Digest, Instant], contents: Contents) -> Instant | None:
    """When a machine that completed these files had downloaded a release; None when it has not.

    The archive is how a member downloads by hand. An updater fetches what it lacks, one by one, and
    a file that no other release has was fetched for this one.
    """
    return min(
        (has[one] for one in (contents.archive, *contents.files) if one in has), default=None
    )


def _hit(row: Mapping[str, str], at: Instant) -> Hit | None:
    found = _FILE.fullmatch(row["path"])
    sent = int(row["sent"])
    if found is None or row["method"] != "GET" or row["status"] not in {"200", "206"} or not sent:
        return None
    file = Digest(found["program"] or found["blob"] or found["patch"] or found["feed"])
    other = found["feed"] is not None
    if row["status"] == "200":
        return Hit(at, row["machine"], file, (0, sent), int(row["length"]), other)
    part = _RANGE.fullmatch(row["range"])
    if part is None:
        raise ValueError("a partial answer without its range")
    begin, last, size = (int(one) for one in part.groups())
    return Hit(at, row["machine"], file, (begin, min(begin + sent, last + 1)), size, other)
