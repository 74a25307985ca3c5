"""Time-stamped and lasting signatures, made with the real authority's stamps and lists."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.sign.pki import APPLICATION, DAY, Authority, pdf
from tests.sign.served import Served
from warifu_sign import evidence, kousei
from warifu_sign.chain import Trust
from warifu_sign.documents import Outside, Profile, sign, verify
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.pdf.look import Look, style
from warifu_sign.policy import shipped
from warifu_sign.stamps import Tsa
from warifu_sign.verdict import Status

FILES = {"申請書.xml": APPLICATION, "委任状 (写し)100%.pdf": pdf(), "が\u304b\u3099.txt": b"\r\n"}


def now() -> datetime:
    return datetime.now(UTC)


def outside(served: Served) -> Outside:
    return Outside(tsa=served.tsa, trust=served.trust())


PROFILES = pytest.mark.parametrize(
    "profile", [Profile.XADES_T, Profile.PADES_T, Profile.PADES_LT, Profile.PADES_LTA]
)


def signed(member: LoadedKey, served: Served, profile: Profile) -> bytes:
    document = APPLICATION if profile is Profile.XADES_T else pdf()
    return sign(document, member, profile, at=now(), outside=outside(served))


@PROFILES
def test_stamped_signatures_prove_their_time(
    member: LoadedKey, served: Served, profile: Profile
) -> None:
    data = signed(member, served, profile)
    verdict = verify(data, served.trust(), shipped(), now())
    assert (verdict.status, verdict.reason) == (Status.VALID, "ok")
    assert verdict.profile == profile.value
    assert verdict.stamped_at is not None
    assert abs(verdict.stamped_at - now()) < timedelta(minutes=5)
    assert len(verdict.parts) == 1


@pytest.mark.parametrize("profile", [Profile.PADES_LT, Profile.PADES_LTA])
def test_lasting_signatures_bring_their_evidence(
    member: LoadedKey, served: Served, profile: Profile
) -> None:
    only_root = Trust(served.trust().roots)
    assert verify(signed(member, served, profile), only_root, shipped(), now()).valid
    bare = verify(signed(member, served, Profile.PADES_T), only_root, shipped(), now())
    assert (bare.status, bare.valid) == (Status.INDETERMINATE, False)


def test_after_the_certificate_ended_the_stamp_still_proves_it(
    member: LoadedKey, served: Served
) -> None:
    later = member.certificate.not_valid_after_utc + DAY
    stamped = verify(signed(member, served, Profile.XADES_T), served.trust(), shipped(), later)
    assert stamped.valid
    plain = sign(APPLICATION, member, Profile.XADES_B, at=now())
    ended = verify(plain, served.trust(), shipped(), later)
    assert (ended.status, ended.reason) == (Status.INVALID, "certificate-expired")


def test_a_stamp_of_another_signature_or_authority_proves_nothing(
    member: LoadedKey, served: Served, authority: Authority
) -> None:
    one, two = (signed(member, served, Profile.XADES_T) for _ in range(2))
    tokens = [
        data.partition(b"EncapsulatedTimeStamp>")[2].partition(b"<")[0] for data in (one, two)
    ]
    moved = verify(one.replace(*tokens), served.trust(), shipped(), now())
    assert (moved.status, moved.reason) == (Status.INVALID, "stamp-wrong")
    foreign = sign(
        APPLICATION, authority.issue(), Profile.XADES_T, at=now(), outside=outside(served)
    )
    verdict = verify(foreign, authority.trust(), shipped(), now())
    assert (verdict.status, verdict.reason) == (Status.INDETERMINATE, "stamp-untrusted")


def test_what_a_profile_needs_is_asked_for(member: LoadedKey, served: Served) -> None:
    for profile, given, code in (
        (Profile.XADES_T, Outside(), "tsa-missing"),
        (Profile.PADES_LT, Outside(tsa=served.tsa), "trust-missing"),
        (
            Profile.PADES_LT,
            Outside(tsa=served.tsa, trust=replace(served.trust(), crls=())),
            "pdf-evidence",
        ),
        (Profile.XADES_T, Outside(tsa=Tsa(f"{served.address}/nothing")), "stamp-malformed"),
    ):
        document = APPLICATION if profile is Profile.XADES_T else pdf()
        with pytest.raises((Refusal, Fault)) as refused:
            sign(document, member, profile, at=now(), outside=given)
        assert refused.value.code in (code, "tsa-unreachable")
    with pytest.raises(Refusal):
        Tsa("file:///etc/passwd")
    with pytest.raises(Fault):
        Tsa("http://127.0.0.1:9").token(b"")


def test_the_lists_are_where_the_certificate_says(member: LoadedKey, served: Served) -> None:
    assert evidence.named(member.certificate) == [f"{served.address}/issuing.crl"]
    found = evidence.crls((member.certificate, *member.chain))
    trust = Trust(served.trust().roots, crls=found)
    plain = sign(APPLICATION, member, Profile.XADES_B, at=now())
    assert verify(plain, trust, shipped(), now()).valid


@pytest.mark.parametrize("stamped", [False, True])
def test_a_package_is_valid_with_all_its_files(
    member: LoadedKey, served: Served, stamped: bool
) -> None:
    stamp = served.tsa.token if stamped else None
    data = kousei.signed("申請書.xml", FILES, member, at=now(), stamp=stamp)
    verdict = verify(data, served.trust(), shipped(), now())
    assert (verdict.status, verdict.reason) == (Status.VALID, "ok")
    assert verdict.profile == ("kousei-t" if stamped else "kousei")
    parts = {part.name: part.data for part in verdict.parts}
    assert "構成情報".encode() in parts.pop("kousei.xml")
    assert parts == FILES


def without(name: str) -> dict[str, bytes]:
    return {other: data for other, data in FILES.items() if other != name}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files | {"申請書.xml": APPLICATION + b" "}, "document-changed"),
        (lambda files: files | {"余分.txt": b""}, "package-differs"),
        (lambda files: {n: d for n, d in files.items() if not n.endswith(".txt")}, "reference"),
        (lambda files: {n: d for n, d in files.items() if n != "kousei.xml"}, "package-broken"),
        (
            lambda files: {n.replace("\u304b\u3099", "\u304c"): d for n, d in files.items()},
            "reference",
        ),
        (
            lambda files: (
                files
                | {"kousei.xml": files["kousei.xml"].replace(b"%E7%94%B3", b"http://a/%E7%94%B3")}
            ),
            "document-changed",
        ),
        (
            lambda files: (
                files
                | {"kousei.xml": files["kousei.xml"].replace("写し".encode(), "写レ".encode())}
            ),
            "document-changed",
        ),
        (
            lambda files: (
                files
                | {"kousei.xml": files["kousei.xml"].replace("#構成情報".encode(), b"#%E6%A7%8B")}
            ),
            "signature-wrong",
        ),
        (lambda files: files | {"../a": b""}, "package-name"),
        (lambda files: files | {"KOUSEI.xml": b""}, "package-name"),
    ],
)
def test_a_package_with_other_files_is_invalid(  # type: ignore[no-untyped-def]
    member: LoadedKey, served: Served, change, reason: str
) -> None:
    files = kousei.unzipped(kousei.signed("申請書.xml", FILES, member, at=now()))
    verdict = verify(kousei._zipped(change(files)), served.trust(), shipped(), now())
    assert verdict.status is Status.INVALID
    assert verdict.reason in (reason, "signature-wrong")
    assert verdict.parts == ()


def test_a_visible_stamp_shows_the_holder_in_japanese(
    member: LoadedKey, served: Served, tmp_path: Path
) -> None:
    data = sign(pdf(), member, Profile.MOJ, at=now(), outside=Outside(visible=True))
    assert verify(data, served.trust(), shipped(), now()).valid
    path = tmp_path / "stamped.pdf"
    path.write_bytes(data)
    subprocess.run(["pdftoppm", "-r", "60", "-png", str(path), str(tmp_path / "page")], check=True)
    (page,) = tmp_path.glob("page*.png")
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(pdf())
    subprocess.run(["pdftoppm", "-r", "60", "-png", str(plain), str(tmp_path / "bare")], check=True)
    (bare,) = tmp_path.glob("bare*.png")
    assert page.stat().st_size > bare.stat().st_size + 500


def test_a_stamp_without_its_font_or_glyph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        style(Look(font=tmp_path / "none.ttf"), "会員", now())
    assert refused.value.code == "stamp-font"
    with pytest.raises(Refusal) as refused:
        style(Look(), "\U0010fffd", now())
    assert refused.value.code == "stamp-glyph"
