"""What a machine calls itself when it fetches files: another name each day, known to its provider.

A cache or a content network on the way learns nothing that outlives the day; the provider, who
issued the installation id, can tell whose download it was.
"""

from __future__ import annotations

from datetime import UTC

from warifu_wire.digest import of_bytes
from warifu_wire.times import Instant

HEADER = "Warifu-Machine"
LENGTH = 32


def pseudonym(installation: str, at: Instant) -> str:
    """The name of an installation on the UTC day of `at`: 32 hexadecimal characters."""
    day = at.astimezone(UTC).strftime("%Y-%m-%d")
    return of_bytes(f"warifu-machine-v1\0{installation}\0{day}".encode())[:LENGTH]
