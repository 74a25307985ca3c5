"""Published files over HTTP: immutable names, entity tags, ranges; no database, no session.

RFC 9110 sections 8.8.3 (ETag), 13.1.2 (If-None-Match), 13.1.5 (If-Range), 14.2 (Range).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from warifu.model.ports import Held, Shelf
from warifu_wire.errors import Fault

Environ: TypeAlias = dict[str, object]
Headers: TypeAlias = list[tuple[str, str]]
Start: TypeAlias = Callable[[str, Headers], object]
App: TypeAlias = Callable[[Environ, Start], Iterable[bytes]]

PLACES = ("metadata", "targets", "blobs", "patches")
LASTING = "public, max-age=31536000, immutable"
TIMESTAMP = "/metadata/timestamp.json"
TIMESTAMP_SHARE = 20
"""A cache may hold the timestamp for a twentieth of the lease."""
SMALL = 64 * 1024
CHUNK = 256 * 1024
_NAME = re.compile(rf"/(?:{'|'.join(PLACES)})(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Files:
    """The published tree on a shelf; `lease` in seconds sets how long a timestamp may be kept.

    `names` are the paths there may be, `lasting` is for how long their files may be kept.
    """

    def __init__(
        self,
        shelf: Shelf,
        lease: int,
        names: re.Pattern[str] = _NAME,
        lasting: str = LASTING,
    ) -> None:
        self._shelf = shelf
        self._names = names
        self._lasting = lasting
        self._brief = f"public, max-age={lease // TIMESTAMP_SHARE}"
        self._kept: dict[str, tuple[str, bytes]] = {}

    def holds(self, path: str) -> bool:
        """Whether a path belongs to the tree, be there a file or not."""
        return path.split("/", 2)[1] in PLACES

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer GET and HEAD."""
        path = str(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _short(start, "405 Method Not Allowed", [("Allow", "GET, HEAD")])
        try:
            return self._answer(path, environ, start)
        except Fault:
            return _short(start, "503 Service Unavailable", [("Cache-Control", "no-store")])

    def _answer(self, path: str, environ: Environ, start: Start) -> Iterable[bytes]:
        found = self._shelf.look(path[1:]) if self._names.fullmatch(path) else None
        if found is None:
            # Soon the name may exist (the next root): nobody keeps the absence.
            return _short(start, "404 Not Found", [("Cache-Control", "no-store")])
        tag = f'"{found.tag}"'
        headers = [
            ("Cache-Control", self._brief if path == TIMESTAMP else self._lasting),
            ("ETag", tag),
            ("Accept-Ranges", "bytes"),
        ]
        if _listed(environ.get("HTTP_IF_NONE_MATCH"), tag):
            start("304 Not Modified", headers)
            return []
        headers.append(("Content-Type", _kind(path)))
        begin, end = _span(environ, found.size, tag)
        if begin >= end and found.size:
            headers.append(("Content-Range", f"bytes */{found.size}"))
            return _short(start, "416 Range Not Satisfiable", headers)
        # Read before anything is said: a file that cannot be read is no answer.
        head = environ["REQUEST_METHOD"] == "HEAD"
        small = self._small(path, found) if found.size <= SMALL and not head else None
        status = "200 OK"
        if end - begin != found.size:
            status = "206 Partial Content"
            headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{found.size}"))
        headers.append(("Content-Length", str(end - begin)))
        start(status, headers)
        if head:
            return []
        return self._shelf.pieces(path[1:], begin, end) if small is None else [small[begin:end]]

    def _small(self, path: str, found: Held) -> bytes:
        """A small file, in memory for as long as its tag does not change."""
        kept = self._kept.get(path)
        if kept is None or kept[0] != found.tag:
            data = b"".join(self._shelf.pieces(path[1:], 0, found.size))
            if len(self._kept) >= 1_000:
                self._kept.clear()
            kept = self._kept[path] = (found.tag, data)
        return kept[1]


class FolderShelf:
    """`ports.Shelf` in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = f"{os.fspath(root)}/"

    def look(self, name: str) -> Held | None:
        """A regular file's size, and a tag of when it was written."""
        try:
            found = os.stat(self._root + name)  # noqa: PTH116 - on the hot path
        except (OSError, ValueError):
            return None
        if found.st_mode & 0o170000 != 0o100000:
            return None
        return Held(found.st_size, f"{found.st_mtime_ns:x}-{found.st_size:x}")

    def pieces(self, name: str, begin: int, end: int) -> Iterator[bytes]:
        """Its bytes, read as they are sent."""
        with open(self._root + name, "rb") as stream:
            stream.seek(begin)
            while begin < end and (piece := stream.read(min(CHUNK, end - begin))):
                begin += len(piece)
                yield piece


def _short(start: Start, status: str, headers: Headers) -> list[bytes]:
    start(status, [*headers, ("Content-Length", "0")])
    return []


def _listed(header: object, tag: str) -> bool:
    if not isinstance(header, str):
        return False
    return header.strip() == "*" or tag in (
        one.strip().removeprefix("W/") for one in header.split(",")
    )


def _kind(path: str) -> str:
    return "application/json" if path.endswith(".json") else "application/octet-stream"


def _span(environ: Environ, size: int, tag: str) -> tuple[int, int]:
    """The bytes asked for; everything when the range is none, or is about another version."""
    asked = _RANGE.fullmatch(str(environ.get("HTTP_RANGE", "")))
    if asked is None or environ.get("HTTP_IF_RANGE", tag) != tag or asked[0] == "bytes=-":
        return 0, size
    first, last = asked[1], asked[2]
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
