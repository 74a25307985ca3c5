"""PDF signatures: valid here and in pdfsig; what was changed is not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sign.pki import NOW, Authority, pdf
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.pdf import sign, verify
from warifu_sign.policy import shipped
from warifu_sign.verdict import Status, Verdict

FORMS = pytest.mark.parametrize("form", [sign.MOJ, sign.PADES], ids=["moj", "pades-b"])


def judged(data: bytes, authority: Authority) -> Verdict:
    return verify.verified(data, authority.trust(), shipped(), datetime.now(UTC))


@FORMS
def test_signed_is_valid_and_gives_back_the_signed_revision(
    key: LoadedKey, authority: Authority, form: sign.Form
) -> None:
    signed = sign.signed(pdf(), sign.HeldKey(key), form, at=NOW)
    verdict = judged(signed, authority)
    assert (verdict.status, verdict.reason, verdict.profile) == (Status.VALID, "ok", form.name)
    assert [part.data for part in verdict.parts] == [signed]
    assert verdict.claimed_at is not None


@FORMS
def test_pdfsig_finds_it_valid_too(
    key: LoadedKey, authority: Authority, form: sign.Form, tmp_path: Path
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(sign.signed(pdf(), sign.HeldKey(key), form, at=NOW))
    found = subprocess.run(
        ["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "Signature is Valid" in found
    assert "Total document signed" in found


def test_the_ministrys_form_has_its_fixed_entries(authority: Authority) -> None:
    signed = sign.signed(pdf(), sign.HeldKey(authority.issue()), sign.MOJ, at=NOW)
    for entry in (
        rb"/Type\s*/Sig\b",
        rb"/SubFilter\s*/adbe\.pkcs7\.detached",
        rb"/ByteRange\s*\[",
        rb"/M\s*[(<]",
        rb"/Name\s*[(<]",
    ):
        assert re.search(entry, signed), entry


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data.replace(b"Application", b"Applicatiom"), "document-changed"),
        (lambda data: data + b"\n9 0 obj\n<<>>\nendobj\n", "pdf-changed"),
        (lambda data: data[:-200], "pdf-broken"),
        (lambda data: data.replace(b"/ByteRange [0 ", b"/ByteRange [1 "), "pdf-byte-range"),
    ],
)
def test_changed_is_invalid(
    authority: Authority, change: Callable[[bytes], bytes], reason: str
) -> None:
    signed = sign.signed(pdf(), sign.HeldKey(authority.issue()), sign.MOJ, at=NOW)
    verdict = judged(change(signed), authority)
    assert (verdict.status, verdict.reason) == (Status.INVALID, reason)
    assert verdict.parts == ()


def test_a_signed_pdf_is_not_signed_again(authority: Authority) -> None:
    held = sign.HeldKey(authority.issue())
    with pytest.raises(Refusal) as refused:
        sign.signed(sign.signed(pdf(), held, sign.MOJ, at=NOW), held, sign.MOJ, at=NOW)
    assert refused.value.code == "already-signed"


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF", pdf()[:300]])
def test_a_broken_pdf_is_refused(authority: Authority, data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        sign.signed(data, sign.HeldKey(authority.issue()), sign.MOJ, at=NOW)
    assert refused.value.code == "pdf-broken"
    assert judged(data, authority).status is Status.INVALID


def test_a_pdf_without_a_known_signature_stays_undecided(authority: Authority) -> None:
    signed = sign.signed(pdf(), sign.HeldKey(authority.issue()), sign.MOJ, at=NOW)
    for data in (pdf(), signed.replace(b"adbe.pkcs7.detached", b"adbe.pkcs7.detachex")):
        verdict = judged(data, authority)
        assert (verdict.status, verdict.reason) == (Status.INDETERMINATE, "signature-missing")
