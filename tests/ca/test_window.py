"""The download window: one issue however often it is asked for, thirty days, five wrong PINs."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.ca import member
from tests.ca.conftest import PASSPHRASE, Clock
from tests.ca.member import Letter
from tests.ca.program import served
from warifu_ca import codes, doors, issuing, letters, names, store
from warifu_ca.authority import Authority, opened
from warifu_wire.errors import Fault, Refusal

pytestmark = pytest.mark.programs_repeat

ONE = names.Holder("0001", "会員 一号", "MEMBER 0001")
Answer = tuple[int, dict[str, Any]]


def letter(authority: Authority, profile: str = issuing.DEFAULT, kind: str = "p-256") -> Letter:
    """A letter as it lies on the member's desk."""
    made = letters.write(authority, ONE, profile, kind)
    return Letter(codes.grouped(made.reference), codes.grouped(made.pin))


def ask(authority: Authority, action: str, body: bytes) -> Answer:
    """What the window answers."""
    reply = doors.reply(authority, "POST", f"/window/v1/{action}", body)
    return reply.status, json.loads(reply.body)


def redeem(authority: Authority, mine: Letter, private: member.Key | None) -> Answer:
    """Redeem a letter now, with a key of one's own or without."""
    request = None if private is None else member.csr(private)
    return ask(authority, "redeem", member.redemption(mine, request, authority.store.clock()))


def code(answer: Answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    status, told = answer
    return status, told["refusal"]["code"]


def issued(authority: Authority) -> int:
    """How many certificates members have."""
    rows = authority.store.db.execute("SELECT count(*) FROM certificate WHERE member IS NOT NULL")
    found: int = rows.fetchone()[0]
    return found


def test_fifty_at_once_with_fifty_keys_give_one_certificate(
    authority: Authority, address: tuple[str, int]
) -> None:
    mine = letter(authority)
    asked = [
        member.redemption(mine, member.csr(member.key()), authority.store.clock())
        for _ in range(50)
    ]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda body: member.ask(address, "redeem", body), asked))
    assert sorted(status for status, _ in answers) == [200] + [409] * 49
    assert {code(answer) for answer in answers if answer[0] == 409} == {(409, "already-issued")}
    assert issued(authority) == 1


def test_fifty_at_once_with_one_key_get_the_same_certificate(
    authority: Authority, address: tuple[str, int]
) -> None:
    mine, private = letter(authority), member.key()
    body = member.redemption(mine, member.csr(private), authority.store.clock())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: member.ask(address, "redeem", body), range(50)))
    assert {status for status, _ in answers} == {200}
    assert len({told["sha256"] for _, told in answers}) == 1
    assert issued(authority) == 1


def test_fifty_at_once_at_two_processes_give_one_certificate(today: Path) -> None:
    authority = opened(today, PASSPHRASE)
    mine, now = letter(authority), datetime.now(UTC)
    asked = [member.redemption(mine, member.csr(member.key()), now) for _ in range(50)]
    with served(today) as (first, _), served(today) as (second, _), ThreadPoolExecutor(50) as pool:
        where = [first, second] * 25
        answers = list(pool.map(lambda to, body: member.ask(to, "redeem", body), where, asked))
    assert sorted(status for status, _ in answers) == [200] + [409] * 49
    assert issued(authority) == 1


def test_an_interrupted_transfer_is_finished_with_the_same_key_only(
    authority: Authority, clock: Clock
) -> None:
    mine, private = letter(authority), member.key()
    _, first = redeem(authority, mine, private)
    clock.advance(days=40)  # the window has closed, the transfer is finished all the same
    status, again = redeem(authority, mine, private)
    assert (status, again) == (200, first)
    assert code(redeem(authority, mine, member.key())) == (409, "already-issued")
    assert issued(authority) == 1


def test_the_window_closes_with_the_thirtieth_day_in_japan(
    authority: Authority, clock: Clock
) -> None:
    clock.now = datetime(2012, 1, 10, 14, 59, tzinfo=UTC)  # 23:59 of the 10th in Japan
    mine = letter(authority)
    clock.now = datetime(2012, 2, 9, 15, 0, tzinfo=UTC)  # midnight after the 9th of February
    assert code(redeem(authority, mine, member.key())) == (410, "window-closed")
    clock.now -= timedelta(seconds=1)
    assert redeem(authority, mine, member.key())[0] == 200


def test_five_wrong_pins_lock_and_the_right_one_no_longer_helps(authority: Authority) -> None:
    mine, private = letter(authority), member.key()
    wrong = Letter(mine.reference, "0000-0000-0000")
    told = [redeem(authority, wrong, private) for _ in range(5)]
    assert {code(answer) for answer in told} == {(403, "pin-wrong")}
    remaining = [answer["refusal"]["facts"]["remaining"] for _, answer in told]
    assert remaining == ["4", "3", "2", "1", "0"]
    assert code(redeem(authority, wrong, private)) == (423, "letter-locked")
    assert code(redeem(authority, mine, private)) == (423, "letter-locked")
    assert issued(authority) == 0


