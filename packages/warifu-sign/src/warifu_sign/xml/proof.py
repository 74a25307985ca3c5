"""The arithmetic of a ds:Signature: its value, and the bytes behind each reference."""

from __future__ import annotations

import hashlib
import hmac

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from warifu_sign.errors import Refusal
from warifu_sign.policy import Policy
from warifu_sign.stamps import HASHES
from warifu_sign.xml.names import DIGESTS, SIGNATURES
from warifu_sign.xml.shape import Pointer


def check_value(
    certificate: x509.Certificate, algorithm: str, signed: bytes, value: bytes, policy: Policy
) -> None:
    """Raise Refusal unless value is the certificate's signature over signed.

    Codes: algorithm-unknown, algorithm-weak, algorithm-not-of-key, signature-wrong.
    """
    if algorithm not in SIGNATURES:
        raise Refusal("algorithm-unknown", found=algorithm)
    kind, digest = SIGNATURES[algorithm]
    if digest not in policy.digests:
        raise Refusal("algorithm-weak", found=algorithm)
    public = certificate.public_key()
    try:
        if kind == "rsa" and isinstance(public, rsa.RSAPublicKey):
            public.verify(value, signed, padding.PKCS1v15(), HASHES[digest])
        elif kind == "ecdsa" and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(_der(public, value), signed, ec.ECDSA(HASHES[digest]))
        else:  # HMAC with the public key as its secret ends here too
            raise Refusal("algorithm-not-of-key", found=algorithm)
    except InvalidSignature:
        raise Refusal("signature-wrong") from None


def hashed(algorithm: str, data: bytes, policy: Policy) -> bytes:
    """The digest of data. Raises Refusal algorithm-unknown, algorithm-weak."""
    name = DIGESTS.get(algorithm)
    if name is None:
        raise Refusal("algorithm-unknown", found=algorithm)
    if name not in policy.digests:
        raise Refusal("algorithm-weak", found=algorithm)
    return hashlib.new(name, data).digest()


def check_digest(pointer: Pointer, data: bytes, policy: Policy) -> None:
    """Raise Refusal document-changed unless data has the digest that was signed."""
    if not hmac.compare_digest(hashed(pointer.algorithm, data, policy), pointer.digest):
        raise Refusal("document-changed", part=pointer.uri or "-")


def _der(public: ec.EllipticCurvePublicKey, value: bytes) -> bytes:
    """r and s side by side, each as wide as the curve, and in no other form."""
    width = (public.key_size + 7) // 8
    if len(value) != 2 * width:
        raise Refusal("signature-wrong", size=len(value), needed=f"{2 * width} bytes")
    r, s = value[:width], value[width:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
