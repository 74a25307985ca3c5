"""The certificate file (PKCS#12, RFC 7292): read with caps, written so that guessing is dear."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator

from asn1crypto import algos, core
from asn1crypto import pkcs12 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from warifu_sign import typed
from warifu_sign.certificate import holder
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ROUNDS = 600_000
MOST_ROUNDS = 2_000_000
MOST_BYTES = 1 << 20
SHORTEST = 12


def checked_password(password: str, *, initial: str = "", present: str = "") -> str:
    """The password back, if it may protect a certificate file.

    ASCII only: Java cannot open a file with any other. Neither the letter's PIN (initial) nor the
    password it replaces (present), however they are typed. Raises Refusal.
    """
    if not password.isascii() or not password.isprintable():
        raise Refusal("password-not-ascii", needed="letters, digits and signs of ASCII only")
    if initial and typed.code(password) == typed.code(initial):
        raise Refusal("password-is-initial", needed="a password of your own, not the first PIN")
    if present and typed.code(password) == typed.code(present):
        raise Refusal("password-same", needed="a password other than the present one")
    if len(password) < SHORTEST:
        raise Refusal("password-short", length=len(password), needed=f"at least {SHORTEST}")
    if len(set(password)) < 5:
        raise Refusal("password-simple", needed="at least five different characters")
    return password


def opened(data: bytes, password: str) -> LoadedKey:
    """The key and certificate of a PKCS#12 file.

    Raises Refusal: p12-large, p12-broken, p12-rounds, p12-no-mac, p12-contents, password-wrong,
    key-kind, key-not-of-certificate.
    """
    private, bag = _unlocked(data, password)
    if bag.cert is None:
        raise Refusal("p12-contents", needed="one key with its certificate")
    chain = tuple(other.certificate for other in bag.additional_certs)
    return LoadedKey(private, bag.cert.certificate, chain)


def opened_private(data: bytes, password: str) -> Private:
    """The bare key of a PKCS#12 file, to be sealed again; raises as `opened` does."""
    return _unlocked(data, password)[0]


def changed(data: bytes, old: str, new: str) -> bytes:
    """The same key and certificates under a new password that is not the old one."""
    checked_password(new, present=old)
    private, bag = _unlocked(data, old)
    if bag.cert is None:
        raise Refusal("p12-contents", needed="one key with its certificate")
    certificate = bag.cert.certificate
    chain = [other.certificate for other in bag.additional_certs]
    return sealed(private, certificate, chain, new, label=holder(certificate))


def _unlocked(data: bytes, password: str) -> tuple[Private, pkcs12.PKCS12KeyAndCertificates]:
    if len(data) > MOST_BYTES:
        raise Refusal("p12-large", size=len(data), needed=f"at most {MOST_BYTES} bytes")
    rounds = declared_rounds(data)
    if max(rounds) > MOST_ROUNDS or min(rounds) < 1:
        raise Refusal("p12-rounds", rounds=max(rounds), needed=f"at most {MOST_ROUNDS}")
    try:
        bag = pkcs12.load_pkcs12(data, password.encode("utf-8"))
    except ValueError as error:
        if "password" in str(error).lower():
            raise Refusal("password-wrong", needed="the password of this file") from None
        raise Refusal("p12-broken") from None
    except Exception:
        raise Refusal("p12-broken") from None
    if bag.key is None or _keys(data) > 1:
        raise Refusal("p12-contents", needed="one key with its certificate")
    if not isinstance(bag.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Refusal("key-kind", kind=type(bag.key).__name__, needed="an RSA or a P-256 key")
    return bag.key, bag


def sealed(
    private: Private,
    certificate: x509.Certificate,
    chain: Iterable[x509.Certificate],
    password: str,
    *,
    label: str,
) -> bytes:
    """A PKCS#12 file: PBES2 with AES-256, as many rounds in the MAC as in the key's KDF."""
    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode("ascii"))
    )
    stock = pkcs12.serialize_key_and_certificates(
        label.encode("utf-8"), private, certificate, list(chain), protection
    )
    return _with_mac(stock, password, ROUNDS)


