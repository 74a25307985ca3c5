"""A member's machine, written from docs/ca-protocol.md alone: no line of the authority is used."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
TYPE = "application/vnd.warifu.ca-request.v1+json"
COST = 2**15


def key(kind: str = "p-256") -> Key:
    """A fresh key."""
    if kind == "p-256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def csr(private: Key) -> bytes:
    """PKCS #10 in DER; the names in it do not matter."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def letter_key(reference: str, pin: str) -> Ed25519PrivateKey:
    """The key a letter stands for."""
    return _letter_key(reference, pin, COST)


@cache
def _letter_key(reference: str, pin: str, cost: int) -> Ed25519PrivateKey:
    plain, secret = reference.replace("-", ""), pin.replace("-", "")
    salt = b"warifu-ca/window/v1\x00" + plain.encode()
    seed = hashlib.scrypt(secret.encode(), salt=salt, n=cost, r=8, p=1, maxmem=2**27, dklen=32)
    return Ed25519PrivateKey.from_private_bytes(seed)


def canonical(value: Any) -> bytes:
    """RFC 8785 for what is needed here."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signed(payload: dict[str, Any], private: Key | Ed25519PrivateKey, kind: str = TYPE) -> bytes:
    """A DSSE envelope around a payload."""
    body = canonical(payload)
    covered = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(body), body)
    match private:
        case rsa.RSAPrivateKey():
            raw = private.sign(covered, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            raw = private.sign(covered, ec.ECDSA(hashes.SHA256()))
        case _:
            raw = private.sign(covered)
    return canonical(
        {
            "payload": base64.b64encode(body).decode(),
            "payloadType": kind,
            "signatures": [{"keyid": "x", "sig": base64.b64encode(raw).decode()}],
        }
    )


def spelled(at: datetime) -> str:
    """A time on the wire."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Letter:
    """What is printed in a letter."""

    reference: str
    pin: str


def redemption(letter: Letter, request: bytes | None, at: datetime) -> bytes:
    """The signed request to redeem."""
    text = None if request is None else base64.b64encode(request).decode()
    return signed(
        {
            "action": "redeem",
            "at": spelled(at),
            "csr": text,
            "reference": letter.reference.replace("-", ""),
        },
        letter_key(letter.reference, letter.pin),
    )


def renewal(serial: str, old: Key, request: bytes, at: datetime) -> bytes:
    """The signed request to renew."""
    fields = {"action": "renew", "at": spelled(at), "csr": base64.b64encode(request).decode()}
    return signed({**fields, "serial": serial}, old)


def revocation(serial: str, private: Key, at: datetime, reason: str = "keyCompromise") -> bytes:
    """The signed request to revoke."""
    fields = {"action": "revoke", "at": spelled(at), "reason": reason, "serial": serial}
    return signed(fields, private)


def receipt(issued: dict[str, Any], private: Key, at: datetime) -> bytes:
    """The signed receipt of a certificate."""
    der = base64.b64decode(issued["certificate"])
    return signed(
        {
            "action": "receipt",
            "at": spelled(at),
            "certificate": hashlib.sha256(der).hexdigest(),
            "reference": issued["reference"],
            "serial": issued["serial"],
        },
        private,
    )


def call(
    address: tuple[str, int], path: str, body: bytes | None = None
) -> tuple[int, bytes, str | None]:
    """One HTTP exchange: status, body, content type."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        reply = connection.getresponse()
        return reply.status, reply.read(), reply.getheader("Content-Type")
    finally:
        connection.close()


def ask(address: tuple[str, int], action: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """One request to the window."""
    status, answer, _ = call(address, f"/window/v1/{action}", body)
    found: dict[str, Any] = json.loads(answer)
    return status, found
