"""The command line as a process: sign, verify, show; passwords by descriptor only."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import warifu_sign
from tests.sign.pki import APPLICATION, Authority, pdf, rsa_key
from tests.sign.program import PASSWORD, lines, run
from warifu_sign import p12


@pytest.fixture
def desk(authority: Authority, tmp_path: Path) -> Path:
    """A member's folder: certificate file, documents, and the authority's root and list."""
    key = authority.issue(rsa_key())
    sealed = p12.sealed(rsa_key(), key.certificate, key.chain, PASSWORD, label="会員 0001")
    (tmp_path / "member.p12").write_bytes(sealed)
    (tmp_path / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    (tmp_path / "list.crl").write_bytes(authority.crl())
    (tmp_path / "申請書.xml").write_bytes(APPLICATION)
    (tmp_path / "委任状.pdf").write_bytes(pdf())
    return tmp_path


def test_sign_then_verify_from_any_folder(desk: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(Path(warifu_sign.__file__).parent, tree / "warifu_sign")
    signing = ["sign", "申請書.xml", "委任状.pdf", "--p12", "member.p12", "--out", "署名済"]
    done = run(desk, *signing, "--json", passphrase=PASSWORD, tree=tree)
    assert done.returncode == 0, done.stderr
    assert [(one["number"], one["total"], one["state"]) for one in lines(done)] == [
        (1, 2, "signed"),
        (2, 2, "signed"),
    ]
    outs = [str(one["out"]) for one in lines(done)]
    assert outs == ["署名済/申請書-signed.xml", "署名済/委任状-signed.pdf"]
    trust = ["--root", "root.pem", "--crl", "list.crl", "--json", "--content", "content"]
    judged = run(desk, "verify", *outs, *trust, tree=tree)
    assert judged.returncode == 0, judged.stderr
    assert [one["profile"] for one in lines(judged)] == ["xades-b", "moj"]
    assert lines(judged)[0]["signatory"]["name"] == "会員 0001"
    assert b"Signature" not in (desk / "content" / "申請書-signed.xml").read_bytes()
    again = run(desk, *signing, "--json", passphrase=PASSWORD)
    assert [one["state"] for one in lines(again)] == ["kept", "kept"]


def test_verify_tells_the_status_by_its_exit(desk: Path) -> None:
    run(desk, "sign", "申請書.xml", "--p12", "member.p12", passphrase=PASSWORD)
    out = desk / "申請書-signed.xml"
    undecided = run(desk, "verify", out.name, "--root", "root.pem")
    assert undecided.returncode == 3
    assert "revocation-unknown" in undecided.stdout
    out.write_bytes(out.read_bytes().replace(b"0001", b"0002"))
    changed = run(desk, "verify", out.name, "--root", "root.pem", "--crl", "list.crl")
    assert changed.returncode == 1
    assert "署名の後で文書が変更されています。" in changed.stdout


def test_one_bad_document_does_not_hold_up_the_others(desk: Path) -> None:
    (desk / "壊れ.xml").write_bytes(b"<a>")
    (desk / "表.csv").write_bytes(b"1,2")
    names = ["壊れ.xml", "申請書.xml", "表.csv", "なし.xml"]
    done = run(desk, "sign", *names, "--p12", "member.p12", "--json", passphrase=PASSWORD)
    assert done.returncode == 1
    assert [one.get("code", "") for one in lines(done)] == [
        "xml-broken",
        "",
        "document-kind",
        "file-unreadable",
    ]
    assert sorted(path.name for path in desk.glob("*-signed*")) == ["申請書-signed.xml"]


def test_certificate_show_names_its_holder(desk: Path) -> None:
    done = run(desk, "certificate", "show", "--p12", "member.p12", "--json", passphrase=PASSWORD)
    (shown,) = lines(done)
    assert (shown["name"], shown["days_left"]) == ("会員 0001", 364)


@pytest.mark.parametrize(
    ("password", "code"), [("wrong password", "password-wrong"), (None, "password-missing")]
)
def test_no_or_a_wrong_password_is_one_clear_message(
    desk: Path, password: str | None, code: str
) -> None:
    secrets = {"passphrase": password} if password else {}
    done = run(desk, "sign", "申請書.xml", "--p12", "member.p12", **secrets)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert code in done.stderr
    assert not list(desk.glob("*-signed*"))


def test_another_profile_for_the_wrong_kind_is_refused(desk: Path) -> None:
    done = run(
        desk,
        *("sign", "申請書.xml", "--profile", "moj", "--p12", "member.p12", "--json"),
        passphrase=PASSWORD,
    )
    assert [one["code"] for one in lines(done)] == ["profile-not-for"]


def test_serve_opens_the_desk_and_ends_when_asked(tmp_path: Path) -> None:
    words = ["serve", "--no-browser", "--json", "--home", str(tmp_path / "home")]
    with subprocess.Popen(
        [sys.executable, "-m", "warifu_sign", *words], stdout=subprocess.PIPE, text=True
    ) as tool:
        assert tool.stdout is not None
        address = json.loads(tool.stdout.readline())["open"]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert "電子証明書はまだありません" in browser.open(address).read().decode()
        tool.send_signal(signal.SIGTERM)
        assert tool.wait(60) == 0
    with pytest.raises(urllib.error.URLError):
        browser.open(address)
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
