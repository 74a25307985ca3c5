"""Members and their machines: an installation is issued an id here, and a member confirms it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.keys import PublicKey
from warifu_wire.times import Instant

PER_MEMBER = 5
"""How many installations one member may confirm: more would let one person outvote the rest."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One installed updater: its random 128-bit id (hex), its key, and whose it is."""

    id: str
    key: PublicKey
    issued: Instant
    member: str | None = None
    confirmed: Instant | None = None

    @property
    def numbers(self) -> Digest:
        """What makes the key the same key, however it is spelled."""
        return self.key.numbers

    def known_before(self, at: Instant) -> bool:
        """Whether a member had confirmed it before `at`: only such reports move the alarm."""
        return self.confirmed is not None and self.confirmed < at


def confirmed(
    installation: Installation, member: str, others: Iterable[Installation], at: Instant
) -> Installation:
    """The installation as this member's; `others` are the member's own already.

    Raises `Refusal` when it belongs to somebody else, or the member has five others. Repeating it
    changes nothing.
    """
    if installation.member == member:
        return installation
    if installation.member is not None:
        raise Refusal(
            "installation-of-another", needed="an installation of your own", id=installation.id
        )
    have = sum(1 for one in others if one.id != installation.id)
    if have >= PER_MEMBER:
        raise Refusal(
            "too-many-installations",
            needed=f"at most {PER_MEMBER} a member; give one up first",
            member=member,
            have=have,
        )
    return replace(installation, member=member, confirmed=at)