def test_wrong_pins_at_once_are_each_counted(
    authority: Authority, address: tuple[str, int]
) -> None:
    mine = letter(authority)
    wrong = Letter(mine.reference, "0000-0000-0000")
    body = member.redemption(wrong, member.csr(member.key()), authority.store.clock())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: member.ask(address, "redeem", body), range(20)))
    assert sorted(status for status, _ in answers) == [403] * 5 + [423] * 15


def test_a_pin_does_not_open_another_letter(authority: Authority) -> None:
    first = letter(authority)
    other = letters.write(authority, names.Holder("0002", "会員 二号", "MEMBER 0002"))
    stolen = Letter(codes.grouped(other.reference), first.pin)
    assert code(redeem(authority, stolen, member.key())) == (403, "pin-wrong")


def test_a_newer_letter_voids_the_unused_one_but_not_a_used_one(authority: Authority) -> None:
    old = letter(authority)
    new = letter(authority)
    assert code(redeem(authority, old, member.key())) == (410, "letter-void")
    private = member.key()
    assert redeem(authority, new, private)[0] == 200
    letter(authority)
    assert redeem(authority, new, private)[0] == 200


def test_a_receipt_is_by_the_new_key_over_the_bytes_issued(
    authority: Authority, clock: Clock
) -> None:
    mine, private = letter(authority), member.key("rsa-2048")
    _, told = redeem(authority, mine, private)
    forged = member.receipt(told, member.key("rsa-2048"), clock())
    assert code(ask(authority, "receipt", forged)) == (403, "signature-wrong")
    other = {**told, "certificate": base64.b64encode(b"other bytes").decode()}
    assert code(ask(authority, "receipt", member.receipt(other, private, clock()))) == (
        409,
        "receipt-differs",
    )
    wrong = {**told, "reference": None}
    assert code(ask(authority, "receipt", member.receipt(wrong, private, clock()))) == (
        400,
        "request-malformed",
    )
    status, first = ask(authority, "receipt", member.receipt(told, private, clock()))
    assert (status, first["state"]) == (200, "received")
    body = member.receipt(told, private, clock.advance(hours=1))
    assert ask(authority, "receipt", body) == (200, first)
    assert redeem(authority, mine, private)[1]["received"] is True


@pytest.mark.parametrize("kind", ["rsa-2048", "p-256"])
def test_a_key_made_here_is_labelled_and_deleted_at_receipt(
    authority: Authority, clock: Clock, kind: str
) -> None:
    mine = letter(authority, issuing.COMPATIBILITY, kind)
    status, told = redeem(authority, mine, None)
    assert (status, told["key"], told["profile"]) == (200, "authority", "compatibility")
    assert redeem(authority, mine, None) == (200, told)
    file = base64.b64decode(told["pkcs12"])
    key, certificate, _ = pkcs12.load_key_and_certificates(file, mine.pin.replace("-", "").encode())
    assert certificate is not None
    assert "made by the authority" in certificate.subject.rfc4514_string()
    assert isinstance(key, issuing.keys.PrivateKey)
    assert code(redeem(authority, mine, member.key())) == (400, "request-malformed")

    assert on_disk(authority, file)
    assert ask(authority, "receipt", member.receipt(told, key, clock()))[0] == 200
    assert not on_disk(authority, file)
    assert code(redeem(authority, mine, None)) == (409, "already-received")


def on_disk(authority: Authority, data: bytes) -> bool:
    """Whether any file of the authority holds a piece of these bytes (pages cut the rest)."""
    piece = data[200:264]
    return any(piece in path.read_bytes() for path in authority.folder.iterdir())


def test_a_key_nobody_fetched_is_swept_and_its_certificate_revoked(
    authority: Authority, clock: Clock
) -> None:
    unfetched = letter(authority, issuing.COMPATIBILITY)
    fetched = letters.write(
        authority, names.Holder("0002", "会員 二号", "MEMBER 0002"), issuing.COMPATIBILITY, "p-256"
    )
    two = Letter(fetched.reference, fetched.pin)
    assert redeem(authority, two, None)[0] == 200
    assert letters.sweep(authority) == letters.Swept(0, 0)
    clock.advance(days=31)
    assert letters.sweep(authority) == letters.Swept(2, 1)
    assert letters.sweep(authority) == letters.Swept(0, 0)
    assert code(redeem(authority, unfetched, None)) == (410, "letter-void")
    assert code(redeem(authority, two, None)) == (410, "window-closed")
    rows = authority.store.db.execute("SELECT reason FROM revocation").fetchall()
    assert [row["reason"] for row in rows] == ["cessationOfOperation"]


