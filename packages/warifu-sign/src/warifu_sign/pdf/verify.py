"""Judging a signed PDF: exactly the signed revision is returned.

And only if nothing came after it but evidence (PAdES: security store, document time stamps).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO

from cryptography import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from warifu_sign import chain, stamps
from warifu_sign.certificate import signatory
from warifu_sign.errors import Fault, Refusal
from warifu_sign.policy import Policy
from warifu_sign.verdict import Part, Status, Verdict

MOJ = "/adbe.pkcs7.detached"
PADES = "/ETSI.CAdES.detached"


@dataclass(frozen=True, slots=True)
class _Read:
    """A signature whose arithmetic is right, and what came with it. covered: its revision."""

    signature: EmbeddedPdfSignature
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]
    covered: bytes
    evidence: chain.Trust
    archived: bool


def verified(data: bytes, trust: chain.Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a PDF that carries one signature."""
    try:
        with _guarded():
            read = _read(data, policy)
            trust = _with_evidence(trust, read.evidence)
            stamped = _stamped(read, trust, policy, now)
            claimed = _claimed(read, stamped, policy, now)
    except Refusal as refusal:
        return refused(refusal, policy)
    found = chain.signer(read.certificate, read.others, trust, policy, now, stamped=stamped)
    return Verdict(
        status=found.status,
        reason=found.reason or "ok",
        policy=policy.version,
        profile=_profile(read, stamped),
        facts=found.facts,
        signatory=signatory(read.certificate),
        claimed_at=claimed,
        stamped_at=stamped,
        parts=(Part("", read.covered),) if found.status is Status.VALID else (),
    )


def refused(refusal: Refusal, policy: Policy) -> Verdict:
    """The verdict that a refusal amounts to."""
    undecided = refusal.code in {"signature-missing", "stamp-untrusted"}
    status = Status.INDETERMINATE if undecided else Status.INVALID
    return Verdict(status=status, reason=refusal.code, policy=policy.version, facts=refusal.facts)


def _read(data: bytes, policy: Policy) -> _Read:
    if len(data) > policy.most_bytes:
        raise Refusal("pdf-large", size=len(data), needed=f"at most {policy.most_bytes} bytes")
    reader = PdfFileReader(BytesIO(data))
    if reader.encrypted:
        raise Refusal("pdf-encrypted", needed="a PDF that opens without a password")
    found = reader.embedded_regular_signatures
    if not found:
        raise Refusal("signature-missing")
    if len(found) > 1:
        raise Refusal("signature-many", found=len(found), needed="exactly one")
    (signature,) = found
    covered = _covered(signature, data)
    _check_arithmetic(signature, policy)
    _check_changes(signature, data[len(covered) :])
    return _Read(
        signature,
        x509.load_der_x509_certificate(signature.signer_cert.dump()),
        tuple(x509.load_der_x509_certificate(one.dump()) for one in signature.other_embedded_certs),
        covered,
        _evidence(reader),
        bool(reader.embedded_timestamp_signatures),
    )


def _covered(signature: EmbeddedPdfSignature, data: bytes) -> bytes:
    """The revision that was signed: from the first byte, with no gap but the signature itself."""
    kind = signature.sig_object.get("/SubFilter")
    if signature.sig_object_type != "/Sig" or kind not in (MOJ, PADES):
        raise Refusal("pdf-form", found=kind, needed=f"{MOJ[1:]} or {PADES[1:]}")
    numbers = [int(one) for one in signature.byte_range]
    if len(numbers) != 4 or numbers[0] != 0 or min(numbers) < 0:
        raise Refusal("pdf-byte-range", found=numbers)
    _, first, second, length = numbers
    gap = data[first:second]
    hexadecimal = gap[1:-1].translate(None, b"0123456789abcdefABCDEF")
    if gap[:1] != b"<" or gap[-1:] != b">" or hexadecimal or second + length > len(data):
        raise Refusal("pdf-byte-range", found=numbers)
    if bytes.fromhex(gap[1:-1].decode("ascii")) != signature.pkcs7_content:
        raise Refusal("pdf-byte-range", found=numbers)
    return data[: second + length]


