"""Bad inputs beyond tests/sign/hostile.py; docs/bad-inputs.md names the test of each sort."""

from __future__ import annotations

import ast
import copy
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from asn1crypto import algos, core, pem
from asn1crypto import pkcs12 as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from pyhanko.sign import fields, signers

from tests.ca.program import openssl
from tests.night import NIGHT
from tests.sign.pki import APPLICATION, DAY, NOW, Authority, ec_key, name, pdf, rsa_key
from tests.sign.served import Served
from tests.sign.test_hostile import answered, with_responder
from tests.sign.test_p12 import PASSWORD, code, quick
from warifu_sign import kousei, p12
from warifu_sign.chain import Trust
from warifu_sign.documents import Outside, Profile, sign, verify
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey, SigningKey
from warifu_sign.pdf import sign as pdf_sign
from warifu_sign.policy import shipped
from warifu_sign.stamps import Tsa
from warifu_sign.verdict import Status, Verdict
from warifu_sign.xml import dsig
from warifu_sign.xml.names import DS, RSA_SHA256
from warifu_sign.xml.sign import enveloped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bad-inputs.md"
HMAC_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"


def judged(data: bytes, trust: Trust, now: datetime = NOW) -> Verdict:
    return verify(data, trust, shipped(), now)


# the page


def test_every_sort_of_bad_input_has_its_tests() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)[2:]
    assert len(rows) > 40
    for sort, tests in rows:
        named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", tests)
        assert named, sort
        for path, test in named:
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            known = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert not test or test in known, f"{sort}: {path}::{test}"


# XML


def mutations(signed: bytes) -> Iterator[tuple[str, bytes]]:
    """Every element of a signature away, doubled, renamed, emptied, or with text in or beside."""

    def changed(place: int, change: Callable[[etree._Element], None]) -> bytes:
        tree = etree.fromstring(signed)
        change(list(next(tree.iter(f"{{{DS}}}Signature")).iter(etree.Element))[place])
        return etree.tostring(tree, encoding="utf-8")

    def away(one: etree._Element) -> None:
        above = one.getparent()
        assert above is not None
        above.remove(one)

    def twice(one: etree._Element) -> None:
        one.addnext(copy.deepcopy(one))

    def renamed(one: etree._Element) -> None:
        one.tag = f"{{urn:x}}{etree.QName(one).localname}"

    def emptied(one: etree._Element) -> None:
        for below in list(one):
            one.remove(below)
        one.text = None
        one.attrib.clear()

    def garbled(one: etree._Element) -> None:
        one.text = "\u2603" + (one.text or "")

    def loose(one: etree._Element) -> None:
        one.tail = "loose"

    tree = etree.fromstring(signed)
    count = len(list(next(tree.iter(f"{{{DS}}}Signature")).iter(etree.Element)))
    for place in range(count):
        for change in (away, twice, renamed, emptied, garbled, loose):
            yield f"{place} {change.__name__}", changed(place, change)


@pytest.mark.repeats
@pytest.mark.parametrize("profile", [Profile.XMLDSIG, Profile.XADES_B, Profile.XADES_T])
def test_no_change_to_a_signature_makes_another_content_valid(
    served: Served, profile: Profile
) -> None:
    now = datetime.now(NOW.tzinfo)
    key, trust = served.member(ec_key(number=f"mutated {profile}")), served.trust()
    signed = sign(APPLICATION, key, profile, at=now, outside=Outside(tsa=served.tsa))
    honest = judged(signed, trust, now)
    assert honest.valid
    survived = []
    for name_, data in mutations(signed):
        verdict = judged(data, trust, now)
        if verdict.valid:
            survived.append(name_)
            assert verdict.parts == honest.parts, name_
            assert verdict.signatory == honest.signatory, name_
            assert verdict.stamped_at in (None, honest.stamped_at), name_
    assert len(survived) < 30, "only what stands beside the signature may be changed"


def test_a_public_key_is_no_secret(authority: Authority) -> None:
    """The algorithm is HMAC, the value right under the public key as its secret."""
    key = authority.issue(rsa_key())
    honest = enveloped(APPLICATION, key, at=NOW).decode("utf-8")
    public = key.certificate.public_key()
    secrets = (
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        key.certificate.public_bytes(Encoding.DER),
    )
    info = honest[honest.index("<ds:SignedInfo") : honest.index("</ds:SignedInfo>") + 16]
    forged = info.replace(RSA_SHA256, HMAC_SHA256)
    assert forged != info
    value = honest.partition('-value">')[2].partition("<")[0]
    for secret in secrets:
        mac = b64encode(hmac.digest(secret, forged.encode(), "sha256")).decode()
        data = honest.replace(info, forged).replace(value, mac).encode()
        verdict = judged(data, authority.trust())
        assert (verdict.status, verdict.reason) == (Status.INVALID, "algorithm-not-of-key")


