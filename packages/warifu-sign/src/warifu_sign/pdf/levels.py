"""PAdES levels B-T, B-LT and B-LTA (ETSI EN 319 142-1, 6.3)."""

from __future__ import annotations

from datetime import datetime

from asn1crypto import tsp
from pyhanko.sign import signers, timestamps
from pyhanko_certvalidator import ValidationContext

from warifu_sign import frozen
from warifu_sign.certificate import holder
from warifu_sign.chain import Trust
from warifu_sign.errors import Refusal
from warifu_sign.pdf.look import Look
from warifu_sign.pdf.sign import PADES, HeldKey, finished, opened
from warifu_sign.stamps import Tsa


class OneTsa(timestamps.TimeStamper):
    """pyHanko's face of our time-stamping authority."""

    def __init__(self, tsa: Tsa) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tsa = tsa

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Ask over HTTP; the answer is checked by pyHanko against the request."""
        return tsp.TimeStampResp.load(self.tsa.answer(req.dump()))


def stamped(
    document: bytes,
    signer: HeldKey,
    tsa: Tsa,
    *,
    trust: Trust | None,
    archived: bool,
    at: datetime,
    look: Look | None = None,
) -> bytes:
    """B-T; with trust, whose lists go into the file, B-LT; archived, B-LTA.

    Raises Refusal as `sign.signed`, and pdf-evidence where the evidence does not suffice.
    """
    writer = opened(document)
    context = _context(trust, at) if trust is not None else None
    meta = signers.PdfSignatureMetadata(
        field_name="Signature1",
        md_algorithm="sha256",
        name=holder(signer.key.certificate),
        subfilter=PADES.subfilter,
        embed_validation_info=context is not None,
        use_pades_lta=archived,
        validation_context=context,
    )
    try:
        return finished(writer, meta, signer, at=at, look=look, timestamper=OneTsa(tsa))
    except Refusal as refusal:
        if context is None or refusal.code != "pdf-broken":
            raise
        raise Refusal("pdf-evidence", **refusal.facts) from None


def _context(trust: Trust, at: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=[frozen.loaded(one) for one in trust.roots],
        other_certs=[frozen.loaded(one) for one in trust.intermediates],
        crls=list(trust.crls),
        ocsps=list(trust.ocsps),
        moment=at,
        allow_fetching=False,
        revocation_mode="require",
    )
