"""Founding and opening, and the program's answers to what is not right."""

from __future__ import annotations

import base64
import json
import os
import resource
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp

from tests.ca import member
from tests.ca.conftest import PASSPHRASE, Clock
from tests.ca.program import PERSON, PROGRAM, SECRET, attempt, pipe, refusal, run, tool
from tests.ca.test_answers import answer, question
from tests.rounds import FEW
from warifu_ca import (
    audit,
    certify,
    doors,
    founding,
    issuing,
    keys,
    names,
    pkcs12,
    profiles,
    serving,
    store,
)
from warifu_ca.authority import ROLES, Authority, opened
from warifu_wire.errors import Fault, Malformed, Refusal


def test_an_authority_appears_whole_and_holds_no_open_key(founded: Authority) -> None:
    names_found = {
        path.name for path in founded.folder.iterdir() if path.suffix in {".p12", ".cer"}
    }
    assert names_found == {f"{role}.{end}" for role in ROLES for end in ("p12", "cer")}
    for path in founded.folder.iterdir():
        assert b"PRIVATE KEY" not in path.read_bytes()
        if path.suffix == ".p12":
            assert path.stat().st_mode & 0o777 == 0o600
            said = tool("openssl", "pkcs12", "-in", path, "-noout", "-info", "-passin",
                        f"pass:{PASSPHRASE}")  # fmt: skip
            assert said.count(f"Iteration {FEW}") == 3
    assert not list(founded.folder.parent.glob(".ca.*"))
    assert "trial" in founded.certificates["issuing"].subject.rfc4514_string()


