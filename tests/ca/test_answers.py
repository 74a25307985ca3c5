"""OCSP, lists and time stamps: what they say, what they refuse, checked by openssl and certtool."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.ca import member
from tests.ca.conftest import Clock
from tests.ca.program import chain, openssl, pem, tool
from warifu_ca import certify, issuing, keys, names, revoking, stamps
from warifu_ca import ocsp as responder
from warifu_ca.authority import TSA_POLICY, Authority
from warifu_wire.errors import Refusal

ONE = names.Holder("0001", "会員 一号", "MEMBER 0001")
AT = "@1326153600"  # 2012-01-10T00:00:00Z, the clock of these tests


@pytest.fixture
def mine(authority: Authority) -> issuing.Issued:
    """A member's certificate."""
    return issuing.from_csr(authority, ONE, member.csr(member.key()))


def question(
    authority: Authority,
    certificate: x509.Certificate,
    nonce: bytes | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """An OCSP request in DER."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate,
        authority.certificates["issuing"],
        algorithm or hashes.SHA1(),
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.build().public_bytes(Encoding.DER)


def answer(authority: Authority, data: bytes) -> ocsp.OCSPResponse:
    """The parsed OCSP answer."""
    return ocsp.load_der_ocsp_response(responder.answer(authority, data))


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()])
def test_ocsp_says_good_then_revoked_at_once(
    authority: Authority, mine: issuing.Issued, clock: Clock, algorithm: hashes.HashAlgorithm
) -> None:
    data = question(authority, mine.certificate, b"n" * 32, algorithm)
    good = answer(authority, data)
    assert good.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert good.this_update_utc == clock()
    revoking.revoke(authority, mine.serial, "keyCompromise")
    gone = answer(authority, data)
    assert gone.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert gone.revocation_reason is x509.ReasonFlags.key_compromise
    assert gone.revocation_time_utc == clock()
    signed = keys.public_of(authority.certificates["ocsp"])
    assert keys.verifies(signed, gone.signature, gone.tbs_response_bytes)


def test_ocsp_returns_the_nonce_it_was_sent_and_refuses_one_too_long(
    authority: Authority, mine: issuing.Issued
) -> None:
    for nonce in (b"n", b"0123456789abcdef", b"n" * 32):
        told = answer(authority, question(authority, mine.certificate, nonce))
        found = told.extensions.get_extension_for_class(x509.OCSPNonce).value
        assert found.nonce == nonce
    assert not answer(authority, question(authority, mine.certificate)).extensions
    for nonce in (b"", b"n" * 33):
        told = answer(authority, question(authority, mine.certificate, nonce))
        assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_ocsp_knows_no_serial_it_did_not_issue_and_no_other_authority(
    authority: Authority, mine: issuing.Issued
) -> None:
    unknown = (
        ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(
            *hashes_of(authority, "issuing"), serial_number=4711, algorithm=hashes.SHA256()
        )
        .build()
    )
    told = answer(authority, unknown.public_bytes(Encoding.DER))
    assert told.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    foreign = (
        ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(
            *hashes_of(authority, "root"),
            serial_number=mine.certificate.serial_number,
            algorithm=hashes.SHA256(),
        )
        .build()
    )
    told = answer(authority, foreign.public_bytes(Encoding.DER))
    assert told.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def hashes_of(authority: Authority, role: Any) -> tuple[bytes, bytes]:
    """Name and key hash of an issuer, SHA-256."""
    certificate = authority.certificates[role]
    return (
        hashlib.sha256(certificate.subject.public_bytes()).digest(),
        hashlib.sha256(responder._key_bits(certificate)).digest(),
    )


@pytest.mark.parametrize("data", [b"", b"\0", b"\x30\x80", b"no request", b"\x30" * 5000])
def test_ocsp_answers_rubbish_with_malformed(authority: Authority, data: bytes) -> None:
    told = answer(authority, data)
    assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_nothing_is_signed_while_the_clock_stands_in_the_past(
    authority: Authority, mine: issuing.Issued, clock: Clock
) -> None:
    data = question(authority, mine.certificate)
    clock.advance(days=-1)
    assert answer(authority, data).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    stamped = stamps.Response.load(stamps.answer(authority, stamp_request()))
    assert stamped["status"]["fail_info"].native == {"time_not_available"}
    with pytest.raises(Refusal, match="clock-went-back"):
        revoking.publish_list(authority)


def test_ocsp_by_path_and_by_post_are_the_same_to_openssl(
    authority: Authority, address: tuple[str, int], mine: issuing.Issued, tmp_path: Path
) -> None:
    root, issuer = chain(authority.folder, tmp_path)
    own = pem(tmp_path / "own.pem", mine.der)
    url = "http://{}:{}/ocsp".format(*address)
    said = openssl("ocsp", "-issuer", issuer, "-cert", own, "-url", url, "-CAfile", root,
                   "-attime", AT[1:], "-validity_period", "999999999")  # fmt: skip
    assert f"{own}: good" in said
    assert "Response verify OK" in said
    data = question(authority, mine.certificate)
    path = "/ocsp/" + quote(base64.b64encode(data).decode(), safe="")
    status, body, kind = member.call(address, path)
    assert (status, kind) == (200, "application/ocsp-response")
    told = ocsp.load_der_ocsp_response(body)
    assert told.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert member.call(address, "/ocsp/!")[1] == responder.answer(authority, b"")


def test_the_list_is_read_by_openssl_and_certtool(
    authority: Authority, mine: issuing.Issued, tmp_path: Path
) -> None:
    root, issuer = chain(authority.folder, tmp_path)
    own = pem(tmp_path / "own.pem", mine.der)
    both = tmp_path / "lists.pem"

    def lists() -> Path:
        ders = [revoking.publish_list(authority, name) for name in ("root", "issuing")]
        loaded = [x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in ders]
        both.write_bytes(b"".join(loaded))
        return both

    check = ("verify", "-crl_check_all", "-attime", AT[1:], "-CAfile", root, "-untrusted", issuer)
    assert "OK" in openssl(*check, "-CRLfile", lists(), own)
    revoking.revoke(authority, mine.serial, "superseded")
    assert "certificate revoked" in openssl(*check, "-CRLfile", lists(), own, status=2)
    der = authority.folder / "issuing.crl"
    said = tool("certtool", "--crl-info", "--inder", "--infile", der)
    assert mine.serial in said
    assert "Superseded" in openssl("crl", "-inform", "der", "-in", der, "-noout", "-text")


def test_a_list_number_never_goes_back(authority: Authority, clock: Clock) -> None:
    def number() -> int:
        found = x509.load_der_x509_crl(revoking.publish_list(authority))
        return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    first = number()
    assert number() == first + 1
    clock.advance(minutes=-4)
    assert number() == first + 2
    clock.advance(minutes=10)
    later = number()
    assert later == int(clock().timestamp()) > first + 2
    with pytest.raises(sqlite3.IntegrityError, match="never goes back"):
        authority.store.db.execute(
            "INSERT INTO crl VALUES ('issuing', ?, 'a', 'b', 0, ?)", (first, "0" * 64)
        )


def test_a_list_is_signed_anew_for_a_revocation_and_at_half_its_life(
    authority: Authority, mine: issuing.Issued, clock: Clock
) -> None:
    path = authority.folder / "issuing.crl"

    def refreshed() -> bool:
        before = path.read_bytes()
        revoking.refresh(authority)
        return path.read_bytes() != before

    assert not refreshed()
    revoking.revoke(authority, mine.serial)
    assert refreshed()
    found = x509.load_der_x509_crl(path.read_bytes())
    [entry] = list(found)
    assert not entry.extensions  # "unspecified" is not written
    assert not refreshed()
    clock.advance(hours=24)
    assert refreshed()
    path.unlink()
    revoking.refresh(authority)
    assert path.exists()


def test_a_revocation_names_a_serial_and_a_reason_that_exist(
    authority: Authority, mine: issuing.Issued, clock: Clock
) -> None:
    with pytest.raises(Refusal, match="serial-unknown"):
        revoking.revoke(authority, "4711")
    with pytest.raises(Refusal, match="reason-unknown"):
        revoking.revoke(authority, mine.serial, "certificateHold")
    first = revoking.revoke(authority, mine.serial, "superseded")
    clock.advance(hours=1)
    assert revoking.revoke(authority, mine.serial, "keyCompromise") == first


def stamp_request(**changed: Any) -> bytes:
    """A time-stamp request in DER."""
    fields: dict[str, Any] = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": hashlib.sha256(b"data").digest(),
        },
        "nonce": 4711,
        "cert_req": True,
    }
    return bytes(tsp.TimeStampReq({**fields, **changed}).dump())


def imprint(algorithm: str, size: int) -> dict[str, Any]:
    """A message imprint."""
    return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": b"x" * size}


@pytest.mark.parametrize(
    ("request_of", "fault"),
    [
        (lambda: b"", "bad_data_format"),
        (lambda: b"rubbish", "bad_data_format"),
        (lambda: stamp_request() + b"\0", "bad_data_format"),
        (lambda: stamp_request()[:-1], "bad_data_format"),
        (lambda: stamp_request(message_imprint=imprint("sha1", 20)), "bad_alg"),
        (lambda: stamp_request(message_imprint=imprint("md5", 16)), "bad_alg"),
        (lambda: stamp_request(message_imprint=imprint("sha256", 20)), "bad_data_format"),
        (lambda: stamp_request(version=2), "bad_request"),
        (lambda: stamp_request(nonce=1 << 600), "bad_data_format"),
        (lambda: stamp_request(req_policy="1.2.3"), "unaccepted_policy"),
        (
            lambda: stamp_request(
                extensions=[{"extn_id": "1.2.3", "critical": True, "extn_value": b"x"}]
            ),
            "unaccepted_extensions",
        ),
    ],
)
def test_what_cannot_be_stamped_is_rejected(
    authority: Authority, request_of: Callable[[], bytes], fault: str
) -> None:
    told = stamps.Response.load(stamps.answer(authority, request_of()))
    assert told["status"]["status"].native == "rejection"
    assert told["status"]["fail_info"].native == {fault}
    assert told["time_stamp_token"].native is None


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("with_chain", [True, False])
def test_a_stamp_verifies_in_openssl(
    authority: Authority, tmp_path: Path, algorithm: str, with_chain: bool
) -> None:
    root, issuer = chain(authority.folder, tmp_path)
    (tmp_path / "data").write_bytes(b"to be stamped")
    wanted = ["-cert"] if with_chain else []
    openssl("ts", "-query", "-data", tmp_path / "data", f"-{algorithm}", "-tspolicy", TSA_POLICY,
            *wanted, "-out", tmp_path / "query")  # fmt: skip
    told = stamps.answer(authority, (tmp_path / "query").read_bytes())
    (tmp_path / "reply").write_bytes(told)
    with_tsa = tmp_path / "untrusted.pem"
    own = pem(tmp_path / "tsa.pem", authority.der("tsa"))
    with_tsa.write_bytes(issuer.read_bytes() + own.read_bytes())
    said = openssl("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply",
                   "-CAfile", root, "-untrusted", with_tsa, "-attime", AT[1:])  # fmt: skip
    assert "Verification: OK" in said
    (tmp_path / "data").write_bytes(b"something else")
    openssl("ts", "-verify", "-data", tmp_path / "data", "-in", tmp_path / "reply",
            "-CAfile", root, "-untrusted", with_tsa, "-attime", AT[1:], status=1)  # fmt: skip


def test_a_stamp_carries_nonce_policy_and_time_and_no_serial_twice(
    authority: Authority, clock: Clock
) -> None:
    found = []
    for _ in range(3):
        told = stamps.Response.load(stamps.answer(authority, stamp_request()))
        content = told["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
        assert content["nonce"].native == 4711
        assert content["policy"].native == TSA_POLICY
        assert content["gen_time"].native == clock()
        found.append(content["serial_number"].native)
    assert len(set(found)) == 3


def test_the_stamping_certificate_has_one_usage_and_it_is_critical(authority: Authority) -> None:
    found = authority.certificates["tsa"].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert found.critical
    assert [usage.dotted_string for usage in found.value] == ["1.3.6.1.5.5.7.3.8"]
    unchecked = authority.certificates["ocsp"].extensions
    assert unchecked.get_extension_for_class(x509.OCSPNoCheck)
    assert certify.hexadecimal(255) == "ff"
    assert timedelta(minutes=10) == responder.FRESH


def test_openssl_reads_a_rejection(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "reply").write_bytes(stamps.answer(authority, b"rubbish"))
    said = openssl("ts", "-reply", "-in", tmp_path / "reply", "-text")
    assert "Status: Rejected." in said
    assert "Failure info: the data submitted has the wrong format" in said
