"""The text of a ds:Signature, written directly in canonical form.

Every piece that is digested or signed is written as exclusive C14N would write it, so it is
digested as it stands and no element has to be canonicalised in place; tests hold the two together.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign.keys import SigningKey, is_rsa
from warifu_sign.xml.names import (
    DS,
    ECDSA_SHA256,
    EXCLUSIVE,
    RSA_SHA256,
    SHA256,
    SIGNED_PROPERTIES,
    XADES,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What one ds:Reference says. uri: already escaped as a URI. digest: SHA-256."""

    uri: str
    digest: bytes
    transforms: tuple[str, ...] = ()
    kind: str = ""
    id: str = ""
    media: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A signature in pieces. value: the canonical ds:SignatureValue; a time stamp covers it."""

    id: str
    signed_info: str
    value: str
    key_info: str
    properties: str


def new_id() -> str:
    """An Id that no other document has: 64 random bits."""
    return f"sig-{secrets.token_hex(8)}"


def signed(
    key: SigningKey,
    references: Sequence[Reference],
    *,
    id: str,
    properties: str = "",
    method: str = EXCLUSIVE,
) -> Pieces:
    """Sign the references. properties: the canonical SignedProperties, already among them."""
    info = signed_info(key, references, method)
    value = b64encode(_raw(key, key.sign(info.encode("utf-8")))).decode("ascii")
    return Pieces(
        id,
        info,
        f'<ds:SignatureValue xmlns:ds="{DS}" Id="{id}-value">{value}</ds:SignatureValue>',
        _key_info((key.certificate, *key.chain)),
        properties,
    )


def signed_info(key: SigningKey, references: Sequence[Reference], method: str) -> str:
    """The canonical ds:SignedInfo."""
    algorithm = RSA_SHA256 if is_rsa(key) else ECDSA_SHA256
    return (
        f'<ds:SignedInfo xmlns:ds="{DS}">'
        f'<ds:CanonicalizationMethod Algorithm="{method}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{algorithm}"></ds:SignatureMethod>'
        + "".join(map(_reference, references))
        + "</ds:SignedInfo>"
    )


def signed_properties(
    certificate: x509.Certificate, references: Sequence[Reference], *, id: str, at: datetime
) -> str:
    """The canonical XAdES SignedProperties of level B-B (EN 319 132-1, 5.2)."""
    fingerprint = _fingerprint(certificate)
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    formats = "".join(
        f'<xades:DataObjectFormat ObjectReference="#{one.id}"><xades:MimeType>{text(one.media)}'
        "</xades:MimeType></xades:DataObjectFormat>"
        for one in references
        if one.id
    )
    return (
        f'<xades:SignedProperties xmlns:xades="{XADES}" Id="{id}-properties">'
        f"<xades:SignedSignatureProperties><xades:SigningTime>{when}</xades:SigningTime>"
        "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
        f'<ds:DigestMethod xmlns:ds="{DS}" Algorithm="{SHA256}"></ds:DigestMethod>'
        f'<ds:DigestValue xmlns:ds="{DS}">{fingerprint}</ds:DigestValue>'
        "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>"
        "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
        f"{formats}</xades:SignedDataObjectProperties></xades:SignedProperties>"
    )


def properties_reference(properties: str, *, id: str) -> Reference:
    """The reference to SignedProperties.

    The transform is named: without it every verifier falls back to inclusive C14N.
    """
    digest = hashlib.sha256(properties.encode("utf-8")).digest()
    return Reference(f"#{id}-properties", digest, (EXCLUSIVE,), SIGNED_PROPERTIES)


def assembled(pieces: Pieces, *, stamp: bytes = b"") -> str:
    """The whole ds:Signature. stamp: an RFC 3161 token over pieces.value, or none."""
    return (
        f'<ds:Signature xmlns:ds="{DS}" Id="{pieces.id}">'
        f"{pieces.signed_info}{pieces.value}{pieces.key_info}"
        f"{_object(pieces, stamp) if pieces.properties else ''}</ds:Signature>"
    )


def text(raw: str) -> str:
    """Escape character data as C14N does."""
    return (
        raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    )


def attribute(raw: str) -> str:
    """Escape an attribute's value as C14N does."""
    escaped = raw.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return escaped.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


def _object(pieces: Pieces, stamp: bytes) -> str:
    unsigned = ""
    if stamp:
        token = b64encode(stamp).decode("ascii")
        unsigned = (
            "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
            f'<xades:SignatureTimeStamp Id="{pieces.id}-stamp">'
            f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
            f"<xades:EncapsulatedTimeStamp>{token}</xades:EncapsulatedTimeStamp>"
            "</xades:SignatureTimeStamp>"
            "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
        )
    return (
        f'<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{pieces.id}">'
        f"{pieces.properties}{unsigned}</xades:QualifyingProperties></ds:Object>"
    )


def _reference(one: Reference) -> str:
    transforms = "".join(
        f'<ds:Transform Algorithm="{algorithm}"></ds:Transform>' for algorithm in one.transforms
    )
    return (
        "<ds:Reference"
        + (f' Id="{attribute(one.id)}"' if one.id else "")
        + (f' Type="{attribute(one.kind)}"' if one.kind else "")
        + f' URI="{attribute(one.uri)}">'
        + (f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else "")
        + f'<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        + f"<ds:DigestValue>{b64encode(one.digest).decode('ascii')}</ds:DigestValue>"
        + "</ds:Reference>"
    )


@lru_cache(maxsize=16)
def _fingerprint(certificate: x509.Certificate) -> str:
    return b64encode(certificate.fingerprint(hashes.SHA256())).decode("ascii")


@lru_cache(maxsize=16)
def _key_info(certificates: tuple[x509.Certificate, ...]) -> str:
    coded = (b64encode(one.public_bytes(Encoding.DER)).decode("ascii") for one in certificates)
    inner = "".join(f"<ds:X509Certificate>{one}</ds:X509Certificate>" for one in coded)
    return f"<ds:KeyInfo><ds:X509Data>{inner}</ds:X509Data></ds:KeyInfo>"


def _raw(key: SigningKey, signature: bytes) -> bytes:
    """XML wants r and s side by side (RFC 4051, 2.3.6), not DER."""
    public = key.certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return signature
    width = (public.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")