def test_a_newer_letter_takes_a_key_never_fetched_with_it(authority: Authority) -> None:
    old = letter(authority, issuing.COMPATIBILITY)
    letter(authority, issuing.COMPATIBILITY)
    assert code(redeem(authority, old, None)) == (410, "letter-void")
    count = authority.store.db.execute("SELECT count(*) FROM revocation").fetchone()[0]
    assert count == 1


@pytest.mark.parametrize("profile", [issuing.DEFAULT, issuing.COMPATIBILITY])
def test_renewal_is_signed_by_the_old_key_and_gives_one_successor(
    authority: Authority, clock: Clock, profile: str
) -> None:
    made, file = issuing.as_pkcs12(authority, ONE, "ABCDEFGHJKMN", "p-256")
    old: Any = pkcs12.load_key_and_certificates(file, b"ABCDEFGHJKMN")[0]
    if profile == issuing.DEFAULT:
        old = member.key()
        made = issuing.from_csr(authority, ONE, member.csr(old))
    new = member.key()

    def renew(serial: str, by: member.Key, with_key: member.Key) -> Answer:
        return ask(authority, "renew", member.renewal(serial, by, member.csr(with_key), clock()))

    assert code(renew(made.serial, old, new)) == (409, "renewal-too-early")
    clock.now = made.not_after - timedelta(days=120)
    assert code(renew(made.serial, new, new)) == (403, "signature-wrong")
    assert code(renew(made.serial, old, old)) == (400, "key-reused")
    assert code(renew("00", old, new)) == (404, "serial-unknown")
    status, told = renew(made.serial, old, new)
    assert (status, told["profile"], told["reference"]) == (200, issuing.DEFAULT, None)
    assert told["holder"]["name"] == "会員 一号"
    assert renew(made.serial, old, new) == (200, told)
    assert code(renew(made.serial, old, member.key())) == (409, "already-issued")
    receipt = member.receipt(told, new, clock())
    assert ask(authority, "receipt", receipt)[0] == 200


def test_an_ended_certificate_renews_nothing(authority: Authority, clock: Clock) -> None:
    first, second = member.key(), member.key()
    expired = issuing.from_csr(authority, ONE, member.csr(first))
    revoked = issuing.from_csr(authority, ONE, member.csr(second))
    clock.now = expired.not_after - timedelta(days=1)
    body = member.revocation(revoked.serial, second, clock())
    status, told = ask(authority, "revoke", body)
    assert (status, told["state"], told["reason"]) == (200, "revoked", "keyCompromise")
    clock.advance(minutes=1)
    body = member.revocation(revoked.serial, second, clock(), "superseded")
    assert ask(authority, "revoke", body) == (200, told)
    body = member.revocation(revoked.serial, second, clock(), "cACompromise")
    assert code(ask(authority, "revoke", body)) == (400, "request-malformed")
    body = member.renewal(revoked.serial, second, member.csr(member.key()), clock())
    assert code(ask(authority, "renew", body)) == (409, "certificate-revoked")
    clock.advance(days=2)
    body = member.renewal(expired.serial, first, member.csr(member.key()), clock())
    assert code(ask(authority, "renew", body)) == (409, "certificate-expired")


def test_a_machine_with_a_wrong_date_is_told_so(authority: Authority, clock: Clock) -> None:
    mine, request = letter(authority), member.csr(member.key())
    for off in (timedelta(hours=25), -timedelta(hours=25)):
        answer = ask(authority, "redeem", member.redemption(mine, request, clock() + off))
        assert code(answer) == (400, "clock-differs")
        assert answer[1]["refusal"]["facts"]["now"] == "2012-01-10T00:00:00Z"
    for off in (timedelta(hours=23), -timedelta(hours=23)):
        body = member.redemption(mine, request, clock() + off)
        assert ask(authority, "redeem", body)[0] == 200


def test_an_authority_whose_clock_went_back_issues_nothing(
    authority: Authority, clock: Clock
) -> None:
    mine = letter(authority)
    clock.advance(minutes=-4)  # a correction: nothing is dated before what was said already
    status, told = redeem(authority, mine, member.key())
    assert (status, told["not_before"]) == (200, "2012-01-10T00:00:00Z")
    clock.advance(days=-1)
    assert code(redeem(authority, mine, member.key())) == (503, "clock-went-back")


