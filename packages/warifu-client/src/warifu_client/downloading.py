"""One file from any of several servers into a part file, going on where an earlier try ended."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from warifu_client import identity
from warifu_client.machine import Machine
from warifu_client.progress import Moment
from warifu_client.transport import CHUNK, Reply
from warifu_wire.errors import Fault, Mismatch, Refusal

TRIES = 5
LONGEST = 30.0
_jitter = random.SystemRandom()


@dataclass
class Meter:
    """Bytes of a whole fetch: told to whoever shows them, and held to the member's rate."""

    machine: Machine
    total: int
    done: int = 0
    begun: float = field(default_factory=time.monotonic)

    def add(self, size: int) -> None:
        """So many more bytes came."""
        self.done += size
        seconds = time.monotonic() - self.begun
        self.machine.means.progress(Moment("fetch", self.done, self.total, seconds))
        rate = self.machine.settings.rate
        if rate and self.done / rate > seconds:
            self.machine.means.pause(self.done / rate - seconds)


def download(
    machine: Machine, path: str, part: Path, limit: int, meter: Meter, *, skip: int = 0
) -> None:
    """Fill `part` with the file at `path`, at most `limit` bytes; raises `Refusal` or `Fault`.

    Tries that bring nothing count; the servers take turns, `skip` of them left out at first, with
    growing, scattered pauses.
    """
    servers = (*machine.settings.mirrors, machine.settings.address)
    failed = 0
    while True:
        url = f"{servers[(failed + skip) % len(servers)].rstrip('/')}/{path}"
        before = _size(part)
        try:
            _one(machine, url, part, limit, meter)
            return
        except (Fault, Refusal) as error:
            failed = failed + 1 if _size(part) <= before else max(failed, 1)
            if failed >= max(TRIES, len(servers)) or _final(error, failed, len(servers)):
                raise
            machine.means.pause(_jitter.uniform(0, min(LONGEST, 0.25 * 2**failed)))


def drop(part: Path) -> None:
    """Forget a part file."""
    for path in (part, _mark(part)):
        path.unlink(missing_ok=True)


def _one(machine: Machine, url: str, part: Path, limit: int, meter: Meter) -> None:
    start, name = _size(part), identity.today(machine)
    etag = _etag(part) if start else ""
    with machine.means.transport.get(url, start=start, etag=etag, name=name) as reply:
        if reply.status == 416:
            # All of it is here already, or it was never this file's: hashing tells.
            return
        if reply.status >= 500:
            raise Fault(f"no answer from {url} ({reply.status})", needed="a later try")
        if reply.status not in {200, 206}:
            raise Refusal("bytes-missing", needed=url, status=reply.status)
        resumed = reply.status == 206
        if resumed and not reply.headers.get("content-range", "").startswith(f"bytes {start}-"):
            drop(part)
            raise Fault(f"no answer from {url} (another range)", needed="a later try")
        if not resumed:
            if start:
                drop(part)
            if "etag" in reply.headers and _long(reply):
                _mark(part).write_text(reply.headers["etag"], "utf-8")
        _take(reply, part, limit - (start if resumed else 0), url, meter)


def _take(reply: Reply, part: Path, limit: int, url: str, meter: Meter) -> None:
    try:
        with part.open("ab", buffering=0) as stream:
            for chunk in reply.chunks:
                limit -= len(chunk)
                if limit < 0:
                    break
                stream.write(chunk)
                meter.add(len(chunk))
    except OSError as error:
        raise Fault(f"cannot write {part}: {error.strerror}", needed="disk space") from error
    if limit < 0:
        drop(part)
        raise Mismatch("longer-than-signed", needed="at most the signed length", url=url)


def _long(reply: Reply) -> bool:
    """Whether a file takes more than one piece: only then it can be half here."""
    return reply.headers.get("content-length", "").zfill(20) > f"{CHUNK:020}"


def _final(error: Fault | Refusal, failed: int, servers: int) -> bool:
    """A server that says no is not asked again; another one is."""
    return isinstance(error, Refusal) and failed >= servers


def _size(part: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return part.stat().st_size
    return 0


def _mark(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _etag(part: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return _mark(part).read_text("utf-8")
    return ""
