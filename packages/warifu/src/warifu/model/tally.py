"""The tally: two halves laid together. Publish, probe and remedy all call `match`."""

from __future__ import annotations

from collections.abc import Mapping

from warifu_wire.digest import Digest
from warifu_wire.errors import Mismatch


def match(approved: Mapping[str, Digest], found: Mapping[str, Digest | None]) -> None:
    """Raises `Mismatch` naming both digests unless every approved path holds the approved bytes.

    Only approved paths are compared: what else is found belongs to other changes.
    """
    for path, wanted in sorted(approved.items()):
        there = found.get(path)
        if there != wanted:
            raise Mismatch(
                "not-what-was-approved",
                needed=f"the bytes {wanted} at {path}",
                path=path,
                approved=wanted,
                found=there or "nothing",
            )
