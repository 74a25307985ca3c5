"""A private key alone under a password: PKCS#8, PBES2 with AES-256 (RFC 5958, RFC 8018).

For the file of an attempt, which no other program reads: it costs a guess as many rounds as the
certificate file does, and its owner a fifth of the time, for it holds one secret and not three.
"""

from __future__ import annotations

import os

from asn1crypto import algos, keys
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from warifu_sign import p12
from warifu_sign.errors import Refusal
from warifu_sign.p12 import Private


def seal(private: Private, password: str) -> bytes:
    """The key as DER EncryptedPrivateKeyInfo, under the rounds of a certificate file."""
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, start = os.urandom(16), os.urandom(16)
    derivation = {"salt": algos.Pbkdf2Salt("specified", salt), "iteration_count": p12.ROUNDS}
    derivation |= {"prf": {"algorithm": "sha256"}}
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, p12.ROUNDS).derive(password.encode("ascii"))
    padder, locker = PKCS7(128).padder(), Cipher(AES(key), CBC(start)).encryptor()
    body = locker.update(padder.update(plain) + padder.finalize()) + locker.finalize()
    scheme = {
        "key_derivation_func": {"algorithm": "pbkdf2", "parameters": derivation},
        "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": start},
    }
    sealed: bytes = keys.EncryptedPrivateKeyInfo(
        {
            "encryption_algorithm": {"algorithm": "pbes2", "parameters": scheme},
            "encrypted_data": body,
        }
    ).dump()
    return sealed


def opened(sealed: bytes, password: str) -> Private:
    """The key; raises Refusal password-wrong, p12-rounds, p12-broken."""
    rounds = _rounds(sealed)
    if not 1 <= rounds <= p12.MOST_ROUNDS:
        raise Refusal("p12-rounds", rounds=rounds, needed=f"at most {p12.MOST_ROUNDS}")
    try:
        private = load_der_private_key(sealed, password.encode("utf-8"))
    except UnsupportedAlgorithm:
        raise Refusal("p12-broken") from None
    except (TypeError, ValueError):
        raise Refusal("password-wrong", needed="the password of this file") from None
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Refusal("p12-broken")
    return private


def _rounds(sealed: bytes) -> int:
    """What a reader would obey, read without obeying it; raises Refusal p12-broken."""
    try:
        found = keys.EncryptedPrivateKeyInfo.load(sealed, strict=True)
        return p12.kdf_rounds(found["encryption_algorithm"])
    except Exception:  # asn1crypto raises whatever a malformed structure leads it to
        raise Refusal("p12-broken") from None
