"""Keys by kind, how each kind signs, and the file form: PKCS #12, never without encryption."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_CURVES: dict[str, type[ec.EllipticCurve]] = {"p-256": ec.SECP256R1, "p-384": ec.SECP384R1}
_MODULI = {"rsa-2048": 2048, "rsa-3072": 3072}
KINDS = (*_MODULI, *_CURVES)


def make(kind: str) -> PrivateKey:
    """A fresh key of this kind; raises `Refusal` (key-not-allowed)."""
    if kind in _MODULI:
        return rsa.generate_private_key(65537, _MODULI[kind])
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    raise Refusal("key-not-allowed", needed=" | ".join(KINDS), found=kind)


def kind_of(key: object) -> str:
    """What kind a public key is: one of `KINDS`, or a description that is never one of them."""
    match key:
        case rsa.RSAPublicKey():
            exponent = key.public_numbers().e
            return f"rsa-{key.key_size}" if exponent == 65537 else f"rsa-exponent-{exponent}"
        case ec.EllipticCurvePublicKey():
            found = (kind for kind, curve in _CURVES.items() if isinstance(key.curve, curve))
            return next(found, f"ec-{key.curve.name}")
        case _:
            return type(key).__name__


def allowed(key: object, kinds: Sequence[str]) -> PublicKey:
    """The key, when its kind is among `kinds`; raises `Refusal` (key-not-allowed)."""
    kind = kind_of(key)
    if kind in kinds and isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise Refusal("key-not-allowed", needed=" | ".join(kinds), found=kind, allowed=",".join(kinds))


def spki(key: PublicKey) -> Digest:
    """Which key this is: sha256 of its SubjectPublicKeyInfo in DER."""
    return of_bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def hash_for(key: PrivateKey | PublicKey) -> hashes.SHA256 | hashes.SHA384:
    """The digest a key signs with: SHA-384 for P-384, else SHA-256."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return hashes.SHA384() if key.key_size == 384 else hashes.SHA256()
    return hashes.SHA256()


def sign(key: PrivateKey, data: bytes) -> bytes:
    """PKCS #1 v1.5 for RSA, ECDSA in DER for EC, each with `hash_for`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hash_for(key))
    return key.sign(data, ec.ECDSA(hash_for(key)))


def verifies(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether `signature` over `data` is this key's, in the form `sign` makes."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hash_for(key))
        else:
            key.verify(signature, data, ec.ECDSA(hash_for(key)))
    except InvalidSignature:
        return False
    return True


def public_of(certificate: x509.Certificate) -> PublicKey:
    """The key of one of our own certificates; raises `Refusal` for a kind we never certify."""
    return allowed(certificate.public_key(), KINDS)
