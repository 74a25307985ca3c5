"""One way to sign and to verify, whatever the document is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from asn1crypto import pem

from warifu_sign.chain import Trust, path
from warifu_sign.errors import Refusal
from warifu_sign.keys import SigningKey
from warifu_sign.policy import Policy
from warifu_sign.pool import loaded
from warifu_sign.stamps import Tsa
from warifu_sign.verdict import Part, Status, Verdict


class Kind(StrEnum):
    """What a document is, told from its first bytes."""

    XML = "xml"
    PDF = "pdf"
    PACKAGE = "kousei"
    CERTIFICATE = "certificate"


class Profile(StrEnum):
    """How to sign one document. The names are those of the command line."""

    XMLDSIG = "xmldsig"
    XADES_B = "xades-b"
    XADES_T = "xades-t"
    MOJ = "moj"
    PADES_B = "pades-b"
    PADES_T = "pades-t"
    PADES_LT = "pades-lt"
    PADES_LTA = "pades-lta"

    @property
    def kind(self) -> Kind:
        """The kind of document it is for."""
        return Kind.XML if self.value.startswith("x") else Kind.PDF


USUAL = {Kind.XML: Profile.XADES_B, Kind.PDF: Profile.MOJ}
STAMPED = {Profile.XADES_T, Profile.PADES_T, Profile.PADES_LT, Profile.PADES_LTA}
LASTING = {Profile.PADES_LT, Profile.PADES_LTA}


@dataclass(frozen=True, slots=True)
class Outside:
    """What signing may use of the world.

    tsa: source of time stamps. trust: the evidence that a long-term signature takes along.
    visible: whether a PDF shows a stamp, drawn with font (None: one is looked for).
    """

    tsa: Tsa | None = None
    trust: Trust | None = None
    visible: bool = False
    font: Path | None = None


ALONE = Outside()
CLOCKS = timedelta(minutes=5)  # a certificate issued a moment ago may lie ahead of this clock


def kind_of(document: bytes) -> Kind:
    """What a document is. Raises Refusal document-kind."""
    head = document[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in document[:1024]:
        return Kind.PDF
    if head.startswith(b"<"):
        return Kind.XML
    if document.startswith(b"PK\x03\x04"):
        return Kind.PACKAGE
    if document.startswith((b"-----BEGIN CERTIFICATE", b"\x30\x82")):
        return Kind.CERTIFICATE
    raise Refusal("document-kind", needed="an XML or a PDF document")


def usual(document: bytes) -> Profile:
    """The profile for a document of its kind. Raises Refusal document-kind."""
    kind = kind_of(document)
    if kind not in USUAL:
        raise Refusal("document-kind", needed="an XML or a PDF document")
    return USUAL[kind]


def sign(
    document: bytes,
    key: SigningKey,
    profile: Profile,
    *,
    at: datetime,
    outside: Outside = ALONE,
) -> bytes:
    """The signed document.

    Raises Refusal and Fault of the signer of its kind, and certificate-expired,
    certificate-not-yet-valid, profile-not-for, tsa-missing, trust-missing.
    """
    _check_period(key, at)
    kind = kind_of(document)
    if kind is not profile.kind:
        raise Refusal("profile-not-for", profile=profile.value, kind=kind.value)
    if profile in STAMPED and outside.tsa is None:
        raise Refusal("tsa-missing", needed="the address of a time-stamping authority")
    if profile in LASTING and outside.trust is None:
        raise Refusal("trust-missing", needed="root certificates and revocation lists")
    if kind is Kind.PDF:
        return _pdf(document, key, profile, at, outside)
    from warifu_sign.xml.sign import enveloped

    stamp = outside.tsa.token if outside.tsa and profile is Profile.XADES_T else None
    return enveloped(document, key, at=at, xades=profile is not Profile.XMLDSIG, stamp=stamp)


def _check_period(key: SigningKey, at: datetime) -> None:
    """Nobody could rely on a signature made outside the certificate's life."""
    starts, ends = key.certificate.not_valid_before_utc, key.certificate.not_valid_after_utc
    if at > ends:
        raise Refusal("certificate-expired", at=ends.isoformat())
    if at < starts - CLOCKS:
        raise Refusal("certificate-not-yet-valid", starts=starts.isoformat())


def verify(document: bytes, trust: Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a signed document of any kind; raises nothing for what the document holds."""
    try:
        kind = kind_of(document)
    except Refusal as refusal:
        return Verdict(Status.INVALID, refusal.code, policy.version)
    if kind is Kind.PDF:
        from warifu_sign.pdf.verify import verified as pdf

        return pdf(document, trust, policy, now)
    if kind is Kind.CERTIFICATE:
        return certificate(document, trust, policy, now)
    if kind is Kind.PACKAGE:
        from warifu_sign.kousei import verified as package

        return package(document, trust, policy, now)
    from warifu_sign.xml.verify import enveloped

    return enveloped(document, trust, policy, now)


def certificate(data: bytes, trust: Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a certificate (DER or PEM) alone: its path, whatever it may be used for."""
    der = pem.unarmor(data)[2] if pem.detect(data) else data
    leaf = loaded(der)
    if leaf is None:
        return Verdict(Status.INVALID, "certificate-malformed", policy.version)
    found = path(leaf, (), trust, policy, now)
    return Verdict(
        found.status,
        found.reason or "ok",
        policy.version,
        profile=Kind.CERTIFICATE.value,
        facts=found.facts,
        parts=(Part("", der),) if found.status is Status.VALID else (),
    )


def _pdf(
    document: bytes, key: SigningKey, profile: Profile, at: datetime, outside: Outside
) -> bytes:
    from warifu_sign.pdf import levels  # pyHanko takes most of a second to import
    from warifu_sign.pdf import sign as pdf
    from warifu_sign.pdf.look import Look

    held = pdf.HeldKey(key)
    look = Look(font=outside.font) if outside.visible else None
    if outside.tsa is None or profile not in STAMPED:
        form = pdf.MOJ if profile is Profile.MOJ else pdf.PADES
        return pdf.signed(document, held, form, at=at, look=look)
    return levels.stamped(
        document,
        held,
        outside.tsa,
        trust=outside.trust if profile in LASTING else None,
        archived=profile is Profile.PADES_LTA,
        at=at,
        look=look,
    )