def test_line_ends_change_nothing_that_is_handed_over(authority: Authority) -> None:
    signed = enveloped(APPLICATION, authority.issue(ec_key()), at=NOW)
    honest = judged(signed, authority.trust())
    other = judged(signed.replace(b"\n", b"\r\n"), authority.trust())
    assert honest.valid
    assert other.parts == honest.parts, "XML reads both alike (XML 1.0, 2.11)"
    assert not judged(signed.replace(b"\n", b"&#13;\n", 3), authority.trust()).valid


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_a_certificate_signed_with_a_weak_digest_signs_nothing(digest: str, tmp_path: Path) -> None:
    root = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-days", "30"]
    openssl("req", *root, "-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.pem")
    made = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=member", "-keyout", tmp_path / "k.pem"]
    openssl("req", *made, "-out", tmp_path / "csr.pem")
    (tmp_path / "ext").write_text("keyUsage=critical,digitalSignature\n", encoding="ascii")
    openssl(
        *("x509", "-req", "-in", tmp_path / "csr.pem", "-CA", tmp_path / "ca.pem", "-CAkey"),
        *(tmp_path / "ca.key", "-days", "20", f"-{digest}", "-set_serial", "2", "-extfile"),
        *(tmp_path / "ext", "-out", tmp_path / "cert.pem"),
    )
    file = tmp_path / "a.p12"
    given = ["-inkey", tmp_path / "k.pem", "-in", tmp_path / "cert.pem", "-passout", "pass:x"]
    openssl("pkcs12", "-export", *given, "-out", file)
    signed = enveloped(APPLICATION, p12.opened(file.read_bytes(), "x"), at=NOW)
    _, _, der = pem.unarmor((tmp_path / "ca.pem").read_bytes())
    verdict = judged(signed, Trust((der,)), datetime.now(NOW.tzinfo))
    assert (verdict.status, verdict.reason) == (Status.INVALID, "algorithm-weak")


# packages


def test_a_package_is_bound_to_its_names_and_bytes(authority: Authority) -> None:
    files = {
        "申請書.xml": APPLICATION,
        "注記.txt": b"1\r\n2\r\n",
        "a b.txt": b"",
        "a%20b.txt": b"x",
    }
    package = kousei.signed("申請書.xml", files, authority.issue(ec_key()), at=NOW)
    assert judged(package, authority.trust()).valid
    inside = kousei.unzipped(package)
    swapped = {"a b.txt": inside["a%20b.txt"], "a%20b.txt": inside["a b.txt"]}
    for change in (
        {"注記.txt": b"1\n2\n"},
        {"a b.txt": b"y"},
        swapped,
        {"注記.txt": "\ufeff1\r\n2\r\n".encode()},
    ):
        verdict = judged(kousei._zipped(inside | change), authority.trust())
        assert (verdict.status, verdict.reason) == (Status.INVALID, "document-changed")
    raw = inside["kousei.xml"].replace(b"%E6%B3%A8%E8%A8%98.txt", "注記.txt".encode())
    assert raw != inside["kousei.xml"]
    renamed = judged(kousei._zipped(inside | {"kousei.xml": raw}), authority.trust())
    assert renamed.status is Status.INVALID, "the signed reference was written otherwise"


# PDF


class Weak(pdf_sign.HeldKey):
    """A signer that signs SHA-1."""

    def get_signature_mechanism_for_digest(self, _: str | None) -> algos.SignedDigestAlgorithm:
        return algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        assert digest_algorithm == "sha1"
        return key_of(self.key).sign(data, padding.PKCS1v15(), hashes.SHA1())


def key_of(key: SigningKey) -> rsa.RSAPrivateKey:
    assert isinstance(key, LoadedKey)
    assert isinstance(key._private, rsa.RSAPrivateKey)
    return key._private


def pdf_signed(authority: Authority, digest: str = "sha256", at: datetime = NOW) -> bytes:
    key = authority.issue(rsa_key())
    held = Weak(key) if digest == "sha1" else pdf_sign.HeldKey(key)
    writer = pdf_sign.opened(pdf())
    meta = signers.PdfSignatureMetadata(
        field_name="Signature1",
        md_algorithm=digest,
        subfilter=fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
    )
    return pdf_sign.finished(writer, meta, held, at=at, look=None)


def test_a_pdf_with_a_weak_digest_or_a_time_ahead_is_invalid(authority: Authority) -> None:
    now = datetime.now(NOW.tzinfo)  # a PDF claims the time at which it was really signed
    assert judged(pdf_signed(authority), authority.trust(), now).valid
    weak = judged(pdf_signed(authority, "sha1"), authority.trust(), now)
    assert (weak.status, weak.reason) == (Status.INVALID, "algorithm-weak")
    early = judged(pdf_signed(authority), authority.trust(), now - 2 * DAY)
    assert (early.status, early.reason) == (Status.INVALID, "time-in-future")


