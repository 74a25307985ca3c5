"""The thin road through the real program: found, issue, hand over, revoke, list, export, answer."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from tests.ca import member
from warifu_ca import keys
from warifu_wire import canonical, dsse

SECRET = "a passphrase for trying"
PERSON = ["--member", "0001", "--name", "会員 一号", "--roman", "MEMBER 0001"]


def run(*arguments: str, secret: str = SECRET, second: str = "") -> dict[str, Any]:
    """Run the program; its JSON answer. Secrets go by descriptor."""
    found = attempt(*arguments, secret=secret, second=second)
    assert found.returncode == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def attempt(
    *arguments: str, secret: str = SECRET, second: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the program and keep everything it said."""
    with Pipe(secret) as first, Pipe(second) as other:
        extra = ["--pkcs12-passphrase-fd", str(other)] if second else []
        return subprocess.run(
            [*PROGRAM, *arguments, "--json", "--passphrase-fd", str(first), *extra],
            pass_fds=[first, other],
            capture_output=True,
            text=True,
            check=False,
        )


PROGRAM = [sys.executable, "-c", "from warifu_ca.cli import main; main()"]


class Pipe:
    """A descriptor that yields one line."""

    def __init__(self, text: str) -> None:
        self.read, write = os.pipe()
        os.write(write, f"{text}\n".encode())
        os.close(write)

    def __enter__(self) -> int:
        return self.read

    def __exit__(self, *_: object) -> None:
        os.close(self.read)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority founded by the program."""
    found = tmp_path_factory.mktemp("road") / "ca"
    told = run("init", str(found))
    assert told["trial"] is True
    return found


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[tuple[str, int]]:
    """The program, serving."""
    with Pipe(SECRET) as first:
        process = subprocess.Popen(
            [
                *PROGRAM,
                "serve",
                str(folder),
                "--port",
                "0",
                "--json",
                "--passphrase-fd",
                str(first),
            ],
            pass_fds=[first],
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    yield "127.0.0.1", int(url.rpartition(":")[2])
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


def openssl(*arguments: str | Path) -> str:
    """Run openssl; what it said."""
    found = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


def pem(path: Path, der: bytes) -> Path:
    """Write a certificate as PEM."""
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return path


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
    root = pem(tmp_path / "root.pem", (folder / "root.cer").read_bytes())
    issuing = pem(tmp_path / "issuing.pem", (folder / "issuing.cer").read_bytes())
    said = openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", issuing, mine)
    assert "OK" in said
    text = openssl("x509", "-in", mine, "-noout", "-text", "-nameopt", "utf8")
    assert "Digital Signature, Non Repudiation" in text
    assert told["key_kind"] == kind


@pytest.mark.parametrize("kind", ["rsa-2048", "p-256"])
def test_a_key_made_here_leaves_as_pkcs12_only(folder: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "my.p12"
    told = run(
        "issue", str(folder), *PERSON, "--pkcs12", str(out), "--key", kind, second="ABCDEFGHJKMN"
    )
    key, certificate, chain = pkcs12.load_key_and_certificates(out.read_bytes(), b"ABCDEFGHJKMN")
    assert key is not None
    assert certificate is not None
    assert len(chain) == 2
    assert told["key"] == "authority"
    assert f"{certificate.serial_number:x}" == told["serial"]
    assert keys.kind_of(key.public_key()) == kind
    assert out.stat().st_mode & 0o777 == 0o600


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
    found = x509.load_der_x509_crl(der).get_revoked_certificate_by_serial_number(
        int(issued["serial"], 16)
    )
    assert found is not None


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
    root = pem(tmp_path / "root.pem", (folder / "root.cer").read_bytes())
    said = openssl("ts", "-verify", "-queryfile", tmp_path / "q", "-in", tmp_path / "r",
                   "-CAfile", root)  # fmt: skip
    assert "Verification: OK" in said
