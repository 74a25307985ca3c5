"""Requests with something turned in them: answered with a no, never with an exception."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from asn1crypto import ocsp as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from tests.ca import member
from tests.ca.conftest import Clock, copied
from tests.ca.test_answers import question, stamp_request
from warifu_ca import asked, codes, doors, issuing, keys, letters, names, stamps
from warifu_ca import ocsp as responder
from warifu_ca.authority import Authority
from warifu_wire import dsse
from warifu_wire.errors import Refusal

pytestmark = pytest.mark.repeats


@dataclass(frozen=True)
class Turned:
    """Where and how a byte string is changed: bytes replaced, cut off, put in or appended."""

    at: int
    size: int
    piece: bytes

    def apply(self, data: bytes) -> bytes:
        """The changed bytes."""
        start = self.at % (len(data) + 1)
        return data[:start] + self.piece + data[start + self.size :]


turns = st.builds(
    Turned, st.integers(0, 10_000), st.integers(0, 4), st.binary(min_size=0, max_size=4)
)


@given(turn=turns)
def test_a_turned_ocsp_request_gets_a_response(founded: Authority, turn: Turned) -> None:
    right = question(founded, founded.certificates["tsa"], b"0123456789abcdef", hashes.SHA256())
    told = ocsp.load_der_ocsp_response(responder.answer(founded, turn.apply(right)))
    if told.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
        key = keys.public_of(founded.certificates["ocsp"])
        assert keys.verifies(key, told.signature, told.tbs_response_bytes)


@given(turn=turns)
def test_a_turned_stamp_request_gets_a_response(founded: Authority, turn: Turned) -> None:
    told = stamps.Response.load(stamps.answer(founded, turn.apply(stamp_request())))
    granted = told["status"]["status"].native == "granted"
    assert granted == (told["time_stamp_token"].native is not None)


REQUEST = member.csr(member.key())


@given(turn=turns)
def test_a_turned_certificate_request_is_not_certified(turn: Turned) -> None:
    changed = turn.apply(REQUEST)
    if changed == REQUEST:
        return
    with pytest.raises(Refusal):
        issuing.request(changed, ("rsa-2048", "p-256"))


@given(turn=turns)
def test_a_turned_redemption_changes_nothing(open_letter: Open, turn: Turned) -> None:
    changed = turn.apply(open_letter.body)
    if meaning(changed) == meaning(open_letter.body):
        return  # keyid and unused bits of base64 say nothing
    reply = doors.reply(open_letter.authority, "POST", "/window/v1/redeem", changed)
    assert reply.status in {400, 403, 404, 423}
    assert "refusal" in json.loads(reply.body)
    db = open_letter.authority.store.db
    assert issuing.by_reference(db, open_letter.reference) is None


def meaning(data: bytes) -> object:
    """What an envelope says: its type, payload and signature; None for no envelope."""
    try:
        found = dsse.parse(data, asked.PAYLOAD_TYPE)
    except Refusal:
        return None
    return found.payload, [signature for _, signature in found.signatures]


@dataclass(frozen=True)
class Open:
    """A letter that was not redeemed yet, and the request that would."""

    authority: Authority
    reference: str
    body: bytes


@pytest.fixture(scope="module")
def open_letter(founded: Authority, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """A letter of an authority that this module's examples share."""
    authority = copied(founded, tmp_path_factory.mktemp("mutations") / "ca", Clock())
    made = letters.write(authority, names.Holder("7777", "会員", "MEMBER"))
    mine = member.Letter(made.reference, made.pin)
    return Open(authority, made.reference, member.redemption(mine, REQUEST, Clock().now))


def test_two_questions_in_one_are_malformed(founded: Authority) -> None:
    one = asn1.OCSPRequest.load(question(founded, founded.certificates["tsa"]))
    one["tbs_request"]["request_list"].append(one["tbs_request"]["request_list"][0])
    told = ocsp.load_der_ocsp_response(responder.answer(founded, one.dump(force=True)))
    assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@given(st.integers(0, 15), st.integers(1, 9))
def test_a_mistyped_reference_number_is_noticed(place: int, by: int) -> None:
    right = codes.new_reference()
    digit = str((int(right[place]) + by) % 10)
    with pytest.raises(Refusal, match="reference-malformed"):
        codes.reference(right[:place] + digit + right[place + 1 :])
    assert codes.reference(right) == right