def test_a_gap_in_the_byte_range_is_refused(authority: Authority) -> None:
    now = datetime.now(NOW.tzinfo)
    signed = pdf_signed(authority)
    found = re.search(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)\]", signed)
    assert found
    _, first, second, length = map(int, found.groups())
    for numbers in (
        (0, first, second + 8, length - 8),
        (0, first - 8, second, length),
        (0, first, second, length - 20),
        (0, second + length, second + length, 0),
        (8, first - 8, second, length),
    ):
        spelled = b"/ByteRange [" + b" ".join(b"%d" % one for one in numbers) + b"]"
        data = signed.replace(found.group(), spelled.ljust(len(found.group())))
        assert len(data) == len(signed)
        verdict = judged(data, authority.trust(), now)
        assert verdict.status is Status.INVALID
        assert verdict.reason in ("pdf-byte-range", "pdf-changed", "document-changed", "pdf-broken")
        assert verdict.parts == ()


@pytest.mark.repeats
def test_no_flipped_bit_of_a_signed_pdf_makes_another_content_valid(served: Served) -> None:
    now = datetime.now(NOW.tzinfo)
    trust = served.trust()
    key = served.member(ec_key(number=43))
    outside = Outside(tsa=served.tsa, trust=trust)
    step = 97 if NIGHT else 997
    for profile in (Profile.MOJ, Profile.PADES_T):
        signed = sign(pdf(), key, profile, at=now, outside=outside)
        honest = judged(signed, trust, now)
        assert honest.valid
        start = signed.index(b"/Contents <") + 11
        end = signed.index(b">", start)
        end = start + len(signed[start:end].rstrip(b"0"))
        survived = []
        for place in [*range(start, end, step), *range(0, start, 121)]:
            data = bytearray(signed)
            data[place] = ord("0") if data[place] != ord("0") else ord("1")
            verdict = judged(bytes(data), trust, now)
            if verdict.valid:
                survived.append(place)
                assert verdict.signatory == honest.signatory
                assert verdict.stamped_at in (None, honest.stamped_at)
        assert all(place >= start for place in survived), "all but the signature is covered"


# evidence


def test_the_newer_list_decides_whichever_comes_first(authority: Authority) -> None:
    key = authority.issue(ec_key(5))
    signed = enveloped(APPLICATION, key, at=NOW)
    old = authority.crl(this=NOW - 2 * DAY)
    authority.revoke(key)
    new = authority.crl()
    authority.revoked.clear()
    for given in ((old, new), (new, old)):
        verdict = judged(signed, Trust(authority.trust().roots, crls=given))
        assert (verdict.status, verdict.reason) == (Status.INVALID, "certificate-revoked")


def test_an_answer_that_ran_out_proves_nothing(authority: Authority) -> None:
    key = with_responder(authority)
    signed = enveloped(APPLICATION, key, at=NOW)
    old = answered(authority, key, authority, good=True)
    later = NOW + 3 * DAY
    verdict = judged(signed, Trust(authority.trust().roots, ocsps=(old,)), later)
    assert verdict.status is Status.INDETERMINATE
    assert verdict.reason in ("revocation-stale", "revocation-unknown")