def test_founding_refuses_before_it_makes_anything(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    assert refusal("init", folder, passphrase="short") == "passphrase-too-weak"
    assert refusal("init", folder, passphrase="パスワードパスワードパス") == "passphrase-too-weak"
    assert refusal("init", folder, "--url", "ftp://x") == "url-malformed"
    assert refusal("init", folder, "--kind", "root=p-256") == "key-not-allowed"
    assert not list(tmp_path.iterdir())
    folder.mkdir()
    (folder / "something").touch()
    assert refusal("init", folder) == "already-there"
    found = attempt("init", folder / "something" / "ca")
    assert (found.returncode, found.stdout) == (3, "")
    assert len(found.stderr.splitlines()) == 1


def test_the_folder_must_be_an_authority_and_the_passphrase_its_own(
    today: Path, tmp_path: Path
) -> None:
    assert refusal("show", tmp_path) == "not-an-authority"
    assert refusal("crl", today, passphrase="another passphrase") == "passphrase-wrong"
    assert refusal("serve", today, passphrase="another one of") == "passphrase-wrong"
    settings = today / "ca.json"
    good = settings.read_bytes()
    settings.write_bytes(good.replace(b'"format":1', b'"format":2'))
    assert refusal("show", today) == "settings-malformed"
    settings.write_bytes(good.replace(b"file:root.p12", b"hand:root.p12"))
    assert refusal("crl", today, "--root") == "settings-malformed"
    settings.write_bytes(good)
    (today / "root.p12").unlink()
    assert attempt("crl", today, "--root").returncode == 3
    (today / "ca.sqlite3").unlink()
    assert attempt("crl", today).returncode == 3


def test_trial_keys_answer_on_this_machine_only(authority: Authority) -> None:
    assert refusal("serve", authority.folder, "--host", "0.0.0.0") == "trial-keys-public"
    with pytest.raises(Refusal, match="trial-keys-public"):
        serving.bound(authority, "192.0.2.1", 0)
    with pytest.raises(Refusal, match="host-malformed"):
        serving.bound(authority, "localhost", 0)


def test_a_taken_port_is_a_fault_said_in_one_line(today: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = attempt("serve", today, "--port", port)
    assert found.returncode == 3
    assert json.loads(found.stderr)["fault"]["needed"] == "a free port"


def test_secrets_come_by_descriptor_and_errors_in_words_without_json(tmp_path: Path) -> None:
    found = subprocess.run(
        [*PROGRAM, "init", tmp_path / "ca", "--passphrase-fd", "77"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stderr.startswith("descriptor-unreadable: ")
    assert subprocess.run([*PROGRAM, "nothing"], capture_output=True, check=False).returncode == 2


def test_the_program_issues_lists_and_shows(today: Path, tmp_path: Path) -> None:
    folder = today
    requests = [
        {
            "member": f"{number:04d}",
            "name": "髙橋﨑",
            "roman": f"MEMBER {number:04d}",
            "csr": base64.b64encode(member.csr(member.key())).decode(),
        }
        for number in range(3)
    ]
    batch = tmp_path / "requests.jsonl"
    batch.write_text("".join(json.dumps(one) + "\n" for one in requests))
    out = tmp_path / "issued.jsonl"
    assert run("issue-many", folder, batch, "--out", out)["issued"] == 3
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["member"] for row in rows] == ["0000", "0001", "0002"]

    batch.write_text(json.dumps({**requests[0], "csr": "é"}) + "\n")
    assert refusal("issue-many", folder, batch, "--out", out) == "line-malformed"
    batch.write_text(json.dumps(requests[0]) + "\n" + "{}\n")
    assert refusal("issue-many", folder, batch, "--out", out) == "line-malformed"
    fresh = {**requests[0], "csr": base64.b64encode(member.csr(member.key())).decode()}
    batch.write_text(json.dumps(fresh) + "\n" + json.dumps(fresh) + "\n")
    before = run("show", folder)
    assert refusal("issue-many", folder, batch, "--out", out) == "key-reused"
    assert run("show", folder) == before  # all of them or none

    assert refusal("issue", folder, *PERSON) == "option-missing"
    request = tmp_path / "my.csr"
    request.write_bytes(b"-----BEGIN CERTIFICATE REQUEST-----\n")
    assert refusal("issue", folder, *PERSON, "--csr", request) == "csr-malformed"
    assert run("sweep", folder) == {"deleted": 0, "revoked": 0}
    said = tool(*PROGRAM, "show", folder)
    assert f"root  {before['root']}" in said


def test_an_export_can_go_to_standard_output(today: Path) -> None:
    found = attempt("export", today)
    assert json.loads(found.stdout)["payloadType"] == "application/vnd.warifu.issuance.v1+jsonl"


def test_names_are_kept_code_point_by_code_point(authority: Authority) -> None:
    # compatibility ideographs, a variation sequence, a decomposed kana: NFC changes three of them
    name = "神\ufa19 髙\ufa11葛\U000e0100か\u3099"
    who = names.holder("0001", name, "MEMBER 0001")
    made = issuing.from_csr(authority, who, member.csr(member.key()))
    found = made.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    [directory] = found.value.get_values_for_type(x509.DirectoryName)
    [written] = directory.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert written.value == name
    assert issuing.by_serial(authority.store.db, made.serial).holder.name == name


@pytest.mark.parametrize(
    ("number", "name", "roman"),
    [
        ("", "会員", "MEMBER"),
        ("-1", "会員", "MEMBER"),
        ("0" * 33, "会員", "MEMBER"),
        ("0001", "", "MEMBER"),
        ("0001", " 会員", "MEMBER"),
        ("0001", "会" * 65, "MEMBER"),
        ("0001", "会\u202e員", "MEMBER"),
        ("0001", "会\n員", "MEMBER"),
        ("0001", "会\ud800員", "MEMBER"),
        ("0001", "会員", "会員"),
        ("0001", "会員", "A*B"),
        ("0001", "会員", ""),
    ],
)
def test_a_name_no_certificate_can_carry_is_refused(number: str, name: str, roman: str) -> None:
    with pytest.raises(Refusal, match="name-not-allowed"):
        names.holder(number, name, roman)


def test_profiles_are_data_and_read_strictly() -> None:
    found = [profiles.load(name) for name in profiles.names()]
    assert {"shiho-shoshi-like", "compatibility", "root"} <= {profile.id for profile in found}
    assert all(profile.label and profile.label_ja for profile in found)
    with pytest.raises(Refusal, match="profile-unknown"):
        profiles.load("../root")
    good = {
        "label": "a", "label_ja": "b", "issuer": "issuing", "keys": ["p-256"], "days": 1,
        "key_usage": ["digital_signature"], "subject": {"C": "JP"},
    }  # fmt: skip
    assert profiles.read("x", good).days == 1
    for field, wrong in {
        "label": 5, "keys": "p-256", "days": True, "key_usage": ["sign"], "subject": [],
        "issuer": "nobody", "ca": "yes", "path_length": -1, "surprise": 1,
    }.items():  # fmt: skip
        with pytest.raises(Malformed, match="profile-malformed"):
            profiles.read("x", {**good, field: wrong})
    with pytest.raises(Malformed, match="profile-malformed"):
        profiles.read("x", {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca": True},
        {"key_usage": ["key_cert_sign"]},
        {"key_usage": ["key_cert_sign"], "ca": True, "holder": True},
        {"no_check": True},
        {"extended_key_usage": ["1.3.6.1.5.5.7.3.9"]},
        {"extended_key_usage": ["1.3.6.1.5.5.7.3.8"]},
        {
            "extended_key_usage": ["1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.4"],
            "extended_key_usage_critical": True,
        },
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    good = {
        "label": "a", "label_ja": "b", "issuer": "issuing", "keys": ["p-256"], "days": 1,
        "key_usage": ["digital_signature"], "subject": {"C": "JP"},
    }  # fmt: skip
    with pytest.raises(Malformed, match="profile-malformed"):
        profiles.read("x", {**good, **wrong})


def test_an_authority_past_its_end_issues_nothing(authority: Authority, clock: Clock) -> None:
    clock.now = authority.certificates["issuing"].not_valid_after_utc
    who = names.holder("0001", "会員", "MEMBER")
    with pytest.raises(Refusal, match="authority-expired"):
        issuing.from_csr(authority, who, member.csr(member.key()))


def test_a_role_gets_a_new_key_and_the_old_one_is_gone(authority: Authority, clock: Clock) -> None:
    old = dict(authority.certificates)
    clock.now = old["ocsp"].not_valid_after_utc
    request = member.csr(member.key())
    issued = issuing.from_csr(authority, names.holder("0001", "会員", "M"), request)
    asked = question(authority, issued.certificate)
    assert answer(authority, asked).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    fresh = founding.rotate(authority, "ocsp")
    assert answer(fresh, asked).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert fresh.certificates["ocsp"] != old["ocsp"]
    assert fresh.certificates["tsa"] == old["tsa"]
    assert not (fresh.folder / "ocsp.p12").exists()
    entries = list(audit.entries(fresh.store.db))
    assert entries[-1].kind == "issued-own"
    assert sum(entry.kind == "issued-own" for entry in entries) == 6
    with pytest.raises(Refusal, match="role-fixed"):
        founding.rotate(authority, "issuing")


def test_a_full_disk_is_a_fault_and_nothing_is_issued(today: Path, tmp_path: Path) -> None:
    folder, request = today, tmp_path / "my.csr"
    request.write_bytes(member.csr(member.key()))
    before = run("show", folder)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (34_000, 34_000))

    measured_by = {"COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}  # it, too, writes files
    left = {name: value for name, value in os.environ.items() if name not in measured_by}
    with pipe(SECRET) as secret:
        found = subprocess.run(
            [*PROGRAM, "issue", folder, *PERSON, "--csr", request, "--json",
             "--passphrase-fd", str(secret)],
            pass_fds=[secret], preexec_fn=full, env=left, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert (found.returncode, found.stdout) == (3, "")
    assert json.loads(found.stderr)["fault"]["needed"] == "space on disk, and a sound file"
    assert run("show", folder) == before
    assert run("issue", folder, *PERSON, "--csr", request)["key_kind"] == "p-256"


def test_a_certificate_never_outlives_its_issuer(authority: Authority, clock: Clock) -> None:
    issuer = authority.certificates["issuing"]
    clock.now = issuer.not_valid_after_utc.replace(year=issuer.not_valid_after_utc.year - 1)
    who = names.holder("0001", "会員", "MEMBER")
    made = issuing.from_csr(authority, who, member.csr(member.key()))
    assert made.certificate.not_valid_after_utc == issuer.not_valid_after_utc
    assert certify.serial_number().bit_length() <= 127


@pytest.mark.parametrize("script", ["", "echo no such option >&2\nexit 1", "exit 0"])
def test_without_a_working_openssl_no_key_is_sealed(
    founded: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    key, certificate = founded.signer("export", Clock().now)
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        (tmp_path / "openssl").write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        (tmp_path / "openssl").chmod(0o755)
    with pytest.raises(Fault, match=r"openssl.*openssl 3\.0"):
        pkcs12.write(key, certificate, [], b"ABCDEFGHJKMN", "name")


def test_the_pkcs12_mac_follows_the_standard(founded: Authority) -> None:
    key, certificate = founded.signer("export", Clock().now)
    data = pkcs12.write(key, certificate, [], b"ABCDEFGHJKMN", "name")
    loaded, same = pkcs12.read(data, b"ABCDEFGHJKMN")
    assert same == certificate
    assert loaded.public_key() == key.public_key()
    with pytest.raises(Refusal, match="passphrase-wrong"):
        pkcs12.read(data, b"ABCDEFGHJKMM")
    with pytest.raises(Refusal, match="passphrase-wrong"):
        pkcs12.read(data[:-40], b"ABCDEFGHJKMN")
    with pytest.raises(Fault, match="no key"):
        pkcs12.read(pkcs12.stock.serialize_key_and_certificates(
            None, None, certificate, None, pkcs12.PrivateFormat.PKCS12.encryption_builder()
            .build(b"ABCDEFGHJKMN")), b"ABCDEFGHJKMN")  # fmt: skip


def test_only_known_kinds_of_keys_are_made() -> None:
    with pytest.raises(Refusal, match="key-not-allowed"):
        keys.make("rsa-1024")
    odd = rsa.generate_private_key(3, 2048).public_key()
    assert keys.kind_of(odd) == "rsa-exponent-3"
    assert keys.kind_of(ec.generate_private_key(ec.SECP521R1()).public_key()) == "ec-secp521r1"
    assert keys.kind_of(ed25519.Ed25519PrivateKey.generate().public_key()) == "Ed25519PublicKey"


def test_a_store_is_made_once(authority: Authority) -> None:
    with pytest.raises(Refusal, match="already-there"):
        store.create(authority.folder / "ca.sqlite3")
    with pytest.raises(Refusal, match="not-an-authority"):
        opened(authority.folder.parent / "nowhere", PASSPHRASE)
    with pytest.raises(Refusal, match="url-malformed"):
        founding.found(authority.folder.parent / "b", PASSPHRASE, url="http://x y")


def test_a_damaged_store_is_a_fault_at_every_door(today: Path) -> None:
    authority = opened(today, PASSPHRASE)
    issuing.from_csr(authority, names.holder("0001", "会員", "M"), member.csr(member.key()))
    authority.store.db.execute("DROP TABLE letter")
    authority.store.db.execute("ALTER TABLE certificate RENAME TO gone")
    found = attempt("list", today)
    assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (3, "", 1)
    redemption = member.redemption(
        member.Letter("1234567890123452", "0" * 12), None, authority.store.clock()
    )
    reply = doors.reply(authority, "POST", "/window/v1/redeem", redemption)
    assert (reply.status, json.loads(reply.body)["refusal"]["code"]) == (503, "fault")


def test_the_list_tells_the_state_of_each(today: Path, tmp_path: Path) -> None:
    assert run("list", today) == {"certificates": []}
    (tmp_path / "my.csr").write_bytes(member.csr(member.key()))
    serial = run("issue", today, *PERSON, "--csr", tmp_path / "my.csr")["serial"]
    assert run("list", today, "--ending-within", "120") == {"certificates": []}
    [row] = run("list", today, "--ending-within", "1096")["certificates"]
    assert (row["serial"], row["state"]) == (serial, "valid")
    run("revoke", today, serial)
    said = tool(*PROGRAM, "list", today)
    assert said.split()[:2] == ["0001", "revoked"]
