"""XML signatures: what we sign is valid here and in xmlsec1; what was changed is not."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tests.sign.pki import APPLICATION, DAY, NOW, Authority, ec_key
from warifu_sign.chain import Trust
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.policy import shipped
from warifu_sign.verdict import Status
from warifu_sign.xml import dsig, sign, verify
from warifu_sign.xml.names import DS, EXCLUSIVE, XADES
from warifu_sign.xml.tree import canonical, canonical_document, parsed

PROFILES = pytest.mark.parametrize("xades", [False, True], ids=["xmldsig", "xades-b"])


def signed(key: LoadedKey, document: bytes = APPLICATION, *, xades: bool = True) -> bytes:
    return sign.enveloped(document, key, at=NOW, xades=xades)


@PROFILES
def test_signed_is_valid_and_gives_back_what_was_signed(
    key: LoadedKey, authority: Authority, xades: bool
) -> None:
    verdict = verify.enveloped(signed(key, xades=xades), authority.trust(), shipped(), NOW)
    assert (verdict.status, verdict.reason) == (Status.VALID, "ok")
    assert [part.data for part in verdict.parts] == [
        canonical_document(parsed(APPLICATION), EXCLUSIVE)
    ]
    assert verdict.profile == ("xades-b" if xades else "xmldsig")
    assert verdict.claimed_at == (NOW if xades else None)
    assert verdict.signatory is not None
    assert verdict.signatory.name == "会員 0001"


@PROFILES
def test_xmlsec1_finds_it_valid_too(
    key: LoadedKey, authority: Authority, xades: bool, tmp_path: Path
) -> None:
    (tmp_path / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    (tmp_path / "signed.xml").write_bytes(signed(key, xades=xades))
    found = xmlsec1(tmp_path)
    assert found.returncode == 0, found.stderr
    (tmp_path / "signed.xml").write_bytes(
        signed(key, xades=xades).replace("会員".encode(), "会貝".encode())
    )
    assert xmlsec1(tmp_path).returncode != 0


def xmlsec1(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "xmlsec1",
            "--verify",
            "--trusted-pem",
            "root.pem",
            "--id-attr:Id",
            f"{XADES}:SignedProperties",
            "signed.xml",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_piece_is_written_in_canonical_form(key: LoadedKey) -> None:
    tree = parsed(signed(key))
    pieces = [*tree.iter(f"{{{DS}}}SignedInfo"), *tree.iter(f"{{{XADES}}}SignedProperties")]
    references = (dsig.Reference("#申&<\"'>\t\n\r", b"x" * 32, (EXCLUSIVE,), "k&", "i"),)
    odd = dsig.signed_info(key, references, EXCLUSIVE)
    pieces.append(etree.fromstring(odd.encode()))
    assert canonical(pieces[-1], EXCLUSIVE).decode() == odd
    for piece in pieces[:-1]:
        written = etree.tostring(piece, encoding="unicode", with_tail=False)
        again = etree.fromstring(written)
        assert canonical(piece, EXCLUSIVE) == canonical(again, EXCLUSIVE)


@pytest.mark.parametrize(
    ("found", "put", "reason"),
    [
        ("会員", "会貝", "document-changed"),
        ("登記", "供託", "document-changed"),
        ("</申請書>", "<追加/></申請書>", "document-changed"),
        ("<?様式 ", "<?様色 ", "document-changed"),
        ("SigningTime>20", "SigningTime>19", "document-changed"),
        ("text/xml", "text/xmm", "document-changed"),
        ("xml-exc-c14n#", "xml-exc-c14n#WithComments", "xml-canonicalisation"),
        ("rsa-sha256", "hmac-sha256", "signature-wrong"),
    ],
)
def test_changed_is_invalid(authority: Authority, found: str, put: str, reason: str) -> None:
    whole = signed(authority.issue())
    changed = whole.replace(found.encode(), put.encode())
    assert changed != whole
    verdict = verify.enveloped(changed, authority.trust(), shipped(), NOW)
    assert verdict.status is Status.INVALID
    assert verdict.parts == ()
    assert verdict.reason in (reason, "algorithm-not-of-key")


def test_white_space_after_the_signature_is_part_of_the_document(authority: Authority) -> None:
    whole = signed(authority.issue()).replace(b"</ds:Signature>", b"</ds:Signature> ")
    assert not verify.enveloped(whole, authority.trust(), shipped(), NOW).valid


def test_a_comment_is_not_signed_and_not_given_back(authority: Authority) -> None:
    whole = signed(authority.issue()).replace("控え".encode(), "正本".encode())
    verdict = verify.enveloped(whole, authority.trust(), shipped(), NOW)
    assert verdict.valid
    assert "正本".encode() not in verdict.parts[0].data


def test_a_signed_document_is_not_signed_again(authority: Authority) -> None:
    key = authority.issue()
    with pytest.raises(Refusal) as refused:
        signed(key, signed(key))
    assert refused.value.code == "already-signed"


def test_without_its_root_or_its_evidence_it_stays_undecided(authority: Authority) -> None:
    whole = signed(authority.issue())
    for trust, reason in (
        (Trust(()), "root-unknown"),
        (Trust(authority.trust().roots), "revocation-unknown"),
    ):
        verdict = verify.enveloped(whole, trust, shipped(), NOW)
        assert (verdict.status, verdict.reason) == (Status.INDETERMINATE, reason)
        assert verdict.parts == ()


def test_an_authority_of_the_same_name_is_another_authority(authority: Authority) -> None:
    verdict = verify.enveloped(signed(authority.issue()), Authority().trust(), shipped(), NOW)
    assert (verdict.status, verdict.reason) == (Status.INVALID, "path-invalid")


def test_the_signing_time_may_not_lie_ahead(authority: Authority) -> None:
    whole = signed(authority.issue(ec_key()))
    tolerated = NOW - shipped().clock_tolerance
    assert verify.enveloped(whole, authority.trust(), shipped(), tolerated).valid
    for early in (tolerated - timedelta(seconds=1), NOW - DAY + timedelta(seconds=1)):
        found = verify.enveloped(whole, authority.trust(), shipped(), early)
        assert (found.status, found.reason) == (Status.INVALID, "time-in-future")
