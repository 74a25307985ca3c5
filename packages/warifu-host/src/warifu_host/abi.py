"""What this edition of the host offers a plug-in, and how it calls one. Editions differ here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from types import ModuleType
from typing import Protocol

ABI = 1
FEATURES = ("log", "receive", "audit")


class Plugin(Protocol):
    """What a plug-in of this ABI must offer."""

    name: str
    edition: str

    def unlock(self, certificate_file: bytes, password: str) -> str:
        """Open a PKCS#12 file and hold its key; the holder's name."""

    def sign(self, document: bytes, at: datetime) -> bytes:
        """The signed document."""

    def verify(
        self, signed: bytes, roots: Sequence[bytes], crls: Sequence[bytes], now: datetime
    ) -> tuple[str, str]:
        """Status (valid, invalid, indeterminate) and reason; roots and crls in DER."""


class Host:
    """The host as a plug-in sees it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.log = log
        self.received: list[tuple[str, bytes]] = []

    def audit(self, text: str) -> None:
        """Write a line into the host's record of keys in use (since the second host of ABI 1)."""
        self.log(f"audit: {text}")

    def receive(self, name: str, document: bytes) -> None:
        """Take a document that the plug-in verified."""
        self.received.append((name, document))


def connected(entry: ModuleType, host: Host) -> Plugin:
    """Connect a plug-in by its entry module."""
    plugin: Plugin = entry.connect(host)
    return plugin
