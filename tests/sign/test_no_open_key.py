"""No unencrypted key on disk, ever: every byte that is written is watched (strace)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.sign.program import PASSWORD, lines, run
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_ca.authority import opened
from warifu_sign import p12
from warifu_sign.p12 import Private

pytestmark = [pytest.mark.repeats, pytest.mark.letters_travel]

PASSPHRASE = "a passphrase for trying"
CALLS = "write,pwrite64,writev,pwritev,sendto,sendmsg"


def watching(log: Path) -> tuple[str, ...]:
    """strace on every process, each written byte in hexadecimal."""
    return ("strace", "-f", "--seccomp-bpf", "-xx", "-s", "1000000", "-e", CALLS, "-o", str(log))


def written(log: Path) -> bytes:
    """Everything that was written, to files, pipes and sockets, in the order of the calls."""
    found = re.findall(r'"((?:\\x[0-9a-f]{2})*)"', log.read_text("ascii"))
    return b"\n".join(bytes.fromhex(one.replace("\\x", "")) for one in found)


def pieces(key: Private) -> list[bytes]:
    """What gives a private key away: its secret numbers, and its DER in base64 at any place."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        secret = [numbers.d, numbers.p, numbers.q]
    else:
        secret = [key.private_numbers().private_value]
    raw = [one.to_bytes((one.bit_length() + 7) // 8, "big") for one in secret]
    found = [one[-24:] for one in raw]
    # Whatever stands before a number in its block of three, one of these is in its base64.
    found += [b64encode(b"\0" * skip + one)[4:28] for one in raw for skip in range(3)]
    return [*found, b"BEGIN PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"]


def given_away(key: Private, everything: bytes) -> list[bytes]:
    return [one for one in pieces(key) if one in everything]


def left(folder: Path) -> bytes:
    """All that lies in a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_tool_never_writes_an_open_key(served: Served, tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    for profile, words in (
        ("shiho-shoshi-like", ("--key", "rsa-2048")),
        ("compatibility", ("--made-there",)),
    ):
        letter = letters.write(served.authority, MEMBER, profile, "rsa-2048")
        out = f"{profile}.p12"
        done = run(
            home,
            *("certificate", "fetch", "--ca", served.address, "--reference", letter.reference),
            *("--out", out, "--json", *words),
            under=watching(log),
            pin=letter.pin,
            passphrase=PASSWORD,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        data = (home / out).read_bytes()
        everything = written(log)
        assert data in everything, "what is written is seen"
        key = p12.opened_private(data, PASSWORD)
        assert given_away(key, everything + left(home)) == []


def test_the_authority_never_writes_an_open_key(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = run(
        tmp_path,
        *("init", "ca", "--json"),
        module="warifu_ca",
        under=watching(log),
        passphrase=PASSPHRASE,
    )
    assert found.returncode == 0, found.stderr
    authority = opened(tmp_path / "ca", PASSPHRASE)
    everything = written(log) + left(tmp_path / "ca")
    assert (tmp_path / "ca" / "root.p12").read_bytes() in everything
    for role in authority.certificates:
        assert given_away(authority.ring.key(role), everything) == []
    words = (
        "--member",
        "0001",
        "--name",
        "会員",
        "--roman",
        "MEMBER",
        "--profile",
        "compatibility",
    )
    told = run(
        tmp_path,
        *("window", "ca", *words, "--json"),
        module="warifu_ca",
        under=watching(log),
        passphrase=PASSPHRASE,
    )
    (letter,) = lines(told)
    kept = authority.store.db.execute("SELECT pkcs12 FROM letter").fetchone()[0]
    key = p12.opened_private(kept, letter["pin"].replace("-", ""))
    assert given_away(key, written(log) + left(tmp_path / "ca")) == []


def test_the_watch_would_see_an_open_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    forms = (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
    )
    (tmp_path / "writes.py").write_text(
        "import os, sys\nos.write(2, bytes.fromhex(os.environ['GIVEN']))\n", encoding="ascii"
    )
    for form in forms:
        log = tmp_path / "log"
        subprocess.run(
            [*watching(log), sys.executable, tmp_path / "writes.py"],
            env={**os.environ, "GIVEN": form.hex()},
            check=True,
            capture_output=True,
        )
        assert given_away(key, written(log))
