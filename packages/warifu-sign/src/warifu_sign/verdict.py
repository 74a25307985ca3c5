"""What a verification says, and the only way to verified bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """ETSI EN 319 102-1, 5.1.3: passed, failed, or not to be decided with what is at hand."""

    VALID = "valid"
    INVALID = "invalid"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that the signature covers, under the name they have in the document ("" = all)."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signed, as the certificate says it. The fingerprint is sha256 of the DER, in hex."""

    name: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One signature judged under one policy.

    reason: a code of words.py. parts: the verified bytes, empty unless the status is valid.
    claimed_at: what the signer wrote. stamped_at: what a trusted time stamp proves.
    """

    status: Status
    reason: str
    policy: str
    profile: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    signatory: Signatory | None = None
    claimed_at: datetime | None = None
    stamped_at: datetime | None = None
    parts: tuple[Part, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.parts and self.status is not Status.VALID:
            raise ValueError("only a valid signature has verified bytes")
        if self.status is Status.VALID and not self.parts:
            raise ValueError("a valid signature covers something")

    @property
    def valid(self) -> bool:
        """True only for the status valid."""
        return self.status is Status.VALID
