"""One way to sign and to verify, whatever the document is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from warifu_sign.chain import Trust
from warifu_sign.errors import Refusal
from warifu_sign.keys import SigningKey
from warifu_sign.policy import Policy
from warifu_sign.verdict import Status, Verdict


class Kind(StrEnum):
    """What a document is, told from its first bytes."""

    XML = "xml"
    PDF = "pdf"


class Profile(StrEnum):
    """How to sign. The names are those of the command line."""

    XMLDSIG = "xmldsig"
    XADES_B = "xades-b"
    XADES_T = "xades-t"
    MOJ = "moj"
    PADES_B = "pades-b"

    @property
    def kind(self) -> Kind:
        """The kind of document it is for."""
        return Kind.XML if self.value.startswith("x") else Kind.PDF


USUAL = {Kind.XML: Profile.XADES_B, Kind.PDF: Profile.MOJ}


@dataclass(frozen=True, slots=True)
class Outside:
    """What signing may use of the world: a source of time stamps."""

    stamp: Callable[[bytes], bytes] | None = None


ALONE = Outside()


def kind_of(document: bytes) -> Kind:
    """What a document is. Raises Refusal document-kind."""
    head = document[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in document[:1024]:
        return Kind.PDF
    if head.startswith(b"<"):
        return Kind.XML
    raise Refusal("document-kind", needed="an XML or a PDF document")


def sign(
    document: bytes,
    key: SigningKey,
    profile: Profile,
    *,
    at: datetime,
    outside: Outside = ALONE,
) -> bytes:
    """The signed document. Raises Refusal and Fault of the signer of its kind, profile-not-for."""
    kind = kind_of(document)
    if kind is not profile.kind:
        raise Refusal("profile-not-for", profile=profile.value, kind=kind.value)
    if kind is Kind.PDF:
        from warifu_sign.pdf import sign as pdf  # pyHanko takes most of a second to import

        form = pdf.MOJ if profile is Profile.MOJ else pdf.B_B
        return pdf.signed(document, pdf.HeldKey(key), form)
    from warifu_sign.xml.sign import enveloped

    stamp = outside.stamp if profile is Profile.XADES_T else None
    if profile is Profile.XADES_T and stamp is None:
        raise Refusal("tsa-missing", needed="the address of a time-stamping authority")
    return enveloped(document, key, at=at, xades=profile is not Profile.XMLDSIG, stamp=stamp)


def verify(document: bytes, trust: Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a signed document of any kind; raises nothing for what the document holds."""
    try:
        kind = kind_of(document)
    except Refusal as refusal:
        return Verdict(Status.INVALID, refusal.code, policy.version)
    if kind is Kind.PDF:
        from warifu_sign.pdf.verify import verified

        return verified(document, trust, policy, now)
    from warifu_sign.xml.verify import enveloped

    return enveloped(document, trust, policy, now)