class Replaying(Tsa):
    """A time-stamping authority, or somebody between, that answers with an earlier answer."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.first = b""

    def answer(self, request: bytes) -> bytes:
        self.first = self.first or super().answer(request)
        return self.first


def test_an_earlier_answer_is_no_stamp(served: Served) -> None:
    tsa = Replaying(served.tsa.url)
    assert tsa.token(b"data")
    with pytest.raises(Refusal) as refused:
        tsa.token(b"data")  # the same data, another nonce
    assert refused.value.code == "stamp-wrong"


@pytest.mark.repeats
def test_no_flipped_byte_of_a_stamp_proves_another_time(served: Served) -> None:
    now = datetime.now(NOW.tzinfo)
    trust = served.trust()
    outside = Outside(tsa=served.tsa)
    key = served.member(ec_key(number=44))
    signed = sign(APPLICATION, key, Profile.XADES_T, at=now, outside=outside)
    honest = judged(signed, trust, now)
    token = signed.partition(b"EncapsulatedTimeStamp>")[2].partition(b"<")[0]
    der = b64decode(token)
    for place in range(0, len(der), 29):
        flipped = bytearray(der)
        flipped[place] ^= 0x20
        data = signed.replace(token, b64encode(bytes(flipped)))
        verdict = judged(data, trust, now)
        assert not verdict.valid or verdict.stamped_at == honest.stamped_at
    for cut in (b"", der[:40], der[: len(der) // 2], b"\x30\x03\x02\x01\x00"):
        data = signed.replace(token, b64encode(cut))
        assert judged(data, trust, now).reason == "stamp-malformed"


# certificate files


def repacked(data: bytes, change: Callable[[asn1.SafeContents], None]) -> bytes:
    """The same file with its key bags changed, and a right MAC over that."""
    pfx = asn1.Pfx.load(data)
    safe = asn1.AuthenticatedSafe.load(pfx["auth_safe"]["content"].native)
    for content in safe:
        if content["content_type"].native == "data":
            bags = asn1.SafeContents.load(content["content"].native)
            change(bags)
            content["content"] = core.OctetString(bags.dump(force=True))
    pfx["auth_safe"]["content"] = core.OctetString(safe.dump(force=True))
    return p12._with_mac(pfx.dump(force=True), PASSWORD, 1_000)


def test_a_file_with_two_keys_or_anothers_key_is_refused(authority: Authority) -> None:
    data = quick(authority)

    def doubled(bags: asn1.SafeContents) -> None:
        bags.append(bags[0].copy())

    assert repacked(data, lambda _: None) != data
    assert p12.opened(repacked(data, lambda _: None), PASSWORD)
    assert code(repacked(data, doubled)) in ("p12-contents", "p12-broken")
    stranger = authority.issue(ec_key(1))
    other = p12.sealed(ec_key(1), stranger.certificate, (), PASSWORD, label="a")
    taken: list[asn1.SafeBag] = []

    def kept(bags: asn1.SafeContents) -> None:
        taken.append(bags[0].copy())

    def swapped(bags: asn1.SafeContents) -> None:
        bags[0] = taken[0]

    repacked(other, kept)
    assert code(repacked(data, swapped)) in ("key-not-of-certificate", "p12-contents")


@pytest.mark.parametrize("rounds", [50_000_000, 2**31 - 1])
def test_a_count_in_the_key_bag_is_read_before_it_is_obeyed(
    authority: Authority, rounds: int
) -> None:
    def dear(bags: asn1.SafeContents) -> None:
        parameters = bags[0]["bag_value"]["encryption_algorithm"]["parameters"]
        parameters["key_derivation_func"]["parameters"]["iteration_count"] = rounds

    assert code(repacked(quick(authority), dear)) == "p12-rounds"


def pbmac1(authority: Authority, rounds: int, length: int = 32) -> bytes:
    """A file whose MAC is PBMAC1 (RFC 9579), with so many rounds in it."""
    pfx = asn1.Pfx.load(quick(authority))
    content = pfx["auth_safe"]["content"].native
    salt = b"salt salt"
    kdf = algos.KdfAlgorithm(
        {
            "algorithm": "pbkdf2",
            "parameters": {
                "salt": algos.Pbkdf2Salt(name="specified", value=salt),
                "iteration_count": rounds,
                "key_length": length,
                "prf": {"algorithm": "sha256"},
            },
        }
    )
    spent = min(rounds, 1_000)
    key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, spent, max(1, min(length, 64)))
    parameters = sequence(kdf.dump(), algos.HmacAlgorithm({"algorithm": "sha256"}).dump())
    digest = sequence(core.ObjectIdentifier("1.2.840.113549.1.5.14").dump(), parameters)
    tag = core.OctetString(hmac.digest(key, content, "sha256")).dump()
    unused = core.OctetString(b"unused").dump()
    mac = sequence(sequence(digest, tag), unused, core.Integer(2).dump())
    return sequence(core.Integer(3).dump(), pfx["auth_safe"].dump(), mac)


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE in DER."""
    body = b"".join(parts)
    head = core.OctetString(body).dump()[: -len(body)]  # the same length, another tag
    return b"\x30" + head[1:] + body


def test_pbmac1_is_opened_and_its_count_read_too(authority: Authority) -> None:
    assert p12.opened(pbmac1(authority, 1_000), PASSWORD).sign(b"data")
    assert code(pbmac1(authority, 1_000), "wrong") == "password-wrong"
    assert code(pbmac1(authority, 50_000_000)) == "p12-rounds"
    assert code(pbmac1(authority, 1_000, length=19)) in ("p12-broken", "password-wrong")


def test_a_stranger_named_like_the_authority_is_not_believed(authority: Authority) -> None:
    stranger = Authority(title=authority.title)
    key = stranger.issue(rsa_key(), subject="会員 0001")
    for chain in ((stranger.root,), (authority.root,), ()):
        one = LoadedKey(rsa_key(), key.certificate, chain)
        verdict = judged(enveloped(APPLICATION, one, at=NOW), authority.trust())
        assert not verdict.valid
        assert verdict.signatory is not None
    assert key.certificate.issuer == name(authority.title)
    assert dsig.new_id() != dsig.new_id()
