"""The host's command line: sign by the plug-in, the release's manifest, the support report."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import warifu_sign
from warifu_host import trial
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind, Manifest, Member


@pytest.fixture
def program(tmp_path: Path) -> Path:
    tree = tmp_path / "program"
    source = Path(warifu_sign.__file__).parent
    shutil.copytree(source, tree / "warifu_sign", ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def listed(program: Path) -> bytes:
    """The manifest of a release with exactly this tree."""
    members = tuple(
        Member(path.relative_to(program).as_posix(), "file", of_bytes(data), len(data))
        for path in sorted(program.rglob("*"))
        if path.is_file()
        for data in [path.read_bytes()]
    )
    start = ("{python}", "-m", "warifu_host", "check", "--program", "{tree}")
    return Manifest("e-application", Kind.UPDATE, {}, members, (), start).to_bytes()


def host(*words: str | Path, password: str | None = None) -> subprocess.CompletedProcess[str]:
    reader, writer = os.pipe()
    os.write(writer, f"{password}\n".encode())
    os.close(writer)
    given = [] if password is None else ["--passphrase-fd", str(reader)]
    try:
        return subprocess.run(
            [sys.executable, "-m", "warifu_host", *map(str, words), *given],
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(reader,),
        )
    finally:
        os.close(reader)


def test_a_tree_that_is_the_release_is_well(program: Path, tmp_path: Path) -> None:
    (tmp_path / "release.json").write_bytes(listed(program))
    done = host("check", "--program", program, "--manifest", tmp_path / "release.json")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" ok") == 4


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("warifu_sign/p12.py", "# the next edition's\n", "digest-differs"),
        ("warifu_sign/extra.py", "", "not-in-release"),
        ("sitecustomize.py", "", "not-in-release"),
        ("warifu_sign/words.json", None, "file-missing"),
    ],
)
def test_a_tree_mixed_from_two_releases_is_not_loaded(
    program: Path, tmp_path: Path, name: str, text: str | None, why: str
) -> None:
    (tmp_path / "release.json").write_bytes(listed(program))
    if text is None:
        (program / name).unlink()
    else:
        (program / name).write_text(text, encoding="utf-8")
    words = ["--program", program, "--manifest", tmp_path / "release.json", "--json"]
    done = host("check", *words)
    found = json.loads(done.stdout)
    assert (done.returncode, found["started"], found["plugin"]) == (1, True, False)
    assert found["failure"]["facts"]["why"] == why
    assert found["failure"]["facts"]["file"] == name


def test_signing_goes_by_the_plugin(program: Path, tmp_path: Path) -> None:
    given = trial.made(datetime.now(UTC))
    (tmp_path / "member.p12").write_bytes(given.certificate_file)
    (tmp_path / "a.xml").write_bytes(trial.DOCUMENT)
    words = ["sign", "--program", program, "--p12", tmp_path / "member.p12"]
    files = [tmp_path / "a.xml", tmp_path / "signed.xml"]
    done = host(*words, *files, "--json", password=given.password)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["holder"] == "会員 試験 trial"
    assert b"SignatureValue" in (tmp_path / "signed.xml").read_bytes()
    wrong = host(*words, *files, "--json", password="wrong")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["failure"]["facts"]["why"] == "password-wrong"
    plain = host(*words, *files, password="wrong")
    assert "電子署名を付けられませんでした。" in plain.stdout
    (program / "warifu_sign" / "plugin" / "plugin.json").unlink()
    gone = host(*words, *files, "--json", password=given.password)
    assert json.loads(gone.stdout)["failure"]["code"] == "plugin-not-loaded"


def test_wrong_use_is_one_line(program: Path, tmp_path: Path) -> None:
    missing = host("check", "--program", program, "--manifest", tmp_path / "none.json")
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    bad = host("check", "--program", program, "--manifest", tmp_path / "bad.json")
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)


def test_the_support_report_holds_digests_and_no_secrets(program: Path, tmp_path: Path) -> None:
    done = host("support-report", "--program", program, tmp_path / "report.json")
    assert done.returncode == 0
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["health"]["failure"] is None
    data = (program / "warifu_sign" / "p12.py").read_bytes()
    assert report["files"]["warifu_sign/p12.py"] == hashlib.sha256(data).hexdigest()
    assert report["libraries"]["cryptography"] != "-"
