"""The thin road through the real program: found, issue, hand over, revoke, list, export, answer."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.ca import member, program
from tests.ca.program import PERSON, SECRET, chain, openssl, pem, served, tool
from warifu_ca import keys
from warifu_wire import canonical, dsse

run = partial(program.run, apart=True)  # every step in a process of its own


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority founded by the program."""
    found = tmp_path_factory.mktemp("road") / "ca"
    told = run("init", str(found))
    assert told["trial"] is True
    for key in found.glob("*.p12"):
        said = openssl("pkcs12", "-in", key, "-noout", "-info", "-passin", f"pass:{SECRET}")
        assert said.count("Iteration 600000") == 3
    return found


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[tuple[str, int]]:
    """The program, serving; it ends cleanly when asked to."""
    with served(folder) as (address, process):
        yield address
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("kind", ["rsa-2048", "p-256"])
def test_a_request_becomes_a_certificate_openssl_verifies(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    request = tmp_path / "my.csr"
    request.write_bytes(member.csr(member.key(kind)))
    told = run(
        "issue", str(folder), *PERSON, "--csr", str(request), "--out", str(tmp_path / "my.cer")
    )
    mine = pem(tmp_path / "my.pem", (tmp_path / "my.cer").read_bytes())
    root, issuing = chain(folder, tmp_path)
    said = openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", issuing, mine)
    assert "OK" in said
    text = openssl("x509", "-in", mine, "-noout", "-text", "-nameopt", "utf8")
    assert "Digital Signature, Non Repudiation" in text
    assert told["key_kind"] == kind


@pytest.mark.parametrize("kind", ["rsa-2048", "p-256"])
def test_a_key_made_here_leaves_as_pkcs12_only(folder: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "my.p12"
    told = run(
        "issue",
        str(folder),
        *PERSON,
        "--pkcs12",
        str(out),
        "--key",
        kind,
        pkcs12_passphrase="ABCDEFGHJKMN",
    )
    key, certificate, chain = pkcs12.load_key_and_certificates(out.read_bytes(), b"ABCDEFGHJKMN")
    assert key is not None
    assert certificate is not None
    assert len(chain) == 2
    assert told["key"] == "authority"
    assert f"{certificate.serial_number:x}" == told["serial"]
    assert keys.kind_of(key.public_key()) == kind
    assert out.stat().st_mode & 0o777 == 0o600
    said = openssl("pkcs12", "-in", out, "-noout", "-info", "-passin", "pass:ABCDEFGHJKMN")
    assert said.count("Iteration 600000") == 3  # the MAC as dear as both encryptions
    said = tool("pk12util", "-l", out, "-W", "ABCDEFGHJKMN")
    assert "MEMBER 0001" in said
    said = tool("certtool", "--p12-info", "--inder", "--infile", out, "--password", "ABCDEFGHJKMN")
    assert "BEGIN PRIVATE KEY" in said or "BEGIN ENCRYPTED PRIVATE KEY" in said
    if kind == "rsa-2048":  # one Java start is dear enough
        return
    said = tool("keytool", "-list", "-storetype", "PKCS12", "-keystore", out, "-storepass",
                "ABCDEFGHJKMN")  # fmt: skip
    assert "PrivateKeyEntry" in said


@pytest.mark.letters_travel
def test_a_letter_becomes_a_certificate_a_receipt_and_a_revocation(
    folder: Path, address: tuple[str, int], tmp_path: Path
) -> None:
    told = run("window", str(folder), *PERSON)
    letter = member.Letter(told["reference"], told["pin"])
    private = member.key("rsa-2048")
    now = datetime.now(UTC)
    status, issued = member.ask(
        address, "redeem", member.redemption(letter, member.csr(private), now)
    )
    assert status == 200, issued
    status, received = member.ask(address, "receipt", member.receipt(issued, private, now))
    assert (status, received["state"]) == (200, "received")

    kept = run("evidence", folder, issued["serial"])
    assert set(kept) == {"redeem", "receipt"}
    envelope = dsse.parse(canonical.dumps(kept["receipt"]), member.TYPE)
    covered = dsse.pae(envelope.payload_type, envelope.payload)
    assert keys.verifies(private.public_key(), envelope.signatures[0][1], covered)

    mine = pem(tmp_path / "my.pem", base64.b64decode(issued["certificate"]))
    ca = pem(tmp_path / "issuing.pem", base64.b64decode(issued["chain"][0]))
    root = pem(tmp_path / "root.pem", base64.b64decode(issued["chain"][1]))
    url = "http://{}:{}/ocsp".format(*address)
    asked = ("ocsp", "-issuer", ca, "-cert", mine, "-url", url, "-CAfile", root)
    assert f"{mine}: good" in openssl(*asked)

    run("revoke", str(folder), issued["serial"], "--reason", "keyCompromise")
    assert f"{mine}: revoked" in openssl(*asked)
    status, der, kind = member.call(address, "/issuing.crl")
    assert (status, kind) == (200, "application/pkix-crl")
    assert listed(der, issued["serial"])


def listed(der: bytes, serial: str) -> bool:
    """Whether a list names a serial number."""
    found = x509.load_der_x509_crl(der)
    return found.get_revoked_certificate_by_serial_number(int(serial, 16)) is not None


def test_a_revocation_asked_for_by_its_holder_reaches_the_list_by_itself(
    folder: Path, address: tuple[str, int], tmp_path: Path
) -> None:
    private = member.key()
    (tmp_path / "my.csr").write_bytes(member.csr(private))
    serial = run("issue", folder, *PERSON, "--csr", tmp_path / "my.csr")["serial"]
    body = member.revocation(serial, private, datetime.now(UTC))
    assert member.ask(address, "revoke", body)[0] == 200
    for _ in range(60):
        if listed(member.call(address, "/issuing.crl")[1], serial):
            return
        time.sleep(1)
    pytest.fail("not on the list after a minute")


def test_the_export_tells_who_was_issued_what_and_is_signed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "export.json"
    run("export", str(folder), "--out", str(out))
    envelope = dsse.parse(out.read_bytes(), "application/vnd.warifu.issuance.v1+jsonl")
    signer = x509.load_der_x509_certificate((folder / "export.cer").read_bytes())
    covered = dsse.pae(envelope.payload_type, envelope.payload)
    [(keyid, signature)] = envelope.signatures
    assert keyid == run("show", str(folder))["export_key"]
    assert keys.verifies(keys.public_of(signer), signature, covered)
    head, *lines = [canonical.loads(line) for line in envelope.payload.splitlines()]
    assert isinstance(head, dict)
    assert head["count"] == len(lines)
    first = lines[0]
    assert isinstance(first, dict)
    assert (first["kind"], first["member"], first["name"]) == ("issued", "0001", "会員 一号")


def test_a_time_stamp_verifies_in_openssl(
    folder: Path, address: tuple[str, int], tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(b"to be stamped")
    openssl("ts", "-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out", tmp_path / "q")
    status, answer, kind = member.call(address, "/tsa", (tmp_path / "q").read_bytes())
    assert (status, kind) == (200, "application/timestamp-reply")
    (tmp_path / "r").write_bytes(answer)
    root, _ = chain(folder, tmp_path)
    said = openssl("ts", "-verify", "-queryfile", tmp_path / "q", "-in", tmp_path / "r",
                   "-CAfile", root)  # fmt: skip
    assert "Verification: OK" in said
