"""An attempt under way: the new key on disk, encrypted, before anybody hears of it.

Whatever breaks, the same attempt goes on with the same key; its file goes when the receipt is in.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from warifu_sign import files, p12
from warifu_sign.certificate import serial
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.p12 import Private
from warifu_sign.window import locked
from warifu_sign.window.asking import Issued, Window

KeyKind = Literal["rsa-2048", "p-256"]


@contextmanager
def key(pending: Path, password: str, kind: KeyKind) -> Iterator[Private]:
    """The key of an interrupted attempt, or a new one that is stored before it is used.

    What the body asks with a new key and is refused ends the attempt: nothing was certified for it.
    Raises Refusal attempt-password, where the attempt was begun with another password.
    """
    fresh = not pending.exists()
    private = _made(pending, password, kind) if fresh else _found(pending, password)
    try:
        yield private
    except Refusal as refusal:
        if (
            fresh and refusal.code != "window-answer"
        ):  # whose answer cannot be read may have done it
            pending.unlink(missing_ok=True)
        raise


def _found(pending: Path, password: str) -> Private:
    try:
        return locked.opened(files.read(pending, most=p12.MOST_BYTES), password)
    except Refusal as refusal:
        if refusal.code != "password-wrong":
            raise
        raise Refusal("attempt-password", needed="the password chosen at the first try") from None


def _made(pending: Path, password: str, kind: KeyKind) -> Private:
    made: Private
    if kind == "rsa-2048":
        made = rsa.generate_private_key(65537, 2048)
    else:
        made = ec.generate_private_key(ec.SECP256R1())
    files.write(pending, locked.seal(made, password), files.PRIVATE)
    return made


def request(private: Private) -> str:
    """A PKCS#10 request in base64; the authority takes the names from its own record."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "request")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, hashes.SHA256())
    return b64encode(csr.public_bytes(Encoding.DER)).decode("ascii")


def sealed(private: Private, issued: Issued, password: str) -> tuple[bytes, LoadedKey]:
    """The certificate file of what was issued, and its key; raises as LoadedKey."""
    own = LoadedKey(private, issued.certificate, issued.chain)
    data = p12.sealed(private, issued.certificate, issued.chain, password, label=issued.holder)
    return data, own


def receipt(
    window: Window, own: LoadedKey, reference: str | None, now: datetime, pending: Path
) -> str:
    """Send the receipt, signed by the new key, and end the attempt; when the authority had it."""
    payload = {
        "action": "receipt",
        "at": spelled(now),
        "certificate": hashlib.sha256(own.certificate.public_bytes(Encoding.DER)).hexdigest(),
        "reference": reference,
        "serial": serial(own.certificate),
    }
    answer = window.ask("receipt", payload, own.sign)
    pending.unlink(missing_ok=True)
    return str(answer.get("at", ""))


def spelled(moment: datetime) -> str:
    """The window's form of a time: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