def declared_rounds(data: bytes) -> tuple[int, ...]:
    """Every iteration count a reader would obey, read without obeying any.

    Raises Refusal p12-broken, p12-no-mac.
    """
    try:
        pfx = asn1.Pfx.load(data, strict=True)
        if pfx["mac_data"].native is None:
            raise Refusal("p12-no-mac", needed="a file protected against change")
        return tuple(_rounds(pfx))
    except Refusal:
        raise
    except Exception:  # asn1crypto raises whatever a malformed structure leads it to
        raise Refusal("p12-broken") from None


def _rounds(pfx: asn1.Pfx) -> Iterator[int]:
    mac = pfx["mac_data"]
    yield mac["iterations"].native
    digest = mac["mac"]["digest_algorithm"]
    if digest["algorithm"].dotted == "1.2.840.113549.1.5.14":  # PBMAC1, RFC 9579
        inner = core.Sequence.load(digest["parameters"].dump())
        kdf = algos.KdfAlgorithm.load(inner[0].dump())
        yield kdf["parameters"]["iteration_count"].native
    for content in pfx.authenticated_safe:
        kind = content["content_type"].native
        if kind == "encrypted_data":
            algorithm = content["content"]["encrypted_content_info"]["content_encryption_algorithm"]
            yield kdf_rounds(algorithm)
        elif kind == "data":
            bags = asn1.SafeContents.load(content["content"].native)
            for bag in bags:
                if bag["bag_id"].native == "pkcs8_shrouded_key_bag":
                    yield kdf_rounds(bag["bag_value"]["encryption_algorithm"])


def _keys(data: bytes) -> int:
    """How many keys lie in a file; a reader would take the first without a word."""
    kinds = ("key_bag", "pkcs8_shrouded_key_bag")
    plain = (
        asn1.SafeContents.load(content["content"].native)
        for content in asn1.Pfx.load(data).authenticated_safe
        if content["content_type"].native == "data"
    )
    return sum(bag["bag_id"].native in kinds for bags in plain for bag in bags)


def kdf_rounds(algorithm: algos.EncryptionAlgorithm) -> int:
    """The rounds that a password-based encryption declares (RFC 8018)."""
    parameters = algorithm["parameters"]
    if algorithm["algorithm"].native == "pbes2":
        return int(parameters["key_derivation_func"]["parameters"]["iteration_count"].native)
    return int(parameters["iterations"].native)


def _with_mac(stock: bytes, password: str, rounds: int) -> bytes:
    """Replace the MAC of stock writers, which stays at 2,048 rounds whatever one asks for."""
    pfx = asn1.Pfx.load(stock)
    salt = os.urandom(16)
    key = mac_key(password, salt, rounds)
    tag = hmac.digest(key, pfx["auth_safe"]["content"].native, "sha256")
    pfx["mac_data"] = asn1.MacData(
        {
            "mac": {"digest_algorithm": {"algorithm": "sha256"}, "digest": tag},
            "mac_salt": salt,
            "iterations": rounds,
        }
    )
    dumped: bytes = pfx.dump(force=True)
    return dumped


def mac_key(password: str, salt: bytes, rounds: int) -> bytes:
    """RFC 7292 appendix B.2 with SHA-256 and ID 3, one block: the 32-byte key of the MAC."""
    block = 64
    secret = (password + "\0").encode("utf-16-be")
    diversifier = bytes([3]) * block
    state = hashlib.sha256(diversifier + _filled(salt, block) + _filled(secret, block)).digest()
    sha256 = hashlib.sha256
    for _ in range(rounds - 1):
        state = sha256(state).digest()
    return state


def _filled(text: bytes, block: int) -> bytes:
    size = block * -(-len(text) // block)
    return (text * (size // len(text) + 1))[:size] if text else b""
