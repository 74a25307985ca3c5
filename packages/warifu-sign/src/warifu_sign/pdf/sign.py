"""Signing a PDF: the form `moj`, and PAdES B-B to B-LTA."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TypeVar

from asn1crypto import algos
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from warifu_sign.certificate import holder
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import SigningKey, is_rsa, signature_size

MOST_BYTES = 256 << 20
RESERVED = 16_384

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of PDF signature: which subfilter, and which PAdES level."""

    name: str
    subfilter: fields.SigSeedSubFilter


MOJ = Form("moj", fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED)
B_B = Form("pades-b", fields.SigSeedSubFilter.PADES)


class HeldKey(signers.Signer):
    """Signs with a key held loaded: SimpleSigner loads an RSA key anew for every document."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        name = "sha256_rsa" if is_rsa(key) else "sha256_ecdsa"
        store = SimpleCertificateStore()
        store.register_multiple([_asn1(one) for one in key.chain])
        super().__init__(
            signing_cert=_asn1(key.certificate),
            cert_registry=store,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": name}),
        )

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """Sign SHA-256 of data. A dry run only asks for the size."""
        if digest_algorithm != "sha256":
            raise SigningError(f"{digest_algorithm} is not SHA-256")
        return bytes(signature_size(self.key)) if dry_run else self.key.sign(data)


def signed(document: bytes, signer: HeldKey, form: Form, *, reason: str = "") -> bytes:
    """The PDF with one more revision that holds the signature.

    Raises Refusal: pdf-large, pdf-encrypted, pdf-broken, already-signed.
    """
    writer = opened(document)
    meta = signers.PdfSignatureMetadata(
        field_name="Signature1",
        md_algorithm="sha256",
        name=holder(signer.key.certificate),
        subfilter=form.subfilter,
        reason=reason or None,
    )
    return _signed(writer, signers.PdfSigner(meta, signer))


def opened(document: bytes) -> IncrementalPdfFileWriter:
    """A writer of one more revision of a PDF without signatures."""
    if len(document) > MOST_BYTES:
        raise Refusal("pdf-large", size=len(document), needed=f"at most {MOST_BYTES} bytes")
    writer = _guarded(lambda: IncrementalPdfFileWriter(BytesIO(document)))
    if writer.prev.encrypted:
        raise Refusal("pdf-encrypted", needed="a PDF that opens without a password")
    if _guarded(lambda: writer.prev.embedded_signatures):
        raise Refusal("already-signed", needed="a document without a signature")
    return writer


def _signed(writer: IncrementalPdfFileWriter, signer: signers.PdfSigner) -> bytes:
    output = BytesIO()
    _guarded(
        lambda: asyncio.run(signer.async_sign_pdf(writer, output=output, bytes_reserved=RESERVED))
    )
    return output.getvalue()


def _guarded(step: Callable[[], T]) -> T:
    """A step of pyHanko; on malformed files it raises a dozen kinds of bare errors."""
    try:
        return step()
    except (Refusal, Fault):
        raise
    except Exception as error:
        raise Refusal("pdf-broken", why=f"{type(error).__name__}: {error}"[:160]) from None


def _asn1(certificate: x509.Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))
