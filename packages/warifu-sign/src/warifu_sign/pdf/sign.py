"""Signing a PDF: the form `moj`, and PAdES B-B to B-LTA."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TypeVar

from asn1crypto import algos, cms
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from warifu_sign import frozen
from warifu_sign.certificate import holder
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import SigningKey, is_rsa, signature_size
from warifu_sign.pdf import envelope
from warifu_sign.pdf.look import Look, field, style

MOST_BYTES = 256 << 20
RESERVED = 16_384

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of PDF signature: which subfilter, and which PAdES level."""

    name: str
    subfilter: fields.SigSeedSubFilter


MOJ = Form("moj", fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED)
PADES = Form("pades-b", fields.SigSeedSubFilter.PADES)


class HeldKey(signers.Signer):
    """Signs with a key held loaded: SimpleSigner loads an RSA key anew for every document."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        name = "sha256_rsa" if is_rsa(key) else "sha256_ecdsa"
        store = SimpleCertificateStore()
        store.register_multiple([frozen.of(one) for one in key.chain])
        super().__init__(
            signing_cert=frozen.of(key.certificate),
            cert_registry=store,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": name}),
        )

    def _package_signature(
        self,
        *,
        digest_algorithm: str,
        cms_version: str,
        signed_attrs: cms.CMSAttributes,
        signature: bytes,
        unsigned_attrs: cms.CMSAttributes | None,
        encap_content_info: object,
    ) -> cms.ContentInfo:
        """pyHanko's last step; see envelope.py for why it is done here."""
        if cms_version != "v1" or encap_content_info not in (None, {"content_type": "data"}):
            raise SigningError("only detached signatures over data are made here")
        info = self.signer_info(digest_algorithm, signed_attrs, signature)
        if unsigned_attrs is not None:
            info["unsigned_attrs"] = unsigned_attrs
        certificates = [frozen.of(one).dump() for one in (self.key.certificate, *self.key.chain)]
        algorithm = info["digest_algorithm"].dump()
        return cms.ContentInfo.load(envelope.content_info(algorithm, certificates, info.dump()))

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """Sign SHA-256 of data. A dry run only asks for the size."""
        if digest_algorithm != "sha256":
            raise SigningError(f"{digest_algorithm} is not SHA-256")
        return bytes(signature_size(self.key)) if dry_run else self.key.sign(data)


def signed(
    document: bytes, signer: HeldKey, form: Form, *, at: datetime, look: Look | None = None
) -> bytes:
    """The PDF with one more revision that holds the signature; with a look, visibly.

    Raises Refusal: pdf-large, pdf-encrypted, pdf-broken, already-signed, stamp-font, stamp-glyph.
    """
    meta = signers.PdfSignatureMetadata(
        field_name="Signature1",
        md_algorithm="sha256",
        name=holder(signer.key.certificate),
        subfilter=form.subfilter,
    )
    return finished(opened(document), meta, signer, at=at, look=look)


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


def finished(
    writer: IncrementalPdfFileWriter,
    meta: signers.PdfSignatureMetadata,
    signer: HeldKey,
    *,
    at: datetime,
    look: Look | None,
    timestamper: TimeStamper | None = None,
) -> bytes:
    """The signed PDF's bytes."""
    output = BytesIO()
    visible = look is not None
    pdf_signer = signers.PdfSigner(
        meta,
        signer,
        timestamper=timestamper,
        stamp_style=style(look, meta.name or "", at) if look is not None else None,
        new_field_spec=field(look) if look is not None else None,
    )
    _guarded(
        lambda: asyncio.run(
            pdf_signer.async_sign_pdf(
                writer,
                output=output,
                existing_fields_only=False,
                bytes_reserved=RESERVED * (2 if timestamper else 1),
                appearance_text_params={} if visible else None,
            )
        )
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
