"""How signatures over one payload come together."""

from __future__ import annotations

from warifu_wire.dsse import Envelope
from warifu_wire.errors import Mismatch


def joined(known: Envelope | None, added: Envelope) -> Envelope:
    """The known envelope with the added signatures; none is dropped, for none was verified here.

    Raises `Mismatch` when the two are not the same payload of the same type.
    """
    if known is None:
        return added
    if (known.payload_type, known.payload) != (added.payload_type, added.payload):
        raise Mismatch(
            "another-envelope", needed="the same payload and type",
            expected=known.payload_type, found=added.payload_type,
        )  # fmt: skip
    new = tuple(one for one in added.signatures if one not in known.signatures)
    return Envelope(known.payload_type, known.payload, known.signatures + new)
