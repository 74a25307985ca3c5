"""A throw-away certificate and document, made in memory, to see whether signing works here."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import NameOID

DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<申請書 xmlns="urn:warifu:trial"><件名>動作確認</件名><申請人>会員 試験</申請人></申請書>\n'
).encode()
CONTENT = DOCUMENT.partition(b"?>\n")[2].rstrip(b"\n")  # in canonical form: what is verified

_SIGNS = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
_ISSUES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


@dataclass(frozen=True, slots=True)
class Trial:
    """A certificate file with its password, and what proves it. root, crl: DER."""

    certificate_file: bytes
    password: str
    root: bytes
    crl: bytes


def made(now: datetime) -> Trial:
    """A file-type certificate (RSA-2048) good for an hour, by an authority as short-lived."""
    authority = ec.generate_private_key(ec.SECP256R1())
    member = rsa.generate_private_key(65537, 2048)
    issuer, subject = _name("試験認証局 trial"), _name("会員 試験 trial")
    start, end = now - timedelta(minutes=10), now + timedelta(hours=1)
    root = (
        _certificate(issuer, issuer, authority.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_ISSUES, critical=True)
        .sign(authority, hashes.SHA256())
    )
    certificate = (
        _certificate(subject, issuer, member.public_key(), start, end)
        .add_extension(_SIGNS, critical=True)
        .sign(authority, hashes.SHA256())
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(start)
        .next_update(end)
        .sign(authority, hashes.SHA256())
    )
    password = secrets.token_hex(16)
    protection = BestAvailableEncryption(password.encode("ascii"))
    sealed = pkcs12.serialize_key_and_certificates(
        b"trial", member, certificate, [root], protection
    )
    return Trial(sealed, password, root.public_bytes(Encoding.DER), crl.public_bytes(Encoding.DER))


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
