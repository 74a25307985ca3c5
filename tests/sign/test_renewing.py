"""Renewal by the old key and revocation by the own key, against the real authority over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.sign.pki import APPLICATION, DAY, Authority
from tests.sign.program import PASSWORD, lines, run
from tests.sign.served import MEMBER, Served
from tests.sign.test_window import Cut, code_of
from warifu_ca import letters, revoking
from warifu_sign import files, p12
from warifu_sign.certificate import serial
from warifu_sign.documents import Profile, sign, verify
from warifu_sign.keys import LoadedKey
from warifu_sign.policy import shipped
from warifu_sign.window import fetching, letter, locked, renewing
from warifu_sign.window.asking import Issued, Window


def kept(key: LoadedKey, password: str = PASSWORD) -> bytes:
    """A member's certificate file."""
    return p12.sealed(key._private, key.certificate, key.chain, password, label="a")


@pytest.fixture
def mine(ending: LoadedKey, tmp_path: Path) -> Path:
    """A member's own certificate file, whose certificate soon ends."""
    path = tmp_path / "member.p12"
    files.write(path, kept(ending), files.PRIVATE)
    return path


def successors(served: Served, certificate: x509.Certificate) -> int:
    found: int = served.authority.store.db.execute(
        "SELECT count(*) FROM certificate WHERE renews = ?", (serial(certificate),)
    ).fetchone()[0]
    return found


def opened(path: Path) -> LoadedKey:
    return p12.opened(path.read_bytes(), PASSWORD)


def now() -> datetime:
    return datetime.now(UTC)


def still_valid(served: Served, key: LoadedKey) -> str:
    """What the verdict is on a document signed now."""
    signed = sign(APPLICATION, key, Profile.XADES_B, at=now())
    return verify(signed, served.trust(), shipped(), now()).reason


def renew(window: Window, path: Path) -> renewing.Renewed:
    return renewing.renew(window, path, PASSWORD, kind="p-256", now=now())


def test_a_certificate_is_renewed_by_the_command_line(served: Served, mine: Path) -> None:
    old = opened(mine)
    words = ["certificate", "renew", "--ca", served.address, "--p12", mine.name, "--json"]
    done = run(mine.parent, *words, "--key", "p-256", passphrase=PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = lines(done)
    new = opened(mine)
    assert told["serial"] == serial(new.certificate) != serial(old.certificate)
    assert new.certificate.public_key() != old.certificate.public_key()
    assert new.certificate.not_valid_after_utc - old.certificate.not_valid_after_utc > 1_000 * DAY
    assert told["receipt"]
    assert opened(mine.parent / told["kept"]).certificate == old.certificate
    names = sorted(path.name for path in mine.parent.iterdir())
    assert names == sorted([mine.name, told["kept"]])
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in mine.parent.iterdir())
    assert still_valid(served, new) == "ok"
    again = run(mine.parent, *words, passphrase=PASSWORD)
    assert (again.returncode, lines(again)[0]["code"]) == (1, "renewal-too-early")
    assert "opens" in lines(again)[0]["facts"]
    assert not renewing.under_way(mine), "a refusal leaves no attempt behind"
    assert successors(served, old.certificate) == 1


@pytest.mark.parametrize("verb", ["renew", "receipt"])
def test_an_interrupted_renewal_goes_on_with_the_same_key(
    served: Served, mine: Path, verb: str
) -> None:
    old = opened(mine)
    assert code_of(renew, Cut(served.address, verb), mine) == "window-unreachable"
    assert renewing.under_way(mine)
    pending = locked.opened(mine.with_name("member.p12.renewal").read_bytes(), PASSWORD)
    change = ["certificate", "password", "--p12", mine.name, "--json"]
    held = run(mine.parent, *change, passphrase=PASSWORD, new_passphrase="another horse 8 staple")
    assert lines(held)[0]["code"] == "renewal-under-way"
    renewed = renew(Window(served.address), mine)
    assert renewed.receipt
    assert opened(mine).certificate.public_key() == pending.public_key()
    assert not renewing.under_way(mine)
    assert successors(served, old.certificate) == 1


class Elsewhere(Window):
    """An authority that answers with a certificate from somewhere else."""

    def __init__(self, address: str, chain: tuple[x509.Certificate, ...]) -> None:
        super().__init__(address)
        self.chain = chain

    def issued(self, verb: str, payload: dict[str, Any], sign: Any) -> Issued:
        found = super().issued(verb, payload, sign)
        return Issued(found.certificate, self.chain, found.holder, b"")


def test_a_successor_from_another_root_is_not_taken(
    served: Served, authority: Authority, mine: Path
) -> None:
    before = mine.read_bytes()
    other = authority.root
    for chain in ((), (other,), (served.issuing, other), (other, served.root)):
        assert code_of(renew, Elsewhere(served.address, chain), mine) == "root-differs"
        assert mine.read_bytes() == before
    assert renew(Window(served.address), mine).receipt


def test_a_revocation_is_for_the_certificate_that_was_meant(served: Served, mine: Path) -> None:
    key = opened(mine)
    words = ["certificate", "revoke", "--ca", served.address, "--p12", mine.name, "--json"]
    words += ["--reason", "keyCompromise", "--serial"]
    wrong = run(mine.parent, *words, "5a01", passphrase=PASSWORD)
    assert (wrong.returncode, lines(wrong)[0]["code"]) == (1, "serial-differs")
    assert still_valid(served, key) == "ok"
    done = run(mine.parent, *words, serial(key.certificate), passphrase=PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = lines(done)
    assert (told["reason"], told["serial"]) == ("keyCompromise", serial(key.certificate))
    again = renewing.revoke(Window(served.address), key, "superseded", now=now())
    assert (again.at, again.reason) == (told["at"], "keyCompromise"), "the first one stands"
    revoking.refresh(served.authority)
    assert still_valid(served, key) == "certificate-revoked"
    assert code_of(renew, Window(served.address), mine) == "certificate-revoked"
    assert not renewing.under_way(mine)


def test_a_password_that_may_not_protect_a_file_renews_nothing(
    served: Served, ending: LoadedKey, tmp_path: Path
) -> None:
    path = tmp_path / "member.p12"
    path.write_bytes(kept(ending, "short"))
    window = Window(served.address)
    assert code_of(renewing.renew, window, path, "short", now=now()) == "password-short"
    assert [one.name for one in tmp_path.iterdir()] == ["member.p12"]


def test_after_a_refusal_a_letter_may_be_tried_with_another_password(
    served: Served, tmp_path: Path
) -> None:
    posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
    right = letter.read(posted.reference, posted.pin)
    wrong = letter.Letter(posted.reference, "0" * 12)
    out, other = tmp_path / "member.p12", "another horse 8 staple"
    window = Window(served.address)
    for _ in range(2):
        assert code_of(fetching.fetch, window, wrong, PASSWORD, out, now=now()) == "pin-wrong"
    assert not list(tmp_path.iterdir())
    cut = Cut(served.address, "redeem")
    assert code_of(fetching.fetch, cut, right, PASSWORD, out, now=now()) == "window-unreachable"
    assert code_of(fetching.fetch, window, right, other, out, now=now()) == "attempt-password"
    assert fetching.fetch(window, right, PASSWORD, out, now=now()).receipt
