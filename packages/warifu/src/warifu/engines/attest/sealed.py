"""Keys in files under a passphrase: PKCS#8, PBES2, scrypt and AES-256 (RFC 8018, RFC 7914).

The library that signs reads such files but cannot write them with a strong derivation, so the few
DER elements are spelled here. `openssl pkey` opens them too: its memory limit sets N = 2^14.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import Key, SSlibKey
from securesystemslib.signer._signer import SIGNER_FOR_URI_SCHEME, SecretsHandler, Signer

from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal

SCHEME = "sealed"
BLOCK, LANES = 8, 5  # scrypt r, p
SAID = 1 << 14  # scrypt N for a passphrase that a person chose
RANDOM = 1 << 4  # scrypt N for one of 256 random bits, which no stretching makes stronger

_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES256_CBC = bytes.fromhex("060960864801650304012a")


def seal(private: PrivateKeyTypes, passphrase: str, cost: int = SAID) -> bytes:
    """The private key as DER EncryptedPrivateKeyInfo (RFC 5958).

    Raises `Refusal` for a passphrase of less than 12 characters.
    """
    if len(passphrase) < 12:
        raise Refusal("weak-passphrase", needed="a passphrase of 12 characters or more")
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, start = os.urandom(16), os.urandom(16)
    key = Scrypt(salt=salt, length=32, n=cost, r=BLOCK, p=LANES).derive(passphrase.encode())
    padder, locker = PKCS7(128).padder(), Cipher(AES(key), CBC(start)).encryptor()
    body = padder.update(plain) + padder.finalize()
    derivation = _sequence(_octets(salt), _number(cost), _number(BLOCK), _number(LANES))
    recipe = _sequence(_sequence(_SCRYPT, derivation), _sequence(_AES256_CBC, _octets(start)))
    return _sequence(_sequence(_PBES2, recipe), _octets(locker.update(body) + locker.finalize()))


def unseal(sealed: bytes, passphrase: str) -> PrivateKeyTypes:
    """The private key; raises `Refusal` for a wrong passphrase, `Malformed` for anything else."""
    try:
        return load_der_private_key(sealed, passphrase.encode())
    except TypeError as error:
        raise Malformed("not-sealed", needed="a key file under a passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if "Incorrect password" in str(error):
            raise Refusal("wrong-passphrase", needed="the passphrase of this key") from error
        raise Malformed("not-a-key-file", needed="an encrypted PKCS#8 key") from error


class SealedSigner:
    """Opens `sealed:<path>` URIs for securesystemslib."""

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Signer:
        """The signer of a sealed key file; raises `Refusal`, `Mismatch`, `Fault`."""
        path = unquote(priv_key_uri.removeprefix(f"{SCHEME}:"))
        if secrets_handler is None or not isinstance(public_key, SSlibKey):
            raise Refusal("passphrase-needed", needed="the passphrase of this key", file=path)
        try:
            sealed = Path(path).read_bytes()
        except OSError as error:
            raise Fault(f"cannot read {path}: {error.strerror}", needed="the key file") from error
        private = unseal(sealed, secrets_handler("passphrase"))
        try:
            return CryptoSigner(private, public_key)
        except (KeyMismatchError, ValueError) as error:
            raise Mismatch("key-mismatch", needed="the key of this name", file=path) from error


SIGNER_FOR_URI_SCHEME[SCHEME] = SealedSigner


def _element(tag: int, body: bytes) -> bytes:
    """One DER element with a definite length (X.690, 8.1.3)."""
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def _sequence(*parts: bytes) -> bytes:
    return _element(0x30, b"".join(parts))


def _octets(body: bytes) -> bytes:
    return _element(0x04, body)


def _number(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))
