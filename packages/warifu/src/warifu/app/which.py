"""Which release was meant: by the first characters of its id, as people type it."""

from __future__ import annotations

from warifu.app.wiring import House
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import text


def release(house: House, said: str) -> Digest:
    """A published release by the first characters of its id, at least eight; raises `Refusal`."""
    fits = [key for key, _ in house.ledger.rows("publication") if key.startswith(text(said))]
    if len(said) < 8 or len(fits) != 1:
        raise Refusal(
            "which-release",
            needed="at least 8 characters of exactly one published release",
            said=said,
            fits=", ".join(one[:16] for one in fits) or "none",
        )
    return digest(fits[0])
