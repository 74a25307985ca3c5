"""Host trees on disk: the editions of the host application that members and production run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from warifu_host import editions
from warifu_wire.errors import Fault

_RECORD = '''    def audit(self, text: str) -> None:
        """Write a line into the host's record of keys in use (since the second host of ABI 1)."""
        self.log(f"audit: {text}")

'''


class Edition(StrEnum):
    """The first host of ABI 1 keeps no record of keys; today's does; the next one speaks ABI 2."""

    FIRST = "first"
    TODAY = "today"
    NEXT = "next"


def lay(folder: Path, edition: Edition) -> Path:
    """Write a host's tree; the path is what goes on PYTHONPATH."""
    if edition is Edition.NEXT:
        return editions.lay(folder, editions.NEWER)
    tree = editions.lay(folder)
    if edition is Edition.FIRST:
        place = tree / "warifu_host" / "abi.py"
        text = place.read_text()
        if text.count(_RECORD) != 1:
            raise Fault("today's host keeps no record", needed="a story told on this host")
        place.write_text(text.replace(_RECORD, "").replace(', "audit"', ""))
    return tree
