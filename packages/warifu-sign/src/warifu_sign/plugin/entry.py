"""The plug-in's entry for hosts of ABI 1: connect(host) gives the plug-in.

The host calls unlock, sign and verify. The plug-in calls host.log, and hands what it verified to
host.receive: the host never reads the signed file itself, so it cannot use anything unverified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from warifu_sign import __version__, p12
from warifu_sign.chain import Trust
from warifu_sign.documents import sign, usual, verify
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.policy import shipped


class Host(Protocol):
    """What the plug-in uses of a host of ABI 1."""

    def log(self, text: str) -> None:
        """Write a line into the host's log."""

    def receive(self, name: str, document: bytes) -> None:
        """Take a document that was verified; name is that of the part it came from."""


class Plugin:
    """What a host of ABI 1 gets. It holds one key at a time."""

    name = "warifu-sign"
    edition = __version__

    def __init__(self, host: Host) -> None:
        self._host = host
        self._key: LoadedKey | None = None

    def unlock(self, certificate_file: bytes, password: str) -> str:
        """Open a PKCS#12 file and hold its key; the holder's name comes back."""
        from warifu_sign.certificate import holder

        self._key = p12.opened(certificate_file, password)
        self._host.log("certificate opened")
        return holder(self._key.certificate)

    def sign(self, document: bytes, at: datetime) -> bytes:
        """Sign an XML or PDF document in the usual profile of its kind."""
        if self._key is None:
            raise Refusal("key-locked", needed="a certificate file that was opened")
        return sign(document, self._key, usual(document), at=at)

    def verify(
        self, signed: bytes, roots: Sequence[bytes], crls: Sequence[bytes], now: datetime
    ) -> tuple[str, str]:
        """Judge a signed document: (status, reason). If valid, the host receives its content."""
        verdict = verify(signed, Trust(tuple(roots), crls=tuple(crls)), shipped(), now)
        for part in verdict.parts:
            self._host.receive(part.name, part.data)
        return verdict.status.value, verdict.reason


def connect(host: Host) -> Plugin:
    """Called once by the host, after it has checked this plug-in's ABI and digests."""
    host.log(f"{Plugin.name} {Plugin.edition}")
    return Plugin(host)
