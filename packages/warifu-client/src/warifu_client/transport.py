"""HTTP as the updater uses it: a stream from an offset, a small post, and nothing followed far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from warifu_client.settings import Settings
from warifu_wire.errors import Fault
from warifu_wire.pseudonym import HEADER

CHUNK = 1 << 16
REDIRECTS = 3
TIMEOUT = urllib3.Timeout(connect=10, read=30)
PATIENCE = 60.0
"""Seconds of waiting for a server after which it must have kept to `SLOWEST`."""
SLOWEST = 512
"""The fewest bytes per second: a server that trickles must not hold the updater for ever."""
ANSWER = 1 << 20
"""The most bytes (1 MiB) of an answer to a post."""
NOT_CACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: status, headers (names in lower case), and the body in pieces."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Transport(Protocol):
    """What the updater needs of a network."""

    def get(
        self, url: str, *, start: int = 0, etag: str = "", fresh: bool = False, name: str = ""
    ) -> AbstractContextManager[Reply]:
        """Ask for the bytes from `start` on, if the file still has `etag`; `fresh`: no caches.

        `name` is what the machine calls itself today, "" for nothing.

        Raises `Fault` when there is no answer, also in the middle of the body.
        """

    def post(self, url: str, body: bytes) -> Reply:
        """Send a JSON document; raises `Fault` when there is no answer."""


@dataclass(frozen=True, slots=True)
class Http:
    """The network through urllib3, by proxy and with further TLS roots where the settings say."""

    pool: urllib3.PoolManager
    seconds: Callable[[], float] = time.monotonic

    @contextmanager
    def get(
        self, url: str, *, start: int = 0, etag: str = "", fresh: bool = False, name: str = ""
    ) -> Iterator[Reply]:
        """One GET; the connection goes back to the pool when the caller is done."""
        headers = {**_range(start, etag), **(NOT_CACHED if fresh else {})}
        if name:
            headers[HEADER] = name
        with _told(url):
            answer = self.pool.request("GET", url, headers=headers, preload_content=False)
        try:
            yield Reply(answer.status, _lower(answer), self._pieces(url, answer))
        finally:
            answer.release_conn() if _read_up(answer) else answer.close()

    def post(self, url: str, body: bytes) -> Reply:
        """One POST of a JSON document."""
        headers = {"Content-Type": "application/json"}
        with _told(url):
            answer = self.pool.request(
                "POST", url, body=body, headers=headers, preload_content=False
            )
        try:
            found = bytearray()
            for piece in self._pieces(url, answer):
                found += piece
                if len(found) > ANSWER:
                    raise Fault(f"no answer from {url} (too long)", needed="a later try")
            return Reply(answer.status, _lower(answer), iter((bytes(found),)))
        finally:
            answer.release_conn() if _read_up(answer) else answer.close()

    def _pieces(self, url: str, answer: BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it comes; only waiting counts, not what is done with the pieces."""
        waited, came = 0.0, 0
        while True:
            before = self.seconds()
            with _told(url):
                piece = answer.read1(CHUNK, decode_content=False)
            if not piece:
                return
            waited, came = waited + self.seconds() - before, came + len(piece)
            if waited > PATIENCE:
                if came < SLOWEST * waited:
                    raise Fault(f"no answer from {url} (too slow)", needed="a faster network")
                waited, came = 0.0, 0
            yield piece


def of(settings: Settings) -> Http:
    """The network of a machine."""
    options: dict[str, Any] = {
        "timeout": TIMEOUT,
        "retries": urllib3.Retry(total=REDIRECTS, connect=0, read=0, redirect=REDIRECTS, other=0),
        "headers": {"Accept-Encoding": "identity", "User-Agent": "warifu-update"},
        "ca_certs": settings.authority or None,
    }
    if settings.proxy:
        return Http(urllib3.ProxyManager(settings.proxy, **options))
    return Http(urllib3.PoolManager(**options))


def plain() -> Http:
    """The network without any settings."""
    return of(Settings("", "none"))


def _range(start: int, etag: str) -> dict[str, str]:
    found = {"Range": f"bytes={start}-"} if start else {}
    return {**found, "If-Range": etag} if start and etag else found


def _lower(answer: BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _read_up(answer: BaseHTTPResponse) -> bool:
    return answer.length_remaining == 0


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError) as error:
        why = type(error).__name__
        raise Fault(f"no answer from {url} ({why})", needed="a network connection") from error
