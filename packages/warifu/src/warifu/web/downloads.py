"""Our own download log: the lines nginx would write, of files that members download."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from warifu.web.files import Environ, Files, Headers, Start
from warifu_wire.pseudonym import HEADER

LARGE = 64 << 20
_DOWNLOADS = re.compile(r"/(?:targets/(?:programs|manifests)|blobs|patches|feeds)/")
_NAMED = f"HTTP_{HEADER.upper().replace('-', '_')}"


class LoggedFiles:
    """The published files; an answer about a download leaves one line once it has ended.

    A log larger than `large` bytes is renamed to `NAME.1`; its reader finishes that one first.
    """

    def __init__(
        self, files: Files, log: Path, now: Callable[[], datetime], large: int = LARGE
    ) -> None:
        self._files = files
        self._large = large
        self._log = log
        self._now = now
        self._lock = threading.Lock()

    def holds(self, path: str) -> bool:
        """Whether a path belongs to the tree."""
        return self._files.holds(path)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer GET and HEAD."""
        if not _DOWNLOADS.match(str(environ["PATH_INFO"])):
            return self._files(environ, start)
        said: list[tuple[str, Headers]] = []

        def noted(status: str, headers: Headers) -> object:
            said.append((status, headers))
            return start(status, headers)

        return self._counted(self._files(environ, noted), environ, said)

    def _counted(
        self, body: Iterable[bytes], environ: Environ, said: list[tuple[str, Headers]]
    ) -> Iterator[bytes]:
        """The body as it is; the line is written when it ends, or when the other side leaves."""
        sent = 0
        try:
            for piece in body:
                yield piece
                sent += len(piece)
        finally:
            status, headers = said[0]
            self._write(line(self._now(), environ, status, dict(headers), sent))

    def _write(self, text: str) -> None:
        with self._lock:
            handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                os.write(handle, text.encode())
                large = os.fstat(handle).st_size > self._large
            finally:
                os.close(handle)
            if large:
                self._log.rename(self._log.with_name(f"{self._log.name}.1"))


def line(at: datetime, environ: Environ, status: str, headers: dict[str, str], sent: int) -> str:
    """One line in the format of `warifu.web.nginx`: no address, only the name of the day."""
    told = {
        "at": at.isoformat(timespec="seconds"),
        "method": str(environ["REQUEST_METHOD"]),
        "path": str(environ["PATH_INFO"]),
        "status": status[:3],
        "sent": str(sent),
        "range": headers.get("Content-Range", ""),
        "length": headers.get("Content-Length", ""),
        "machine": str(environ.get(_NAMED, "")),
    }
    return json.dumps(told) + "\n"
