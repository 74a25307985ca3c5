"""Notices: one row for each (campaign, member, channel), from composed to handed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Mismatch


class Channel(StrEnum):
    """How a notice goes out."""

    LETTER = "letter"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A member to be told, and whether the impact query found them affected."""

    member: str
    affected: bool


@dataclass(frozen=True, slots=True)
class Campaign:
    """A mailing about a release: to whom (`audience` names the query), and by which template."""

    id: str
    release: Digest
    audience: str
    channel: Channel
    template: Digest
    recipients: tuple[Recipient, ...]

    @property
    def list_digest(self) -> Digest:
        """The sha256 of the recipients, in order of member."""
        rows: list[Json] = [[one.member, one.affected] for one in self.recipients]
        return of_bytes(canonical.dumps(rows))


def campaign(
    release: Digest,
    audience: str,
    channel: Channel,
    template: Digest,
    members: Iterable[str],
    affected: frozenset[str],
) -> Campaign:
    """A campaign to each member once, in order."""
    recipients = tuple(Recipient(one, one in affected) for one in sorted(set(members)))
    name = f"{channel}-{audience}-{release[:12]}"
    return Campaign(name, release, audience, channel, template, recipients)


def handed_over(planned: Campaign, printed: int, receipt: int) -> None:
    """Raises `Mismatch` unless as many were printed and received as the campaign has rows."""
    if not len(planned.recipients) == printed == receipt:
        raise Mismatch(
            "counts-differ",
            needed=f"{len(planned.recipients)} printed and on the receipt",
            printed=printed,
            receipt=receipt,
        )
