"""Fetching a certificate by letter so that a broken line or a killed process costs nothing.

The key is made here and stored, encrypted, before the first request; the certificate file is
complete before the receipt is sent. Run again at any point, it goes on with the same key.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from warifu_sign import files, p12
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.window.asking import Issued, Window
from warifu_sign.window.letter import Letter

KeyKind = Literal["rsa-2048", "p-256"]
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Fetched:
    """A certificate file that stands. receipt: whether the authority has our receipt."""

    key: LoadedKey
    holder: str
    receipt: str


def fetch(
    window: Window,
    letter: Letter,
    password: str,
    out: Path,
    *,
    kind: KeyKind = "rsa-2048",
    now: datetime,
    made_there: bool = False,
) -> Fetched:
    """Redeem a letter into a certificate file.

    made_there: the letter is of the compatibility profile, whose key the authority makes.
    Raises Refusal and Fault of password, letter, window and files; out-exists.
    """
    p12.checked_password(password, initial=letter.pin)
    pending = out.with_name(out.name + ".pending")
    if out.exists() and not pending.exists():
        raise Refusal("out-exists", out=out, needed="another file name")
    if made_there:
        issued = _redeemed(window, letter, None, now)
        data, key = _received(issued, letter, password)
        if not pending.exists():
            files.write(pending, b"", files.PRIVATE)
    else:
        private = _own_key(pending, password, kind)
        issued = _redeemed(window, letter, private, now)
        data, key = _sealed(private, issued, password)
    files.write(out, data, files.PRIVATE)
    return Fetched(key, issued.holder, _receipt(window, letter, issued, key, now, pending))


def _own_key(pending: Path, password: str, kind: KeyKind) -> Private:
    """The key of an interrupted attempt, or a new one: on disk before anybody hears of it."""
    if pending.exists():
        return p12.opened_private(files.read(pending, most=p12.MOST_BYTES), password)
    made: Private
    if kind == "rsa-2048":
        made = rsa.generate_private_key(65537, 2048)
    else:
        made = ec.generate_private_key(ec.SECP256R1())
    data = p12.sealed(made, _placeholder(made), (), password, label="pending")
    files.write(pending, data, files.PRIVATE)
    return made


def _placeholder(private: Private) -> x509.Certificate:
    """A certificate that says nothing: the file form wants one beside the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pending")])
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )


def _redeemed(window: Window, letter: Letter, private: Private | None, now: datetime) -> Issued:
    payload = {
        "action": "redeem",
        "at": spelled(now),
        "csr": request(private) if private is not None else None,
        "reference": letter.reference,
    }
    return window.issued("redeem", payload, letter.key().sign)


def request(private: Private) -> str:
    """A PKCS#10 request in base64; the authority takes the names from its own record."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "request")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, hashes.SHA256())
    return b64encode(csr.public_bytes(Encoding.DER)).decode("ascii")


def _sealed(private: Private, issued: Issued, password: str) -> tuple[bytes, LoadedKey]:
    key = LoadedKey(private, issued.certificate, issued.chain)
    data = p12.sealed(private, issued.certificate, issued.chain, password, label=issued.holder)
    return data, key


def _received(issued: Issued, letter: Letter, password: str) -> tuple[bytes, LoadedKey]:
    """A key made by the authority, out of the PIN's hands at once."""
    if not issued.by_authority:
        raise Refusal("window-answer", why="no key came with the certificate")
    private = p12.opened_private(issued.by_authority, letter.pin)
    return _sealed(private, issued, password)


def _receipt(
    window: Window, letter: Letter, issued: Issued, key: LoadedKey, now: datetime, pending: Path
) -> str:
    """Send the receipt, signed by the new key; the time at which the authority first had it."""
    der = key.certificate.public_bytes(Encoding.DER)
    payload = {
        "action": "receipt",
        "at": spelled(now),
        "certificate": hashlib.sha256(der).hexdigest(),
        "reference": letter.reference,
        "serial": issued.serial,
    }
    answer = window.ask("receipt", payload, key.sign)
    pending.unlink(missing_ok=True)
    return str(answer.get("at", ""))


def spelled(moment: datetime) -> str:
    """The window's form of a time: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