@pytest.mark.parametrize(
    ("request_of", "expected"),
    [
        (lambda: member.csr(member.key("rsa-1024")), "key-not-allowed"),
        (lambda: member.csr(member.key("rsa-3072")), "key-not-allowed"),
        (lambda: b"", "csr-malformed"),
        (lambda: b"\x30\x82\x00\x00", "csr-malformed"),
        (lambda: member.csr(member.key()) + b"\0", "csr-malformed"),
        (lambda: b"\x30" * 20_000, "csr-malformed"),
        (lambda: flipped(member.csr(member.key())), "csr-malformed"),
    ],
)
def test_a_request_that_is_not_right_certifies_nothing(
    authority: Authority, request_of: Any, expected: str
) -> None:
    mine = letter(authority)
    body = member.redemption(mine, request_of(), authority.store.clock())
    assert code(ask(authority, "redeem", body)) == (400, expected)
    assert issued(authority) == 0


def flipped(data: bytes) -> bytes:
    """The same bytes, the last bit turned."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_key_is_certified_once_whoever_brings_it(authority: Authority) -> None:
    private = member.key()
    issuing.from_csr(authority, ONE, member.csr(private))
    assert code(redeem(authority, letter(authority), private)) == (400, "key-reused")


def malformed(mine: Letter, at: datetime) -> dict[str, bytes]:
    """Envelopes that are wrong in one thing each."""
    key = member.letter_key(mine.reference, mine.pin)
    right = {
        "action": "redeem",
        "at": member.spelled(at),
        "csr": base64.b64encode(member.csr(member.key())).decode(),
        "reference": mine.reference.replace("-", ""),
    }
    good = json.loads(member.signed(right, key))
    return {
        "not JSON": b"redeem me",
        "not UTF-8": b"\xff\xfe",
        "a list": b"[]",
        "deep": b"[" * 60_000,
        "spaces": json.dumps(good).encode(),
        "another payload type": member.signed(right, key, "application/json"),
        "no signature": member.canonical({**good, "signatures": []}),
        "two signatures": member.canonical({**good, "signatures": good["signatures"] * 2}),
        "a member more": member.signed({**right, "profile": "root"}, key),
        "a member less": member.signed({k: v for k, v in right.items() if k != "csr"}, key),
        "another action": member.signed({**right, "action": "renew"}, key),
        "a number for a time": member.signed({**right, "at": 0}, key),
        "a date that is none": member.signed({**right, "at": "2012-02-30T00:00:00Z"}, key),
        "a number for a request": member.signed({**right, "csr": 5}, key),
        "a null request": member.signed({**right, "csr": None}, key),
        "not base64": member.signed({**right, "csr": "é"}, key),
        "a reference that is none": member.signed({**right, "reference": "1"}, key),
        "a list for a reference": member.signed({**right, "reference": []}, key),
        "a payload that is a list": member.signed([], key),  # type: ignore[arg-type]
        "not canonical": envelope_of(b'{"action": "redeem"}', good),
    }


def envelope_of(payload: bytes, good: dict[str, Any]) -> bytes:
    """The same envelope around other bytes."""
    return member.canonical({**good, "payload": base64.b64encode(payload).decode()})


def test_a_malformed_request_is_refused_and_counts_as_no_try(
    authority: Authority, clock: Clock
) -> None:
    mine = letter(authority)
    for name, body in malformed(mine, clock()).items():
        assert code(ask(authority, "redeem", body)) == (400, "request-malformed"), name
    unknown = Letter(codes.new_reference(), mine.pin)
    assert code(redeem(authority, unknown, member.key())) == (404, "reference-unknown")
    assert letters.find(authority.store.db, mine.reference.replace("-", "")).wrong == 0


def test_the_store_refuses_a_second_issue_even_if_the_rules_above_it_were_wrong(
    authority: Authority,
) -> None:
    mine = letter(authority).reference.replace("-", "")
    profile = issuing.member_profile(issuing.DEFAULT, authority_key=False)

    def issue(change: store.Change) -> None:
        public = member.key().public_key()
        issuing.issue(change, authority, profile, ONE, public, made_by="member", reference=mine)

    def twice() -> None:
        with authority.store.change() as change:
            issue(change)
            issue(change)

    with pytest.raises(Fault, match=r"certificate\.reference"):
        twice()
    assert issued(authority) == 0  # the whole change is undone


def test_the_kind_of_profile_decides_who_makes_the_key(authority: Authority) -> None:
    with pytest.raises(Refusal, match="profile-not-allowed"):
        letters.write(authority, ONE, "root")
    with pytest.raises(Refusal, match="profile-not-allowed"):
        issuing.from_csr(authority, ONE, member.csr(member.key()), "compatibility")
    with pytest.raises(Refusal, match="profile-not-allowed"):
        issuing.as_pkcs12(authority, ONE, "ABCDEFGHJKMN", "p-256", issuing.DEFAULT)
    with pytest.raises(Refusal, match="key-not-allowed"):
        issuing.as_pkcs12(authority, ONE, "ABCDEFGHJKMN", "rsa-3072")
    with pytest.raises(Refusal, match="key-not-allowed"):
        letters.write(authority, ONE, "compatibility", "p-384")
