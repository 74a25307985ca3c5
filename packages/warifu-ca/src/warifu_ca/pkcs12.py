"""PKCS #12 files (RFC 7292) that cost an attacker as much at the MAC as at the encryption.

`cryptography` leaves the MAC at 2,048 rounds, where a guess is tested sixty times cheaper, so
openssl writes the file (docs/adr/0009). The key goes to it encrypted, and nothing by a file.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization import pkcs12 as stock

from warifu_ca.keys import PrivateKey
from warifu_wire.errors import Fault, Refusal

ROUNDS = 600_000
SHORTEST = 12
_FORM = ("-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha256")


def passphrase(text: str) -> bytes:
    """A password every reader can type: ASCII, at least 12 characters; raises `Refusal`."""
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable():
        raise Refusal("passphrase-too-weak", needed=f"{SHORTEST} or more ASCII characters")
    return text.encode("ascii")


def write(
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    password: bytes,
    label: str,
) -> bytes:
    """The file's bytes: PBES2 with AES-256, 600,000 rounds there and in the MAC; or a `Fault`."""
    locked = BestAvailableEncryption(password)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    certificates = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, *chain))
    given = (pem, certificates, password + b"\n", password + b"\n")
    with ExitStack() as stack:
        a_key, certs, opens, seals = (_pipe(stack, one) for one in given)
        return _run(
            *("pkcs12", "-export", "-inkey", f"/dev/fd/{a_key}", "-passin", f"fd:{opens}"),
            *("-in", f"/dev/fd/{certs}", "-name", label, "-passout", f"fd:{seals}"),
            *(*_FORM, "-iter", str(ROUNDS)),
            descriptors=(a_key, certs, opens, seals),
        )


def read(data: bytes, password: bytes) -> tuple[PrivateKey, x509.Certificate]:
    """Key and certificate of a file of our own; raises `Refusal` (passphrase-wrong) or `Fault`."""
    try:
        key, certificate, _ = stock.load_key_and_certificates(data, password)
    except ValueError as error:
        raise Refusal("passphrase-wrong", needed="the passphrase given at init") from error
    if not isinstance(key, PrivateKey) or certificate is None:
        raise Fault("a key file holds no key or no certificate", needed="a copy of the folder")
    return key, certificate


def _pipe(stack: ExitStack, data: bytes) -> int:
    """The reading end of a pipe with these bytes in it; they are few and fit in its buffer."""
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    os.write(writer, data)
    os.close(writer)
    return reader


def _run(*words: str, descriptors: tuple[int, ...]) -> bytes:
    try:
        done = subprocess.run(
            ["openssl", *words],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Fault(f"openssl: {error.strerror}", needed="openssl 3.0 or newer") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Fault(f"openssl: {said[0] if said else ''}", needed="openssl 3.0 or newer")
    return done.stdout
