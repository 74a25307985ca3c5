"""Feeds for other people's clients over HTTP: looked at anew each second, never to be kept."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from warifu.app import feeding
from warifu.app.feeding import Offered
from warifu.app.wiring import House
from warifu.model import feed
from warifu.model.feed import Client
from warifu.web.downloads import LoggedFiles
from warifu.web.files import Environ, Files, FolderShelf, Headers, Start
from warifu_wire.errors import Fault, Refusal

PLACE = "/feeds/"
_FILE = re.compile(r"/feeds/[a-z0-9-]+/[0-9a-f]{64}/[A-Za-z0-9][A-Za-z0-9._-]*")
_NEVER = "no-store"
_KINDS = {Client.ELECTRON: "text/yaml", Client.SPARKLE: "application/xml"}


class Feeds:
    """`/feeds/PRODUCT/NAME` and the files it names, for as long as nothing speaks against them."""

    def __init__(self, house: House, now: Callable[[], datetime]) -> None:
        self._house = house
        self._now = now
        self._base = f"{PLACE}{house.product}/"
        state: Path = feeding.folder(house).parent
        files = Files(FolderShelf(state), 0, _FILE, _NEVER)
        self._files = LoggedFiles(files, house.log, now)
        self._seen: tuple[datetime, tuple[Offered, ...]] | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer GET and HEAD."""
        path = str(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _told(environ, start, "405 Method Not Allowed", b"", [("Allow", "GET, HEAD")])
        try:
            found = self._offered()
        except (Refusal, Fault):
            return _told(environ, start, "503 Service Unavailable", b"", [])
        for one in found:
            if path == self._base + one.feed.name:
                return self._document(one, environ, start)
            if one.parcel is not None and path == self._base + one.parcel.path:
                return self._files(environ, start)
        return _told(environ, start, "404 Not Found", b"", [])

    def _document(self, one: Offered, environ: Environ, start: Start) -> Iterable[bytes]:
        """The feed's document; electron-updater has none that says there is nothing."""
        address = self._house.config.service.address + self._base.rstrip("/")
        if one.feed.client is Client.SPARKLE:
            data = feed.appcast(self._house.product, address, one.parcel)
        elif one.parcel is not None:
            data = feed.electron(one.parcel)
        else:
            return _told(environ, start, "404 Not Found", b"", [])
        return _told(environ, start, "200 OK", data, [("Content-Type", _KINDS[one.feed.client])])

    def _offered(self) -> tuple[Offered, ...]:
        with self._lock:
            now = self._now()
            if self._seen is None or self._seen[0] != now:
                self._seen = now, feeding.offered(self._house, now)
            return self._seen[1]


def _told(
    environ: Environ, start: Start, status: str, data: bytes, headers: Headers
) -> list[bytes]:
    kept = [("Cache-Control", _NEVER), ("Content-Length", str(len(data)))]
    start(status, [*headers, *kept])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]
