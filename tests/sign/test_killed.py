"""SIGKILL at any moment: nothing lost, no second key, no half file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.sign.pki import APPLICATION, Authority, ec_key
from tests.sign.program import PASSWORD, lines, run
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_sign import p12
from warifu_sign.batch import JOURNAL


def killed(folder: Path, after: float, *words: str, secrets: dict[str, str]) -> int:
    """Start the tool and kill it after so many seconds; its status, or 0 if it was done before."""
    options, readers = [], []
    for name, text in secrets.items():
        reader, writer = os.pipe()
        os.write(writer, f"{text}\n".encode())
        os.close(writer)
        readers.append(reader)
        options += [f"--{name}-fd", str(reader)]
    process = subprocess.Popen(
        [sys.executable, "-m", "warifu_sign", *words, *options],
        cwd=folder,
        pass_fds=readers,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    for reader in readers:
        os.close(reader)
    return process.wait()


def test_a_batch_goes_on_where_it_was_killed(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue(ec_key())
    sealed = p12.sealed(ec_key(), key.certificate, (), PASSWORD, label="a", rounds=1_000)
    (tmp_path / "member.p12").write_bytes(sealed)
    (tmp_path / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    (tmp_path / "list.crl").write_bytes(authority.crl())
    names = [f"申請書{number:03d}.xml" for number in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(APPLICATION)
    words = ["sign", *names, "--p12", "member.p12", "--out", "signed", "--json"]
    reached = set()
    for after in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        killed(tmp_path, after, *words, secrets={"passphrase": PASSWORD})
        whole = list((tmp_path / "signed").glob("*-signed.xml"))
        reached.add(len(whole))
        assert all(path.read_bytes().endswith("</申請書>\n".encode()) for path in whole)
    done = run(tmp_path, *words, passphrase=PASSWORD)
    assert done.returncode == 0, done.stdout
    states = [one["state"] for one in lines(done)]
    assert len(states) == len(names)
    assert set(states) <= {"signed", "kept"}
    outs = [one["out"] for one in lines(done)]
    trust = ["--root", "root.pem", "--crl", "list.crl"]
    assert run(tmp_path, "verify", *outs, *trust).returncode == 0
    again = run(tmp_path, *words, passphrase=PASSWORD)
    assert {one["state"] for one in lines(again)} == {"kept"}
    left = {path.name for path in (tmp_path / "signed").iterdir()} - {JOURNAL}
    assert left == {Path(out).name for out in outs}
    assert reached, "the kills were spread over the run"


def test_a_file_of_somebody_else_is_never_replaced(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue(ec_key())
    sealed = p12.sealed(ec_key(), key.certificate, (), PASSWORD, label="a", rounds=1_000)
    (tmp_path / "member.p12").write_bytes(sealed)
    (tmp_path / "a.xml").write_bytes(APPLICATION)
    (tmp_path / "a-signed.xml").write_bytes(b"mine")
    done = run(tmp_path, "sign", "a.xml", "--p12", "member.p12", "--json", passphrase=PASSWORD)
    assert [one["code"] for one in lines(done)] == ["out-exists"]
    assert (tmp_path / "a-signed.xml").read_bytes() == b"mine"


def test_a_fetch_that_was_killed_goes_on_with_the_same_key(served: Served, tmp_path: Path) -> None:
    posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
    words = ["certificate", "fetch", "--ca", served.address, "--reference", posted.reference]
    words += ["--out", "member.p12", "--json"]
    secrets = {"pin": posted.pin, "passphrase": PASSWORD}
    keys = set()
    for after in (0.2, 0.5, 0.8, 1.0, 1.2, 1.5):
        killed(tmp_path, after, *words, secrets=secrets)
        pending = tmp_path / "member.p12.pending"
        if pending.exists():
            key = p12.opened_private(pending.read_bytes(), PASSWORD)
            keys.add(key.public_key().public_numbers())
        if (tmp_path / "member.p12").exists():
            p12.opened((tmp_path / "member.p12").read_bytes(), PASSWORD)
    done = run(tmp_path, *words, **secrets)
    told = lines(done)[0]
    assert told.get("code", "out-exists") == "out-exists", "done, or done before"
    held = p12.opened((tmp_path / "member.p12").read_bytes(), PASSWORD)
    assert keys <= {held.certificate.public_key().public_numbers()}  # type: ignore[union-attr]
    assert not (tmp_path / "member.p12.pending").exists()
