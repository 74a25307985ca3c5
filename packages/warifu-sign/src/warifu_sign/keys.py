"""A key ready to sign, held loaded: loading an RSA key again costs more than sixty signatures."""

from __future__ import annotations

from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from warifu_sign.errors import Refusal


class SigningKey(Protocol):
    """Something that signs for one certificate: in this process or in the signer process."""

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the key."""

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Certificates above it, in no promised order, possibly none."""

    def sign(self, data: bytes) -> bytes:
        """Sign SHA-256 of data: RSA PKCS#1 v1.5, or ECDSA in DER."""


class LoadedKey:
    """A private key in this process. It never leaves the OpenSSL object that holds it."""

    __slots__ = ("_private", "certificate", "chain")

    def __init__(
        self,
        private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        chain: tuple[x509.Certificate, ...] = (),
    ) -> None:
        if private.public_key() != certificate.public_key():
            raise Refusal("key-not-of-certificate", needed="the key this certificate was issued to")
        self._private = private
        self.certificate = certificate
        self.chain = chain

    def sign(self, data: bytes) -> bytes:
        """Sign SHA-256 of data: RSA PKCS#1 v1.5, or ECDSA in DER."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._private.sign(data, ec.ECDSA(hashes.SHA256()))


def is_rsa(key: SigningKey) -> bool:
    """True for RSA, False for ECDSA.

    Raises Refusal for any other kind of key.
    """
    public = key.certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return True
    if isinstance(public, ec.EllipticCurvePublicKey):
        return False
    raise Refusal("key-kind", kind=type(public).__name__, needed="an RSA or a P-256 key")


def signature_size(key: SigningKey) -> int:
    """The most bytes that sign() can return."""
    public = key.certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return (public.key_size + 7) // 8
    if isinstance(public, ec.EllipticCurvePublicKey):
        return 2 * ((public.key_size + 7) // 8) + 9
    raise Refusal("key-kind", kind=type(public).__name__, needed="an RSA or a P-256 key")