def _check_arithmetic(signature: EmbeddedPdfSignature, policy: Policy) -> None:
    if signature.md_algorithm not in policy.digests:
        raise Refusal("algorithm-weak", found=signature.md_algorithm)
    mechanism = signature.signer_info["signature_algorithm"]
    if mechanism.signature_algo not in ("rsassa_pkcs1v15", "rsassa_pss", "ecdsa"):
        raise Refusal("algorithm-unknown", found=mechanism["algorithm"].native)
    if len(signature.signed_data["signer_infos"]) != 1:
        raise Refusal("signature-many", needed="exactly one signer")
    digest = signature.compute_digest()
    intact, valid = validate_sig_integrity(
        signature.signer_info, signature.signer_cert, "data", digest
    )
    if not intact:
        raise Refusal("document-changed", part="pdf")
    if not valid:
        raise Refusal("signature-wrong")


def _check_changes(signature: EmbeddedPdfSignature, after: bytes) -> None:
    """After the signed revision only evidence may follow: nothing, or whole revisions of it.

    A reader that repairs files would also find objects in loose bytes, so none may stand there.
    """
    signature.compute_integrity_info()
    if not after.strip():
        return
    found: object = signature.diff_result
    only_evidence = (
        isinstance(found, DiffResult) and found.modification_level is ModificationLevel.LTA_UPDATES
    )
    if not only_evidence or not after.rstrip().endswith(b"%%EOF"):
        raise Refusal("pdf-changed", needed="the document as it was signed")


def _evidence(reader: PdfFileReader) -> chain.Trust:
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return chain.Trust(())
    return chain.Trust(
        (),
        tuple(one.get_object().data for one in store.certs.values()),
        tuple(one.get_object().data for one in store.crls),
        tuple(one.get_object().data for one in store.ocsps),
    )


def _with_evidence(trust: chain.Trust, found: chain.Trust) -> chain.Trust:
    """The document's own evidence beside the caller's; never its roots."""
    return replace(
        trust,
        intermediates=(*trust.intermediates, *found.intermediates),
        crls=(*trust.crls, *found.crls),
        ocsps=(*trust.ocsps, *found.ocsps),
    )


def _stamped(read: _Read, trust: chain.Trust, policy: Policy, now: datetime) -> datetime | None:
    # Absent ones are empty. No `.native` of the whole: it would decode the token and its evidence
    # into Python values, which took longer than all other checks together.
    for one in read.signature.signer_info["unsigned_attrs"]:
        if one["type"].native == "signature_time_stamp_token":
            value = read.signature.signer_info["signature"].native
            return stamps.proved(one["values"][0].dump(), value, trust, policy, now)
    return None


def _claimed(
    read: _Read, stamped: datetime | None, policy: Policy, now: datetime
) -> datetime | None:
    claimed = read.signature.self_reported_timestamp
    if claimed is None:
        return None
    if claimed.tzinfo is None:
        raise Refusal("time-without-zone", claimed=claimed)
    if claimed > now + policy.clock_tolerance:
        raise Refusal("time-in-future", claimed=claimed.isoformat())
    if stamped and claimed > stamped + policy.clock_tolerance:
        raise Refusal("time-after-stamp", claimed=claimed.isoformat())
    return claimed


def _profile(read: _Read, stamped: datetime | None) -> str:
    if read.signature.sig_object.get("/SubFilter") == MOJ:
        return "moj"
    if stamped is None:
        return "pades-b"
    if not read.evidence.intermediates:
        return "pades-t"
    return "pades-lta" if read.archived else "pades-lt"


@contextmanager
def _guarded() -> Iterator[None]:
    """pyHanko raises a dozen kinds of bare errors on hostile files; each is a broken PDF here."""
    try:
        yield
    except (Refusal, Fault):
        raise
    except RecursionError:
        raise Refusal("pdf-broken", why="nested too deeply") from None
    except Exception as error:
        raise Refusal("pdf-broken", why=f"{type(error).__name__}: {error}"[:160]) from None
