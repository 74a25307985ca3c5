"""The download tool against the real authority: one key for one letter, whatever breaks."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sign.program import PASSWORD, lines, run
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_sign import p12
from warifu_sign.errors import Fault, Refusal
from warifu_sign.window import fetching, letter, locked
from warifu_sign.window.asking import Window


@pytest.fixture
def address(served: Served) -> str:
    return served.address


@pytest.fixture
def posted(served: Served) -> letters.Sealed:
    """A letter in the member's hands."""
    return letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")


def now() -> datetime:
    return datetime.now(UTC)


def fetch(address: str, posted: letters.Sealed, out: Path, **options: object) -> fetching.Fetched:
    read = letter.read(posted.reference, posted.pin)
    return fetching.fetch(Window(address), read, PASSWORD, out, now=now(), **options)  # type: ignore[arg-type]


def code_of(step: object, *arguments: object, **options: object) -> str:
    with pytest.raises((Refusal, Fault)) as refused:
        step(*arguments, **options)  # type: ignore[operator]
    return str(refused.value.code)  # type: ignore[attr-defined]


def test_a_letter_becomes_a_certificate_file_by_the_command_line(
    address: str, posted: letters.Sealed, tmp_path: Path
) -> None:
    typed = posted.pin.lower() + " "
    done = run(
        tmp_path,
        *("certificate", "fetch", "--ca", address, "--reference", posted.reference),
        *("--out", "member.p12", "--key", "p-256", "--json"),
        pin=typed,
        passphrase=PASSWORD,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = lines(done)
    assert told["holder"] == told["name"] == "会員 一号"
    assert told["receipt"]
    assert (tmp_path / "member.p12").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["member.p12"]
    assert posted.pin.encode() not in (tmp_path / "member.p12").read_bytes()
    shown = run(
        tmp_path, "certificate", "show", "--p12", "member.p12", "--json", passphrase=PASSWORD
    )
    assert lines(shown)[0]["serial"] == told["serial"]


class Cut(Window):
    """A line that breaks after the authority has acted, before its answer arrives."""

    def __init__(self, address: str, verb: str) -> None:
        super().__init__(address)
        self.verb = verb

    def _posted(self, path: str, body: bytes) -> tuple[int, bytes]:
        found = super()._posted(path, body)
        if path.endswith(self.verb):
            raise Fault("window-unreachable", why=http.client.HTTPException.__name__)
        return found


@pytest.mark.parametrize("verb", ["redeem", "receipt"])
def test_an_interrupted_transfer_goes_on_with_the_same_key(
    address: str, posted: letters.Sealed, tmp_path: Path, verb: str
) -> None:
    out = tmp_path / "member.p12"
    read = letter.read(posted.reference, posted.pin)
    cut = Cut(address, verb)
    assert code_of(fetching.fetch, cut, read, PASSWORD, out, now=now()) == "window-unreachable"
    pending = locked.opened((tmp_path / "member.p12.pending").read_bytes(), PASSWORD)
    fetched = fetch(address, posted, out)
    assert fetched.key.certificate.public_key() == pending.public_key()
    assert [path.name for path in tmp_path.iterdir()] == ["member.p12"]
    assert p12.opened(out.read_bytes(), PASSWORD).certificate == fetched.key.certificate


def test_another_key_is_not_certified_for_the_same_letter(
    address: str, posted: letters.Sealed, tmp_path: Path
) -> None:
    fetch(address, posted, tmp_path / "one.p12")
    assert code_of(fetch, address, posted, tmp_path / "one.p12") == "out-exists"
    assert code_of(fetch, address, posted, tmp_path / "two.p12") == "already-issued"
    assert not (tmp_path / "two.p12").exists()


def test_a_key_made_by_the_authority_leaves_the_pins_hands(
    served: Served, address: str, tmp_path: Path
) -> None:
    posted = letters.write(served.authority, MEMBER, "compatibility", "rsa-2048")
    out = tmp_path / "member.p12"
    fetch(address, posted, out, made_there=True)
    assert code_of(p12.opened, out.read_bytes(), posted.pin) == "password-wrong"
    assert min(p12.declared_rounds(out.read_bytes())) == p12.ROUNDS


def test_the_letter_says_who_makes_the_key(
    served: Served, address: str, posted: letters.Sealed, tmp_path: Path
) -> None:
    out = tmp_path / "member.p12"
    assert code_of(fetch, address, posted, out, made_there=True) == "letter-kind"
    other = letters.write(served.authority, MEMBER, "compatibility", "rsa-2048")
    assert code_of(fetch, address, other, out) == "letter-kind"
    assert not list(tmp_path.iterdir())


def test_the_first_pin_is_no_password(address: str, posted: letters.Sealed, tmp_path: Path) -> None:
    read = letter.read(posted.reference, posted.pin)
    printed = "-".join(read.pin[start : start + 4] for start in (0, 4, 8))
    for typed in (read.pin, printed, printed.lower(), f" {printed} "):
        refused = code_of(
            fetching.fetch, Window(address), read, typed, tmp_path / "a.p12", now=now()
        )
        assert refused == "password-is-initial"
    assert not list(tmp_path.iterdir())


def test_a_wrong_pin_is_told_with_what_remains(
    address: str, posted: letters.Sealed, tmp_path: Path
) -> None:
    wrong = letter.Letter(posted.reference, "0" * 12)
    with pytest.raises(Refusal) as refused:
        fetching.fetch(Window(address), wrong, PASSWORD, tmp_path / "a.p12", now=now())
    assert (refused.value.code, refused.value.facts["remaining"]) == ("pin-wrong", "4")


def test_the_letter_is_read_as_people_type_it() -> None:
    plain = letter.read("1234567890123452", "01ABCDEFGHJK")
    typed = letter.read("１２３４　５６７８-9012 3452", "o1ab-cdef ｇｈｊｋ")
    assert plain == typed
    assert "01AB" not in repr(plain)
    for reference, pin, code in (
        ("1234567890123453", "01ABCDEFGHJK", "reference-mistyped"),
        ("123456789012345", "01ABCDEFGHJK", "reference-mistyped"),
        ("1234567890123452", "01ABCDEFGHJ", "pin-mistyped"),
        ("1234567890123452", "01ABCDEFGHJU", "pin-mistyped"),
    ):
        assert code_of(letter.read, reference, pin) == code


@pytest.mark.parametrize("address", ["http://ca.example", "ftp://127.0.0.1", "nonsense", ""])
def test_an_open_line_to_elsewhere_is_refused(address: str) -> None:
    assert code_of(Window, address) == "window-address"


def test_nobody_there_is_a_fault(tmp_path: Path) -> None:
    read = letter.Letter("1234567890123452", "01ABCDEFGHJK")
    window = Window("http://127.0.0.1:9")
    found = code_of(fetching.fetch, window, read, PASSWORD, tmp_path / "a.p12", now=now())
    assert found == "window-unreachable"


def test_a_password_is_changed_and_a_file_taken_over(
    address: str, posted: letters.Sealed, tmp_path: Path
) -> None:
    fetch(address, posted, tmp_path / "a.p12", kind="p-256")
    new = "another horse 8 staple"
    change = ["certificate", "password", "--p12", "a.p12"]
    done = run(tmp_path, *change, passphrase=PASSWORD, new_passphrase=new)
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, *change, passphrase=PASSWORD, new_passphrase=new).returncode == 1
    take = ["certificate", "import", "a.p12", "--out", "b.p12"]
    same = run(tmp_path, *take, passphrase=new, new_passphrase=new)
    assert "password-same" in same.stderr
    assert run(tmp_path, *take, passphrase=new, new_passphrase=PASSWORD).returncode == 0
    assert run(tmp_path, *take, passphrase=new, new_passphrase=PASSWORD).returncode == 1
    one, two = ((tmp_path / name).read_bytes() for name in ("a.p12", "b.p12"))
    assert p12.opened(one, new).certificate == p12.opened(two, PASSWORD).certificate
